"""What there is to show about an incident: frozen snapshots that views render and the REST API returns."""

from __future__ import annotations

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

    @property
    def name(self) -> str:
        """``PP-12``."""
        return incident_name(self.id)

    @property
    def open(self) -> bool:
        """Not over yet: a repeat joins it."""
        return self.heal.state in OPEN
