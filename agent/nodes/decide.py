"""Wait for a person. The one interrupt of the graph, alone in its node: a node runs again from its start on
resume, so anything before the interrupt would happen twice (langgraph #6208)."""

from __future__ import annotations

from typing import Final

from langgraph.types import interrupt

from agent.nodes.state import FINISH, State
from agent.sources import MODEL
from agent.toolbox import HealTools
from patchpilot.commands import Medium, Verb
from patchpilot.fixes import made_by


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
    proposed again while there may be another. A heal that never got its log read starts there.

    For a re-test the proposal comes first, and everything is seen anew, at the commit that the branch has
    moved to.
    """
    proposed = state.get("candidate") or {}
    decision = tools.journal.decision()
    if proposed and decision is not None and decision.verb is Verb.RETEST:
        # The failed job is another run's now; it is looked up with everything else.
        return State(**_CLEAN, route="retrieve", again=proposed, moved=True, job_id="", tried=[], refused=[])
    # A tool or a memory would propose the same again; a model is told why and may do better at its turn.
    again = bool(proposed) and not proposed["key"].startswith(MODEL)
    refused = [f"{made_by(proposed['author'])} proposed a patch and {_why(tools)}"] if proposed else []
    return State(
        turned_down=_turned_down(tools, proposed) if proposed else state.get("turned_down") or {},
        route="retrieve" if tools.journal.distilled() and state.get("job_id") else "ingest",
        tried=[proposed["key"]] if again else [],
        refused=refused,
        again={},
        **_CLEAN,
    )


_CLEAN: Final = State(evidence={}, candidate={}, held={}, asking=False, proven={}, partial={}, reason="")
"""What an attempt has not found out yet."""


def _turned_down(tools: HealTools, proposed: dict[str, str]) -> dict[str, str]:
    """A patch that a person sent back is proven all the same, one that CI found red is not."""
    decision = tools.journal.decision()
    by_person = decision is not None and decision.verb is Verb.RETRY and decision.medium != Medium.CI
    return proposed | ({"sent_back": "yes"} if by_person else {})


def _why(tools: HealTools) -> str:
    decision = tools.journal.decision()
    by_ci = decision is not None and decision.medium == Medium.CI
    return "its pull request was red on CI" if by_ci else "a person asked for another"
