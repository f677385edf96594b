"""Jobs, logs and reruns against a GitHub on loopback."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from patchpilot.errors import NotFoundError, PermanentError, TemporaryError
from patchpilot.source import CIJob, Repo, RunRef
from providers.ci.github_actions import GitHubActions
from providers.hosts.github_auth import GitHubAccess, PlainToken


@pytest.fixture
def actions(github: Any, token: str) -> GitHubActions:
    return GitHubActions(GitHubAccess(PlainToken(token), api_url=github.api_url))


@pytest.fixture
def run(repo: Repo) -> RunRef:
    return RunRef(provider="github_actions", repo=repo, run_id="77", attempt=2)


JOB = CIJob(id="5", name="test", failed=True)


def job(number: int, conclusion: str | None, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "name": f"job {number}",
        "conclusion": conclusion,
        "html_url": None,
        "steps": [],
        **more,
    }


def serve_log(
    github: Any, data: bytes, headers: dict[str, str] | None = None, status: int = 200
) -> list[Any]:
    seen: list[Any] = []

    def answer(handler: Any) -> None:
        seen.append(dict(handler.headers))
        handler.reply(status, data, headers or {})

    github.logs["/logs/5"] = answer
    return seen


def test_jobs_come_with_their_steps(github: Any, actions: GitHubActions, run: RunRef) -> None:
    steps = [
        {"name": "Set up job", "number": 1, "conclusion": "success"},
        {"name": "Run pytest", "number": 4, "conclusion": "failure"},
        {"name": "Post", "number": 9, "conclusion": None},
    ]
    github.jobs = [job(1, "success"), job(2, "failure", steps=steps), job(3, None), job(4, "cancelled")]

    jobs = actions.jobs(run)

    assert [(found.id, found.failed) for found in jobs] == [
        ("1", False),
        ("2", True),
        ("3", False),
        ("4", False),
    ]
    assert jobs[1].failed_step is not None
    assert (jobs[1].failed_step.number, jobs[1].failed_step.name) == (4, "Run pytest")
    assert github.requests[-1][1].startswith("/api/v3/repos/acme/widget/actions/runs/77/attempts/2/jobs?")


def test_jobs_on_later_pages_are_found_without_following_the_servers_link(
    github: Any, actions: GitHubActions, run: RunRef
) -> None:
    github.jobs = [job(number, "success") for number in range(1, 251)]
    assert len(actions.jobs(run)) == 250


def test_a_log_is_streamed_in_bounded_chunks(github: Any, actions: GitHubActions, run: RunRef) -> None:
    data = b"2026-11-23T06:30:07.1234567Z line\n" * 20_000
    serve_log(github, data)

    chunks = list(actions.open_log(run, JOB))

    assert b"".join(chunks) == data
    assert max(map(len, chunks)) <= 65_536


def test_the_token_goes_to_the_api_and_not_to_the_other_host(
    github: Any, actions: GitHubActions, run: RunRef, token: str
) -> None:
    seen = serve_log(github, b"log\n")

    assert list(actions.open_log(run, JOB)) == [b"log\n"]

    assert any(headers.get("Authorization") == f"Bearer {token}" for _, _, headers in github.requests)
    assert "Authorization" not in seen[0]


def test_a_compressed_log_is_unpacked_in_bounded_steps(
    github: Any, actions: GitHubActions, run: RunRef
) -> None:
    serve_log(github, gzip.compress(bytes(50_000_000)), {"Content-Encoding": "gzip"})

    chunks = actions.open_log(run, JOB)

    assert all(len(chunk) <= 65_536 for chunk, _ in zip(chunks, range(100), strict=False))


def test_a_missing_log_is_known_before_anybody_iterates(
    github: Any, actions: GitHubActions, run: RunRef
) -> None:
    with pytest.raises(NotFoundError, match="logs expire"):
        actions.open_log(run, JOB)
    serve_log(github, b"gone", status=410)
    with pytest.raises(NotFoundError, match="logs expire"):
        actions.open_log(run, JOB)


def test_an_empty_log_is_no_error(github: Any, actions: GitHubActions, run: RunRef) -> None:
    serve_log(github, b"")
    assert list(actions.open_log(run, JOB)) == []


def test_a_server_error_is_temporary(github: Any, actions: GitHubActions, run: RunRef) -> None:
    serve_log(github, b"", status=503)
    with pytest.raises(TemporaryError):
        actions.open_log(run, JOB)


@pytest.fixture
def broken() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "/actions/" in self.path:
                self.send_response(302)
                self.send_header("Location", "/log")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"x" * 100_000)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/api/v3"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_log_that_breaks_off_is_temporary(broken: str, run: RunRef, token: str) -> None:
    chunks = GitHubActions(GitHubAccess(PlainToken(token), api_url=broken)).open_log(run, JOB)
    with pytest.raises(TemporaryError, match="fetching the log"):
        list(chunks)


def test_a_log_that_takes_too_long_is_given_up(github: Any, run: RunRef, token: str) -> None:
    serve_log(github, b"x" * 200_000)
    access = GitHubAccess(PlainToken(token), api_url=github.api_url)
    with pytest.raises(TemporaryError, match="took longer"):
        GitHubActions(access, log_seconds=-1).open_log(run, JOB)


def test_the_failed_jobs_are_rerun(github: Any, actions: GitHubActions, run: RunRef) -> None:
    actions.rerun(run)
    assert github.count("POST .*/actions/runs/77/rerun-failed-jobs") == 1


def test_an_id_that_is_no_number_never_becomes_a_path(
    actions: GitHubActions, run: RunRef, tmp_path: Path
) -> None:
    with pytest.raises(PermanentError, match="no job id"):
        actions.open_log(run, CIJob(id="../../x", name="x", failed=True))
