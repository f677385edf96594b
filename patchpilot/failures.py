"""What a CI provider and a code host report, and what reading a failed log yields."""

from __future__ import annotations

import enum
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from patchpilot.reverts import Reverts
from patchpilot.source import HostUser, Repo, RunRef, Sha


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """A CI run came to its end. The one event every provider can report."""

    delivery_id: str
    run: RunRef
    workflow: str
    """Name of the workflow or pipeline, for grouping and for people."""
    workflow_path: str = ""
    """Path of its definition in the repository, where the provider says."""
    branch: str
    head_sha: Sha
    succeeded: bool
    author: str = ""
    """Login of who wrote the commit, where the provider or the commit itself says; else :attr:`pusher`."""
    author_address: str = ""
    """E-mail address that git says wrote the commit, in lower case: anybody can write another's there."""
    pusher: str = ""
    """Login of who set the first attempt off, by a push or a merge: the code host's own word."""
    commit_subject: str = ""
    default_branch: str = "main"
    pull_request: int | None = None
    base_branch: str = ""
    """What the pull request is to be merged into; empty without one."""
    from_fork: bool = False
    """The head commit lives in another repository: diagnose only, run nothing of it with rights."""
    private: bool = False
    """The repository is not open to everybody, so it is shown in private channels only."""
    reverts: Reverts = field(default_factory=Reverts)
    """What its commit takes back."""
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def ordered_at(self) -> datetime | None:
        """By what runs of a branch are put in order: a run that started later has seen newer code.

        The end would not do: a green run of an older commit may well end after the red one of a newer.
        """
        return self.started_at or self.finished_at


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequestClosed:
    """A pull request was closed, merged or not."""

    delivery_id: str
    repo: Repo
    number: int
    branch: str
    head_sha: Sha
    merged: bool
    merge_sha: Sha | None = None
    by: str = ""
    base_branch: str = ""
    """What it was, or was to be, merged into."""
    reverts: Reverts = field(default_factory=Reverts)
    """What it takes back, by its own words; means something only if it was merged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkPullRequestMoved:
    """A pull request from a fork has this head now. Its runs do not say which pull request they are of."""

    delivery_id: str
    repo: Repo
    number: int
    head_sha: Sha
    base_branch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentWritten:
    """Somebody wrote a new comment on a pull request."""

    delivery_id: str
    repo: Repo
    number: int
    comment_id: int
    author: HostUser
    author_is_bot: bool
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckActionRequested:
    """Somebody pressed a button of our check run."""

    delivery_id: str
    repo: Repo
    external_id: str
    action: str
    by: HostUser


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitsReverted:
    """Somebody pushed commits: what they take back, and whose they are."""

    delivery_id: str
    repo: Repo
    branch: str
    reverts: Reverts
    by: str = ""
    addresses: tuple[tuple[str, str], ...] = ()
    """E-mail address and login of authors that the code host knows by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewWritten:
    """Somebody approved a pull request or asked for changes."""

    delivery_id: str
    repo: Repo
    number: int
    branch: str
    by: str
    approved: bool
    text: str = ""
    url: str = ""


HostEvent = (
    RunFinished
    | PullRequestClosed
    | ForkPullRequestMoved
    | CommitsReverted
    | ReviewWritten
    | CommentWritten
    | CheckActionRequested
)
"""Everything a verified webhook may say to us; other deliveries are answered 202 and forgotten."""


class Category(enum.StrEnum):
    """What kind of failure it is; the closed list that every part of the project uses."""

    TEST = "test"
    LINT = "lint"
    FORMAT = "format"
    BUILD = "build"
    SYNTAX = "syntax"
    TYPE = "type"
    DEPENDENCY = "dependency"
    CONFIG = "config"
    INFRASTRUCTURE = "infrastructure"
    RESOURCE = "resource"
    TIMEOUT = "timeout"
    PERMISSION = "permission"
    FLAKY = "flaky"
    UNKNOWN = "unknown"


class Blame(enum.StrEnum):
    """Whose fault it is. Only the first two lead to a patch."""

    CHANGE = "this change"
    UPSTREAM = "upstream or base branch"
    INFRASTRUCTURE = "infrastructure"
    FLAKY = "flaky"
    INCONCLUSIVE = "inconclusive"


class CheckVerdict(enum.StrEnum):
    """What one look at whose fault it is has shown. The values are stored and shown."""

    RED = "red"
    GREEN = "green"
    MIXED = "red and green"
    PARTLY = "red, but for less"
    """Some of what fails at the failing commit fails there too, some does not."""
    OTHERWISE = "red in another way"
    TOUCHED = "touched"
    UNTOUCHED = "not touched"
    UNKNOWN = "not known"
    """It could not be looked at; the detail says why."""


SAME_COMMIT = "same commit"
BASE_COMMIT = "base commit"
SUSPECT_CHANGE = "suspect change"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlameCheck:
    """One look at whose fault a failure is, and what it showed."""

    name: str
    """:data:`SAME_COMMIT` (does it fail again?), :data:`BASE_COMMIT` (does it fail there too?) or
    :data:`SUSPECT_CHANGE` (did the change touch what failed?)."""
    verdict: CheckVerdict
    detail: str
    """One sentence for people: how often, at which commit, or why it could not be looked at."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line quoted from the log; ``number`` starts at 1 in the raw log."""

    number: int
    text: str


def in_log_order(evidence: Sequence[LogLine], most: int) -> list[LogLine]:
    """The ``most`` most telling lines, which stand first in ``evidence``, as one reads them in the log."""
    return sorted(evidence[:most], key=lambda line: line.number or sys.maxsize)


@dataclass(frozen=True, slots=True)
class Location:
    """A place in the repository that the log names; ``line`` starts at 1, 0 where it names none."""

    path: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class DistilledFailure:
    """A failed log, read: the lines a person needs and what they say, as typed data."""

    text: str
    """The kept lines in order, gaps marked, within the byte budget asked for; already redacted."""
    category: Category
    tool: str = ""
    """The tool that failed, ``pytest`` or ``tsc``; empty where none is known."""
    cause: str = ""
    """The first cause in one line, in the tool's own words."""
    fingerprint: str = ""
    """Stable hash of what failed: step, normalised error lines, test ids."""
    tests: tuple[str, ...] = ()
    files: tuple[Location, ...] = ()
    evidence: tuple[LogLine, ...] = ()
    """The few lines without which the failure can't be understood, most telling first."""
    step: str = ""
    total_lines: int = 0
    total_bytes: int = 0
    truncated: bool = False
    """The log was longer than the reader was allowed to fetch."""


RULES = "rules"
"""The author of a deterministic reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Why it failed, with evidence that can be looked up."""

    category: Category
    blame: Blame
    root_cause: str
    """One sentence."""
    explanation: str = ""
    """Why, in a few sentences."""
    disproof: str = ""
    """What would prove it wrong, in a sentence that can be checked. Rules give none, nor do older records."""
    evidence: tuple[LogLine, ...] = ()
    suspect_files: tuple[Location, ...] = ()
    author: str = RULES
    """:data:`RULES` for the deterministic reading, else the model's name."""
    notes: tuple[str, ...] = field(default=())
    """Honest remarks for people: no model key is set, the log was cut, ..."""
    checks: tuple[BlameCheck, ...] = ()
    """What the blame rests on; empty until something was looked at, and in older records."""

    @property
    def kind(self) -> str:
        """What kind of failure and whose fault, for people; said once where both are one word."""
        same = self.category.value == self.blame.value
        return str(self.category) if same else f"{self.category} · blame: {self.blame}"
