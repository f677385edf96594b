"""How the states of a heal are named to people: always an emoji *and* a word."""

from __future__ import annotations

from typing import Final

from patchpilot.fixes import Outcome
from patchpilot.heals import HealState
from patchpilot.incidents import HealSnapshot, IncidentSnapshot
from patchpilot.source import Delivery

S = HealState
STATES: Final[dict[HealState, tuple[str, str]]] = {
    S.QUEUED: ("🔴", "New"),
    S.INGESTING: ("🔎", "Reading the log"),
    S.DIAGNOSING: ("🔎", "Diagnosing"),
    S.REPAIRING: ("🛠️", "Repairing"),
    S.VALIDATING: ("🧪", "Testing fix"),
    S.AWAITING_APPROVAL: ("🟡", "Needs approval"),
    S.OPENING_PR: ("🟢", "Opening pull request"),
    S.PR_OPEN: ("🟢", "Pull request opened"),
    S.RESOLVED: ("✅", "Fixed"),
    S.ESCALATED: ("⛔", "Needs a human"),
    S.REJECTED: ("🚫", "Rejected"),
    S.FLAKY: ("⚪", "Flaky"),
    S.INFRASTRUCTURE: ("🔌", "Infrastructure"),
    S.RECOVERED: ("✅", "Green again"),
    S.SUPERSEDED: ("↪️", "Joined"),
    S.EXPIRED: ("⌛", "Expired"),
}


PAST: Final = {
    "approve": "Approved",
    "retry": "Sent back",
    "retest": "Sent to be tested anew",
    "reject": "Rejected",
    "escalate": "Escalated",
}
"""What a decision was, by its verb."""

_ON_THEIR_BRANCH: Final = {Delivery.SUGGESTIONS: "Fix suggested", Delivery.PUSH: "Fix pushed"}


def state_word(incident: IncidentSnapshot) -> str:
    """The word of the current heal's state."""
    return heal_word(incident.heal)


def heal_word(heal: HealSnapshot) -> str:
    """The word of a heal's state. No pull request is opened for a fix that goes to somebody's own."""
    if heal.state is S.PR_OPEN and heal.delivery in _ON_THEIR_BRANCH:
        return _ON_THEIR_BRANCH[Delivery(heal.delivery)]
    if heal.state is S.OPENING_PR and heal.failure.on_somebodys_pull_request:
        return "Handing over the fix"
    return "Fixed, then reverted" if was_reverted(heal) else STATES[heal.state][1]


def heal_emoji(heal: HealSnapshot) -> str:
    """The emoji that stands beside :func:`heal_word`."""
    return "↩️" if was_reverted(heal) else STATES[heal.state][0]


def was_reverted(heal: HealSnapshot) -> bool:
    """The fix had landed, and somebody took it back."""
    return heal.state is S.RESOLVED and heal.outcome == Outcome.REVERTED
