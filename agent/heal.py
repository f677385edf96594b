"""Run a heal until it ends or waits for a person: the one entry to the healing graph.

The journal says where the heal stands, the checkpoint which node comes next; after a kill, a restart or a
person's decision the two may be apart by one step. :func:`advance` looks at both and does what the journal
asks for, so it may be called at any time, any number of times. The caller holds the heal's lease.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.errors import GraphRecursionError
from langgraph.types import Command

from agent.graph import build
from agent.nodes.decide import try_again
from agent.nodes.state import State
from agent.toolbox import HealTools
from patchpilot.errors import PermanentError
from patchpilot.heals import ENDED, WORKING, HealState

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.types import StateSnapshot

__all__ = ["HealTools", "advance", "advance_on", "prepare_checkpoints"]

log = logging.getLogger(__name__)

MAX_NODES = 60
"""Nodes in one run. Far above what the bounded number of candidates needs; langgraph's own limit is 10007."""

_MAX_RUNS = 8
"""Runs of the graph in one call: one, plus one per decision that arrives while it runs."""

_ANSWERS = {
    HealState.OPENING_PR: "approve",
    HealState.PR_OPEN: "approve",
    HealState.REPAIRING: "retry",
} | dict.fromkeys(ENDED, "end")
"""What a waiting graph is told, by the state that the decision has moved the heal to. The state, not the
click, is what counts: it was moved by one conditional update, so there is exactly one answer."""


def advance(tools: HealTools, *, checkpoints: object) -> None:
    """Start, resume or leave alone the graph of ``tools.journal.heal_id``.

    Args:
        tools: what the graph may touch; the journal is open under the heal's lease.
        checkpoints: a ``psycopg_pool.ConnectionPool`` whose connections are in autocommit mode with
            ``dict_row``; the graph's checkpoints are kept there.

    Returns when the heal has ended, waits for a person, or has been handed to the effects role.

    Raises:
        TemporaryError: something outside is away; call again later, the heal goes on where it was.
        LeaseLostError: another worker has the heal now.
    """
    advance_on(tools, _saver(checkpoints))


def prepare_checkpoints(checkpoints: object) -> None:
    """Create or migrate the checkpoint tables; for migration time, by one process."""
    _saver(checkpoints).setup()


def _saver(checkpoints: object) -> PostgresSaver:
    # Without an explicit allow-list the serialiser would rebuild any class a row names (CVE-2025-64439,
    # CVE-2026-28277); our state is JSON values, so nothing beyond langgraph's own safe types is allowed.
    serde = JsonPlusSerializer(pickle_fallback=False, allowed_msgpack_modules=None)
    return PostgresSaver(cast("Any", checkpoints), serde=serde)


def advance_on(tools: HealTools, checkpointer: BaseCheckpointSaver[str]) -> None:
    """What :func:`advance` does, on any checkpointer of langgraph's: in memory, where one process is all."""
    graph = build(tools, checkpointer)
    config: RunnableConfig = {
        "configurable": {"thread_id": str(tools.journal.heal_id)},
        "recursion_limit": MAX_NODES,
    }
    for _ in range(_MAX_RUNS):
        if not _run_once(tools, graph, config):
            return
    message = f"the graph of heal {tools.journal.heal_id} does not come to rest"
    raise PermanentError(message)


def _run_once(
    tools: HealTools, graph: CompiledStateGraph[State, None, State, State], config: RunnableConfig
) -> bool:
    """One run of the graph if the journal asks for it; whether there may be more to do."""
    snapshot = graph.get_state(config)
    if _finished(snapshot):
        if tools.journal.state() is HealState.REPAIRING:
            # A person asked for another try after the graph had ended: it goes on behind ``decide``.
            again = try_again(tools, cast("State", snapshot.values))
            graph.update_state(config, again, as_node="decide")
            return True
        _leave_nothing_behind(tools)
        return False
    asked = _asked_for(tools.journal.state(), snapshot)
    if asked is _NOTHING:
        return False
    try:
        graph.invoke(cast("State | Command[str] | None", asked), config, durability="sync")
    except GraphRecursionError:
        tools.journal.move(
            HealState.ESCALATED,
            reason="PatchPilot went round in circles on this failure and stopped; please take a look.",
        )
    return True


_NOTHING = object()


def _asked_for(state: HealState, snapshot: StateSnapshot) -> object:
    """The input for the next run: a start, an answer, ``None`` to go on after a kill, or nothing at all."""
    if snapshot.created_at is None:
        # A resume on an unknown thread would silently start a new run, so starting is said outright.
        return State(route="ingest") if state in WORKING else _NOTHING
    if snapshot.interrupts:
        answer = _ANSWERS.get(state)
        return _NOTHING if answer is None else Command(resume=answer)
    return _NOTHING if state in ENDED else None


def _finished(snapshot: StateSnapshot) -> bool:
    return snapshot.created_at is not None and not snapshot.next


def _leave_nothing_behind(tools: HealTools) -> None:
    """A graph that has ended leaves no heal that looks as if it were at work."""
    state = tools.journal.state()
    if state in WORKING:
        log.error("graph ended in a working state", extra={"action": "heal_stuck", "state": state.value})
        tools.journal.move(
            HealState.ESCALATED, reason="PatchPilot stopped without a verdict; please take a look yourself."
        )
