"""No red, no fix: see the failure happen here before anything is changed.

The failing command runs in a workbench at the failing commit. Red there, in the way that CI was red, is a
reproduction. Green leads to more runs: mixed results are a flake, all green means that the failure needs
something that the sandbox does not have. A red test runs again too, since a flake is often red at first.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.distil import distil
from agent.toolbox import HealTools
from patchpilot.failures import Category, DistilledFailure
from patchpilot.fixes import CommandResult, Ending, GaveUp, ReplayPlan
from patchpilot.ports import Workbench
from patchpilot.text import one_line

MAY_FLAKE = frozenset({Category.TEST, Category.FLAKY, Category.UNKNOWN})
"""Categories that are run several times although they are red at first; a linter is always of one mind."""

_PATIENCE = 3
_PATIENT_SECONDS = 20.0
"""Sandbox time after which a command of one colour is run no more than ``flaky_runs`` times."""

_NOT_FOUND = 127
_NOT_EXECUTABLE = 126
"""Exit codes of a POSIX shell for a command that is missing or can't be executed:
https://pubs.opengroup.org/onlinepubs/9699919799/utilities/V3_chap02.html#tag_18_08_02"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduced:
    """The failure happens here as well."""

    plan: ReplayPlan
    before: CommandResult
    runs: int = 1
    """How often it was run, and was red, before anything else was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flakes:
    """The same command at the same commit is green at times and red at others."""

    passed: int
    runs: int


@dataclass(frozen=True, slots=True)
class NotReproduced:
    """It could not be seen here; ``reason`` is a sentence that a person can act on."""

    reason: str
    runs: int = 0
    """How often it was green here, every time; 0 where it could not be run."""
    otherwise: bool = False
    """It is red here, but in another way than in CI."""


def reproduce(
    tools: HealTools, bench: Workbench, *, failure: DistilledFailure, plan: ReplayPlan | GaveUp
) -> Reproduced | Flakes | NotReproduced:
    """Run the failing command as often as it takes to know."""
    if isinstance(plan, GaveUp):
        return NotReproduced(f"The failing step can't be replayed: {plan.reason}")
    first = bench.run(plan.failing, limits=tools.limits)
    problem = not_about_the_code(first)
    if problem:
        return NotReproduced(f"The failure could not be reproduced in the sandbox: {problem}")
    if first.passed:
        return _green_at_first(tools, bench, plan)
    runs = 1
    if failure.category in MAY_FLAKE:
        passed, runs = _until_mixed(tools, bench, plan, passed=0)
        if passed:
            return Flakes(passed=passed, runs=runs)
    seen = distil([first.output.encode()], step=failure.step, redact=tools.redact)
    if not same_failure(failure, seen):
        return NotReproduced(
            f"The command fails in the sandbox too, but in another way ({one_line(seen.cause, 160)}), so its "
            "environment probably lacks something that CI has. Set `replay` and an image in .patchpilot.yml.",
            otherwise=True,
        )
    return Reproduced(plan=plan, before=first, runs=runs)


def same_failure(expected: DistilledFailure, seen: DistilledFailure) -> bool:
    """Whether both logs tell of one failure, as far as both say.

    The same fingerprint settles it. Otherwise they must not contradict each other: a different kind of
    failure of the environment, or failing tests or files of which none is the same, is another failure.
    """
    if expected.fingerprint and expected.fingerprint == seen.fingerprint:
        return True
    if seen.category is Category.DEPENDENCY and expected.category is not Category.DEPENDENCY:
        return False
    if expected.tests and seen.tests:
        return bool({_test(name) for name in expected.tests} & {_test(name) for name in seen.tests})
    if expected.files and seen.files:
        return bool(
            {_name(place.path) for place in expected.files} & {_name(place.path) for place in seen.files}
        )
    return not (expected.tool and seen.tool) or expected.tool == seen.tool


def _test(name: str) -> str:
    return name.split("[", maxsplit=1)[0].rsplit("::", maxsplit=1)[-1].rsplit(".", maxsplit=1)[-1]


def _name(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _green_at_first(tools: HealTools, bench: Workbench, plan: ReplayPlan) -> Flakes | NotReproduced:
    passed, runs = _until_mixed(tools, bench, plan, passed=1)
    if passed < runs:
        return Flakes(passed=passed, runs=runs)
    return NotReproduced(
        f"The failing command passed {runs} of {runs} times in the sandbox at the same commit. The failure "
        "was not reproduced: it may come from the runner, from the network or from time. Run the job again. "
        "If it stays red, set `replay` in .patchpilot.yml to what CI really runs.",
        runs=runs,
    )


def _until_mixed(tools: HealTools, bench: Workbench, plan: ReplayPlan, *, passed: int) -> tuple[int, int]:
    """Run again until both colours were seen; how often it passed, of how many runs (the first included).

    ``flaky_runs`` runs are made in any case. Quick commands run up to three times as often: a test that
    flakes half the time is of one colour in four runs once in eight times, in twelve once in 2,000.
    """
    runs, seconds = 1, 0.0
    least = tools.settings.flaky_runs
    while runs < least or (passed in {0, runs} and runs < _PATIENCE * least and seconds < _PATIENT_SECONDS):
        result = bench.run(plan.failing, limits=tools.limits)
        runs += 1
        passed += result.passed
        seconds += result.seconds
    return passed, runs


def not_about_the_code(result: CommandResult) -> str:
    """Why the result says nothing about the code; empty if it does."""
    match result.ending:
        case Ending.TIMEOUT:
            return f"the command ran longer than {result.seconds:.0f} s, the limit here."
        case Ending.OUT_OF_MEMORY:
            return "the command ran out of memory; raise SANDBOX_MEMORY_MB if the repository needs more."
        case Ending.OUTPUT_LIMIT:
            return "the command printed more than the sandbox takes."
        case Ending.SANDBOX_ERROR:
            return "the sandbox itself failed."
        case Ending.EXITED:
            pass
    if result.exit_code in {_NOT_FOUND, _NOT_EXECUTABLE}:
        return (
            f"it lacks a command that CI has ({one_line(_last_line(result.output), 160)}). Name an image "
            "that has it in SANDBOX_IMAGE or .patchpilot.yml."
        )
    return "the output was cut off." if result.truncated else ""


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no output"
