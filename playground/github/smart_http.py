"""Clone, fetch and push over HTTP: git's own upload-pack and receive-pack, behind the same tokens.
https://git-scm.com/docs/http-protocol"""

from __future__ import annotations

import gzip
import subprocess
import zlib
from collections.abc import Mapping

from playground.github.api import Answer
from playground.github.auth import Caller, authenticate
from playground.github.core import Core
from playground.github.errors import ApiError
from playground.github.lifecycle import refs_moved
from playground.github.model import PlaygroundRepo

_SERVICES = {"git-upload-pack": "read", "git-receive-pack": "write"}
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="GitHub"'}
_MAX_BODY = 512_000_000


def advertise(core: Core, name: str, service: str, headers: Mapping[str, str]) -> Answer:
    """``GET /owner/name.git/info/refs``: what there is."""
    try:
        repo, _ = _admit(core, name, service, headers)
        refs = _run(repo, service, "--advertise-refs", headers=headers, body=b"")
    except ApiError as error:
        return _refusal(error)
    line = f"# service={service}\n"
    head = f"{len(line) + 4:04x}{line}0000".encode()
    return Answer(
        head + refs,
        headers={"Cache-Control": "no-cache"},
        media_type=f"application/x-{service}-advertisement",
    )


def serve(core: Core, name: str, service: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """``POST /owner/name.git/git-upload-pack`` or ``git-receive-pack``: the exchange itself."""
    try:
        repo, caller = _admit(core, name, service, headers)
        sent = _unpacked(body, headers)
        if service == "git-upload-pack":
            answer = _run(repo, service, headers=headers, body=sent)
        else:
            answer = _receive(core, repo, caller, headers, sent)
    except ApiError as error:
        return _refusal(error)
    return Answer(answer, headers={"Cache-Control": "no-cache"}, media_type=f"application/x-{service}-result")


def _admit(core: Core, name: str, service: str, headers: Mapping[str, str]) -> tuple[PlaygroundRepo, Caller]:
    """The repository, if the caller may use the service on it.

    Without a token, git is asked for one (401) instead of told 404, as GitHub does.
    """
    if service not in _SERVICES:
        raise ApiError(403, "Please upgrade your git client.")
    with core.world.lock:
        caller = authenticate(core.world, headers.get("authorization"))
        repo = core.world.repositories.get(name.lower())
        allowed = repo is not None and caller.may(repo, "contents", _SERVICES[service])
        if repo is not None and allowed and (caller.token or service == "git-upload-pack"):
            return repo, caller
        if caller.token is None:
            raise ApiError(401, "Authentication required.")
        if repo is None or not caller.sees(repo):
            raise ApiError(404, "Repository not found.")
        raise ApiError(403, f"Permission to {repo.full_name}.git denied to {caller.user().login}.")


def _receive(
    core: Core, repo: PlaygroundRepo, caller: Caller, headers: Mapping[str, str], body: bytes
) -> bytes:
    with core.world.lock:
        before = repo.git.refs()
        allowed = {"PLAYGROUND_MAY_EDIT_WORKFLOWS": "1"} if caller.may(repo, "workflows", "write") else {}
        answer = _run(repo, "git-receive-pack", headers=headers, body=body, env=allowed)
        refs_moved(core, repo, before, by=caller.user())
    return answer


def _run(
    repo: PlaygroundRepo,
    service: str,
    *options: str,
    headers: Mapping[str, str],
    body: bytes,
    env: Mapping[str, str] | None = None,
) -> bytes:
    environment = {**repo.git.environment(), **(env or {})}
    del environment["GIT_DIR"]  # upload-pack is told the folder, and its children must not inherit another
    protocol = headers.get("git-protocol", "")
    if protocol in {"version=1", "version=2"}:
        environment["GIT_PROTOCOL"] = protocol
    done = subprocess.run(  # noqa: S603 -- a fixed program on a folder of ours; the request is its input
        ["git", service.removeprefix("git-"), "--stateless-rpc", *options, str(repo.git.folder)],  # noqa: S607
        input=body,
        capture_output=True,
        env=environment,
        check=False,
    )
    # upload-pack ends with 128 when a client hangs up after what it needed; its answer still counts.
    if done.returncode and not done.stdout:
        raise ApiError(400, done.stderr.decode(errors="replace").strip() or "bad request")
    return done.stdout


def _unpacked(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Git compresses larger requests."""
    if headers.get("content-encoding") not in {"gzip", "x-gzip"}:
        return body
    try:
        stream = zlib.decompressobj(wbits=31)
        plain = stream.decompress(body, _MAX_BODY)
    except (zlib.error, gzip.BadGzipFile):
        raise ApiError(400, "the request is not valid gzip") from None
    if stream.unconsumed_tail:
        raise ApiError(413, "the request is too large")
    return plain


def _refusal(error: ApiError) -> Answer:
    headers = _CHALLENGE if error.status == 401 else {}  # noqa: PLR2004 -- Unauthorized
    return Answer(f"{error.message}\n".encode(), error.status, headers, "text/plain; charset=utf-8")
