"""The healing graph: ingest → diagnose → retrieve → generate → validate → decide → resolve, or escalate.

It is linear: one node at a time, each naming the next in ``route``. Parallel branches lose writes on
resume (langgraph #8115) and subgraphs repeat their tasks (#6792), so there are neither.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

from langgraph.graph import END, START, StateGraph

from agent.nodes.decide import decide
from agent.nodes.diagnose import diagnose
from agent.nodes.escalate import escalate
from agent.nodes.generate import generate
from agent.nodes.ingest import ingest
from agent.nodes.resolve import resolve
from agent.nodes.retrieve import retrieve
from agent.nodes.state import FINISH, State, StoppedError
from agent.nodes.validate import validate
from agent.toolbox import HealTools
from patchpilot.errors import PermanentError
from patchpilot.heals import ENDED
from patchpilot.text import sentence

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph.state import CompiledStateGraph

log = logging.getLogger(__name__)

Node = Callable[[HealTools, State], State]


class _Action(Protocol):
    def __call__(self, state: State) -> State: ...


_STEPS: dict[str, tuple[Node, tuple[str, ...]]] = {
    "ingest": (ingest, ("diagnose", "escalate")),
    "diagnose": (diagnose, ("retrieve", "escalate")),
    "retrieve": (retrieve, ("generate", "escalate")),
    "generate": (generate, ("validate", "escalate")),
    "validate": (validate, ("generate", "decide", "escalate")),
    "decide": (decide, ("resolve", "retrieve", "ingest")),
    "resolve": (resolve, ("escalate",)),
    "escalate": (escalate, ()),
}
"""Each node with the nodes it may name as the next; every node may also finish."""


def build(
    tools: HealTools, checkpointer: BaseCheckpointSaver[str]
) -> CompiledStateGraph[State, None, State, State]:
    """Compile the graph for one heal."""
    builder: StateGraph[State, None, State, State] = StateGraph(State)
    for name, (node, targets) in _STEPS.items():
        # ``decide`` holds the interrupt: nothing may run before it, because it runs again on resume.
        action = partial(node, tools) if name == "decide" else _guarded(name, node, tools)
        builder.add_node(name, cast("_Action", action))
        paths: dict[Hashable, str] = {target: target for target in targets}
        builder.add_conditional_edges(name, _next_node, paths | {FINISH: END})
    builder.add_edge(START, "ingest")
    return builder.compile(checkpointer=checkpointer)


def _next_node(state: State) -> str:
    return state["route"]


def _guarded(name: str, node: Node, tools: HealTools) -> Callable[[State], State]:
    """Run a node unless somebody has ended the heal; what trying again can't mend goes to people."""

    def run(state: State) -> State:
        if tools.journal.state() in ENDED:
            return State(route=FINISH)
        try:
            return node(tools, state)
        except StoppedError:
            return State(route=FINISH)
        except PermanentError as error:
            if tools.journal.state() in ENDED:
                # Somebody ended it between the look above and a move of the node.
                return State(route=FINISH)
            if name == "escalate":
                raise
            log.warning("node stopped", extra={"action": "node_stopped", "node": name})
            return State(route="escalate", reason=f"PatchPilot could not go on: {sentence(error)}")

    return run
