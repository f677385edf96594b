"""What GitHub says about the CI of a pull request of ours, and the way out of draft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from patchpilot.errors import NotFoundError
from patchpilot.source import Repo, RunRef, Sha
from providers.hosts.github_api import segment
from providers.hosts.github_auth import GitHubAccess

OUR_CHECK: Final = "PatchPilot"
"""Name of our own check run, which says nothing about the code."""
_WORKFLOWS: Final = ".github/workflows"
_ACTIONS: Final = "github-actions"
_MOST_WORKFLOWS: Final = 30
_RED: Final = {"failure", "timed_out", "startup_failure"}


class _Run(BaseModel):
    id: int
    status: str
    conclusion: str | None = None
    html_url: str = ""
    name: str | None = None
    path: str = ""
    event: str = ""
    run_attempt: int = 1


class _App(BaseModel):
    id: int
    slug: str = ""


class _Check(BaseModel):
    name: str
    status: str
    conclusion: str | None = None
    html_url: str | None = None
    app: _App | None = None


class _Login(BaseModel):
    login: str


class _Head(BaseModel):
    sha: str
    ref: str


class _Pull(BaseModel):
    node_id: str
    state: str
    draft: bool = False
    mergeable_state: str = ""
    user: _Login | None = None
    head: _Head


class _Entry(BaseModel):
    name: str
    path: str
    type: str = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRun:
    """One workflow run, or one check of another CI system."""

    name: str
    status: str
    conclusion: str
    url: str
    ref: RunRef | None = None
    """``None`` for another CI system's check."""

    @property
    def over(self) -> bool:
        """It has come to its end."""
        return self.status == "completed"

    @property
    def red(self) -> bool:
        """It ended badly."""
        return self.over and self.conclusion in _RED

    @property
    def waits(self) -> bool:
        """A person has to let it run.

        https://docs.github.com/en/actions/how-tos/manage-workflow-runs/approve-runs-from-forks
        """
        return self.conclusion == "action_required" or self.status in {"waiting", "action_required"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PullNow:
    """A pull request as it stands."""

    node_id: str
    open: bool
    draft: bool
    conflicts: bool
    author: str
    head_sha: Sha


class GitHubPullCI:
    """Reads runs and checks of a commit; with write access it marks a pull request ready."""

    def __init__(self, access: GitHubAccess) -> None:
        self._access = access

    def runs(self, repo: Repo, commit: Sha) -> tuple[SeenRun, ...]:
        """All workflow runs of ``commit``, and other CI systems' checks."""
        asked = {"head_sha": commit}
        with self._access.session(repo, f"looking for CI of {commit[:12]} on {repo}") as session:
            runs = list(session.pages("actions/runs", _Run, key="workflow_runs", params=asked))
        return tuple(_seen(repo, run) for run in runs)

    def checks(self, repo: Repo, commit: Sha) -> tuple[SeenRun, ...]:
        """Checks of CI systems other than Actions; ours is none."""
        with self._access.session(repo, f"looking for checks of {commit[:12]} on {repo}") as session:
            found = list(session.pages(f"commits/{commit}/check-runs", _Check, key="check_runs"))
        return tuple(
            SeenRun(name=one.name, status=one.status, conclusion=one.conclusion or "", url=one.html_url or "")
            for one in found
            if one.name != OUR_CHECK and not self._is_told_elsewhere(one.app)
        )

    def _is_told_elsewhere(self, app: _App | None) -> bool:
        """Actions' jobs show up as checks too, beside their runs."""
        return app is not None and (app.slug == _ACTIONS or app.id == self._access.app_id)

    def pull(self, repo: Repo, number: int) -> PullNow:
        """The pull request as it stands."""
        with self._access.session(repo, f"reading {repo}#{number}") as session:
            found = session.get(f"pulls/{number}", _Pull)
        return PullNow(
            node_id=found.node_id,
            open=found.state == "open",
            draft=found.draft,
            conflicts=found.mergeable_state == "dirty",
            author=found.user.login if found.user else "",
            head_sha=Sha(found.head.sha),
        )

    def workflows(self, repo: Repo, ref: str) -> dict[str, str]:
        """The workflow files at ``ref``, by path; none where there is no such folder."""
        try:
            with self._access.session(repo, f"reading the workflows of {repo}") as session:
                entries = list(session.pages(f"contents/{_WORKFLOWS}", _Entry, params={"ref": ref}))
                files = [
                    one for one in entries if one.type == "file" and one.name.endswith((".yml", ".yaml"))
                ]
                return {
                    one.path: session.raw(f"contents/{_WORKFLOWS}/{segment(one.name)}", {"ref": ref})
                    for one in files[:_MOST_WORKFLOWS]
                }
        except NotFoundError:
            return {}

    def mark_ready(self, repo: Repo, number: int, node_id: str) -> None:
        """Take a pull request out of draft; only GraphQL can.

        https://docs.github.com/en/graphql/reference/mutations#markpullrequestreadyforreview
        """
        with self._access.session(repo, f"marking {repo}#{number} ready for review") as session:
            session.mutate("markPullRequestReadyForReview", {"pullRequestId": node_id}, "pullRequest { id }")


def _seen(repo: Repo, run: _Run) -> SeenRun:
    url = run.html_url if run.html_url.startswith(("https://", "http://")) else ""
    ref = RunRef(provider="github_actions", repo=repo, run_id=str(run.id), attempt=run.run_attempt, url=url)
    name = run.name or run.path or "workflow"
    return SeenRun(name=name, status=run.status, conclusion=run.conclusion or "", url=url, ref=ref)
