"""No red, no fix: see the failure happen here before anything is changed.

The failing command runs in a workbench at the failing commit. Red there, in the way that CI was red, is a
reproduction. Green leads to more runs: mixed results are a flake, all green means that the failure needs
something that the sandbox does not have. A red test runs again too, since a flake is often red at first.
The job's earlier steps run ahead of it each time; those that only CI can run are left out, and said so.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from textwrap import dedent

from agent.chance import in_percent
from agent.distil import distil
from agent.likeness import same_failure
from agent.toolbox import HealTools
from patchpilot.failures import Category, DistilledFailure
from patchpilot.fixes import CommandResult, EarlierStep, Ending, GaveUp, ReplayPlan, ShellCommand
from patchpilot.ports import Workbench
from patchpilot.text import one_line

MAY_FLAKE = frozenset({Category.TEST, Category.FLAKY, Category.UNKNOWN})
"""Categories that are run several times although they are red at first; a linter is always of one mind."""

_PATIENCE = 3
_PATIENT_SECONDS = 20.0
"""Seconds, in and around the sandbox, after which a command of one colour runs just ``flaky_runs`` times."""

_MOST_LEFT_OUT = 8
"""Earlier steps of a job that may fail in the sandbox before the failing one counts as not replayable."""

COMMAND_NOT_FOUND = 127
_NOT_EXECUTABLE = 126
"""Exit codes of a POSIX shell for a command that is missing or can't be executed:
https://pubs.opengroup.org/onlinepubs/9699919799/utilities/V3_chap02.html#tag_18_08_02"""

_OUR_SCRIPT = re.compile(r"^/tmp/\.patchpilot/(?:steps/)?(?:step|\d+): (?:line \d+: |\d+: )?")

_IMAGES = (
    "Name an image that has it in SANDBOX_IMAGE, or by the job's language in SANDBOX_IMAGES "
    "(docs/operations.md, Images and preparation); the one that `patchpilot sandbox build` makes has Python, "
    "pytest, ruff, git and make only."
)

_NOT_FOUND = re.compile(r"([\w.+@-]{1,60}): (?:command )?not found$")
"""The end of what dash and bash say of a command that is missing."""


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
    environment: bool = False
    """The sandbox lacks something that CI has, or could not hold the command; the code is not judged."""


def reproduce(
    tools: HealTools, bench: Workbench, *, failure: DistilledFailure, plan: ReplayPlan | GaveUp
) -> Reproduced | Flakes | NotReproduced:
    """Run the failing command as often as it takes to know; in another way where the first shows nothing."""
    if isinstance(plan, GaveUp):
        return NotReproduced(f"Not reproduced: the failing step can't be replayed. {plan.reason}")
    found = _looked_at(tools, bench, failure, plan)
    for way in plan.others:
        if not isinstance(found, NotReproduced):
            break
        again = _looked_at(tools, bench, failure, plan.by(way))
        if isinstance(again, Reproduced | Flakes):
            return again
    return found


def _looked_at(
    tools: HealTools, bench: Workbench, failure: DistilledFailure, plan: ReplayPlan
) -> Reproduced | Flakes | NotReproduced:
    plan, first = reached(tools, bench, plan)
    plan = lacking(bench, plan)
    problem = not_about_the_code(first, unprepared=bench.unprepared)
    if problem:
        return _environment(plan, f"the failing command could not be run in the sandbox: {problem}")
    if first.passed:
        unseen = green_for_want_of_a_command(first) or _green_for_having_it(first, failure)
        return _environment(plan, unseen) if unseen else _green_at_first(tools, bench, plan)
    runs = 1
    if failure.category in MAY_FLAKE:
        passed, runs = until_mixed(tools, bench, plan, passed=0)
        if passed:
            return Flakes(passed=passed, runs=runs)
    seen = _read(tools, first, failure)
    known = same_failure(failure, seen)
    if plan.left_out and failure.fingerprint != seen.fingerprint:
        # Much fails in much the same way where dependencies, or what earlier steps make, are missing.
        known = False
    if not known:
        return _environment(
            plan,
            f"the command fails in the sandbox too, but in another way ({one_line(seen.cause, 160)}), so the "
            "sandbox probably lacks something that CI has. Set `replay` and an image in .patchpilot.yml.",
            otherwise=True,
        )
    return Reproduced(plan=plan, before=first, runs=runs)


def _read(tools: HealTools, result: CommandResult, failure: DistilledFailure) -> DistilledFailure:
    """What was seen here, read as CI's log was.

    A fingerprint has the step's name only where the provider gave it; a log that names its step itself has
    the fingerprint of one that names none.
    """
    readings = [
        distil([result.output.encode()], step=step, redact=tools.redact)
        for step in dict.fromkeys((failure.step, ""))
    ]
    return next((one for one in readings if one.fingerprint == failure.fingerprint), readings[0])


def reached(tools: HealTools, bench: Workbench, plan: ReplayPlan) -> tuple[ReplayPlan, CommandResult]:
    """Run until the command itself is reached, without the earlier steps that fail here.

    In CI they passed, or the failing step had not run: what fails of them fails for want of something that
    only CI has, and tells nothing about the failure. A step whose outputs are asked for can't be left out.
    """
    result = bench.run(plan.failing, limits=tools.limits)
    for _ in range(_MOST_LEFT_OUT):
        step = result.earlier
        if step is None or result.stopped_at is None or _is_asked(plan.failing, step):
            break
        plan = plan.without(result.stopped_at, f"{_stopped(result)}, so it is left out here.")
        result = bench.run(plan.failing, limits=tools.limits)
    return plan, result


def lacking(bench: Workbench, plan: ReplayPlan) -> ReplayPlan:
    """The plan, with what could not be installed for it among what is left out."""
    if not bench.unprepared or bench.unprepared in plan.left_out:
        return plan
    return replace(plan, left_out=(*plan.left_out, bench.unprepared))


def _is_asked(command: ShellCommand, step: EarlierStep) -> bool:
    return bool(step.name) and any(f"output {step.name} " in f"{call} " for call in command.late.values())


def _stopped(result: CommandResult) -> str:
    """What became of the earlier step that a run ended in."""
    title = one_line(result.earlier.title, 80) if result.earlier else ""
    if result.ending is not Ending.EXITED:
        return f"The earlier step {title!r} of the job ended in the sandbox by {result.ending.value}"
    said = replace(result, output=dedent(result.output.rpartition("\nsandbox: ")[0]))
    how = f"exit code {result.exit_code} ({_complaint(said)})"
    return f"The earlier step {title!r} of the job fails in the sandbox with {how}"


def _environment(plan: ReplayPlan, why: str, *, otherwise: bool = False) -> NotReproduced:
    reason = " ".join(("Environment:", why, *plan.left_out))
    return NotReproduced(reason, otherwise=otherwise, environment=True)


def _green_at_first(tools: HealTools, bench: Workbench, plan: ReplayPlan) -> Flakes | NotReproduced:
    passed, runs = until_mixed(tools, bench, plan, passed=1)
    if passed < runs:
        return Flakes(passed=passed, runs=runs)
    return NotReproduced(
        f"Not reproduced: the failing command passed {runs} of {runs} times in the sandbox at the same "
        f"commit, so it fails here in {in_percent(0, runs)} of runs (95 % interval). The failure may come "
        "from the runner, from the network or from time. Run the job again. "
        "If it stays red, set `replay` in .patchpilot.yml to what CI really runs."
        + "".join(f" {sentence}" for sentence in plan.left_out),
        runs=runs,
    )


def until_mixed(tools: HealTools, bench: Workbench, plan: ReplayPlan, *, passed: int) -> tuple[int, int]:
    """Run again until both colours were seen; how often it passed, of how many runs (the first included).

    ``flaky_runs`` runs are made in any case. Quick commands run up to three times as often: a test that
    flakes half the time is of one colour in four runs once in eight times, in twelve once in 2,000.
    """
    runs, seconds = 1, 0.0
    least = tools.settings.flaky_runs
    while runs < least or (passed in {0, runs} and runs < _PATIENCE * least and seconds < _PATIENT_SECONDS):
        started = time.monotonic()
        result = bench.run(plan.failing, limits=tools.limits)
        if result.earlier is not None:
            break  # an earlier step is of two minds, which is not the command's
        runs += 1
        passed += result.passed
        # People wait for the sandbox around the command too, which for a quick one is most of it.
        seconds += max(result.seconds, time.monotonic() - started)
    return passed, runs


def not_about_the_code(result: CommandResult, *, unprepared: str = "") -> str:
    """Why the result says nothing about the code; empty if it does.

    ``unprepared`` is what could not be installed for it, as :attr:`~patchpilot.ports.Workbench.unprepared`.
    """
    if result.earlier is not None:
        return f"{_stopped(result)}."
    return _for_want_of(result, unprepared) or _not_judged(result)


def _not_judged(result: CommandResult) -> str:
    match result.ending:
        case Ending.TIMEOUT:
            return (
                f"the command ran longer than {result.seconds:.0f} s, the limit here; raise "
                "SANDBOX_TIMEOUT_SECONDS if it needs more."
            )
        case Ending.OUT_OF_MEMORY:
            return "the command ran out of memory; raise SANDBOX_MEMORY_MB if the repository needs more."
        case Ending.OUTPUT_LIMIT:
            return "the command printed more than the sandbox takes."
        case Ending.SANDBOX_ERROR:
            return "the sandbox itself failed."
        case Ending.EXITED:
            pass
    return _unusable(result) or ("the output was cut off." if result.truncated else "")


def _unusable(result: CommandResult) -> str:
    if result.exit_code == COMMAND_NOT_FOUND:
        found = _NOT_FOUND.search(_complaint(result))
        return (
            f"it lacks a command that this needs ({_complaint(result)}): {_place(result)} "
            f"{f'has no {found[1]}' if found else 'lacks it'}. {_IMAGES}"
        )
    if result.exit_code == _NOT_EXECUTABLE:
        return (
            f"one of its commands can't be executed ({_complaint(result)}). Look at that file's mode and "
            "first line."
        )
    if result.failed and (found := _OFFLINE.search(_end(result))):
        return (
            f"it asks the network for packages, and the sandbox has none ({one_line(found[0], 160)}). Only "
            "what the project's lock file and manifest list is installed beforehand."
        )
    if result.exit_code == _NO_SUBCOMMAND and (found := _PART_OF_CARGO.search(result.output)):
        return (
            f"it lacks a command that this needs ({one_line(found[0], 160)}): {_place(result)} has no "
            f"cargo-{found[1]}. {_IMAGES}"
        )
    if result.exit_code == _NO_MODULE and (found := _TOOL_OF_PYTHON.fullmatch(_complaint(result))):
        return (
            f"it lacks a tool that this needs ({found[0]}): neither {_place(result)} nor what was installed "
            f"for the project has {found[1]}. List it among what the project's developers install, which is "
            f"installed first. {_IMAGES}"
        )
    return ""


# What npm and uv say of a cache that lacks something, where they know that there is no network.
_OFFLINE = re.compile(
    r"^npm (?:error|ERR!) .{0,200} failed: cache mode is 'only-if-cached'.{0,80}"
    r"|^.{0,40}Packages were unavailable because the network was disabled",
    re.MULTILINE,
)
_LAST_LINES = 15


def _end(result: CommandResult) -> str:
    """What the command ended with; earlier ones may have wanted the network in vain and been let pass."""
    return "\n".join(result.output.splitlines()[-_LAST_LINES:])


_NO_SUBCOMMAND = 101
# Known words that are programs of their own, parts of a toolchain that an image may lack.
_PART_OF_CARGO = re.compile(
    r"^error: no such (?:sub)?command: `(fmt|clippy|nextest|deny|audit|hack|llvm-cov|tarpaulin|miri"
    r"|machete|udeps|sort|expand|make|insta|semver-checks|msrv|wasi|component|leptos|sqlx|binstall)`",
    re.MULTILINE,
)


_NO_MODULE = 1
# ``python -m`` of what is known to be no module of the project's own, whose absence would be about the code.
_TOOL_OF_PYTHON = re.compile(
    r"\S*python[\d.]*: No module named (pytest|ruff|mypy|black|isort|flake8|pylint|pyright|bandit|coverage"
    r"|tox|nox|build|pre_commit|pip|uv|poetry|hatch|pdm)"
)


def green_for_want_of_a_command(result: CommandResult) -> str:
    """Why a green run shows nothing: its script lacks a command here, as ``test -z "$(gofmt -l .)"`` may."""
    lines = (line for line in result.output.splitlines() if _OUR_SCRIPT.match(line))
    found = next((match for line in lines if (match := _NOT_FOUND.search(line))), None)
    if not result.passed or found is None:
        return ""
    return f"it is green only because {_place(result)} has no {found[1]}. {_IMAGES}"


_BEFOREHAND = re.compile(r"^(npm|pnpm|uv|poetry): installed beforehand$", re.MULTILINE)


def _green_for_having_it(result: CommandResult, failure: DistilledFailure) -> str:
    """Why a green run shows nothing: what it installs in CI is there already, so it can't fail for that."""
    found = _BEFOREHAND.search(result.output)
    if found is None or failure.category is not Category.DEPENDENCY:
        return ""
    return (
        f"what {found[1]} installs in CI is installed beforehand here, from the lock file, without install "
        "scripts and without the repository's own configuration."
    )


def _for_want_of(result: CommandResult, unprepared: str) -> str:
    """Of a manager that comes with what it was to install: why that failed is what has to be mended."""
    found = _NOT_FOUND.search(_complaint(result)) if result.exit_code == COMMAND_NOT_FOUND else None
    if found is None or found[1] not in {"uv", "poetry"} or f" {found[1]}: " not in unprepared:
        return ""
    return f"{found[1]} comes with what the job installs, and that could not be prepared."


def _place(result: CommandResult) -> str:
    return "this machine's /usr" if result.engine == "bubblewrap" else "its image"


def _complaint(result: CommandResult) -> str:
    """The shell's last word, without the name of the file that we gave it to run."""
    lines = result.output.strip().splitlines()
    return one_line(_OUR_SCRIPT.sub("", lines[-1]), 160) if lines else "no output"
