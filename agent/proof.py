"""What the sandbox must have seen before anybody is asked to approve a patch."""

from __future__ import annotations

from agent.counting import counted
from agent.distil import distil
from agent.likeness import same_failure
from agent.nodes.state import presentable
from agent.toolbox import HealTools
from patchpilot.errors import PatchDoesNotApplyError, UnsafePathError
from patchpilot.fixes import CommandResult, Ending, GaveUp, Patch, Proof, ReplayPlan, ShellCommand
from patchpilot.ports import Workbench
from patchpilot.text import one_line


def prove(
    tools: HealTools, bench: Workbench, *, patch: Patch, plan: ReplayPlan, before: CommandResult
) -> Proof | GaveUp:
    """Apply the patch to a fresh tree and look: the failing command green every time, the suite no worse.

    A run that hit a limit or lost output is never green, whatever its exit code.
    """
    try:
        bench.apply(patch)
    except (PatchDoesNotApplyError, UnsafePathError) as error:
        return GaveUp(f"the patch does not apply to the failing commit ({one_line(str(error), 120)})")
    after: list[CommandResult] = []
    for number in range(1, tools.settings.proof_runs + 1):
        result = bench.run(plan.failing, limits=tools.limits)
        if not result.passed:
            return GaveUp(_still_red(tools, result, number))
        after.append(presentable(tools, result))
    suite_before, suite_after = _suites(tools, bench, plan=plan, before=before, after=after[-1])
    worse = _worse(tools, suite_before, suite_after)
    if worse:
        return GaveUp(worse)
    proof = Proof(
        before=before,
        after=tuple(after),
        suite_before=suite_before and presentable(tools, suite_before),
        suite_after=suite_after and presentable(tools, suite_after),
    )
    if proof.lost:
        return GaveUp(f"with the patch {proof.lost}")
    return proof


def _suites(
    tools: HealTools, bench: Workbench, *, plan: ReplayPlan, before: CommandResult, after: CommandResult
) -> tuple[CommandResult | None, CommandResult | None]:
    """The wider suite without the patch and with it; the bench has the patch now, and is reset.

    Green is no end of it: a suite that told of 40 tests and is green and silent now has run none of them.
    """
    if plan.suite is None:
        return None, None
    if plan.suite == plan.failing:
        return counted(before), counted(after)
    suite_after = _run(tools, bench, plan.suite)
    bench.reset()
    return _run(tools, bench, plan.suite), suite_after


def _run(tools: HealTools, bench: Workbench, command: ShellCommand) -> CommandResult:
    return counted(bench.run(command, limits=tools.limits))


def _still_red(tools: HealTools, result: CommandResult, number: int) -> str:
    if result.earlier is not None:
        title = one_line(result.earlier.title, 80)
        return f"with the patch the job does not get to the failing command: its earlier step {title!r} fails"
    if not result.failed:
        return f"with the patch the failing command {_unjudged(result)}, which is no proof"
    cause = one_line(distil([result.output.encode()], redact=tools.redact).cause, 160)
    times = "still fails" if number == 1 else f"passed {number - 1} times and then failed"
    return f"with the patch the failing command {times}: {cause or f'exit code {result.exit_code}'}"


def _unjudged(result: CommandResult) -> str:
    """How a run went that is neither green nor red, or not to be read to its end."""
    if result.ending is Ending.EXITED and result.truncated:
        return "printed so much that its output was cut off"
    return f"ended by {result.ending.value}"


def _worse(tools: HealTools, before: CommandResult | None, after: CommandResult | None) -> str:
    """What the patch broke in the wider suite; empty if it is seen to have broken nothing."""
    if after is None or after.passed:
        return ""
    if not after.failed or after.truncated:
        return f"with the patch the wider suite {_unjudged(after)}"
    if before is None or before.passed:
        return "the patch breaks the wider suite, which passed without it"
    if not before.failed:
        return (
            f"the wider suite fails with the patch, and without it {_unjudged(before)}, so nothing says that "
            "it is no worse"
        )
    return _worse_red(tools, before, after)


def _worse_red(tools: HealTools, before: CommandResult, after: CommandResult) -> str:
    """What fails with the patch that did not without it, where both are red."""
    old = distil([before.output.encode()], redact=tools.redact)
    new = distil([after.output.encode()], redact=tools.redact)
    broken = sorted(set(new.tests) - set(old.tests)) if old.tests else []
    if after.earlier is not None and before.earlier is None:
        broken = [f"the step {one_line(after.earlier.title, 80)!r} ahead of the wider suite"]
    if broken:
        return f"the patch breaks {', '.join(broken[:3])}"
    # What named its failing tests and names none now may not have got to any.
    alike = bool(old.tests) == bool(new.tests) and (bool(old.tests) or same_failure(old, new))
    if alike or _gets_further(before, after):
        return ""
    return f"the wider suite fails in another way with the patch ({one_line(new.cause, 120)})"


def _gets_further(before: CommandResult, after: CommandResult) -> bool:
    """Whether both told of tests, so that their counts decide, or only the run with the patch got to any."""
    return after.counts is not None and (before.counts is not None or after.counts.passed > 0)
