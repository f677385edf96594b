"""Leave the heal to people, with the best diagnosis and what was tried."""

from __future__ import annotations

from agent.for_forks import patch_for_fork
from agent.nodes.state import FINISH, State
from agent.toolbox import HealTools
from patchpilot.fixes import Patch
from patchpilot.heals import HealState
from patchpilot.text import one_line, shorten

_MAX_REASON = 1500


def escalate(tools: HealTools, state: State) -> State:
    """Say in one message why, what was found and what did not work."""
    partial = state.get("partial") or patch_for_fork(tools)
    if partial:
        # Before the move, so that whoever is called finds it in the thread.
        tools.journal.leave_partial(
            patch=Patch(tools.redact(partial["diff"])),
            author=partial["author"],
            why=one_line(tools.redact(partial["why"]), 400),
        )
    tools.journal.move(HealState.ESCALATED, reason=_reason(tools, state))
    return State(route=FINISH)


def _reason(tools: HealTools, state: State) -> str:
    parts = [state.get("reason") or "PatchPilot found no fix that it can prove."]
    tried = state.get("refused") or []
    if tried:
        parts.append("Tried: " + "; ".join(one_line(reason, 220).rstrip(".") for reason in tried[-5:]) + ".")
    diagnosis = tools.journal.diagnosis()
    if diagnosis is not None and diagnosis.root_cause:
        parts.append("Best diagnosis: " + one_line(diagnosis.root_cause, 300))
    return shorten(tools.redact(" ".join(parts)), _MAX_REASON)
