"""GitHub Actions: jobs and steps of a run, a job's log as a stream, rerun, and what the failing step ran."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, Field

from patchpilot.errors import NotFoundError, PermanentError, TemporaryError
from patchpilot.failures import DistilledFailure
from patchpilot.fixes import GaveUp, ReplayPlan
from patchpilot.images import ImageTable
from patchpilot.source import CIJob, CIStep, Repo, RunRef
from patchpilot.text import one_line
from providers.ci.github_replay import replay
from providers.ci.github_webhooks import GitHubWebhooks
from providers.hosts.github_auth import USER_AGENT, GitHubAccess
from providers.hosts.github_errors import from_status, translated

__all__ = ["GitHubActions", "GitHubWebhooks"]

CHUNK = 64 * 1024
"""Bytes read at a time, and the most that one step of decompression yields."""
LOG_SECONDS = 600.0
"""A log that takes longer than this to arrive is given up."""
_RED = {"failure", "timed_out", "startup_failure"}
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_OK, _FIRST_ERROR, _UNAUTHORIZED = 200, 400, 401


class _Step(BaseModel):
    name: str
    number: int
    conclusion: str | None = None


class _Job(BaseModel):
    id: int
    name: str
    conclusion: str | None = None
    html_url: str | None = None
    steps: list[_Step] = Field(default_factory=list)


class _Run(BaseModel):
    run_attempt: int = 1


class GitHubActions:
    """Runs on GitHub Actions (:class:`~patchpilot.ports.CIProvider`)."""

    def __init__(
        self, access: GitHubAccess, *, log_seconds: float = LOG_SECONDS, images: ImageTable | None = None
    ) -> None:
        self._access = access
        self._images = images or ImageTable()
        self._log_seconds = log_seconds

    def jobs(self, run: RunRef) -> tuple[CIJob, ...]:
        """All jobs of this attempt of the run, in GitHub's order."""
        number = _number(run.run_id, "run")
        path = f"actions/runs/{number}/attempts/{run.attempt}/jobs"
        with self._access.session(run.repo, f"reading the jobs of run {number} of {run.repo}") as session:
            return tuple(_job(found) for found in session.pages(path, _Job, key="jobs"))

    def open_log(self, run: RunRef, job: CIJob) -> Iterator[bytes]:
        """Yield the job's log in chunks of at most 64 KiB, as it arrives; stop when you have enough.

        GitHub answers with a redirect to a short-lived address on another host, which gets no token from
        us. Raises :class:`NotFoundError` at once when there is no log (any more), and
        :class:`TemporaryError` from the iterator when the connection breaks midway.
        https://docs.github.com/en/rest/actions/workflow-jobs#download-job-logs-for-a-workflow-run
        """
        doing = f"fetching the log of job {job.name!r} of {run.repo}"
        chunks = self._stream(run.repo, _number(job.id, "job"), doing)
        # The first chunk is read here, so that a missing log is known before anybody iterates.
        first = next(chunks, b"")
        return _chain(first, chunks)

    def rerun(self, run: RunRef) -> None:
        """Ask for the failed jobs to be run again; needs ``actions: write``.

        A run that has begun a later attempt is left alone, whoever began it, so a repeat after a lost answer
        starts nothing twice.
        https://docs.github.com/en/rest/actions/workflow-runs#re-run-failed-jobs-from-a-workflow-run
        """
        number = _number(run.run_id, "run")
        with self._access.session(run.repo, f"asking for a rerun of run {number} of {run.repo}") as session:
            if session.get(f"actions/runs/{number}", _Run).run_attempt <= run.attempt:
                session.send(f"actions/runs/{number}/rerun-failed-jobs", {})

    def replay(
        self, tree: Path, *, workflow_path: str, job: CIJob, failure: DistilledFailure | None = None
    ) -> ReplayPlan | GaveUp:
        """Read from the checkout what the failing step ran; the rules: :mod:`providers.ci.github_replay`."""
        return replay(tree, workflow_path=workflow_path, job=job, images=self._images, failure=failure)

    def _stream(self, repo: Repo, job: int, doing: str) -> Iterator[bytes]:
        deadline = time.monotonic() + self._log_seconds
        with (
            translated(doing, repo),
            httpx.Client(timeout=_TIMEOUT, headers={"User-Agent": USER_AGENT}) as client,
        ):
            address = self._log_address(client, repo, job, doing)
            headers = {"Accept-Encoding": "gzip, identity"}
            with client.stream("GET", address, headers=headers) as answer:
                if answer.status_code != _OK:
                    raise _log_error(answer, doing, repo)
                for chunk in _decoded(answer):
                    if time.monotonic() > deadline:
                        raise TemporaryError(
                            f"GitHub took longer than {self._log_seconds:.0f} s while {doing}"
                        )
                    yield chunk

    def _log_address(self, client: httpx.Client, repo: Repo, job: int, doing: str) -> str:
        url = f"{self._access.api_url}/repos/{repo.full_name}/actions/jobs/{job}/logs"
        token = self._access.token_for(repo)
        answer = client.get(url, headers={"Authorization": f"Bearer {token}"}, follow_redirects=False)
        if answer.status_code == _UNAUTHORIZED:
            self._access.forget(repo)
        if answer.status_code >= _FIRST_ERROR:
            raise _log_error(answer, doing, repo)
        address = str(answer.next_request.url) if answer.next_request else ""
        if not address or (url.startswith("https:") and urlsplit(address).scheme != "https"):
            raise PermanentError(f"GitHub gave no usable address while {doing}")
        return address


def _job(found: _Job) -> CIJob:
    steps = tuple(
        CIStep(
            number=step.number,
            name=step.name,
            failed=step.conclusion in _RED,
            skipped=step.conclusion == "skipped",
        )
        for step in found.steps
    )
    return CIJob(
        id=str(found.id),
        name=one_line(found.name, 300),
        failed=found.conclusion in _RED,
        steps=steps,
        url=found.html_url or "",
    )


def _log_error(answer: httpx.Response, doing: str, repo: Repo) -> Exception:
    if answer.status_code in {404, 410}:
        return NotFoundError(
            f"GitHub has no log while {doing}: logs expire (90 days by default) and a job that never started "
            "has none; run the job again"
        )
    return from_status(answer.status_code, answer.headers, "", doing=doing, repo=repo)


def _decoded(answer: httpx.Response) -> Iterator[bytes]:
    """The body, decompressed in bounded steps: a few kilobytes of gzip may stand for gigabytes."""
    if answer.headers.get("content-encoding", "").lower() != "gzip":
        yield from answer.iter_raw(CHUNK)
        return
    inflate = zlib.decompressobj(wbits=31)
    try:
        for raw in answer.iter_raw(CHUNK):
            pending = raw
            while pending:
                if chunk := inflate.decompress(pending, CHUNK):
                    yield chunk
                pending = inflate.unconsumed_tail
    except zlib.error as error:
        raise TemporaryError("GitHub's log is broken gzip") from error
    if rest := inflate.flush():
        yield rest


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _number(text: str, what: str) -> int:
    """GitHub's ids are numbers; anything else would change the path that is asked for."""
    if not text.isdecimal():
        raise PermanentError(f"{text[:80]!r} is no {what} id of GitHub Actions")
    return int(text)
