"""Find out why it failed, and whether a patch may be tried at all."""

from __future__ import annotations

from dataclasses import replace

from agent.blame import nothing_run
from agent.nodes.state import FINISH, State, enter
from agent.quotes import invented
from agent.reruns import end_with_rerun
from agent.rules import NO_PATCH, WHAT_TO_DO, by_rules
from agent.toolbox import HealTools
from patchpilot.errors import ModelRefusedError, NotFoundError, PermanentError, TemporaryError
from patchpilot.failures import Blame, Category, Diagnosis, DistilledFailure
from patchpilot.heals import HealState
from patchpilot.policy import Mode
from patchpilot.ports import Brief, Model
from patchpilot.source import Commit
from patchpilot.text import one_line, sentence

_NAMED_JOBS = 5


def diagnose(tools: HealTools, state: State) -> State:
    """Diagnose by rules and, where there is a model, by the model; stop what no patch can cure."""
    enter(tools, HealState.DIAGNOSING)
    failure = tools.journal.distilled()
    if failure is None:
        return State(route="escalate", reason="The failed job's log was never read; run the job again.")
    with tools.journal.step("diagnose", "Finding the cause"):
        diagnosis = _with_notes(_diagnosis(tools, failure, head_commit(tools)), state)
        infrastructure = _is_infrastructure(failure, diagnosis)
        reason = why_diagnose_only(tools)
        if infrastructure:
            diagnosis = replace(diagnosis, blame=Blame.INFRASTRUCTURE)
        elif reason:
            diagnosis = nothing_run(diagnosis, reason)
        tools.journal.diagnosed(diagnosis)
    if infrastructure:
        return _no_patch(tools, failure, diagnosis)
    return State(route="escalate", reason=reason) if reason else State(route="retrieve")


def why_diagnose_only(tools: HealTools) -> str:
    """Why nothing of this failure may be run here; empty where it may."""
    if tools.journal.failure().from_fork:
        return (
            "The change comes from a fork, so PatchPilot only diagnoses it: code from a fork is neither run "
            "nor patched here."
        )
    if tools.policy.mode is Mode.DIAGNOSE:
        return f"The policy of this repository is to diagnose only ({tools.policy.source})."
    if tools.workbenches.engine == "none":
        return f"PatchPilot only diagnoses on this machine: {tools.workbenches.reason}"
    return ""


def head_commit(tools: HealTools) -> Commit | None:
    """The commit that failed; ``None`` if it has gone since, for instance by a forced push."""
    record = tools.journal.failure()
    try:
        return tools.host.commit(record.run.repo, record.head_sha)
    except NotFoundError:
        return None


def _with_notes(diagnosis: Diagnosis, state: State) -> Diagnosis:
    """One failed job is healed at a time; people are told of the others."""
    others = state.get("other_jobs") or []
    if not others:
        return diagnosis
    more = f" and {len(others) - _NAMED_JOBS} more" if len(others) > _NAMED_JOBS else ""
    note = f"Other jobs failed too: {', '.join(others[:_NAMED_JOBS])}{more}. This is about the first one."
    return replace(diagnosis, notes=(*diagnosis.notes, note))


def _diagnosis(tools: HealTools, failure: DistilledFailure, commit: Commit | None) -> Diagnosis:
    uncommitted = tools.journal.failure().uncommitted
    if tools.model is None:
        note = "No model key is set, so this diagnosis comes from rules alone."
        return by_rules(failure, commit, notes=(note,), uncommitted=uncommitted)
    rules = by_rules(failure, commit, uncommitted=uncommitted)
    try:
        return _by_model(tools, tools.model, failure, commit, rules)
    except TemporaryError:
        # The rules and the fixers need no model, so an outage there need not hold this heal up.
        why = f"{tools.model.name} could not be reached"
    except PermanentError as error:  # refused, cut off, over budget, key not accepted: each says so itself
        why = str(error)
    return replace(
        rules, notes=(*rules.notes, f"This diagnosis comes from rules alone: {sentence(one_line(why, 200))}")
    )


def _by_model(
    tools: HealTools, model: Model, failure: DistilledFailure, commit: Commit | None, rules: Diagnosis
) -> Diagnosis:
    record = tools.journal.failure()
    brief = Brief(
        repo=record.run.repo,
        branch=record.branch,
        failure=failure,
        commit=commit
        and replace(commit, diff=tools.redact(commit.diff), message=tools.redact(commit.message)),
        hints=tools.journal.hints(),
        diagnosis=rules,
    )
    diagnosis = model.diagnose(brief, budget=tools.journal.budget()).diagnosis
    quotes = [line.text for line in diagnosis.evidence]
    sources = [
        failure.text,
        *(line.text for line in failure.evidence),
        brief.commit.diff if brief.commit else "",
    ]
    if invented(quotes, *sources):
        raise ModelRefusedError(f"{model.name} quoted evidence that is not there")
    return replace(diagnosis, notes=(*rules.notes, *diagnosis.notes))


def _is_infrastructure(failure: DistilledFailure, diagnosis: Diagnosis) -> bool:
    """A model may say so only where the log itself does not say otherwise."""
    if failure.category in NO_PATCH:
        return True
    return failure.category is Category.UNKNOWN and diagnosis.category in NO_PATCH


def _no_patch(tools: HealTools, failure: DistilledFailure, diagnosis: Diagnosis) -> State:
    category = failure.category if failure.category in NO_PATCH else diagnosis.category
    cause = one_line(diagnosis.root_cause, 200)
    reason = f"{cause} No patch can cure this. {WHAT_TO_DO[category]}"
    end_with_rerun(tools, HealState.INFRASTRUCTURE, reason=reason, category=category)
    return State(route=FINISH)
