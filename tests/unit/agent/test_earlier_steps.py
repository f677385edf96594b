"""Earlier steps of a job in a reproduction and a proof: what only CI can run says nothing about the code."""

from __future__ import annotations

from dataclasses import replace

from agent.bench_tools import BenchTools
from agent.checkout import bench_spec
from agent.distil import distil
from agent.local import first_look
from agent.proof import prove
from agent.reproduction import NotReproduced, Reproduced, reproduce
from patchpilot.failures import DistilledFailure
from patchpilot.fixes import (
    CommandResult,
    EarlierStep,
    Ending,
    GaveUp,
    OtherWay,
    ReplayPlan,
    ShellCommand,
)
from tests.unit.agent.conftest import World
from tests.unit.agent.test_preparing import PATCH

RED = "FAILED test_a.py::test_one - AssertionError: assert 1 == 2\n1 failed, 2 passed in 0.1s\n"
OTHERWISE = "FAILED test_b.py::test_two - AssertionError: assert 1 == 2\n1 failed in 0.1s\n"
STEPS = tuple(EarlierStep(title=f"Step {name}", script=name) for name in ("a", "b", "c"))
PLAN = ReplayPlan(failing=ShellCommand(script="pytest", before=STEPS))


def expected(log: str = RED) -> DistilledFailure:
    return distil([log.encode()], step="test", redact=str)


def answer(command: ShellCommand, *, broken: str = "", output: str = RED, code: int = 1) -> CommandResult:
    """As a sandbox answers in which the steps of ``broken`` fail."""
    place = next((at for at, step in enumerate(command.before) if step.script in broken.split()), None)
    if place is not None:
        output, code = "  no such thing\n\nsandbox: it failed with exit code 6\n", 6
    return CommandResult(
        command=command, ending=Ending.EXITED, exit_code=code, output=output, seconds=0.1, stopped_at=place
    )


def seen(
    world: World, plan: ReplayPlan = PLAN, *, failure: DistilledFailure | None = None, **more: str | int
) -> Reproduced | NotReproduced:
    world.benches.script = lambda command: answer(command, **more)  # type: ignore[arg-type]
    with world.benches.open(bench_spec(world.tools, plan)) as bench:
        found = reproduce(world.tools, bench, failure=failure or expected(), plan=plan)
    assert isinstance(found, Reproduced | NotReproduced)
    return found


def test_steps_that_fail_only_here_are_left_out_and_said(world: World) -> None:
    found = seen(world, broken="a c")
    assert isinstance(found, Reproduced)
    assert [step.title for step in found.plan.failing.before] == ["Step b"]
    why = "of the job fails in the sandbox with exit code 6 (no such thing), so it is left out here."
    assert found.plan.left_out == (f"The earlier step 'Step a' {why}", f"The earlier step 'Step c' {why}")


def test_without_a_step_only_the_same_fingerprint_is_a_reproduction(world: World) -> None:
    much_alike = replace(expected(), fingerprint="0" * 16)
    assert isinstance(seen(world, failure=much_alike), Reproduced)
    found = seen(world, failure=much_alike, broken="b")
    assert isinstance(found, NotReproduced)
    assert (found.environment, found.otherwise) == (True, True)
    assert "The earlier step 'Step b' of the job fails in the sandbox" in found.reason
    known_before = replace(PLAN, left_out=("Something is left out here.",))
    assert isinstance(seen(world, known_before, failure=much_alike), NotReproduced)


def test_a_step_whose_outputs_are_asked_for_is_not_left_out(world: World) -> None:
    steps = (replace(STEPS[0], name="pick"),)
    failing = ShellCommand(script="pytest ${{ x }}", before=steps, late={"${{ x }}": "output pick x"})
    found = seen(world, ReplayPlan(failing=failing), broken="a")
    assert isinstance(found, NotReproduced)
    assert found.environment
    assert "could not be run in the sandbox: The earlier step 'Step a'" in found.reason


def test_what_is_green_alone_is_tried_in_the_other_way(world: World) -> None:
    more = ShellCommand(script="pytest", before=(*STEPS, EarlierStep(title="Tests", script="tests")))
    plan = replace(PLAN, others=(OtherWay(failing=more, note="Run after the tests as well."),))
    world.benches.script = lambda command: answer(
        command,
        output=RED if len(command.before) == 4 else "3 passed in 0.1s\n",
        code=len(command.before) == 4,
    )
    with world.benches.open(bench_spec(world.tools, plan)) as bench:
        found = reproduce(world.tools, bench, failure=expected(), plan=plan)
    look = first_look(world.tools, bench_spec(world.tools, plan), plan)
    assert isinstance(found, Reproduced)
    assert found.plan.failing == more == look.plan.failing
    assert found.plan.notes == ("Run after the tests as well.",)
    assert look.red is not None


def test_what_helps_in_no_way_is_told_of_the_first(world: World) -> None:
    plan = replace(PLAN, others=(OtherWay(failing=replace(PLAN.failing, before=()), note="x"),))
    found = seen(world, plan, output=OTHERWISE)
    assert isinstance(found, NotReproduced)
    assert found.otherwise


def test_a_patch_that_breaks_an_earlier_step_proves_nothing(world: World) -> None:
    red = answer(PLAN.failing)
    world.benches.script = lambda command: answer(command, broken="b", output="", code=0)
    with world.benches.open(bench_spec(world.tools, PLAN)) as bench:
        found = prove(world.tools, bench, patch=PATCH, plan=PLAN, before=red)
        tools = BenchTools(bench, failing=PLAN.failing, limits=world.tools.limits, redact=str)
        said = tools.run_failing_command()
    assert isinstance(found, GaveUp)
    assert "does not get to the failing command: its earlier step 'Step b' fails" in found.reason
    assert said.startswith(
        "FAILED: the job's earlier step 'Step b', so the failing command itself was not run"
    )
