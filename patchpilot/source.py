"""Where code and runs live: repositories, commits, runs, pull requests and the people around them."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NewType

from patchpilot.errors import MalformedPayloadError

Sha = NewType("Sha", str)
"""A full, lower-case hexadecimal commit id (40 characters; 64 in SHA-256 repositories)."""

_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_FULL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}(?:/[A-Za-z0-9_.-]{1,100}){1,6}")


def sha(text: str) -> Sha:
    """Check that ``text`` is a full commit id; raises :class:`MalformedPayloadError` otherwise."""
    if not _SHA.fullmatch(text):
        message = f"{text[:80]!r} is not a full commit id"
        raise MalformedPayloadError(message)
    return Sha(text)


@dataclass(frozen=True, slots=True)
class Repo:
    """A repository on a code host: ``Repo("github", "acme/widget")``.

    ``full_name`` has one slash on GitHub and up to six on GitLab (sub-groups).
    """

    host: str
    full_name: str

    def __post_init__(self) -> None:
        parts = self.full_name.split("/")
        if not _FULL_NAME.fullmatch(self.full_name) or any(part in {".", ".."} for part in parts):
            message = f"{self.full_name[:120]!r} is not a repository name of the form owner/name"
            raise MalformedPayloadError(message)

    @property
    def owner(self) -> str:
        """Everything before the last slash."""
        return self.full_name.rsplit("/", 1)[0]

    @property
    def name(self) -> str:
        """The part after the last slash."""
        return self.full_name.rsplit("/", 1)[1]

    def __str__(self) -> str:
        return self.full_name


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRef:
    """One attempt of one CI run, as its provider counts them."""

    provider: str
    """``github_actions``, ``gitlab``, ``jenkins`` or ``circleci``."""
    repo: Repo
    run_id: str
    attempt: int = 1
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAddress:
    """What the address of a run's page says."""

    repo: Repo
    run_id: int
    attempt: int | None = None
    """``None`` for the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CIStep:
    """One step of a job; ``number`` starts at 1 and counts as the provider does."""

    number: int
    name: str
    failed: bool
    skipped: bool = False
    """Its condition did not hold, so it was not run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CIJob:
    """One job of a run."""

    id: str
    name: str
    failed: bool
    steps: tuple[CIStep, ...] = ()
    url: str = ""

    @property
    def failed_step(self) -> CIStep | None:
        """The first step that failed, if the provider reports steps at all."""
        return next((step for step in self.steps if step.failed), None)


class Permission(enum.IntEnum):
    """What a person may do on a repository, least first, so that ``>=`` reads as "at least"."""

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class HostUser:
    """An account on the code host. The numeric ``id`` survives a rename, the ``login`` does not."""

    host: str
    login: str
    id: int | None = None

    @property
    def host_name(self) -> str:
        """How its makers write the host's name."""
        return {"github": "GitHub", "gitlab": "GitLab"}.get(self.host, self.host)


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit with what it changed."""

    sha: Sha
    author: str
    message: str
    parents: tuple[Sha, ...] = ()
    diff: str = ""
    """Unified diff against the first parent, cut to a size that fits a brief."""

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.splitlines()[0] if self.message.strip() else ""


class Delivery(enum.StrEnum):
    """How a fix is handed over. The values are stored and shown."""

    PULL_REQUEST = "pull request"
    STACKED = "stacked pull request"
    """Against the branch of somebody's pull request, which stays theirs."""
    SUGGESTIONS = "review suggestions"
    """On somebody's pull request; they apply each by a click."""
    PUSH = "push"
    """A commit on somebody's branch, because they asked for it."""


ON_THEIR_BRANCH: Final = frozenset({Delivery.SUGGESTIONS, Delivery.PUSH})
"""What puts a fix on the pull request of somebody else, whose CI, draft and merge are theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What the effects role turns into a branch with one commit and a pull request."""

    repo: Repo
    base_branch: str
    base_sha: Sha
    branch: str
    """Derived from the heal, so that a repeated call finds its own earlier work."""
    patch: str
    """Unified diff against ``base_sha``."""
    title: str
    body: str
    commit_message: str
    labels: tuple[str, ...] = ()
    draft: bool = True
    draft_only: bool = False
    """Where drafts are not to be had nothing is opened: no person has approved more than a draft."""
    onto: Sha | None = None
    """Head of ``branch`` as an earlier round left it: the commit goes on top of that, and the pull request
    is brought up to date. ``None`` for a branch that is to be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """A pull request as the code host knows it."""

    repo: Repo
    number: int
    url: str
    branch: str
    head_sha: Sha
    draft: bool = True
    merged_at: datetime | None = None
