"""A job's earlier steps and then its command, run by a real shell."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from patchpilot.errors import PermanentError
from patchpilot.fixes import EarlierStep, ShellCommand
from sandbox import sequence
from tests.commands import executed

GITHUB = {"GITHUB_ENV": "/dev/null", "GITHUB_PATH": "/dev/null", "GITHUB_OUTPUT": "/dev/null"}


def step(script: str, **more: object) -> EarlierStep:
    return EarlierStep(**{"title": script[:20], "script": script, "env": GITHUB} | more)  # type: ignore[arg-type]


def run(tree: Path, command: ShellCommand) -> tuple[int | None, str, int | None]:
    """The exit code, what is shown, and the place of the step that it ended in."""
    done = executed(tree, command)
    return done.exit_code, done.output, done.stopped_at


def test_a_command_without_earlier_steps_is_left_as_it_is() -> None:
    command = ShellCommand(script="pytest", env={"A": "1"}, workdir="app")
    assert sequence.composed(command) is command
    assert sequence.read(command, "sandbox: the step itself\nx") == ("sandbox: the step itself\nx", None)


def test_earlier_steps_change_the_tree_and_only_the_commands_output_is_shown(tmp_path: Path) -> None:
    before = (step("echo noise; mkdir build; echo 1 > build/made"), step("echo 2 >> made", workdir="build"))
    command = ShellCommand(script="cat build/made; exit 3", before=before)
    assert run(tmp_path, command) == (3, "1\n2\n", None)


def test_each_step_has_its_own_folder_variables_and_shell(tmp_path: Path) -> None:
    (tmp_path / "it's").mkdir()
    before = (
        step(
            "import os\nprint(os.environ['A'], file=open('seen', 'w'))",
            shell="python3",
            env={"A": "a 'b' $c"},
        ),
        step("A=changed; cd /; export B=1", env={"A": "x"}),
    )
    script = 'pwd; cat ../seen; echo "${A-none} ${B-none} $0"'
    code, shown, _ = run(tmp_path, ShellCommand(script=script, workdir="it's", before=before))
    assert code == 0
    assert shown.splitlines()[:2] == [f"{tmp_path}/it's", "a 'b' $c"]
    assert re.fullmatch(r"none none /.*/step", shown.splitlines()[2])


def test_what_a_step_hands_on_reaches_later_ones(tmp_path: Path) -> None:
    before = (
        step(
            "echo PLAIN=one=1 >> $GITHUB_ENV\n"
            'printf "LONG<<END\\na\\n\\n  b\\nEND\\n" >> "$GITHUB_ENV"\n'
            "echo OWN=handed >> $GITHUB_ENV; echo JOB=handed >> $GITHUB_ENV\n"
            "echo 'BAD-NAME=x' >> $GITHUB_ENV\n"
            'mkdir bin; printf "#!/bin/sh\\necho tool\\n" > bin/tool; chmod +x bin/tool\n'
            'echo "$PWD/bin" >> "$GITHUB_PATH"'
        ),
        step('echo "again $PLAIN" >> seen', own_env=()),
    )
    script = 'cat seen; echo "[$PLAIN] [$LONG] [$OWN] [$JOB]"; tool'
    command = ShellCommand(script=script, env={"OWN": "mine", "JOB": "job"}, own_env=("OWN",), before=before)
    assert run(tmp_path, command) == (0, "again one=1\n[one=1] [a\n\n  b] [mine] [handed]\ntool\n", None)


def test_outputs_are_filled_in_where_they_stand(tmp_path: Path) -> None:
    mark, other = "${{ steps.pick.outputs.tests }}", "${{ env.LEVEL }}"
    before = (
        step("echo 'tests=a b' >> $GITHUB_OUTPUT; echo LEVEL=3 >> $GITHUB_ENV", name="pick"),
        step(f"echo {mark} {mark} > seen"),
    )
    command = ShellCommand(
        script=f"cat seen; for t in {mark}; do echo $t; done; echo \"$WHAT\" {other} '*'",
        env={"WHAT": f"<{mark}>"},
        before=before,
        late={mark: "output pick tests", other: "variable LEVEL"},
    )
    assert run(tmp_path, command) == (0, "a b a b\na\nb\n<a b> 3 *\n", None)


def test_a_step_that_fails_ends_the_whole_and_is_named(tmp_path: Path) -> None:
    before = (
        step("echo fine"),
        step("echo 'sandbox: the step itself'; echo FAILED test_a.py::test; exit 4"),
        step("echo never"),
    )
    code, shown, place = run(tmp_path, ShellCommand(script="echo never", before=before))
    assert (code, place) == (4, 1)
    assert "  FAILED test_a.py::test\n" in shown
    assert "never" not in shown
    assert shown.endswith("sandbox: it failed with exit code 4\n")


def test_a_step_that_may_fail_or_does_not_apply_is_no_obstacle(tmp_path: Path) -> None:
    before = (
        step("echo one >> seen; false", may_fail=True, name="lint"),
        step("echo two >> seen", condition="same \"$(outcome lint)\" 'Success'", name="other"),
        step("echo three >> seen", condition="same \"$(outcome lint)\" 'Failure'"),
        step("echo $0 >> seen", condition='[ -n "$(output lint none)" ]'),
        step("echo four >> seen", condition="same \"$(outcome other)\" 'skipped'"),
    )
    assert run(tmp_path, ShellCommand(script="cat seen", before=before)) == (0, "one\nthree\nfour\n", None)


def test_a_step_in_the_background_holds_nothing_up(tmp_path: Path) -> None:
    before = (step("echo up > up; sleep 60 & echo $! > pid; wait", background=True),)
    script = "while ! [ -s pid ]; do sleep 0.05; done; cat up; kill $(cat pid)"
    assert run(tmp_path, ShellCommand(script=script, before=before)) == (0, "up\n", None)


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    code, shown, place = run(tmp_path, ShellCommand(script="true", workdir="gone", before=(step(":"),)))
    assert (code, shown, place) == (127, "sandbox: the checkout has no folder gone\n", None)


@pytest.mark.parametrize("bad", [{"A B": "x"}, {"A": "x\0"}, {"a;b": ""}])
def test_variables_that_no_shell_can_hold_are_refused(bad: dict[str, str]) -> None:
    with pytest.raises(PermanentError, match="no shell can hold"):
        sequence.composed(ShellCommand(script="true", before=(step(":", env=bad),)))


@pytest.mark.parametrize("folder", ["/etc", "../x", "a/../../b"])
def test_a_step_outside_the_checkout_is_refused(folder: str) -> None:
    with pytest.raises(PermanentError, match="not inside the checkout"):
        sequence.composed(ShellCommand(script="true", before=(step(":", workdir=folder),)))
