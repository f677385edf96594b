"""What the sandbox must have seen before anybody is asked to approve a patch."""

from __future__ import annotations

from agent.counting import counted
from agent.distil import distil
from agent.nodes.state import presentable
from agent.toolbox import HealTools
from patchpilot.errors import PatchDoesNotApplyError, UnsafePathError
from patchpilot.fixes import CommandResult, GaveUp, Patch, Proof, ReplayPlan, ShellCommand
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
    suite_after = _run(tools, bench, plan.suite)
    suite_before = None
    if suite_after is not None and (not suite_after.passed or suite_after.counts is not None):
        # A suite that is green and tells no counts can't be worse than it was.
        bench.reset()
        suite_before = _run(tools, bench, plan.suite)
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


def _run(tools: HealTools, bench: Workbench, command: ShellCommand | None) -> CommandResult | None:
    return None if command is None else counted(bench.run(command, limits=tools.limits))


def _still_red(tools: HealTools, result: CommandResult, number: int) -> str:
    if result.earlier is not None:
        title = one_line(result.earlier.title, 80)
        return f"with the patch the job does not get to the failing command: its earlier step {title!r} fails"
    if not result.failed:
        return f"with the patch the failing command ended by {result.ending.value}, which is no proof"
    cause = one_line(distil([result.output.encode()], redact=tools.redact).cause, 160)
    times = "still fails" if number == 1 else f"passed {number - 1} times and then failed"
    return f"with the patch the failing command {times}: {cause or f'exit code {result.exit_code}'}"


def _worse(tools: HealTools, before: CommandResult | None, after: CommandResult | None) -> str:
    """What the patch broke in the wider suite; empty if nothing."""
    if after is None or after.passed:
        return ""
    if not after.failed:
        return f"with the patch the wider suite ended by {after.ending.value}"
    if before is None or before.passed:
        return "the patch breaks the wider suite, which passed without it"
    if not before.failed:
        return ""
    old = distil([before.output.encode()], redact=tools.redact)
    new = distil([after.output.encode()], redact=tools.redact)
    broken = sorted(set(new.tests) - set(old.tests)) if old.tests else []
    if after.earlier is not None and before.earlier is None:
        broken = [f"the step {one_line(after.earlier.title, 80)!r} ahead of the wider suite"]
    return f"the patch breaks {', '.join(broken[:3])}" if broken else ""
