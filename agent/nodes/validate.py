"""Prove the candidate, or send it back: guard, failing command green every time, suite no worse."""

from __future__ import annotations

from agent.checkout import bench_spec
from agent.confidence import confidence
from agent.guard.case import MAX_CHANGED_LINES
from agent.guard.inspection import inspect
from agent.nodes.state import (
    State,
    candidate_from_state,
    enter,
    plan_from_state,
    result_from_state,
)
from agent.proof import prove
from agent.toolbox import HealTools
from patchpilot.errors import NotFoundError, PermanentError, UnsafePathError
from patchpilot.fixes import Candidate, Fix, GaveUp, GuardFinding, Proof, Severity
from patchpilot.heals import HealState
from patchpilot.ports import Workbench
from patchpilot.text import one_line

_MAX_TOOL_LINES = 4_000
"""A formatter may touch many lines and is still read in a glance; anybody else's patch may not."""

_MAX_TEST_FILES = 5

_PROPOSED = frozenset({HealState.AWAITING_APPROVAL, HealState.OPENING_PR, HealState.PR_OPEN})


def validate(tools: HealTools, state: State) -> State:
    """Propose the candidate with its proof, or go back for the next one."""
    candidate = candidate_from_state(state["candidate"])
    if _is_proposed(tools, candidate):
        # Killed between proposing and the checkpoint: people have the card already.
        return State(route="decide")
    enter(tools, HealState.VALIDATING)
    plan = plan_from_state(state["evidence"]["plan"])
    with (
        tools.journal.step(f"validate: {candidate.author}", f"Proving the patch by {candidate.author}"),
        tools.workbenches.open(bench_spec(tools, plan)) as bench,
    ):
        findings = _inspected(tools, state["candidate"]["key"], candidate, bench)
        objection = _objection(findings, may_ask_a_person=state.get("held") == state["candidate"])
        if objection:
            return _send_back(state, candidate, objection, findings)
        proof = prove(
            tools,
            bench,
            patch=candidate.patch,
            plan=plan,
            before=result_from_state(state["evidence"]["before"]),
        )
    if isinstance(proof, GaveUp):
        return _send_back(state, candidate, proof.reason, ())
    _propose(tools, state, candidate, proof, findings)
    return State(route="decide")


def _is_proposed(tools: HealTools, candidate: Candidate) -> bool:
    if tools.journal.state() not in _PROPOSED:
        return False
    fix = tools.journal.fix()
    return fix is not None and fix.patch.sha256 == candidate.patch.sha256


def _inspected(
    tools: HealTools, key: str, candidate: Candidate, bench: Workbench
) -> tuple[GuardFinding, ...]:
    def read_base(path: str) -> str | None:
        try:
            return bench.read_text(path)
        except (NotFoundError, UnsafePathError, UnicodeDecodeError):
            return None

    failure = tools.journal.distilled()
    paths = dict.fromkeys(test.split("::")[0] for test in (failure.tests if failure else ()))
    tests = [text for path in list(paths)[:_MAX_TEST_FILES] if (text := read_base(path)) is not None]
    most = _MAX_TOOL_LINES if key.startswith("fixer:") else MAX_CHANGED_LINES
    try:
        return inspect(candidate.patch, read_base=read_base, failing_tests=tests, max_changed_lines=most)
    except PermanentError as error:
        return (GuardFinding(rule="diff", path="", line=0, message=str(error), severity=Severity.REFUSE),)


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
    refused = [*(state.get("refused") or []), f"{candidate.author}: {one_line(objection, 300)}"]
    back = State(route="generate", refused=refused)
    can_be_overridden = findings and all(finding.severity is not Severity.REFUSE for finding in findings)
    if can_be_overridden and not state.get("held"):
        back["held"] = state["candidate"]
    return back


def _propose(
    tools: HealTools, state: State, candidate: Candidate, proof: Proof, findings: tuple[GuardFinding, ...]
) -> None:
    key = state["candidate"]["key"]
    tools.journal.propose(
        Fix(
            patch=candidate.patch,
            author=candidate.author,
            summary=one_line(tools.redact(candidate.summary), 200),
            proof=proof,
            findings=findings,
            confidence=confidence(patch=candidate.patch, key=key, proof=proof, findings=findings),
        )
    )
