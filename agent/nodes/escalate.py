"""Leave the heal to people, with the best diagnosis and what was tried."""

from __future__ import annotations

from agent.nodes.state import FINISH, State
from agent.toolbox import HealTools
from patchpilot.heals import HealState
from patchpilot.text import one_line, shorten

_MAX_REASON = 1500


def escalate(tools: HealTools, state: State) -> State:
    """Say in one message why, what was found and what did not work."""
    tools.journal.move(HealState.ESCALATED, reason=_reason(tools, state))
    return State(route=FINISH)


def _reason(tools: HealTools, state: State) -> str:
    parts = [state.get("reason") or "PatchPilot found no fix that it can prove."]
    tried = state.get("refused") or []
    if tried:
        parts.append("Tried: " + "; ".join(one_line(reason, 220) for reason in tried[-5:]) + ".")
    diagnosis = tools.journal.diagnosis()
    if diagnosis is not None and diagnosis.root_cause:
        parts.append("Best diagnosis: " + one_line(diagnosis.root_cause, 300))
    return shorten(tools.redact(" ".join(parts)), _MAX_REASON)
