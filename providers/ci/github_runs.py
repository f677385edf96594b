"""A run that somebody names by its address."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from patchpilot.errors import MalformedPayloadError, PermanentError
from patchpilot.failures import RunFinished
from patchpilot.source import Repo, RunAddress
from patchpilot.text import one_line
from providers.ci.github_payloads import RepositoryPart, WorkflowRunPart
from providers.ci.github_webhooks import run_finished
from providers.hosts.github_auth import GitHubAccess

_PATH: Final = re.compile(
    r"/(?P<repo>[^/]+/[^/]+)/actions/runs/(?P<run>[0-9]{1,19})"
    r"(?:/attempts/(?P<attempt>[0-9]{1,6}))?(?:/job/[0-9]+|/workflow)?/?"
)


class GitHubRuns:
    """Finds runs on GitHub Actions, with read access."""

    def __init__(self, access: GitHubAccess) -> None:
        self._access = access

    def address(self, url: str) -> RunAddress:
        """Read a run's or a job's address; raises :class:`PermanentError` that says what is wrong with it."""
        ours = urlsplit(self._access.web_url)
        try:
            parts = urlsplit(url)
            netloc = parts.netloc
        except ValueError:
            parts, netloc = ours, ""
        if netloc.lower().removeprefix("www.") != ours.netloc.lower():
            raise PermanentError(f"that address is not on {ours.netloc}, the code host that I read from")
        found = _PATH.fullmatch(parts.path)
        if found is None:
            raise PermanentError(
                f"{one_line(parts.path, 80)!r} is not a run's address; copy one that looks like "
                f"{self._access.web_url}/owner/repo/actions/runs/123"
            )
        try:
            repo = Repo("github", found["repo"])
        except MalformedPayloadError as error:
            raise PermanentError(str(error)) from error
        attempt = found["attempt"]
        return RunAddress(repo=repo, run_id=int(found["run"]), attempt=int(attempt) if attempt else None)

    def fetch(self, address: RunAddress) -> RunFinished:
        """The run as it ended.

        Raises :class:`~patchpilot.errors.NotFoundError` where there is none, and :class:`PermanentError` for
        one that has not ended, or ended in a way that says nothing about the code.
        https://docs.github.com/en/rest/actions/workflow-runs#get-a-workflow-run
        """
        repo, number = address.repo, address.run_id
        path = f"actions/runs/{number}" + (f"/attempts/{address.attempt}" if address.attempt else "")
        with self._access.session(repo, f"reading run {number} of {repo}") as session:
            run = session.get(path, WorkflowRunPart)
            repository = session.get(f"/repos/{repo.full_name}", RepositoryPart)
        found = run_finished(f"asked:{repo}:{number}:{run.run_attempt}", run, repository)
        if found is None:
            ended = f"ended as {run.conclusion}" if run.conclusion else "has not ended yet"
            raise PermanentError(f"run {number} of {repo} {ended}, so there is nothing to diagnose")
        if found.succeeded:
            raise PermanentError(f"run {number} of {repo} was green, so there is nothing to diagnose")
        return found
