"""What the page wants from a GitHub: read-only cards, and the few things a person does there.

``playground.github`` is shown through an object with these methods; the page needs to know nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class StepCard:
    """One step of a job."""

    name: str
    state: str
    """``queued``, ``in_progress``, ``success``, ``failure``, ``skipped``, ``cancelled`` or ``neutral``."""


@dataclass(frozen=True, kw_only=True)
class JobCard:
    """One job of a run's latest attempt; ``state`` as for steps."""

    id: int
    name: str
    state: str
    steps: Sequence[StepCard] = ()


@dataclass(frozen=True, kw_only=True)
class RunCard:
    """One workflow run; ``state`` as for steps, times as ISO 8601."""

    id: int
    name: str
    title: str
    number: int
    attempt: int
    event: str
    branch: str
    sha: str
    actor: str
    state: str
    created_at: str
    jobs: Sequence[JobCard] = ()


@dataclass(frozen=True, kw_only=True)
class CheckCard:
    """One check of a pull request's head: a job of a run, or an App's check run."""

    name: str
    state: str
    summary: str = ""
    app: str = ""
    id: int = 0
    """For App checks; 0 otherwise."""
    actions: Sequence[tuple[str, str, str]] = ()
    """Buttons: identifier, label, description."""


@dataclass(frozen=True, kw_only=True)
class CommentCard:
    """One entry of a conversation; ``body`` is Markdown."""

    id: int
    author: str
    body: str
    created_at: str
    bot: bool = False
    reactions: Sequence[tuple[str, int]] = ()


@dataclass(frozen=True, kw_only=True)
class PullCard:
    """One pull request; ``state`` is ``draft``, ``open``, ``merged`` or ``closed``."""

    number: int
    title: str
    body: str
    author: str
    state: str
    head: str
    base: str
    head_sha: str
    created_at: str
    mergeable: bool = True
    labels: Sequence[str] = ()
    reviewers: Sequence[str] = ()
    comments: Sequence[CommentCard] = ()
    checks: Sequence[CheckCard] = ()
    bot: bool = False


@dataclass(frozen=True, kw_only=True)
class CommitCard:
    """One commit of the default branch; ``state`` sums its runs up and is empty without any."""

    sha: str
    subject: str
    author: str
    created_at: str
    state: str = ""


@dataclass(frozen=True, kw_only=True)
class RepositoryCard:
    """One repository with what happens in it, newest first."""

    full_name: str
    default_branch: str
    private: bool = False
    pulls: Sequence[PullCard] = ()
    runs: Sequence[RunCard] = ()
    commits: Sequence[CommitCard] = ()
    people: Sequence[str] = field(default_factory=tuple)
    """Logins that may write here."""


class RefusedError(Exception):
    """GitHub would not let this person do that; the message says why, for the person."""


class GitHubView(Protocol):
    """A GitHub as the page sees it. Acting raises :class:`RefusedError` with a reason for people."""

    def repositories(self) -> Sequence[RepositoryCard]: ...

    def log(self, full_name: str, job_id: int) -> str:
        """A job's log so far, with GitHub's ``##[group]`` lines."""
        ...

    def diff(self, full_name: str, number: int) -> str:
        """A pull request's unified diff."""
        ...

    def merge(self, full_name: str, number: int, *, by: str) -> None: ...

    def close(self, full_name: str, number: int, *, by: str) -> None: ...

    def reopen(self, full_name: str, number: int, *, by: str) -> None: ...

    def ready(self, full_name: str, number: int, *, by: str) -> None:
        """Take a draft out of draft."""
        ...

    def comment(self, full_name: str, number: int, text: str, *, by: str) -> None: ...

    def rerun(self, full_name: str, run_id: int, *, by: str) -> None: ...

    def press_check(self, full_name: str, check_id: int, identifier: str, *, by: str) -> None:
        """Press a button of an App's check."""
        ...

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after every change; returns how to stop."""
        ...


class NoGitHub:
    """A page without GitHub beside Slack."""

    def repositories(self) -> Sequence[RepositoryCard]:
        return ()

    def log(self, full_name: str, job_id: int) -> str:
        raise RefusedError(f"there is no job {job_id} of {full_name!r} here")

    def diff(self, full_name: str, number: int) -> str:
        raise RefusedError(f"there is no pull request {full_name}#{number} here")

    def merge(self, full_name: str, number: int, *, by: str) -> None:
        raise RefusedError(f"{by} can't merge {full_name}#{number}: there is no GitHub here")

    def close(self, full_name: str, number: int, *, by: str) -> None:
        raise RefusedError(f"{by} can't close {full_name}#{number}: there is no GitHub here")

    def reopen(self, full_name: str, number: int, *, by: str) -> None:
        raise RefusedError(f"{by} can't reopen {full_name}#{number}: there is no GitHub here")

    def ready(self, full_name: str, number: int, *, by: str) -> None:
        raise RefusedError(f"{by} can't change {full_name}#{number}: there is no GitHub here")

    def comment(self, full_name: str, number: int, text: str, *, by: str) -> None:
        raise RefusedError(f"{by} can't say {text[:20]!r} on {full_name}#{number}: there is no GitHub here")

    def rerun(self, full_name: str, run_id: int, *, by: str) -> None:
        raise RefusedError(f"{by} can't run {run_id} of {full_name!r} again: there is no GitHub here")

    def press_check(self, full_name: str, check_id: int, identifier: str, *, by: str) -> None:
        raise RefusedError(f"{by} can't press {identifier!r} of check {check_id} in {full_name!r}")

    def subscribe(self, _listener: Callable[[], None]) -> Callable[[], None]:
        return lambda: None
