"""What people ask for. Buttons, slash commands, mentions, REST calls and the command line all become one
:class:`Command`, which is authorised and applied in one place (:mod:`bot.decisions`)."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from patchpilot.source import HostUser, Permission


class Verb(enum.StrEnum):
    """The decisions a person can take on a heal."""

    APPROVE = "approve"
    RETRY = "retry"
    REJECT = "reject"
    ESCALATE = "escalate"


NEEDS: dict[Verb, Permission] = {
    Verb.APPROVE: Permission.WRITE,
    Verb.RETRY: Permission.TRIAGE,
    Verb.REJECT: Permission.TRIAGE,
    Verb.ESCALATE: Permission.TRIAGE,
}
"""Least permission on the repository, checked live at the click."""


class Medium(enum.StrEnum):
    """Where a command came from, so that it is answered there."""

    SLACK = "slack"
    PULL_REQUEST = "pull request"
    API = "api"
    DASHBOARD = "dashboard"
    CLI = "command line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks: the account in the medium, and the linked account on the code host if there is one."""

    medium: Medium
    name: str
    """For people: a Slack user id (``U…``) or a login."""
    host_user: HostUser | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A decision that somebody asks for, bound to one exact proposal where it has to be."""

    verb: Verb
    actor: Actor
    incident: int | None = None
    """Number of the incident (typed commands)."""
    approval_id: str = ""
    """The proposal that the pressed button belonged to (buttons); empty for typed commands."""
    text: str = ""
    """Hint, reason or note."""
    key: str = ""
    """Identifies the request, so that a repeated delivery is applied once."""


class Ruling(enum.StrEnum):
    """How a command ended."""

    APPLIED = "applied"
    ALREADY = "already decided"
    OUTDATED = "outdated"
    DENIED = "denied"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the person who asked is told."""

    ruling: Ruling
    text: str
    """One or two sentences in plain text; for a refusal it names the reason and who may."""
    incident: int | None = None
