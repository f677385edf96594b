"""What there is to show about an incident: frozen snapshots that views render and the REST API returns."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import NewType

from patchpilot.failures import Diagnosis, DistilledFailure
from patchpilot.fixes import Fix, Spend
from patchpilot.heals import OPEN, HealId, HealState
from patchpilot.source import Repo, RunRef, Sha

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
    """Different failures of one repository at once, as one bad commit causes them."""


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
    commit_subject: str
    pull_request: int | None
    from_fork: bool
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """What a named human decided, on which patch."""

    verb: str
    """``approve``, ``retry``, ``reject`` or ``escalate``."""
    actor: str
    """Host login where the account is linked, else the medium's own name for the person."""
    medium: str
    patch_sha256: str
    text: str
    """The hint of a retry or the reason of a rejection."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressStep:
    """One line of the progress list; written once when it starts, completed once."""

    name: str
    text: str
    done: bool
    at: datetime
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HealSnapshot:
    """One heal as it stands now."""

    id: HealId
    incident: IncidentId
    state: HealState
    reason: str
    """Why it is in this state, in a sentence a person can act on."""
    attempt: int
    """How often repair has been tried; 1 at first, one more per retry. Part of what an approval binds to."""
    approval_id: str
    """Opaque value that the buttons carry; a new one per proposed patch, empty when none is proposed."""
    failure: FailureRecord
    distilled: DistilledFailure | None = None
    diagnosis: Diagnosis | None = None
    fix: Fix | None = None
    spend: Spend = field(default_factory=Spend)
    steps: tuple[ProgressStep, ...] = ()
    decisions: tuple[DecisionRecord, ...] = ()
    pull_request_number: int | None = None
    pull_request_url: str = ""
    pull_request_ci: str = ""
    """``""`` until known, then ``waiting``, ``green`` or ``red``."""
    approval_expires_at: datetime | None = None
    created_at: datetime
    updated_at: datetime


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
    """At least two, oldest first."""

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

    @property
    def speaker(self) -> IncidentId | None:
        """The oldest open member: the one that may call people, so that a storm calls them once."""
        return next((member.incident for member in self.members if member.open), None)
