"""What there is to show about an incident: frozen snapshots that views render and the REST API returns."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NewType

from patchpilot.commands import Medium
from patchpilot.failures import Diagnosis, DistilledFailure
from patchpilot.fixes import Fix, PartialResult, Spend
from patchpilot.heals import OPEN, HealId, HealState
from patchpilot.source import HostUser, Repo, RunRef, Sha

IncidentId = NewType("IncidentId", int)
"""Number of an incident; people write it ``PP-12``."""


def incident_name(number: int) -> str:
    """How people write an incident's number."""
    return f"PP-{number}"


StormId = NewType("StormId", int)
"""Number of a storm; people read it as ``S-3``."""


def storm_name(number: int) -> str:
    """How people read a storm's number."""
    return f"S-{number}"


class StormKind(enum.StrEnum):
    """What the incidents of a storm have in common. The values are stored."""

    SAME_FAILURE = "same_failure"
    """One fingerprint, in several repositories or branches."""
    INFRASTRUCTURE = "infrastructure"
    """One host's runners, network or logs: different errors, none of them of the code's making."""
    REPOSITORY = "repository"
    """Different failures of one repository at once, all of one commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRecord:
    """One red run as it was recorded at intake."""

    id: int
    run: RunRef
    workflow: str
    workflow_path: str
    branch: str
    default_branch: str
    head_sha: Sha
    author: str
    """Login of who wrote the commit, as far as is known; git lets anybody write as another."""
    commit_subject: str
    pull_request: int | None
    from_fork: bool
    received_at: datetime
    base_branch: str = ""
    """What that pull request is to be merged into; empty without one."""
    pusher: str = ""
    """Login of who set the run off by a push or a merge; the code host's own word."""
    private: bool = False
    """The repository was not open to everybody."""
    uncommitted: bool = False
    """The commit stands for files that nobody has committed; only on the command line."""

    @property
    def on_somebodys_pull_request(self) -> bool:
        """It was found on a pull request of people: their branch is theirs."""
        return self.pull_request is not None and not self.from_fork


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """What a named human decided, on which patch."""

    verb: str
    """``approve``, ``retry``, ``retest``, ``reject`` or ``escalate``."""
    actor: str
    """Host login where the account is linked, else the medium's own name for the person."""
    medium: str
    patch_sha256: str
    text: str
    """The hint of a retry or the reason of a rejection."""
    at: datetime
    account: HostUser | None = None
    """The linked account on the code host."""
    options: Mapping[str, str] = field(default_factory=dict)
    """As :attr:`patchpilot.commands.Command.options`."""

    @property
    def by(self) -> str:
        """Who decided, for people: somebody by their @name; a policy or a CI run, which nobody is called."""
        return self.actor if self.medium in {Medium.CI, Medium.POLICY} else f"@{self.actor}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadNote:
    """Something that people are told beside the heal's state: one message by its key, edited in place."""

    key: str
    text: str
    at: datetime
    url: str = ""
    """Where it can be looked up or acted on; empty where nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressStep:
    """One line of the progress list; written once when it starts, completed once."""

    name: str
    text: str
    done: bool
    at: datetime
    seconds: float | None = None
    doing: str = ""
    """What it is at right now; empty once it is done."""
    attempt: int = 1
    """The try of the heal that it belongs to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealSnapshot:
    """One heal as it stands now."""

    id: HealId
    incident: IncidentId
    state: HealState
    reason: str
    """Why it is in this state, in a sentence a person can act on."""
    attempt: int
    """How often repair has been tried; 1 at first, one more per retry and per re-test. Part of what an
    approval binds to."""
    approval_id: str
    """Opaque value that the buttons carry; a new one per proposed patch, empty when none is proposed."""
    failure: FailureRecord
    """The red run that it began with: whose change that was stays so, wherever the branch goes."""
    retested: FailureRecord | None = None
    """The later red run on whose commit the fix has been tested anew, if it has."""
    moved_to: Sha | None = None
    """A later commit of the branch that is red in the same way, while a proposal waits that was not proved
    there."""
    distilled: DistilledFailure | None = None
    diagnosis: Diagnosis | None = None
    fix: Fix | None = None
    partial: PartialResult | None = None
    """What the latest attempt without a proven fix left behind."""
    spend: Spend = field(default_factory=Spend)
    steps: tuple[ProgressStep, ...] = ()
    decisions: tuple[DecisionRecord, ...] = ()
    pull_request_number: int | None = None
    pull_request_url: str = ""
    pull_request_ci: str = ""
    """``""`` until known, then ``waiting``, ``green`` or ``red``."""
    pull_request_branch: str = ""
    pull_request_sha: str = ""
    """Commit of the fix, as we pushed it last."""
    pull_request_review: str = ""
    """``approved`` or ``changes requested``: what the last review said."""
    delivery: str = ""
    """How the fix was handed over; a value of :class:`~patchpilot.source.Delivery`, empty until it was."""
    outcome: str = ""
    """What became of it; a value of :class:`~patchpilot.fixes.Outcome`, empty until known."""
    notes: tuple[ThreadNote, ...] = ()
    """What people are told beside the state, oldest first."""
    approval_expires_at: datetime | None = None
    first_approved_by: str = ""
    """Login of the first of two who approve the proposal, where the repository wants two; else empty."""
    created_at: datetime
    updated_at: datetime

    @property
    def waiting_approval(self) -> str:
        """The proposal that waits for a decision; empty where none does."""
        return self.approval_id if self.state is HealState.AWAITING_APPROVAL else ""

    @property
    def base(self) -> FailureRecord:
        """The red run whose commit the fix is proved on, so where its pull request starts."""
        return self.retested or self.failure


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentSnapshot:
    """One incident with its latest heal: everything a card or a pull request comment shows."""

    id: IncidentId
    repo: Repo
    branch: str
    workflow: str
    title: str
    """First error line or, before the log is read, the workflow's name."""
    fingerprint: str
    failures: int
    first_seen: datetime
    last_seen: datetime
    heal: HealSnapshot
    storm: StormId | None = None
    """The storm that it belongs to, if any."""

    @property
    def name(self) -> str:
        """``PP-12``."""
        return incident_name(self.id)

    @property
    def open(self) -> bool:
        """Not over yet: a repeat joins it."""
        return self.heal.state in OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class StormMember:
    """One incident of a storm, as far as the storm's card shows it."""

    incident: IncidentId
    repo: Repo
    branch: str
    title: str
    state: HealState
    """Of its current heal."""
    url: str
    """Where its latest read run can be seen; empty where the provider says nothing."""

    @property
    def open(self) -> bool:
        """Not over yet."""
        return self.state in OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class StormSnapshot:
    """Many incidents with one cause: one card instead of many."""

    id: StormId
    kind: StormKind
    title: str
    """The cause in one line: the first error line that its members share, or the newest one's."""
    opened_at: datetime
    members: tuple[StormMember, ...]
    """At least two, oldest first. A channel's card has only those that the channel hears of."""

    @property
    def name(self) -> str:
        """``S-3``."""
        return storm_name(self.id)

    @property
    def places(self) -> int:
        """In how many branches, of whichever repositories, it is or was red."""
        return len({(member.repo, member.branch) for member in self.members})

    @property
    def over(self) -> bool:
        """No member is open any more."""
        return not any(member.open for member in self.members)
