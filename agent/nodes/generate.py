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
    proven_from_state,
    result_from_state,
    result_to_state,
)
from agent.nodes.validate import inspected
from agent.reproduction import Flakes, NotReproduced, Reproduced, reproduce
from agent.reruns import end_with_rerun
from agent.sources import MODEL, SENT_BACK, Source, Sources, Turns
from agent.toolbox import HealTools
from patchpilot.errors import NotFoundError
from patchpilot.failures import Category, DistilledFailure
from patchpilot.fixes import Candidate, GaveUp, Patch, ReplayPlan, Severity
from patchpilot.heals import HealState
from patchpilot.ports import Workbench
from patchpilot.text import one_line, sentence

_MOST_REASONS = 3
"""How many of the latest reasons why nothing else came are told."""


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
    if not state.get("job_id"):
        state = State(**{**state, "job_id": _first_failed(tools)})
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
    blame(tools, failure, seen, moved=state.get("moved", False))
    if isinstance(seen, Reproduced):
        return replace(seen, before=presentable(tools, seen.before))
    return seen


def _seen(tools: HealTools, state: State, failure: DistilledFailure) -> Reproduced | Flakes | NotReproduced:
    try:
        plan = _plan(tools, state, failure)
        spec = bench_spec(tools, plan)
    except NotFoundError as error:
        return NotReproduced(f"PatchPilot could not go on: {sentence(error)}")
    with tools.workbenches.open(spec) as bench:
        return reproduce(tools, bench, failure=failure, plan=plan)


def _plan(tools: HealTools, state: State, failure: DistilledFailure) -> ReplayPlan | GaveUp:
    record = tools.journal.failure()
    wanted = state.get("job_id")
    job = next((job for job in tools.ci.jobs(record.run) if job.id == wanted), None)
    if job is None:
        raise NotFoundError(f"the failed job {wanted!r} is not part of the run any more; run it again")
    return tools.ci.replay(checked_out(tools), workflow_path=record.workflow_path, job=job, failure=failure)


def _first_failed(tools: HealTools) -> str:
    """The failed job of the run that a re-test is about; its log was read when that run was reported."""
    return next((job.id for job in tools.ci.jobs(tools.journal.failure().run) if job.failed), "")


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
    turns = Turns(tried=list(state.get("tried") or []), refused=list(state.get("refused") or []))
    current = State(**{**state, "refused": turns.refused})
    sources = Sources(tools=tools, state=current, failure=failure, reproduced=seen)
    with tools.workbenches.open(bench_spec(tools, seen.plan)) as bench:
        found = turns.first_candidate(sources, bench)
        worth_showing = _worth_showing(tools, turns.partial, bench)
    known = State(
        job_id=state["job_id"],
        evidence={"plan": plan_to_state(seen.plan), "before": result_to_state(seen.before)},
        tried=turns.tried,
        refused=turns.refused,
    )
    if worth_showing:
        known["partial"] = turns.partial
    if found is not None:
        source, candidate = found
        as_candidate = _as_candidate(source, candidate)
        if turns.stopped:
            as_candidate |= {"stopped": turns.stopped}
        return known | State(route="validate", candidate=as_candidate)
    if state.get("proven"):
        # Nothing smaller turned up, or the money for it ran out: the one that is proven is proposed.
        return known | State(route="validate", candidate=proven_from_state(state["proven"])[0])
    held = state.get("held") or {}
    if held and not state.get("asking"):
        return known | State(route="validate", candidate=held, asking=True)
    back = _sent_back(state, turns)
    if back:
        tools.journal.note(tools.redact(_asked_again(turns)), key=SENT_BACK)
        return known | State(route="validate", candidate=back, tried=[*turns.tried, SENT_BACK])
    return known | State(route="escalate", reason=_nothing_left(tools, state))


def _sent_back(state: State, turns: Turns) -> dict[str, str]:
    """The proven proposal that a person sent back, once in an attempt that found no other: else it would be
    lost with the wish for a better one."""
    turned_down = state.get("turned_down") or {}
    if "sent_back" not in turned_down or SENT_BACK in turns.tried:
        return {}
    return {key: value for key, value in turned_down.items() if key != "sent_back"}


def _asked_again(turns: Turns) -> str:
    text = "No other fix proves itself: the one that was sent back is proven anew and asked about again."
    # The first reason is that it was sent back.
    tried = "; ".join(one_line(reason, 220).rstrip(".") for reason in turns.refused[1:][-_MOST_REASONS:])
    return f"{text} Tried: {tried}." if tried else text


def _as_candidate(source: Source, candidate: Candidate) -> dict[str, str]:
    if not source.of:
        return candidate_to_state(candidate, key=source.key)
    return candidate_to_state(candidate, key=source.of) | {"again": "yes"}


def _worth_showing(tools: HealTools, partial: dict[str, str], bench: Workbench) -> bool:
    """People are shown an unproven change only if the guard would not refuse it."""
    if not partial:
        return False
    bench.reset()
    candidate = Candidate(patch=Patch(partial["diff"]), author=partial["author"], summary="")
    findings = inspected(tools, MODEL, candidate, bench)
    return all(finding.severity is not Severity.REFUSE for finding in findings)


def _nothing_left(tools: HealTools, state: State) -> str:
    # After a retry a proven fix was there and was turned down; what is missing is another one.
    other = "other " if state.get("turned_down") else ""
    text = f"PatchPilot reproduced the failure but found no {other}fix that it can prove."
    if tools.model is None:
        text += (
            " Without a model key (ANTHROPIC_API_KEY) it heals only by the repository's own tools and memory."
        )
    return text
