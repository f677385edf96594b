"""What is installed for a heal, what its absence means, and what a proof's counts are good for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent.checkout import bench_spec
from agent.distil import distil
from agent.nodes.state import presentable
from agent.proof import prove
from agent.reproduction import NotReproduced, Reproduced, not_about_the_code, reproduce
from patchpilot.fixes import (
    CommandResult,
    Ending,
    GaveUp,
    PastFix,
    Patch,
    Preparation,
    Proof,
    ReplayPlan,
    ShellCommand,
)
from patchpilot.settings import SandboxSettings
from patchpilot.source import Sha
from tests.unit.agent.conftest import World

BASE = Sha("cd34" * 10)
PLAN = ReplayPlan(
    failing=ShellCommand(script="pytest"),
    suite=ShellCommand(script="pytest --all"),
    preparations=(Preparation(manager="pip", manifests=("requirements.txt",)),),
)


def on_a_branch(world: World) -> None:
    world.journal.record = replace(world.journal.record, branch="feature")


def test_the_default_branch_stands_for_itself(world: World) -> None:
    spec = bench_spec(world.tools, PLAN)
    assert (spec.preparations, spec.manifests, spec.withheld) == (PLAN.preparations, None, "")


def test_a_branch_gets_what_the_commit_it_left_lists(world: World) -> None:
    on_a_branch(world)
    world.host.left_at = BASE
    world.host.older = {BASE: {"requirements.txt": ""}}
    spec = bench_spec(world.tools, PLAN)
    assert spec.manifests == world.tools.workdir / f"tree-{BASE}"
    assert bench_spec(world.tools, PLAN, commit=BASE).manifests is None


def test_a_branch_of_unknown_origin_gets_nothing_and_says_so(world: World) -> None:
    on_a_branch(world)
    world.host.left_at = None
    spec = bench_spec(world.tools, PLAN)
    assert "which dependencies the default branch has can't be told" in spec.withheld


def test_an_operator_may_trust_what_branches_list(world: World) -> None:
    on_a_branch(world)
    world.host.left_at = None
    sandbox = SandboxSettings(prepare_changed=True)
    settings = world.tools.settings.model_copy(update={"sandbox": sandbox})
    spec = bench_spec(replace(world.tools, settings=settings), PLAN)
    assert (spec.manifests, spec.withheld) == (None, "")


def result(output: str, exit_code: int) -> CommandResult:
    return CommandResult(
        command=PLAN.failing, ending=Ending.EXITED, exit_code=exit_code, output=output, seconds=0.1
    )


def seen(world: World, output: str, exit_code: int = 1, *, unprepared: str = "", log: str = "") -> Any:
    failure = replace(distil([(log or RED).encode()], step="test", redact=str), fingerprint="0" * 16)
    world.benches.script = lambda _: result(output, exit_code)
    world.benches.unprepared = unprepared
    with world.benches.open(bench_spec(world.tools, PLAN)) as bench:
        return reproduce(world.tools, bench, failure=failure, plan=PLAN)


RED = "FAILED test_a.py::test_one - AssertionError: assert 1 == 2\n1 failed, 2 passed in 0.1s\n"


PATCH = Patch(
    "diff --git a/price.py b/price.py\n--- a/price.py\n+++ b/price.py\n@@ -1,2 +1,2 @@\n"
    " def net(price, percent):\n-    return price - price * percent / 10\n"
    "+    return price - price * percent / 100\n"
)


def test_the_same_test_red_here_is_a_reproduction(world: World) -> None:
    assert isinstance(seen(world, RED), Reproduced)


def test_without_its_dependencies_only_the_same_fingerprint_is_one(world: World) -> None:
    found = seen(world, RED, unprepared="Not all that the job installs could be prepared: pip: no index.")
    assert isinstance(found, NotReproduced)
    assert found.environment
    assert found.reason.startswith("Environment: ")
    assert found.reason.endswith("could be prepared: pip: no index.")


def test_a_log_that_names_its_step_itself_has_the_fingerprint_of_its_bare_output(world: World) -> None:
    stamp = "2026-11-29T10:00:00.0000000Z "
    lines = ("##[group]Run pytest -q", "shell: /usr/bin/bash -e {0}", "##[endgroup]", *RED.splitlines())
    log = "\n".join(stamp + line for line in (*lines, "##[error]Process completed with exit code 1."))
    failure = distil([log.encode()], redact=str)
    assert failure.step == "pytest -q"
    world.benches.script = lambda _: result(RED, 1)
    world.benches.unprepared = "Not all that the job installs could be prepared: pip: no index."
    with world.benches.open(bench_spec(world.tools, PLAN)) as bench:
        found = reproduce(world.tools, bench, failure=failure, plan=PLAN)
    assert isinstance(found, Reproduced)


@pytest.mark.parametrize("said", ["/tmp/.patchpilot/step: line 1: gofmt: command not found",
                                  "/tmp/.patchpilot/step: 1: gofmt: not found"])  # fmt: skip
def test_green_for_want_of_a_command_is_no_green(world: World, said: str) -> None:
    found = seen(world, f"{said}\n", 0)
    assert isinstance(found, NotReproduced)
    assert found.environment
    assert "green only because its image has no gofmt" in found.reason

    told_by_a_test = seen(world, "FAILED to run hook: gofmt: command not found\n", 0)
    assert isinstance(told_by_a_test, NotReproduced)
    assert not told_by_a_test.environment


def test_a_manager_that_was_not_prepared_is_told_by_why_it_was_not(world: World) -> None:
    why = "Not all that the job installs could be prepared: uv: the package index can't be reached."
    found = seen(world, "bash: line 1: uv: command not found", 127, unprepared=why)
    assert isinstance(found, NotReproduced)
    assert found.reason == (
        "Environment: the failing command could not be run in the sandbox: uv comes with what the job "
        f"installs, and that could not be prepared. {why}"
    )


@pytest.mark.parametrize("tool", ["npm", "pnpm", "uv", "poetry"])
def test_green_for_having_installed_beforehand_is_no_green_where_installing_failed(
    world: World, tool: str
) -> None:
    said = f"{tool}: installed beforehand\n"
    found = seen(world, said, 0, log="npm error code E404\nnpm error 404 Not Found - left-padd@1\n")
    assert isinstance(found, NotReproduced)
    assert found.environment
    assert f"what {tool} installs in CI is installed beforehand here" in found.reason

    with_a_red_test = seen(world, said, 0)
    assert isinstance(with_a_red_test, NotReproduced)
    assert not with_a_red_test.environment


@pytest.mark.parametrize(
    "said",
    [
        "npm error request to https://npm.example.com/x failed: cache mode is 'only-if-cached' but no cached",
        "hint: Packages were unavailable because the network was disabled. When the network is disabled",
    ],
)
def test_red_for_want_of_the_network_is_the_environments(world: World, said: str) -> None:
    found = seen(world, f"{said}\n")
    assert isinstance(found, NotReproduced)
    assert found.environment
    assert "it asks the network for packages" in found.reason


def test_a_command_that_is_missing_is_the_environments(world: World) -> None:
    found = seen(world, "bash: line 1: pytest: command not found", 127)
    assert isinstance(found, NotReproduced)
    assert found.environment
    assert found.reason.startswith(
        "Environment: the failing command could not be run in the sandbox: it lacks"
    )


@pytest.mark.parametrize(
    ("output", "engine", "said"),
    [
        ("sh: 1: npm: not found", "docker", "its image has no npm. Name an image"),
        ("bash: line 1: npm: command not found", "docker", "its image has no npm. Name an image"),
        ("/bin/sh: npm: not found", "docker", "its image has no npm. Name an image"),
        ("sh: 1: npm: not found", "bubblewrap", "this machine's /usr has no npm. Name an image"),
        ("env: 'npm': No such file or directory", "docker", "its image lacks it. Name an image"),
    ],
)
def test_what_the_image_lacks_is_named_with_the_settings_that_name_another(
    output: str, engine: str, said: str
) -> None:
    why = not_about_the_code(replace(result(output, 127), engine=engine))
    assert said in why
    assert "SANDBOX_IMAGES" in why


def test_always_green_is_not_reproduced_with_an_interval(world: World) -> None:
    found = seen(world, "3 passed in 0.1s", 0)
    assert isinstance(found, NotReproduced)
    assert not found.environment
    assert found.reason.startswith("Not reproduced: ")
    assert "95 % interval" in found.reason


def proven(world: World, *outputs: str) -> Proof | GaveUp:
    """Two runs of the command with a patch, the suite with it, the suite without."""
    answers = iter(outputs)
    world.benches.script = lambda _: result(next(answers), 0)
    before = replace(result(RED, 1), counts=None)
    with world.benches.open(bench_spec(world.tools, PLAN)) as bench:
        return prove(world.tools, bench, patch=PATCH, plan=PLAN, before=presentable(world.tools, before))


def test_counts_of_before_and_after_are_told(world: World) -> None:
    found = proven(world, *["3 passed in 0.1s"] * 2, "9 passed in 1s", "9 passed in 1s")
    assert isinstance(found, Proof)
    assert found.cured
    assert found.compared == (
        "before: 1 failed, 2 passed; after: 3 passed; "
        "wider suite before: 9 passed; wider suite after: 9 passed"
    )


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        (["2 passed in 0.1s"] * 2 + ["9 passed in 1s"] * 2, "only 2 of 3 tests were collected"),
        (["2 passed, 1 skipped in 0.1s"] * 2 + ["9 passed in 1s"] * 2, "more tests were skipped"),
        (["everything is fine"] * 2 + ["9 passed in 1s"] * 2, "nothing says that tests ran"),
        (["3 passed in 0.1s"] * 2 + ["8 passed in 1s", "9 passed in 1s"], "only 8 of 9 tests were collected"),
    ],
)
def test_green_with_fewer_tests_is_no_cure(world: World, outputs: list[str], said: str) -> None:
    found = proven(world, *outputs)
    assert isinstance(found, GaveUp)
    assert said in found.reason


def test_what_could_not_be_installed_stands_in_the_verdict_and_beside_the_proof(
    world: World, remembered: PastFix
) -> None:
    why = "Not all that the job installs could be prepared: npm: the package index can't be reached."
    world.benches.unprepared = why
    world.memory.cases.append(remembered)
    world.ci.log = b"AssertionError: net(200, 10) is 0.0, not 180\n"

    world.advance()

    diagnosis, fix = world.journal.diagnosis(), world.journal.fix()
    assert diagnosis is not None
    assert why in diagnosis.explanation
    assert fix is not None
    assert fix.left_out[0] == why
