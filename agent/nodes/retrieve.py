"""Look for past fixes of the same cause."""

from __future__ import annotations

from agent.nodes.state import State
from agent.toolbox import HealTools
from patchpilot.fixes import SIMILAR_ENOUGH, PastFix

_RECALLED = 5


def retrieve(tools: HealTools, state: State) -> State:  # noqa: ARG001 - every node has the same signature
    """Remember references only: the patches stay in the memory and are looked up when they are tried."""
    with tools.journal.step("retrieve", "Looking for past fixes of the same cause"):
        found = recall(tools)
    return State(
        route="generate", past=[reference(past) for past in found if past.similarity >= SIMILAR_ENOUGH]
    )


def recall(tools: HealTools) -> list[PastFix]:
    """The closest past cases of this repository, best first."""
    failure = tools.journal.distilled()
    if failure is None:
        return []
    return tools.memory.recall(tools.journal.failure().run.repo, failure, k=_RECALLED)


def reference(past: PastFix) -> str:
    """Names one remembered patch, as :attr:`agent.nodes.state.State.past` holds it."""
    return f"{past.incident}:{past.patch.sha256}"
