"""Reproduce the failure, then get the next candidate that has not had its turn."""

from __future__ import annotations

from dataclasses import replace

from agent.blame import blame
from agent.chance import in_percent
from agent.checkout import bench_spec, checked_out
from agent.nodes.diagnose import why_diagnose_only
from agent.nodes.state import (
    FINISH,
    State,
    candidate_to_state,
    enter,
    plan_from_state,
    plan_to_state,
    presentable,
    result_from_state,
    result_to_state,
)
from agent.reproduction import Flakes, NotReproduced, Reproduced, reproduce
from agent.reruns import end_with_rerun
from agent.sources import Sources, first_candidate
from agent.toolbox import HealTools
from patchpilot.errors import NotFoundError
from patchpilot.failures import Category, DistilledFailure
from patchpilot.fixes import GaveUp, ReplayPlan
from patchpilot.heals import HealState


def generate(tools: HealTools, state: State) -> State:
    """Nothing is proposed for a failure that was not seen here first."""
    enter(tools, HealState.REPAIRING)
    failure = tools.journal.distilled()
    reason = (
        "The failed job's log was never read; run the job again."
        if failure is None
        else why_diagnose_only(tools)
    )
    if failure is None or reason:
        return State(route="escalate", reason=reason)
    evidence = state.get("evidence") or {}
    seen = _seen_before(evidence) if evidence else _reproduce(tools, state, failure)
    match seen:
        case NotReproduced(reason=why):
            return State(route="escalate", reason=why)
        case Flakes():
            return _flaky(tools, seen)
        case Reproduced():
            return _next_candidate(tools, state, failure, seen)


def _reproduce(
    tools: HealTools, state: State, failure: DistilledFailure
) -> Reproduced | Flakes | NotReproduced:
    """See it fail, and find out whose fault it is before anybody mends it."""
    with tools.journal.step("reproduce", "Reproducing the failure in a sandbox"):
        seen = _seen(tools, state, failure)
    blame(tools, failure, seen)
    if isinstance(seen, Reproduced):
        return replace(seen, before=presentable(tools, seen.before))
    return seen


def _seen(tools: HealTools, state: State, failure: DistilledFailure) -> Reproduced | Flakes | NotReproduced:
    try:
        plan = _plan(tools, state)
        spec = bench_spec(tools, plan)
    except NotFoundError as error:
        return NotReproduced(f"PatchPilot could not go on: {error}.")
    with tools.workbenches.open(spec) as bench:
        return reproduce(tools, bench, failure=failure, plan=plan)


def _plan(tools: HealTools, state: State) -> ReplayPlan | GaveUp:
    record = tools.journal.failure()
    wanted = state.get("job_id")
    job = next((job for job in tools.ci.jobs(record.run) if job.id == wanted), None)
    if job is None:
        raise NotFoundError(f"the failed job {wanted!r} is not part of the run any more; run it again")
    return tools.ci.replay(checked_out(tools), workflow_path=record.workflow_path, job=job)


def _seen_before(evidence: dict[str, str]) -> Reproduced:
    return Reproduced(plan=plan_from_state(evidence["plan"]), before=result_from_state(evidence["before"]))


def _flaky(tools: HealTools, seen: Flakes) -> State:
    """A verdict, not a patch: a retry or a sleep would only hide it."""
    chance = in_percent(seen.runs - seen.passed, seen.runs)
    reason = (
        f"Flaky: the same command at the same commit passed {seen.passed} of {seen.runs} times in the "
        f"sandbox, so it fails in {chance} of runs (95 % interval). PatchPilot does not patch a flaky test; "
        "run the job again, and have somebody make the test independent of chance."
    )
    end_with_rerun(tools, HealState.FLAKY, reason=reason, category=Category.FLAKY)
    return State(route=FINISH)


def _next_candidate(tools: HealTools, state: State, failure: DistilledFailure, seen: Reproduced) -> State:
    tried, refused = list(state.get("tried") or []), list(state.get("refused") or [])
    current = State(**{**state, "refused": refused})
    sources = Sources(tools=tools, state=current, failure=failure, reproduced=seen)
    with tools.workbenches.open(bench_spec(tools, seen.plan)) as bench:
        found = first_candidate(sources, bench, tried=tried, refused=refused)
    known = State(
        evidence={"plan": plan_to_state(seen.plan), "before": result_to_state(seen.before)},
        tried=tried,
        refused=refused,
    )
    if found is not None:
        source, candidate = found
        return known | State(route="validate", candidate=candidate_to_state(candidate, key=source.key))
    held = state.get("held") or {}
    if held and state.get("candidate") != held:
        return known | State(route="validate", candidate=held)
    return known | State(route="escalate", reason=_nothing_left(tools))


def _nothing_left(tools: HealTools) -> str:
    # After a retry a proven fix was there and was turned down; what is missing is another one.
    other = "other " if tools.journal.hints() else ""
    text = f"PatchPilot reproduced the failure but found no {other}fix that it can prove."
    if tools.model is None:
        text += (
            " Without a model key (ANTHROPIC_API_KEY) it heals only by the repository's own tools and memory."
        )
    return text
