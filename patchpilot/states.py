"""How the states of a heal are named to people: always an emoji *and* a word."""

from __future__ import annotations

from typing import Final

from patchpilot.heals import HealState
from patchpilot.incidents import IncidentSnapshot

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


def state_word(incident: IncidentSnapshot) -> str:
    """The word of the current heal's state."""
    return STATES[incident.heal.state][1]
