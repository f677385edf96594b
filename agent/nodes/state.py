"""What the graph carries from node to node: references and small JSON values only.

Values people see (the distilled log, the diagnosis, the fix) live in the journal. Strings are written into
every checkpoint again but containers only when they change, so longer texts sit in a dict.
"""

from __future__ import annotations

from typing import Final, TypedDict

from pydantic import TypeAdapter

from agent.counting import counts_in
from agent.toolbox import HealTools
from patchpilot.errors import PermanentError
from patchpilot.fixes import Candidate, CommandResult, Fix, Patch, ReplayPlan
from patchpilot.heals import ENDED, HealState, allowed
from patchpilot.text import middle

FINISH: Final = "finish"
"""The route that ends the graph: whatever there was to say is in the journal."""

_WORKING_ORDER = (
    HealState.QUEUED,
    HealState.INGESTING,
    HealState.DIAGNOSING,
    HealState.REPAIRING,
    HealState.VALIDATING,
)

OUTPUT_CHARACTERS = 12_000
"""How much of a command's output is kept as evidence: its head and, mostly, its tail."""


class State(TypedDict, total=False):
    """The graph's channels. A node returns only those it changes."""

    route: str
    """Name of the node to run next, or :data:`FINISH`."""
    job_id: str
    """The failed job, as the CI provider names it."""
    other_jobs: list[str]
    """Names of the jobs that failed beside it."""
    reason: str
    """Why the heal goes to people; read by ``escalate``."""
    past: list[str]
    """Remembered fixes worth trying, as ``incident:patch hash``."""
    tried: list[str]
    """Sources of candidates that have had their turn in this attempt."""
    refused: list[str]
    """Why earlier candidates were not good enough, for people and for the model."""
    evidence: dict[str, str]
    """What reproducing the failure showed: ``plan`` and ``before`` as JSON; empty until it was."""
    candidate: dict[str, str]
    """The patch that is to be validated: ``diff``, ``author``, ``summary`` and the ``key`` of its source."""
    again: dict[str, str]
    """In an attempt that a re-test has begun: the proposal that is tested anew before all else."""
    moved: bool
    """A re-test has moved the heal to a later commit than the one that it began with."""
    held: dict[str, str]
    """A candidate with guard findings that only a named person may override, kept in case that no clean one
    turns up."""
    asking: bool
    """The held candidate has had its second turn: no clean one turned up, so a person is asked."""
    proven: dict[str, str]
    """The best candidate that has proven itself, with its ``fix`` as JSON, while a smaller one is sought."""
    partial: dict[str, str]
    """The latest change that came to no proof: ``diff``, ``author``, ``why``; shown if nothing better is."""
    turned_down: dict[str, str]
    """The latest proposal that people or its own CI sent back, as ``candidate``; with ``sent_back`` if a
    person asked for another one: where there is none, it waits for them again."""


class StoppedError(PermanentError):
    """Somebody ended the heal while a node was at work; there is nothing left to do."""


def enter(tools: HealTools, state: HealState) -> None:
    """Move the heal forward to ``state``; a heal that is already further stays where it is.

    A node that runs again after a kill, or a retry that starts over from the log, finds the heal further
    than the node's own state: moving back is not in the table, and people have seen the later state.
    """
    current = tools.journal.state()
    if current in ENDED:
        raise StoppedError(f"the heal is {current.value} already")
    if current not in _WORKING_ORDER:
        return
    if current is state or allowed(current, state):
        tools.journal.move(state)
        return
    for step in _WORKING_ORDER[_WORKING_ORDER.index(current) + 1 : _WORKING_ORDER.index(state) + 1]:
        tools.journal.move(step)


def candidate_to_state(candidate: Candidate, *, key: str) -> dict[str, str]:
    """The candidate as plain strings; ``key`` names the source whose turn it was."""
    return {
        "key": key,
        "diff": candidate.patch.diff,
        "author": candidate.author,
        "summary": candidate.summary,
    }


def candidate_from_state(values: dict[str, str]) -> Candidate:
    """The candidate that :func:`candidate_to_state` stored."""
    return Candidate(patch=Patch(values["diff"]), author=values["author"], summary=values["summary"])


_FIX: TypeAdapter[Fix] = TypeAdapter(Fix)
_PLAN: TypeAdapter[ReplayPlan] = TypeAdapter(ReplayPlan)
_RESULT: TypeAdapter[CommandResult] = TypeAdapter(CommandResult)


def proven_to_state(candidate: dict[str, str], fix: Fix) -> dict[str, str]:
    """A candidate of the state together with the proof of it."""
    return {**candidate, "fix": _FIX.dump_json(fix).decode()}


def proven_from_state(values: dict[str, str]) -> tuple[dict[str, str], Fix]:
    """The candidate and the fix that :func:`proven_to_state` stored."""
    candidate = {key: value for key, value in values.items() if key != "fix"}
    return candidate, _FIX.validate_json(values["fix"])


def plan_to_state(plan: ReplayPlan) -> str:
    """The plan as JSON."""
    return _PLAN.dump_json(plan).decode()


def plan_from_state(text: str) -> ReplayPlan:
    """The plan that :func:`plan_to_state` stored."""
    return _PLAN.validate_json(text)


def result_to_state(result: CommandResult) -> str:
    """The result as JSON; the output has been cut by :func:`presentable`."""
    return _RESULT.dump_json(result).decode()


def result_from_state(text: str) -> CommandResult:
    """The result that :func:`result_to_state` stored."""
    return _RESULT.validate_json(text)


def presentable(tools: HealTools, result: CommandResult) -> CommandResult:
    """The result with its output redacted and cut to what a card, a pull request or a checkpoint takes."""
    return CommandResult(
        command=result.command,
        ending=result.ending,
        exit_code=result.exit_code,
        output=middle(tools.redact(result.output), OUTPUT_CHARACTERS),
        seconds=round(result.seconds, 3),
        truncated=result.truncated,
        engine=result.engine,
        image=result.image,
        stopped_at=result.stopped_at,
        # Read before the output is cut: the totals stand anywhere.
        counts=result.counts or counts_in(result.output),
    )
