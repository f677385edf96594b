"""Hand the approved proposal to the role that may write."""

from __future__ import annotations

from agent.nodes.state import FINISH, State
from agent.toolbox import HealTools


def resolve(tools: HealTools, state: State) -> State:  # noqa: ARG001 - every node has the same signature
    """Put the task for branch and pull request into the outbox; a repeat changes nothing."""
    with tools.journal.step("resolve", "Handing the approved patch over for a pull request"):
        tools.journal.approve_effects()
    return State(route=FINISH)
