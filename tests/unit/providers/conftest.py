"""A small GitHub on loopback whose git data lives in real bare repositories.

It serves what the read and write sides call, smart HTTP by ``git http-backend``, and faults on demand. It
enforces what GitHub does: bearer tokens, one open pull request per branch, refs created once.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from patchpilot.source import Repo
from tests.app_keys import key_pair

TOKEN = "ghs_0123456789abcdefghijABCDEFGHIJ012345"
GIT_ENV = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "HOME": "/nonexistent",
    "GIT_AUTHOR_NAME": "Ana",
    "GIT_AUTHOR_EMAIL": "ana@example.org",
    "GIT_COMMITTER_NAME": "Ana",
    "GIT_COMMITTER_EMAIL": "ana@example.org",
    "GIT_AUTHOR_DATE": "2026-11-23T06:00:00Z",
    "GIT_COMMITTER_DATE": "2026-11-23T06:00:00Z",
}


class HttpError(Exception):
    def __init__(
        self, status: int, message: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers or {}
        self.body = {"message": message, "documentation_url": "https://docs.github.com/rest", **more}


@dataclass
class Fault:
    """Answers the next ``times`` requests whose ``METHOD path`` matches; ``after`` does the work first."""

    pattern: str
    status: int
    times: int = 1
    after: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "injected"

    def strike(self) -> None:
        raise HttpError(self.status, self.message, headers=self.headers)


@dataclass
class FakeGitHub:
    folder: Path
    url: str = ""
    collaborators: dict[str, dict[str, Any]] = field(default_factory=dict)
    logins: dict[int, str] = field(default_factory=dict)
    """By account number."""
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    labels: list[tuple[int, list[str]]] = field(default_factory=list)
    made_labels: list[str] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    run_attempt: int = 1
    tokens_asked: list[dict[str, Any]] = field(default_factory=list)
    logs: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    expires_in: float = 3600.0
    installed: bool = True
    drafts: bool = True
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/v3"

    def bare(self, name: str = "acme/widget") -> Path:
        return self.folder / f"{name}.git"

    def git(self, *arguments: str, name: str = "acme/widget", data: bytes | None = None, **env: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.bare(name)), *arguments],
            input=data, capture_output=True, check=True, env=GIT_ENV | env,
        )  # fmt: skip
        return done.stdout.decode(errors="replace").strip()

    def create(self, name: str = "acme/widget") -> None:
        self.bare(name).mkdir(parents=True)
        self.git("init", "-q", "--bare", "-b", "main", ".", name=name)
        self.git("config", "http.receivepack", "true", name=name)
        self.git("config", "uploadpack.allowAnySHA1InWant", "true", name=name)

    def commit(
        self,
        files: dict[str, bytes | str | None],
        *,
        branch: str = "main",
        message: str = "Change things",
        modes: dict[str, str] | None = None,
        name: str = "acme/widget",
    ) -> str:
        """Commit on a branch through plumbing, so that any path and mode can be made."""
        index = {"GIT_INDEX_FILE": str(self.bare(name) / "test-index")}
        parent = self.head(branch, name=name)
        self.git("read-tree", *([parent] if parent else ["--empty"]), name=name, **index)
        lines = []
        for path, content in files.items():
            if content is None:
                lines.append(f"0 {'0' * 40}\t{path}")
                continue
            mode = (modes or {}).get(path, "100644")
            data = content.encode() if isinstance(content, str) else content
            blob = (
                data.decode()
                if mode == "160000"
                else self.git("hash-object", "-w", "--stdin", data=data, name=name)
            )
            lines.append(f"{mode} {blob}\t{path}")
        self.git("update-index", "--index-info", data=("\n".join(lines) + "\n").encode(), name=name, **index)
        tree = self.git("write-tree", "--missing-ok", name=name, **index)
        made = self.git("commit-tree", tree, *(["-p", parent] if parent else []), "-m", message, name=name)
        self.git("update-ref", f"refs/heads/{branch}", made, name=name)
        return made

    def head(self, branch: str, *, name: str = "acme/widget") -> str:
        return self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}", name=name)

    def show(self, spec: str) -> str:
        return self.git("show", spec)

    def count(self, pattern: str) -> int:
        return sum(bool(re.search(pattern, f"{method} {path}")) for method, path, _ in self.requests)

    # --- REST ---------------------------------------------------------------------------------------

    def answer(
        self, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: Any
    ) -> Any:
        authorization = headers.get("Authorization", "")
        if path.startswith("/app/") or path.endswith("/installation"):
            return self._app(method, path, body)
        if authorization not in {f"token {TOKEN}", f"Bearer {TOKEN}"}:
            raise HttpError(401, "Bad credentials")
        if path == "/user":
            return {"login": "patchpilot-user", "id": 77}
        if (found := re.fullmatch(r"/user/([0-9]+)", path)) and int(found[1]) in self.logins:
            return {"login": self.logins[int(found[1])], "id": int(found[1])}
        match = re.fullmatch(r"/repos/([^/]+/[^/]+)(?:/(.*))?", path)
        if not match or not self.bare(match[1]).exists():
            raise HttpError(404, "Not Found")
        with self.lock:
            return self._repo(method, match[1], match[2] or "", query, headers, body)

    def _app(self, method: str, path: str, body: Any) -> Any:
        if path.endswith("/installation"):
            if not self.installed:
                raise HttpError(404, "Not Found")
            return {"id": 42, "app_id": 7}
        self.tokens_asked.append(body)
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.expires_in))
        return {"token": TOKEN, "expires_at": when, "permissions": body.get("permissions", {})}

    def _repo(  # noqa: C901, PLR0911, PLR0912, PLR0915 - a routing table
        self, method: str, name: str, rest: str, query: dict[str, str], headers: dict[str, str], body: Any
    ) -> Any:
        diff = headers.get("Accept", "") == "application/vnd.github.diff"
        call = f"{method} {rest}"
        if call == "GET ":
            return {"full_name": name}
        if found := re.fullmatch(r"GET collaborators/([^/]+)/permission", call):
            if found[1] not in self.collaborators:
                raise HttpError(404, "Not Found")
            return self.collaborators[found[1]]
        if found := re.fullmatch(r"GET commits/([0-9a-f]+)", call):
            if diff:
                return self.git("show", "--format=", found[1])
            return self._commit_json(found[1])
        if found := re.fullmatch(r"GET compare/([0-9a-f]+)\.\.\.([0-9a-f]+)", call):
            return self.git("diff", f"{found[1]}...{found[2]}")
        if found := re.fullmatch(r"GET compare/(.+)\.\.\.([0-9a-f]+)", call):
            if not self.head(found[1]):
                raise HttpError(404, "Not Found")
            ancestor = self.git("merge-base", self.head(found[1]), found[2])
            return {"merge_base_commit": {"sha": ancestor}, "commits": [], "files": []}
        if found := re.fullmatch(r"GET git/ref/heads/(.+)", call):
            head = self.head(found[1])
            if not head:
                raise HttpError(404, "Not Found")
            return {"ref": f"refs/heads/{found[1]}", "object": {"sha": head, "type": "commit"}}
        if found := re.fullmatch(r"GET git/commits/([0-9a-f]+)", call):
            return self._git_commit(found[1])
        if found := re.fullmatch(r"GET git/trees/([0-9a-f]+)", call):
            return self._tree(found[1])
        if found := re.fullmatch(r"GET git/blobs/([0-9a-f]+)", call):
            data = subprocess.run(
                ["git", "-C", str(self.bare()), "cat-file", "blob", found[1]],
                capture_output=True, check=True, env=GIT_ENV,
            ).stdout  # fmt: skip
            return {
                "sha": found[1],
                "encoding": "base64",
                "content": base64.encodebytes(data).decode(),
                "size": len(data),
            }
        if call == "POST git/blobs":
            return {"sha": self.git("hash-object", "-w", "--stdin", data=base64.b64decode(body["content"]))}
        if call == "POST git/trees":
            return self._new_tree(body)
        if call == "POST git/commits":
            # Each creation is another commit, as on GitHub, where the clock is part of it.
            when = {"GIT_COMMITTER_DATE": f"@{1_800_000_000 + len(self.requests)} +0000"}
            parents = [word for parent in body["parents"] for word in ("-p", parent)]
            made = self.git("commit-tree", body["tree"], *parents, data=body["message"].encode(), **when)
            return self._git_commit(made)
        if call == "POST git/refs":
            branch = body["ref"].removeprefix("refs/heads/")
            if self.head(branch):
                raise HttpError(422, "Reference already exists")
            self.git("update-ref", body["ref"], body["sha"])
            return {"ref": body["ref"], "object": {"sha": body["sha"]}}
        if call == "GET pulls":
            head = query.get("head", "").split(":", 1)[1]
            return [pull for pull in self.pulls if pull["head"]["ref"] == head]
        if call == "POST pulls":
            return self._new_pull(name, body)
        if call == "GET commits":
            start = self.head(query["sha"])
            if not start:
                raise HttpError(404, "Not Found")
            return [self._commit_json(commit) for commit in self.git("rev-list", start).split()]
        if found := re.fullmatch(r"PATCH git/refs/heads/(.+)", call):
            if self.git("merge-base", self.head(found[1]), body["sha"]) != self.head(found[1]):
                raise HttpError(422, "Update is not a fast forward")
            self.git("update-ref", f"refs/heads/{found[1]}", body["sha"])
            for pull in self.pulls:
                if pull["head"]["ref"] == found[1]:
                    pull["head"]["sha"] = body["sha"]
            return {"ref": f"refs/heads/{found[1]}", "object": {"sha": body["sha"], "type": "commit"}}
        if found := re.fullmatch(r"PATCH pulls/(\d+)", call):
            self.pulls[int(found[1]) - 1].update(body)
            return self.pulls[int(found[1]) - 1]
        if found := re.fullmatch(r"GET labels/(.+)", call):
            if found[1] not in self.made_labels:
                raise HttpError(404, "Not Found")
            return {"name": found[1]}
        if call == "POST labels":
            if body["name"] in self.made_labels:
                raise HttpError(422, "Validation Failed")
            self.made_labels.append(body["name"])
            return body
        if found := re.fullmatch(r"POST issues/(\d+)/labels", call):
            self.labels.append((int(found[1]), body["labels"]))
            return []
        if found := re.fullmatch(r"GET issues/(\d+)/comments", call):
            return [comment for comment in self.comments if comment["issue"] == int(found[1])]
        if found := re.fullmatch(r"POST issues/(\d+)/comments", call):
            self.comments.append(
                {"id": len(self.comments) + 1, "issue": int(found[1]), "body": body["body"],
                 "html_url": f"{self.url}/c/{len(self.comments) + 1}",
                 "user": {"login": "patchpilot-user"}, "performed_via_github_app": {"id": 7}}
            )  # fmt: skip
            return self.comments[-1]
        if found := re.fullmatch(r"PATCH issues/comments/(\d+)", call):
            self.comments[int(found[1]) - 1]["body"] = body["body"]
            return self.comments[int(found[1]) - 1]
        if found := re.fullmatch(r"GET actions/runs/\d+/attempts/\d+/jobs", call):
            page = int(query["page"])
            return {"total_count": len(self.jobs), "jobs": self.jobs[(page - 1) * 100 : page * 100]}
        if re.fullmatch(r"GET actions/runs/\d+", call):
            return {"run_attempt": self.run_attempt}
        if re.fullmatch(r"POST actions/runs/\d+/rerun-failed-jobs", call):
            return {}
        raise HttpError(404, "Not Found")

    def _commit_json(self, commit: str) -> Any:
        parents = self.git("show", "-s", "--format=%P", commit).split()
        return {
            "sha": commit,
            "commit": {"message": self.git("show", "-s", "--format=%B", commit), "author": {"name": "Ana"}},
            "author": {"login": "ana", "id": 1},
            "parents": [{"sha": parent} for parent in parents],
        }

    def _git_commit(self, commit: str) -> Any:
        if self.git("cat-file", "-t", commit) != "commit":
            raise HttpError(404, "Not Found")
        parents = self.git("show", "-s", "--format=%P", commit).split()
        return {
            "sha": commit,
            "tree": {"sha": self.git("rev-parse", f"{commit}^{{tree}}")},
            "parents": [{"sha": parent} for parent in parents],
        }

    def _tree(self, tree: str) -> Any:
        entries = []
        for line in self.git("ls-tree", "-z", tree).split("\0"):
            if line:
                about, path = line.split("\t", 1)
                mode, kind, made = about.split()
                entries.append({"path": path, "mode": mode, "type": kind, "sha": made})
        return {"sha": tree, "tree": entries, "truncated": False}

    def _new_tree(self, body: Any) -> Any:
        index = {"GIT_INDEX_FILE": str(self.bare() / f"index-{threading.get_ident()}")}
        self.git("read-tree", body["base_tree"], **index)
        lines = [
            f"0 {'0' * 40}\t{entry['path']}"
            if entry["sha"] is None
            else f"{entry['mode']} {entry['sha']}\t{entry['path']}"
            for entry in body["tree"]
        ]
        self.git("update-index", "--index-info", data=("\n".join(lines) + "\n").encode(), **index)
        return {"sha": self.git("write-tree", **index), "tree": []}

    def _new_pull(self, name: str, body: Any) -> Any:
        if body.get("draft") and not self.drafts:
            raise HttpError(422, "Draft pull requests are not supported in this repository.")
        if any(pull["head"]["ref"] == body["head"] and pull["state"] == "open" for pull in self.pulls):
            problem = {
                "resource": "PullRequest",
                "code": "custom",
                "message": f"A pull request already exists for {body['head']}.",
            }
            raise HttpError(422, "Validation Failed", errors=[problem])
        if not self.head(body["base"]):
            raise HttpError(
                422,
                "Validation Failed",
                errors=[{"resource": "PullRequest", "field": "base", "code": "invalid"}],
            )
        number = len(self.pulls) + 1
        self.pulls.append(
            {"number": number, "html_url": f"{self.url}/{name}/pull/{number}", "state": "open",
             "draft": body.get("draft", False), "title": body["title"], "body": body["body"],
             "merged_at": None,
             "head": {"ref": body["head"], "sha": self.head(body["head"])}}
        )  # fmt: skip
        return self.pulls[-1]


class Handler(BaseHTTPRequestHandler):
    github: FakeGitHub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        pass

    def handle_any(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        if self.headers.get("Transfer-Encoding") == "chunked":
            raw = self._chunked()
        self.github.requests.append((self.command, unquote(self.path), dict(self.headers)))
        if ".git/" in parts.path:
            self._backend(parts.path, parts.query, raw)
        elif parts.path in self.github.logs:
            self.github.logs[parts.path](self)
        else:
            self._rest(parts.path, parts.query, raw)

    do_GET = do_POST = do_PATCH = handle_any  # noqa: N815 - the library's names

    def _rest(self, path: str, query: str, raw: bytes) -> None:
        path = unquote(path.removeprefix("/api/v3"))
        asked = {key: values[-1] for key, values in parse_qs(query).items()}
        fault = self._fault(path)
        status, headers = 200, {}
        job = re.fullmatch(r"/repos/[^/]+/[^/]+/actions/jobs/(\w+)/logs", path)
        try:
            if fault and not fault.after:
                fault.strike()
            if job and f"/logs/{job[1]}" in self.github.logs:
                status, data, headers = 302, {}, {"Location": f"{self.github.url}/logs/{job[1]}"}
            else:
                body = json.loads(raw) if raw else None
                data = self.github.answer(self.command, path, asked, dict(self.headers), body)
                if path.endswith("/jobs") and int(asked["page"]) * 100 < len(self.github.jobs):
                    headers["Link"] = '<https://elsewhere.example/?page=2>; rel="next"'
            if fault:
                fault.strike()
        except HttpError as error:
            status, data, headers = error.status, error.body, error.headers
        text = data.encode() if isinstance(data, str) else json.dumps(data).encode()
        self.reply(status, text, {"Content-Type": "application/json", **headers})

    def _fault(self, path: str) -> Fault | None:
        with self.github.lock:
            for fault in self.github.faults:
                if fault.times > 0 and re.search(fault.pattern, f"{self.command} {path}"):
                    fault.times -= 1
                    return fault
        return None

    def reply(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _chunked(self) -> bytes:
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def _backend(self, path: str, query: str, raw: bytes) -> None:
        expected = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {expected}":
            self.reply(401, b"", {"WWW-Authenticate": 'Basic realm="GitHub"'})
            return
        if not self.github.bare(path.partition(".git/")[0].strip("/")).exists():
            self.reply(404, b"Repository not found.", {})
            return
        env = GIT_ENV | {
            "GIT_PROJECT_ROOT": str(self.github.folder), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
            "QUERY_STRING": query, "REQUEST_METHOD": self.command, "REMOTE_USER": "x",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(raw)),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }  # fmt: skip
        done = subprocess.run(["git", "http-backend"], input=raw, capture_output=True, env=env, check=False)
        head, _, data = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.reply(int(headers.pop("Status", "200").split()[0]), data, headers)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up early are part of the tests."""


@pytest.fixture
def github(tmp_path: Path) -> Iterator[FakeGitHub]:
    fake = FakeGitHub(tmp_path / "github")
    fake.create()
    server = Server(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"github": fake}))
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def repo() -> Repo:
    return Repo("github", "acme/widget")


@pytest.fixture
def token() -> str:
    return TOKEN


@pytest.fixture
def fault() -> type[Fault]:
    return Fault


@pytest.fixture(scope="session")
def pem() -> str:
    """A fresh RSA key, as GitHub gives one to an App."""
    return key_pair().private
