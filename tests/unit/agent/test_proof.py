"""What a proof takes for no worse: only what was seen, of a suite that was run with the patch and without."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.checkout import bench_spec
from agent.proof import prove
from agent.reproduction import not_about_the_code
from patchpilot.fixes import CommandResult, Ending, GaveUp, Proof, ReplayPlan, ShellCommand
from tests.unit.agent.conftest import World
from tests.unit.agent.test_preparing import PATCH

PLAN = ReplayPlan(failing=ShellCommand(script="one"), suite=ShellCommand(script="all"))
GREEN = "===== 40 passed in 1.00s ====="
RED = "FAILED tests/t.py::test_z - assert 1 == 2\n=== 1 failed, 40 passed in 1.00s ==="


def run(
    output: str = "", code: int | None = 0, *, ending: Ending = Ending.EXITED, cut: bool = False
) -> CommandResult:
    return CommandResult(
        command=PLAN.failing, ending=ending, exit_code=code, output=output, seconds=1, truncated=cut
    )


TIMEOUT = run("...", None, ending=Ending.TIMEOUT)


def proven(
    world: World,
    before: CommandResult,
    after: CommandResult,
    *,
    plan: ReplayPlan = PLAN,
    failing: CommandResult | None = None,
) -> Proof | GaveUp:
    """The proof of a patch with which the failing command is green; the suite runs with it, then without."""
    suites = iter((after, before))

    def answer(command: ShellCommand) -> CommandResult:
        ran = (failing or run()) if command.script == "one" else next(suites)
        return replace(ran, command=command)

    world.benches.script = answer
    with world.benches.open(bench_spec(world.tools, plan)) as bench:
        return prove(world.tools, bench, patch=PATCH, plan=plan, before=run("boom", 1))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (run(GREEN), run("nothing"), "pytest tells no counts any more (before: 40 passed)"),
        (run(RED, 1), run("ImportError while loading conftest", 4), "fails in another way with the patch"),
        (TIMEOUT, run("FAILED t.py::test_a - x\n=== 5 failed in 1.00s ===", 1), "ended by timeout, so"),
        (run("error", 1), run("INTERNALERROR> boom", 3), "fails in another way with the patch"),
        (run("FAILED t.py::a - x", 1), run("INTERNALERROR> boom", 3), "fails in another way with the patch"),
        (run(RED, 1), run(RED, 1, cut=True), "its output was cut off"),
        (run(GREEN), run("x", cut=True), "the wider suite printed so much that its output was cut off"),
        (run(GREEN), run(RED, 1), "breaks the wider suite, which passed without it"),
    ],
)
def test_a_suite_that_is_worse_or_not_known_to_be_none_is_no_proof(
    world: World, before: CommandResult, after: CommandResult, said: str
) -> None:
    found = proven(world, before, after)
    assert isinstance(found, GaveUp)
    assert said in found.reason


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (run("fine"), run("fine")),
        (run("fine"), run(GREEN)),
        (TIMEOUT, run(GREEN)),
        (run(RED, 1), run(RED, 1)),
        (run("app.c:3:5: error: expected ';' before '}'", 2), run(RED, 1)),
        (run("a.py:1:1: F401 unused\nb.py:1:1: F401 unused", 1), run("b.py:1:1: F401 unused", 1)),
    ],
)
def test_a_suite_that_was_seen_to_be_no_worse_is(
    world: World, before: CommandResult, after: CommandResult
) -> None:
    found = proven(world, before, after)
    assert isinstance(found, Proof), found
    assert found.cured
    assert found.suite_before is not None


def test_output_that_was_cut_off_is_said_to_be(world: World) -> None:
    found = proven(world, run(), run(), failing=run("x", cut=True))
    assert isinstance(found, GaveUp)
    assert "the failing command printed so much that its output was cut off" in found.reason


def test_a_suite_that_is_the_failing_command_is_not_run_again(world: World) -> None:
    plan = replace(PLAN, suite=PLAN.failing)
    found = proven(world, run("never"), run("never"), plan=plan)
    assert isinstance(found, Proof)
    assert found.suite_before is not None
    assert found.suite_before.output == "boom"


@pytest.mark.parametrize(
    ("said", "code", "lacks"),
    [
        ("/opt/prepared/python/bin/python: No module named pytest\n", 1, "for the project has pytest."),
        ("python3.11: No module named ruff\n", 1, "for the project has ruff."),
        ("python: No module named shop.cli\n", 1, ""),
        ("python: No module named pytest\n", 2, ""),
        ("E   ModuleNotFoundError: No module named 'pytest'\n", 1, ""),
    ],
)
def test_a_tool_of_pythons_developers_that_is_missing_says_nothing_about_the_code(said, code, lacks):
    told = not_about_the_code(run(said, code))

    assert lacks in told
    assert bool(told) == bool(lacks)


@pytest.mark.parametrize(
    ("said", "code", "lacks"),
    [
        ("error: no such command: `clippy`\n", 101, "has no cargo-clippy"),
        ("error: no such subcommand: `fmt`\n", 101, "has no cargo-fmt"),
        ("error: no such command: `tst`\n", 101, ""),
        ("error: no such command: `fmt`\n", 1, ""),
        ("  error: no such command: `fmt`, printed a test\n", 101, ""),
    ],
)
def test_a_part_of_the_toolchain_that_is_missing_says_nothing_about_the_code(said, code, lacks):
    told = not_about_the_code(run(said, code))

    assert lacks in told
    assert bool(told) == bool(lacks)
