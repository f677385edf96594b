"""Whose fault is it? Looked up before any patch is tried, and put on record with the diagnosis.

Three looks: does the failing command fail again at the same commit, does it fail at the base commit too, and
did the change in between touch what failed. The first two decide, the third is told to people. What the
rules or a model thought before is replaced: they propose, what was seen decides.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from agent.bases import Base, base_of
from agent.chance import in_percent
from agent.checkout import bench_spec, checked_out
from agent.distil import distil
from agent.distil.fingerprint import normalised
from agent.likeness import same_failure
from agent.own_modules import own_import
from agent.reproduction import Flakes, NotReproduced, Reproduced, not_about_the_code
from agent.rules import TOUCHED, names_files, touched
from agent.toolbox import HealTools
from patchpilot.errors import PermanentError
from patchpilot.failures import (
    BASE_COMMIT,
    SAME_COMMIT,
    SUSPECT_CHANGE,
    Blame,
    BlameCheck,
    Category,
    CheckVerdict,
    Diagnosis,
    DistilledFailure,
)
from patchpilot.fixes import GaveUp
from patchpilot.text import one_line, sentence

V = CheckVerdict
_CLEARED: Final = " touched what failed, which was red without it as well."
_LEAST_SECONDS: Final = 60.0
_TIMES_AS_LONG: Final = 4.0
"""The base commit gets this many times the seconds of the failing one, at least a minute: it is one look, and
must not hold a repair up for as long as a command may run at all."""

_NO_REASON: Final = re.compile(r"-->|Found \d|\S+:\d+(?::\d+)?:?$")
"""A place, or a count, alone: two failures of one file share them whatever they are about."""

_NAMED: Final = 3
"""How many files or tests a sentence names."""


def blame(
    tools: HealTools,
    failure: DistilledFailure,
    seen: Reproduced | Flakes | NotReproduced,
    *,
    moved: bool = False,
) -> None:
    """Look, judge, and put the verdict on record. Doing it twice gives the same record.

    The base commit is only looked at for a failure that was reproduced, and only once per heal: a retry is
    about the same two commits. Where a re-test has ``moved`` the heal to a later commit, what was found out
    about the change that it began with stands: it did not come with what was pushed since.
    """
    with tools.journal.step("blame", "Finding out whose fault it is"):
        diagnosis = tools.journal.diagnosis()
        if diagnosis is None:
            return
        if isinstance(seen, Reproduced):
            failing = seen.plan.failing
            diagnosis = own_import(diagnosis, failure, checked_out(tools), failing.workdir)
        checks = [_same_commit(tools, seen)]
        if moved:
            checks += [check for check in diagnosis.checks if check.name != SAME_COMMIT]
            tools.journal.diagnosed(judged(diagnosis, tuple(checks)))
            return
        base = base_of(tools)
        if isinstance(seen, Reproduced):
            checks.append(_known(diagnosis) or _base_commit(tools, failure, seen, base))
        checks.append(_suspect(failure, base))
        tools.journal.diagnosed(judged(diagnosis, tuple(checks)))


def nothing_run(diagnosis: Diagnosis, reason: str) -> Diagnosis:
    """The diagnosis of a failure of which nothing may be run here: nobody can be blamed for it."""
    check = BlameCheck(name=SAME_COMMIT, verdict=V.UNKNOWN, detail=one_line(reason, 300))
    return judged(diagnosis, (check,))


def judged(diagnosis: Diagnosis, checks: tuple[BlameCheck, ...]) -> Diagnosis:
    """The diagnosis with the blame that follows from ``checks``, and with a sentence that says so."""
    blamed = verdict(checks)
    before = _sentences(diagnosis.checks)
    explanation = _agreeing(diagnosis.explanation.removesuffix(before).rstrip(), blamed)
    return replace(
        diagnosis,
        category=Category.FLAKY if blamed is Blame.FLAKY else diagnosis.category,
        blame=blamed,
        explanation=f"{explanation} {_sentences(checks)}".strip(),
        checks=checks,
    )


def _agreeing(explanation: str, blamed: Blame) -> str:
    """What touched the failing files did not break them, where they fail without it as well."""
    explanation = explanation.replace(_CLEARED, TOUCHED)
    return explanation.replace(TOUCHED, _CLEARED) if blamed is Blame.UPSTREAM else explanation


def verdict(checks: tuple[BlameCheck, ...]) -> Blame:
    """What the looks say together.

    A base that is red for less than the failing commit does not clear the change of the rest. A base that
    is red in another way tells nothing: the failure may hide behind that one.
    """
    found = {check.name: check.verdict for check in checks}
    match found.get(SAME_COMMIT), found.get(BASE_COMMIT):
        case V.MIXED, _:
            return Blame.FLAKY
        case V.RED, V.GREEN | V.PARTLY:
            return Blame.CHANGE
        case V.RED, V.RED:
            return Blame.UPSTREAM
        case _:
            return Blame.INCONCLUSIVE


def _same_commit(tools: HealTools, seen: Reproduced | Flakes | NotReproduced) -> BlameCheck:
    record = tools.journal.failure()
    here = "on the files as they are" if record.uncommitted else f"at {record.head_sha[:7]}"
    match seen:
        case Reproduced(runs=runs, plan=plan):
            found, detail = V.RED, f"It failed {_times(runs, runs)} in the sandbox {here}."
            detail = " ".join((detail, *plan.left_out))
        case Flakes(passed=passed, runs=runs):
            failed = runs - passed
            found = V.MIXED
            detail = (
                f"It failed {_times(failed, runs)} in the sandbox {here}, so it fails here in "
                f"{in_percent(failed, runs)} of runs (95 % interval)."
            )
        case NotReproduced(runs=runs) if runs:
            found = V.GREEN
            detail = (
                f"It passed {_times(runs, runs)} in the sandbox {here}, so it fails here in "
                f"{in_percent(0, runs)} of runs (95 % interval)."
            )
        case NotReproduced(reason=reason, otherwise=otherwise):
            found, detail = V.OTHERWISE if otherwise else V.UNKNOWN, one_line(reason, 300)
    return BlameCheck(name=SAME_COMMIT, verdict=found, detail=detail)


def _times(hits: int, runs: int) -> str:
    return "once" if runs == 1 else f"{hits} of {runs} times"


def _known(diagnosis: Diagnosis) -> BlameCheck | None:
    """The look at the base that an earlier run of the node, or an earlier attempt, has taken."""
    return next(
        (check for check in diagnosis.checks if check.name == BASE_COMMIT and check.verdict is not V.UNKNOWN),
        None,
    )


def _base_commit(
    tools: HealTools, failure: DistilledFailure, seen: Reproduced, base: Base | GaveUp
) -> BlameCheck:
    if isinstance(base, GaveUp):
        return _unknown_base(base.reason)
    try:
        spec = bench_spec(tools, seen.plan, commit=base.sha)
    except PermanentError as error:
        return _unknown_base(f"{base.what} can't be checked out ({one_line(str(error), 120)})")
    seconds = min(tools.limits.seconds, max(_LEAST_SECONDS, _TIMES_AS_LONG * seen.before.seconds))
    with tools.workbenches.open(spec) as bench:
        result = bench.run(seen.plan.failing, limits=replace(tools.limits, seconds=seconds))
    problem = not_about_the_code(result)
    if problem:
        return _unknown_base(f"at {base.what}, {problem}")
    if result.passed:
        return BlameCheck(name=BASE_COMMIT, verdict=V.GREEN, detail=f"It passed at {base.what}.")
    here, there = (
        distil([text.encode()], step=failure.step, redact=tools.redact)
        for text in (seen.before.output, result.output)
    )
    found, detail = _compared(here, there, base.what)
    return BlameCheck(name=BASE_COMMIT, verdict=found, detail=detail)


def _unknown_base(why: str) -> BlameCheck:
    detail = f"Whether the base fails too could not be checked: {sentence(why)}"
    return BlameCheck(name=BASE_COMMIT, verdict=V.UNKNOWN, detail=detail)


def _compared(here: DistilledFailure, there: DistilledFailure, base: str) -> tuple[CheckVerdict, str]:
    """How the failure at the base relates to the one at the failing commit, both seen in the sandbox."""
    if not same_failure(here, there):
        return V.OTHERWISE, f"It fails at {base} too, but in another way ({one_line(there.cause, 160)})."
    only = _only(here.tests, there.tests) or _only(_paths(here), _paths(there))
    if here.fingerprint != there.fingerprint and only:
        return V.PARTLY, f"Part of it fails at {base} too, but {_some(only)} not."
    if here.fingerprint != there.fingerprint and not _among(here, there):
        why = one_line(_reason(there), 160)
        return V.OTHERWISE, f"It fails at {base} too, but for another reason ({why}), so that clears nobody."
    return V.RED, f"It fails at {base} too."


def _among(here: DistilledFailure, there: DistilledFailure) -> bool:
    """Whether the base, which fails for more than this, fails for this as well."""
    if set(here.tests) < set(there.tests):
        return True
    said = {normalised(line) for line in (there.cause, *there.text.splitlines())}
    return normalised(_reason(here)) in said


def _reason(failure: DistilledFailure) -> str:
    """The most telling line that says what is wrong, rather than only where or how often."""
    lines = (failure.cause, *(line.text.strip() for line in failure.evidence))
    return next((line for line in lines if line and not _NO_REASON.match(line)), failure.cause)


def _only(here: tuple[str, ...], there: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in here if name not in there) if there else ()


def _paths(failure: DistilledFailure) -> tuple[str, ...]:
    return () if failure.tests else tuple(dict.fromkeys(place.path for place in failure.files))


def _suspect(failure: DistilledFailure, base: Base | GaveUp) -> BlameCheck:
    found, detail = V.UNKNOWN, "What the change touched could not be read."
    if isinstance(base, Base) and not base.change.is_empty:
        paths = touched(base.change.files, failure)
        if not paths and not names_files(failure):
            detail = "The log names no file of the repository that the change could have touched."
            return BlameCheck(name=SUSPECT_CHANGE, verdict=V.UNKNOWN, detail=detail)
        found = V.TOUCHED if paths else V.UNTOUCHED
        since = f"{base.what}," if "," in base.what else base.what
        which = _some(paths) if paths else "none of the files and tests that the log names"
        detail = f"The change since {since} touched {which}."
    return BlameCheck(name=SUSPECT_CHANGE, verdict=found, detail=detail)


def _some(names: tuple[str, ...]) -> str:
    more = len(names) - _NAMED
    shown = ", ".join(one_line(name, 100) for name in names[:_NAMED])
    return f"{shown} and {more} more" if more > 0 else shown


def _sentences(checks: tuple[BlameCheck, ...]) -> str:
    """What goes with the explanation; what the change touched stands there already."""
    return " ".join(check.detail for check in checks if check.name != SUSPECT_CHANGE)
