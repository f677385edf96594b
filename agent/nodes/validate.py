"""Prove the candidate, or send it back: guard, failing command green every time, suite no worse."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from agent.checkout import bench_spec
from agent.confidence import score, weighed
from agent.guard.case import MAX_CHANGED_LINES
from agent.guard.inspection import inspect
from agent.guard.places import is_test
from agent.nodes.state import (
    State,
    candidate_from_state,
    enter,
    plan_from_state,
    proven_from_state,
    proven_to_state,
    result_from_state,
)
from agent.proof import prove
from agent.sources import MODEL, SENT_BACK, no_longer
from agent.toolbox import HealTools
from patchpilot.errors import PermanentError
from patchpilot.failures import DistilledFailure
from patchpilot.fixes import Candidate, Fix, GaveUp, GuardFinding, Proof, Severity, made_by
from patchpilot.heals import HealState
from patchpilot.ports import Workbench
from patchpilot.text import one_line, sentence

_MAX_TOOL_LINES = 4_000
"""A formatter may touch many lines and is still read in a glance; anybody else's patch may not."""

_MAX_TEST_FILES = 5
_MAX_PLACES = 40
"""Names that are tried for files: ids of tests without a path name none."""

_MOST_NOTES = 5
"""How much of what the sandbox leaves out of a job is told."""

_SMALL_ENOUGH = 40
"""Changed lines up to which a proven patch is proposed at once; a larger one competes first."""

_PROPOSED = frozenset({HealState.AWAITING_APPROVAL, HealState.OPENING_PR, HealState.PR_OPEN})


def validate(tools: HealTools, state: State) -> State:
    """Propose the candidate with its proof, or go back for the next one."""
    candidate = candidate_from_state(state["candidate"])
    if _is_proposed(tools, candidate):
        # Killed between proposing and the checkpoint: people have the card already.
        return State(route="decide")
    enter(tools, HealState.VALIDATING)
    best = _proven_before(state)
    if best is not None and best.patch == candidate.patch:
        tools.journal.propose(best)
        return State(route="decide")
    plan = plan_from_state(state["evidence"]["plan"])
    with (
        tools.journal.step(
            f"validate: {candidate.author}", f"Proving the patch by {made_by(candidate.author)}"
        ),
        tools.workbenches.open(bench_spec(tools, plan)) as bench,
    ):
        findings = inspected(tools, state["candidate"]["key"], candidate, bench)
        # What people have been asked about before, they may be asked about again.
        asks = _was_asked_about(state) or state.get("held") == state["candidate"]
        objection = _objection(findings, may_ask_a_person=asks)
        if objection:
            _tell_if_retested(tools, state, objection)
            return _send_back(state, candidate, objection, findings)
        proof = prove(
            tools,
            bench,
            patch=candidate.patch,
            plan=plan,
            before=result_from_state(state["evidence"]["before"]),
        )
    if isinstance(proof, GaveUp):
        _tell_if_retested(tools, state, proof.reason)
        return _unproven(state, candidate, proof.reason)
    fix = _fix(tools, state, candidate, proof, findings)
    if best is None or burden(fix) < burden(best):
        best, state = fix, State(**{**state, "proven": proven_to_state(state["candidate"], fix)})
    if _may_be_bettered(tools, state, best):
        return _look_for_a_smaller(state, best)
    tools.journal.propose(best)
    return State(route="decide", candidate=proven_from_state(state["proven"])[0])


def _was_asked_about(state: State) -> bool:
    return _is_retested(state) or SENT_BACK in (state.get("tried") or [])


def _is_retested(state: State) -> bool:
    return "again" in state["candidate"]


def _tell_if_retested(tools: HealTools, state: State, why: str) -> None:
    if _is_retested(state):
        no_longer(tools, why)


def burden(fix: Fix) -> tuple[int, int]:
    """How much a proven fix asks of whoever reads it: what the guard holds against it, then changed lines."""
    weights = {Severity.OVERRIDE: 100, Severity.NOTE: 1}
    return (
        sum(weights.get(finding.severity, 0) for finding in fix.findings),
        fix.patch.added + fix.patch.removed,
    )


def _proven_before(state: State) -> Fix | None:
    stored = state.get("proven")
    return proven_from_state(stored)[1] if stored else None


def _may_be_bettered(tools: HealTools, state: State, fix: Fix) -> bool:
    """A proven patch of a guess, large or with findings, competes with what the model makes of it."""
    tried = state.get("tried") or []
    guessed = state["candidate"]["key"].startswith((MODEL, "similar:"))
    tries_left = sum(key.startswith(MODEL) for key in tried) < tools.settings.repair_candidates
    findings, lines = burden(fix)
    if _was_asked_about(state):
        return False
    return guessed and tools.model is not None and tries_left and bool(findings or lines > _SMALL_ENOUGH)


def _look_for_a_smaller(state: State, best: Fix) -> State:
    findings, lines = burden(best)
    held = f" and the guard notes: {one_line(best.findings[0].message, 120)}" if findings else ""
    why = (
        f"{made_by(best.author)}: a candidate is proven, but it changes {lines} lines{held}; only a smaller "
        "one that touches no more than the cause needs is wanted now"
    )
    return State(route="generate", refused=[*(state.get("refused") or []), why], proven=state["proven"])


def _is_proposed(tools: HealTools, candidate: Candidate) -> bool:
    if tools.journal.state() not in _PROPOSED:
        return False
    fix = tools.journal.fix()
    return fix is not None and fix.patch.sha256 == candidate.patch.sha256


def inspected(tools: HealTools, key: str, candidate: Candidate, bench: Workbench) -> tuple[GuardFinding, ...]:
    """What the patch guard says about ``candidate``; ``bench`` has the failing commit, unchanged."""

    def read_base(path: str) -> str | None:
        try:
            return bench.read_text(path)
        except (PermanentError, UnicodeDecodeError):  # not there, not safe, or not text
            return None

    failure = tools.journal.distilled()
    texts = (read_base(path) for path in _test_files(failure))
    tests = list(islice((text for text in texts if text is not None), _MAX_TEST_FILES))
    most = _MAX_TOOL_LINES if key.startswith("fixer:") else MAX_CHANGED_LINES
    try:
        return inspect(candidate.patch, read_base=read_base, failing_tests=tests, max_changed_lines=most)
    except PermanentError as error:
        return (GuardFinding(rule="diff", path="", line=0, message=str(error), severity=Severity.REFUSE),)


def _test_files(failure: DistilledFailure | None) -> Iterator[str]:
    """Where the failing tests stand: their ids say it in some languages, in others only the log does."""
    if failure is None:
        return
    named = dict.fromkeys(test.split("::")[0] for test in failure.tests)
    seen = dict.fromkeys(place.path for place in failure.files if is_test(place.path))
    yield from list({**named, **seen})[:_MAX_PLACES]


def _objection(findings: tuple[GuardFinding, ...], *, may_ask_a_person: bool) -> str:
    for finding in findings:
        asks = finding.severity is Severity.OVERRIDE and not may_ask_a_person
        if finding.severity is Severity.REFUSE or asks:
            place = f"{finding.path}:{finding.line}, rule {finding.rule}"
            return f"the patch guard refused it: {finding.message} ({place})"
    return ""


def _send_back(
    state: State, candidate: Candidate, objection: str, findings: tuple[GuardFinding, ...]
) -> State:
    refused = [*(state.get("refused") or []), f"{made_by(candidate.author)}: {one_line(objection, 300)}"]
    back = State(route="generate", refused=refused)
    can_be_overridden = findings and all(finding.severity is not Severity.REFUSE for finding in findings)
    if can_be_overridden and not state.get("held"):
        back["held"] = state["candidate"]
        # Else, where it is the last of all, it would look as if it had been tried with a person's word.
        back["candidate"] = {}
    return back


def _unproven(state: State, candidate: Candidate, why: str) -> State:
    """Back for the next one, with a change that people may see if nothing better comes."""
    back = _send_back(state, candidate, why, ())
    if state["candidate"]["key"].startswith(MODEL):
        why = " ".join(sentence(one) for one in (state["candidate"].get("stopped", ""), why) if one)
        back["partial"] = {"diff": candidate.patch.diff, "author": candidate.author, "why": why}
    return back


def _fix(
    tools: HealTools, state: State, candidate: Candidate, proof: Proof, findings: tuple[GuardFinding, ...]
) -> Fix:
    key = state["candidate"]["key"]
    plan = plan_from_state(state["evidence"]["plan"])
    facts = weighed(patch=candidate.patch, key=key, proof=proof, findings=findings)
    return Fix(
        patch=candidate.patch,
        author=candidate.author,
        summary=one_line(tools.redact(candidate.summary), 200),
        proof=proof,
        findings=findings,
        confidence=tools.calibration(score(facts)),
        score=score(facts),
        facts=facts,
        left_out=tuple(
            one_line(tools.redact(note), 200)
            for note in (*plan.left_out, *plan.uninstalled, *plan.notes)[:_MOST_NOTES]
        ),
    )
