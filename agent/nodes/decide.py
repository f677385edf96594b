"""Wait for a person. The one interrupt of the graph, alone in its node: a node runs again from its start on
resume, so anything before the interrupt would happen twice (langgraph #6208)."""

from __future__ import annotations

from langgraph.types import interrupt

from agent.nodes.state import FINISH, State
from agent.toolbox import HealTools


def decide(tools: HealTools, state: State) -> State:
    """Wait until :func:`agent.heal.advance` brings the answer; the decision has moved the heal already."""
    answer = interrupt("approve, retry, reject or escalate?")
    match answer:
        case "approve":
            return State(route="resolve")
        case "retry":
            return try_again(tools, state)
        case _:
            return State(route=FINISH)


def try_again(tools: HealTools, state: State) -> State:
    """Back to looking for a fix with a clean slate, except that a proposal which a person did not want is not
    proposed again. A heal that never got its log read starts there."""
    proposed = state.get("candidate") or {}
    refused = [f"{proposed['author']} proposed a patch and a person asked for another"] if proposed else []
    return State(
        route="retrieve" if tools.journal.distilled() and state.get("job_id") else "ingest",
        tried=[proposed["key"]] if proposed else [],
        refused=refused,
        evidence={},
        candidate={},
        held={},
        reason="",
    )
