"""Every button, menu and form that people meet in Slack: what it asks for, so who may use it.

The page ``docs/chatops.md`` is written from this table. A test holds it to the handlers that are registered
and to the messages that are sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One thing to press, or one choice of a menu."""

    label: str
    """What it says; what changes is left out (``View PR`` for ``View PR #12``)."""
    place: str
    verb: str = ""
    """The verb of :data:`~patchpilot.grammar.VERBS` that it asks for, so also the permission it needs; empty
    for what only shows something or says who is at work."""
    form: str = ""
    """``callback_id`` of the form that it opens first."""
    who: str = "anybody here"
    """Who may use it, where it is no verb's."""
    typed: str = ""
    """What one can type instead, where the verb's own example does not say it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form and what sending it asks for."""

    title: str
    verb: str
    asks: str


_CARD: Final = "card"
_PROPOSAL: Final = "approval card"
_CALL: Final = "call for a human"

CONTROLS: Final[Mapping[str, tuple[Control, ...]]] = MappingProxyType(
    {
        "approve": (Control(label="Approve", place=_PROPOSAL, verb="approve"),),
        "approve_carefully": (
            Control(
                label="Approve…",
                place=f"{_PROPOSAL} of a change with a risk",
                verb="approve",
                form="approve_options",
                typed="approve PP-142 reviewers:ana,ben base:main draft:no",
            ),
        ),
        "retest": (
            Control(label="Re-test", place=f"{_PROPOSAL} of an older commit, refusals", verb="retest"),
        ),
        "retry": (Control(label="Retry…", place=_PROPOSAL, verb="retry", form="retry_hint"),),
        "reject": (Control(label="Reject…", place=_PROPOSAL, verb="reject", form="reject_reason"),),
        "escalate": (Control(label="Escalate…", place=_PROPOSAL, verb="escalate", form="escalate_to"),),
        "retry_incident": (
            Control(
                label="Retry with a hint…",
                place=f"{_CALL}, expired proposal",
                verb="retry",
                form="retry_hint",
            ),
        ),
        "take": (Control(label="I'm on it", place=f"{_CARD}, {_CALL}", verb="take"),),
        "hand_back": (Control(label="Hand back", place=_CARD, verb="drop"),),
        "more": (
            Control(
                label="Mute…",
                place=f"{_CARD}, menu",
                verb="mute",
                form="mute_for",
                typed="mute PP-142 for:1d",
            ),
            Control(label="Escalate…", place=f"{_CARD}, menu", verb="escalate", form="escalate_to"),
            Control(label="Not a bug…", place=f"{_CARD}, menu", verb="reject", form="reject_reason"),
        ),
        "review": (Control(label="Review", place="weekly digest, Home tab", typed="status PP-142"),),
        "home_link": (Control(label="Link my account", place="Home tab", typed="link"),),
        "home_dm": (Control(label="Direct messages", place="Home tab, menu", typed="dm mine"),),
        "open_run": (Control(label="View run", place=_CARD),),
        "open_pull": (Control(label="View PR", place=_CARD),),
        "open_link": (Control(label="Link my account", place="refusals", typed="link"),),
    }
)
"""By ``action_id``."""

FORMS: Final[Mapping[str, Form]] = MappingProxyType(
    {
        "approve_options": Form(title="Approve", verb="approve", asks="draft or not, base branch, reviewers"),
        "retry_hint": Form(title="Retry", verb="retry", asks="a hint, shown in the thread"),
        "reject_reason": Form(title="Reject", verb="reject", asks="a reason, a note"),
        "escalate_to": Form(title="Escalate", verb="escalate", asks="the team or a person, a note"),
        "mute_for": Form(title="Mute", verb="mute", asks="how long, why"),
    }
)
"""By ``callback_id``."""
