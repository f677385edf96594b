"""What people ask for. Buttons, slash commands, mentions, REST calls and the command line all become one
:class:`Command`, which is authorised and applied in one place (:mod:`bot.decisions`)."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from patchpilot.source import HostUser


class Verb(enum.StrEnum):
    """The decisions a person can take on a heal."""

    APPROVE = "approve"
    RETRY = "retry"
    RETEST = "retest"
    """Prove the proposed patch anew, on the commit that the branch has moved to."""
    REJECT = "reject"
    ESCALATE = "escalate"


class Medium(enum.StrEnum):
    """Where a command came from, so that it is answered there."""

    SLACK = "slack"
    PULL_REQUEST = "pull request"
    API = "api"
    DASHBOARD = "dashboard"
    CLI = "command line"
    CI = "ci"
    """Nobody asked: the fix's own CI was red."""
    POLICY = "policy"
    """Nobody asked: the repository's policy lets such a fix through as a draft."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks: the account in the medium, and the linked account on the code host if there is one."""

    medium: Medium
    name: str
    """For people: a Slack user id (``U…``) or a login."""
    host_user: HostUser | None = None
    team: str = ""
    """The chat workspace of the account."""
    called: str = ""
    """What people of the workspace call them."""
    zone: str = ""
    """Their time zone, where the medium says."""
    barred: str = ""
    """Why they may change nothing, whatever the code host says: ``a guest``; empty for full members."""
    runs_workspace: bool = False
    """They administer the chat workspace."""
    suggested: str = ""
    """Login of who may be the same person on the code host, by their e-mail address. It gives no right."""


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
    options: Mapping[str, str] = field(default_factory=dict)
    """What is asked for besides: ``to`` (escalate: the account or group to call), ``draft`` (``no``),
    ``base`` and ``reviewers`` (approve: of the pull request)."""
    key: str = ""
    """Identifies the request, so that a repeated delivery is applied once."""


class Ruling(enum.StrEnum):
    """How a command ended."""

    APPLIED = "applied"
    ALREADY = "already decided"
    OUTDATED = "outdated"
    DENIED = "denied"
    UNKNOWN = "unknown"
    ANSWERED = "answered"
    """Nothing was to be applied: a question, a list, help."""
    REPEATED = "repeated"
    """The same request is being done already; nobody waits for this answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture that the chat holds already, to be shown there with an answer."""

    file: str
    """The chat's own id for it."""
    alt_text: str
    """What it shows, for those who can't see it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the person who asked is told."""

    ruling: Ruling
    text: str
    """Plain text with names in backticks; for a refusal it names the reason and who may."""
    repeated: bool = False
    """The request was heard before: this was answered then, so where people read it is said already."""
    link_url: str = ""
    """Where the one who asked can say who they are on the code host; their request goes on afterwards."""
    retest: str = ""
    """The proposal that is of an older commit than the branch has by now, where testing it anew is the next
    step: what its button carries."""
    picture: Picture | None = None
    links: tuple[str, ...] = ()
    """Addresses in the text that are ours to name: the rest may be somebody else's, and is shown as text."""
    incident: int | None = None
