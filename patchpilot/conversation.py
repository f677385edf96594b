"""What people said and what is known around an incident, besides the incident itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

SLACK: Final = "slack"
"""Name of the medium in stored rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignee:
    """Who looks after an incident, by their own word."""

    medium: str
    account: str
    """The medium's own id for the person (Slack: ``U…``)."""
    name: str
    """For people: the linked login, else the account."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierCase:
    """The last incident with the same fingerprint in the same repository whose end is known."""

    incident: int
    outcome: str
    """A value of :class:`~patchpilot.fixes.Outcome`."""
    root_cause: str
    pull_request_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """What a conversation shows of an incident besides its own snapshot."""

    assignee: Assignee | None = None
    earlier: EarlierCase | None = None
    muted: str = ""
    """Until when, by whom and why nothing new is said of it; empty while it is not muted."""
    suspect: str = ""
    """The account, in the medium that is rendered for, of the failing commit's author; empty if unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenPlace:
    """A place that messages can't reach at the moment."""

    place: str
    """Channel id or ``#name``; empty for the whole workspace."""
    code: str
    advice: str
    """What an admin has to do."""
    since: datetime

    @property
    def named(self) -> str:
        """For people."""
        return self.place or "the whole workspace"
