"""A playground GitHub served on loopback, with CI that runs commands on this machine."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import fastapi
import github
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from patchpilot.fixes import CommandResult, Ending, Limits, ShellCommand
from patchpilot.ports import WorkbenchSpec
from playground.github.ci import CIRunner
from playground.github.server import GitHub, router
from playground.serving import free_port, served

APP_ID = "4711"
FAST = {"retry": None, "seconds_between_requests": None, "seconds_between_writes": None}
WRITES = {
    "actions": "write",
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "pull_requests": "write",
}


class LocalBench:
    """Runs the tests' own commands right here, on a copy of the tree; strangers' code never gets near."""

    def __init__(self, tree: Path) -> None:
        self._tree = tree

    def run(self, command: ShellCommand, *, limits: Limits | None = None) -> CommandResult:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder) / "work"
            shutil.copytree(self._tree, work)
            path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
            done = subprocess.run(
                [*shlex.split(command.shell), "-c", command.script],
                cwd=work / command.workdir,
                env={"PATH": path, "PYTHONDONTWRITEBYTECODE": "1", "HOME": folder, **command.env},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=(limits or Limits()).seconds,
                check=False,
            )
        return CommandResult(
            command=command,
            ending=Ending.EXITED,
            exit_code=done.returncode,
            output=done.stdout.decode(errors="replace"),
            seconds=time.monotonic() - began,
        )


class LocalWorkbenches:
    engine = "local"
    reason = "for tests of the playground itself"

    @contextmanager
    def open(self, spec: WorkbenchSpec) -> Iterator[LocalBench]:
        yield LocalBench(spec.tree)


@dataclass(frozen=True)
class Hooked:
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A webhook receiver on the same server; ``answers`` are the next status codes, then 202."""

    got: list[Hooked] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def events(self, name: str) -> list[Hooked]:
        return [one for one in self.got if one.headers["x-github-event"] == name]


@dataclass
class Site:
    """A served playground with one App on it."""

    hub: GitHub
    private_key: str
    hooks: Receiver

    def app(self) -> github.GithubIntegration:
        auth = github.Auth.AppAuth(int(APP_ID), self.private_key)
        return github.GithubIntegration(auth=auth, base_url=self.hub.api_url, **FAST)

    def installation_auth(self, permissions: dict[str, str] | None = None) -> github.Auth.AppInstallationAuth:
        installation = self.app().get_installations()[0]
        auth = github.Auth.AppAuth(int(APP_ID), self.private_key)
        return auth.get_installation_auth(installation.id, permissions)

    def as_app(self, permissions: dict[str, str] | None = None) -> github.Github:
        return github.Github(auth=self.installation_auth(permissions), base_url=self.hub.api_url, **FAST)

    def as_person(self, login: str) -> github.Github:
        auth = github.Auth.Token(self.hub.token_for(login))
        return github.Github(auth=auth, base_url=self.hub.api_url, **FAST)

    def as_nobody(self) -> github.Github:
        return github.Github(base_url=self.hub.api_url, **FAST)

    def installation_token(self, permissions: dict[str, str] | None = None) -> str:
        installation = self.app().get_installations()[0]
        return self.app().get_access_token(installation.id, permissions).token


@pytest.fixture(scope="session")
def github_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def github_site(tmp_path: Path, github_key: rsa.RSAPrivateKey) -> Iterator[Site]:
    """``acme/widget`` (ana admin, ben write, cleo triage, dora read) with a README, and one App."""
    with _site(tmp_path / "hub", github_key) as site:
        yield site


@pytest.fixture(scope="session")
def github_shared(tmp_path_factory: pytest.TempPathFactory, github_key: rsa.RSAPrivateKey) -> Iterator[Site]:
    """The same with a branch ``fix``, for tests of what is refused: nobody changes anything."""
    with _site(tmp_path_factory.mktemp("shared") / "hub", github_key) as site:
        site.hub.push("acme/widget", "fix", author="ben", message="Fix it", files={"a.txt": "fixed\n"})
        yield site


@contextmanager
def _site(folder: Path, key: rsa.RSAPrivateKey) -> Iterator[Site]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with GitHub(folder, base_url=url, ci=CIRunner(LocalWorkbenches())) as hub:
        receiver = Receiver()
        app = fastapi.FastAPI()
        app.include_router(router(hub))
        _receive(app, receiver)
        private, public = _pem(key)
        hub.install_app(
            APP_ID,
            public_key_pem=public,
            permissions=WRITES,
            webhook_url=f"{url}/hook",
            webhook_secret="hush",
        )
        people = {"ana": "admin", "ben": "write", "cleo": "triage", "dora": "read"}
        hub.create_repository("acme/widget", collaborators=people)
        with served(app, port=port):
            hub.push("acme/widget", "main", author="ana", message="Begin", files={"README.md": "# widget\n"})
            hub.drain()
            receiver.got.clear()
            yield Site(hub, private, receiver)
            hub.close()


def _receive(app: fastapi.FastAPI, receiver: Receiver) -> None:
    @app.post("/hook")
    async def hook(request: fastapi.Request) -> fastapi.Response:
        receiver.got.append(Hooked(dict(request.headers), await request.body()))
        return fastapi.Response(status_code=receiver.answers.pop(0) if receiver.answers else 202)


def _pem(key: rsa.RSAPrivateKey) -> tuple[str, str]:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()
