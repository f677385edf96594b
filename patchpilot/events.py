"""What happened, as the event log and the live feed tell it.

Workers append events and never call the bot; the announcer, the dashboard and the metrics read them.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


class EventKind(enum.StrEnum):
    """The closed list of event kinds. Values are stored and are part of the live feed's contract."""

    FAILURE_RECORDED = "failure_recorded"
    INCIDENT_OPENED = "incident_opened"
    INCIDENT_JOINED = "incident_joined"
    STORM_JOINED = "storm_joined"
    """The incident is one of many with one cause; ``data`` names the storm."""
    STATE_CHANGED = "state_changed"
    STEP_STARTED = "step_started"
    STEP_PROGRESS = "step_progress"
    """A running step tells what it is doing, at most every few seconds."""
    STEP_FINISHED = "step_finished"
    DIAGNOSED = "diagnosed"
    FIX_PROPOSED = "fix_proposed"
    DECIDED = "decided"
    PULL_REQUEST_OPENED = "pull_request_opened"
    PULL_REQUEST_CI = "pull_request_ci"
    PULL_REQUEST_CLOSED = "pull_request_closed"
    ASSIGNED = "assigned"
    """Somebody looks after the incident, or hands it back."""
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of the log. ``data`` holds JSON values only."""

    id: int
    kind: EventKind
    incident: int
    heal: str
    at: datetime
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """How far a consumer has read. Ordered by transaction, then id.

    Ids alone are not enough: a transaction that took its id early may commit late, and a reader that had
    passed it would never see it. https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT
    """

    transaction: int = 0
    id: int = 0
