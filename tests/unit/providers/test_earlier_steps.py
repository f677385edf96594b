"""What of a job runs ahead of its failing step, and that it does what the CI does."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from patchpilot.fixes import GaveUp, ReplayPlan
from patchpilot.source import CIJob, CIStep
from providers.ci import gitlab_replay
from providers.ci.github_expressions import Context, scalar
from providers.ci.github_language import UnknownExpressionError, holds
from providers.ci.github_replay import replay
from tests.commands import executed

PATH = ".github/workflows/ci.yml"


def job_of(steps: str, tree: Path) -> None:
    (tree / PATH).parent.mkdir(parents=True, exist_ok=True)
    text = dedent(steps).strip("\n")
    (tree / PATH).write_text(
        "jobs:\n  t:\n    steps:\n" + "\n".join(f"      {line}" for line in text.split("\n"))
    )


def plan(tree: Path, steps: str, *, failed: str = "T", reported: tuple[CIStep, ...] = ()) -> ReplayPlan:
    job_of(steps, tree)
    seen = (*reported, CIStep(number=99, name=failed, failed=True))
    found = replay(tree, workflow_path=PATH, job=CIJob(id="1", name="t", failed=True, steps=seen))
    assert isinstance(found, ReplayPlan), found
    return found


def before(found: ReplayPlan) -> list[str]:
    return [step.title for step in found.failing.before]


GENERATED = """
- uses: actions/checkout@v4
- {name: Install, run: pip install -r requirements.txt}
- {name: Tests, run: pytest -q}
- {name: Format, run: ruff format .}
- {name: Generate, run: python3 make_it.py}
- {name: T, run: "git diff --exit-code -- made.txt"}
"""


def test_what_changes_the_tree_is_run_ahead_and_tests_only_where_nothing_else_helps(tmp_path: Path) -> None:
    found = plan(tmp_path, GENERATED)
    assert before(found) == ["Format", "Generate"]
    assert found.failing.script == "git diff --exit-code -- made.txt"
    other = found.others[0]
    assert [step.title for step in other.failing.before] == ["Tests", "Format", "Generate"]
    assert other.note == "Run after the job's earlier tests and checks as well: Tests."
    assert found.left_out == ()


def test_linters_and_tests_are_not_repeated_ahead_of_tests(tmp_path: Path) -> None:
    found = plan(
        tmp_path,
        """
        - {name: Lint, run: ruff check .}
        - {name: Unit, run: pytest unit}
        - {name: Folder, run: mkdir -p out}
        - {name: T, run: pytest slow}
        """,
    )
    assert before(found) == ["Folder"]


@pytest.mark.parametrize(
    ("test", "then"),
    [
        ("pytest --cov", "coverage report --fail-under=90"),
        ("pytest --junitxml=out/junit.xml", "python check_times.py out/junit.xml"),
        ('pytest; echo "count=3" >> "$GITHUB_OUTPUT"', "./compare.sh"),
    ],
)
def test_tests_whose_results_are_looked_at_are_run_ahead(tmp_path: Path, test: str, then: str) -> None:
    found = plan(tmp_path, f"- {{name: Unit, run: '{test}'}}\n- {{name: T, run: '{then}'}}")
    assert before(found) == ["Unit"]


def test_what_steps_hand_on_is_there_as_in_ci(tmp_path: Path) -> None:
    found = plan(
        tmp_path,
        """
        - name: Choose
          id: pick
          run: |
            echo "name=b c" >> "$GITHUB_OUTPUT"
            echo "LEVEL=3" >> $GITHUB_ENV
            mkdir -p tools && printf '#!/bin/sh\\necho found\\n' > tools/own && chmod +x tools/own
            echo "$GITHUB_WORKSPACE/tools" >> $GITHUB_PATH
        - name: Write
          working-directory: tools
          env: {NAME: "${{ steps.pick.outputs.name }}", LEVEL: own}
          run: echo "$NAME $LEVEL" > ../seen
        - {name: T, run: "cat seen; echo ${{ steps.pick.outputs.name }} ${{ env.LEVEL }} $LEVEL; own; exit 5"}
        """,
    )
    done = executed(tmp_path, found.failing)
    assert (done.output, done.exit_code) == ("b c own\nb c 3 3\nfound\n", 5)
    assert "${{ steps.pick.outputs.name }}" in found.failing.script


def test_an_output_of_a_step_that_is_not_run_is_not_made_up(tmp_path: Path) -> None:
    job_of(
        """
        - {id: pick, uses: a/b@v1}
        - {name: T, run: "pytest ${{ steps.pick.outputs.x }}"}
        """,
        tmp_path,
    )
    steps = (CIStep(number=1, name="T", failed=True),)
    found = replay(tmp_path, workflow_path=PATH, job=CIJob(id="1", name="t", failed=True, steps=steps))
    assert isinstance(found, GaveUp)


def test_conditions_and_permission_to_fail_are_respected(tmp_path: Path) -> None:
    found = plan(
        tmp_path,
        """
        - {name: Never, run: echo never >> seen, if: failure()}
        - {name: Linux, run: echo linux >> seen, if: "${{ runner.os == 'Linux' && !cancelled() }}"}
        - {name: Mac, run: echo mac >> seen, if: runner.os == 'macOS'}
        - {name: May, id: may, run: "echo may >> seen; exit 3", continue-on-error: true}
        - {name: After, run: echo after >> seen, if: steps.may.outcome == 'failure'}
        - {name: Not, run: echo not >> seen, if: steps.may.outputs.x}
        - {name: Push, run: echo push >> seen, if: github.event_name == 'push'}
        - {name: T, run: cat seen}
        """,
    )
    assert before(found) == ["Linux", "May", "After", "Not"]
    assert executed(tmp_path, found.failing).output == "linux\nmay\nafter\n"
    why = "it needs ${{ github.event_name == 'push' }}, known only on GitHub"
    assert found.left_out == (f"The earlier step 'Push' is left out here: {why}.",)


def test_what_github_says_it_ran_or_skipped_comes_before_what_its_condition_says(tmp_path: Path) -> None:
    steps = """
        - {name: Push, run: echo push >> seen, if: github.event_name == 'push'}
        - {name: Main, run: echo main >> seen, if: github.ref == 'refs/heads/main'}
        - {name: T, run: cat seen}
        """
    reported = (
        CIStep(number=2, name="Push", failed=False),
        CIStep(number=3, name="Main", failed=False, skipped=True),
    )
    found = plan(tmp_path, steps, reported=reported)
    assert (before(found), found.left_out) == (["Push"], ())


def test_what_only_sets_up_the_machine_is_no_step(tmp_path: Path) -> None:
    found = plan(
        tmp_path,
        """
        - {name: Space, run: "sudo rm -rf /opt/x\\n"}
        - {name: Apt, run: sudo apt-get install -y jq}
        - {name: Both, run: "sudo sysctl -w a=1\\nmkdir out"}
        - {name: T, run: pytest}
        """,
    )
    assert [(step.title, step.script) for step in found.failing.before] == [("Both", ":\nmkdir out")]


def test_the_suite_has_what_comes_before_it_too(tmp_path: Path) -> None:
    found = plan(
        tmp_path,
        """
        - {name: T, run: ruff check .}
        - {name: Folder, run: mkdir out}
        - {name: Build, run: make}
        - {name: Unit, run: pytest}
        """,
    )
    assert found.suite is not None
    seen = [(step.title, step.may_fail) for step in found.suite.before]
    assert seen == [("Folder", True), ("Build", False)]
    assert found.suite.script == "pytest"


def test_gitlab_runs_both_scripts_in_one_shell_and_the_second_alone_where_that_does_not_help(
    tmp_path: Path,
) -> None:
    (tmp_path / ".gitlab-ci.yml").write_text(
        "default: {before_script: [mkdir -p sub, cd sub, export WHAT=it]}\nt: {script: ['pwd; echo $WHAT']}\n"
    )
    found = gitlab_replay.replay(tmp_path, job=CIJob(id="1", name="t", failed=True))
    assert isinstance(found, ReplayPlan)
    assert executed(tmp_path, found.failing).output == f"{tmp_path}/sub\nit\n"
    alone = found.others[0]
    assert alone.failing.script == "pwd; echo $WHAT"
    assert "before_script is left out" in alone.left_out[0]


# --- conditions ---------------------------------------------------------------------------------------


def known(name: str) -> str | float | bool:
    matrix = {"os": "Ubuntu", "full": True, "none": 0, "quoted": "0", "nested": {"off": False}, "v": 3.1}
    return Context(matrix=matrix, env={"A": "1", "ZERO": "0"}).value(name)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("always()", True),
        ("success() && !failure()", True),
        ("${{ matrix.os == 'ubuntu' }}", True),
        ("matrix.full", True),
        ("matrix.full == false || matrix.lacking", False),
        ("contains(matrix.os, 'BUN') && startsWith('abc', 'a') && endsWith('abc', 'c')", True),
        ("always() || github.ref == 'x'", True),
        ("failure() && github.ref == 'x'", False),
        ("(env.A == '1') != true", False),
        ("env.A == 1", True),
        ("''", False),
        ("'it''s' == 'it''s'", True),
        ("steps.a.outputs.b", '[ -n "$(output a b)" ]'),
        ("steps.a.outputs.b == 'x y' && true", "same \"$(output a b)\" 'x y'"),
        ("!steps.a.outputs.b", '{ ! [ -n "$(output a b)" ]; }'),
        ("steps.a.outcome != 'success' || steps.a.outputs.c",
         '{ { ! same "$(outcome a)" success; } || [ -n "$(output a c)" ]; }'),
    ],
)  # fmt: skip
def test_a_condition_is_decided_as_far_as_it_can_be(text: str, answer: bool | str) -> None:
    assert holds(text, known=known, steps=frozenset({"a"})) == answer


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${{ matrix.none || 'x' }}", "x"),
        ("${{ matrix.nested.off || 0 || 'x' }}", "x"),
        ("${{ matrix.quoted || 'x' }}", "0"),
        ("${{ env.ZERO || 'x' }}", "0"),
        ("${{ '0' || 'x' }}", "0"),
        ("${{ matrix.lacking || '' }}", ""),
        ("-n ${{ matrix.quoted == '0' && '--cov' || '--no-cov' }}", "-n --cov"),
        ("${{ matrix.none && '--cov' || '--no-cov' }}", "--no-cov"),
        ("${{ (matrix.none || 'A') == 'a' && format('{1}-{0}', matrix.quoted, 'B') }}", "B-0"),
        ("${{ !contains(matrix.quoted, 'x') }}", "true"),
        ("${{ secrets.TOKEN && 'with' || 'without' }}", "without"),
        ("${{ true || github.ref }}", "true"),
    ],
)
def test_an_expression_is_worth_what_its_operands_are(text: str, value: str) -> None:
    context = Context(matrix={"none": 0, "quoted": "0", "nested": {"off": False}}, env={"ZERO": "0"})

    assert context.expand(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "${{ github.ref || 'x' }}",
        "${{ github.ref && 'x' }}",
        "${{ github.ref == 'x' && 'a' || 'b' }}",
        "${{ format('{2}', 'a') }}",
        "${{ join(matrix.all, ',') }}",
        "${{ 'a' 'b' }}",
        "${{ }}",
    ],
)
def test_an_expression_that_only_github_knows_is_not_made_up(text: str) -> None:
    with pytest.raises(UnknownExpressionError):
        Context(matrix={"all": ["a"]}).expand(text)


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        # A YAML scalar is the text between ${{ and }}: `if: '0'` is the number 0, `if: "'0'"` the text.
        ("if: 0", False),
        ("if: '0'", False),
        ("if: ${{ 0 }}", False),
        ("if: '-0'", False),
        ("if: '0.0'", False),
        ("if: '1'", True),
        ("if: \"'0'\"", True),
        ("if: \"'false'\"", True),
        ("if: \"''\"", False),
        ("if: 'false'", False),
        ("if: env.ZERO", True),
        ("if: matrix.none", False),
        ("if: matrix.quoted", True),
        ("if: matrix.nested.off", False),
        ("if: matrix.quoted == 0", True),
        ("if: matrix.none == ''", True),
        ("if: matrix.v == '3.10'", True),
        ("if: matrix.os == 1", False),
        ("if: contains('310', 10)", True),
    ],
)  # fmt: skip
def test_what_is_false_is_what_the_documentation_names(written: str, answer: bool) -> None:
    """False are ``false``, ``0``, ``-0``, ``""``, ``''`` and ``null``, all else is true, and what is compared
    with a number becomes one: https://docs.github.com/en/actions/reference/workflows-and-actions/expressions"""
    condition = scalar(yaml.safe_load(written)["if"])

    assert holds(condition, known=known, steps=frozenset()) is answer


@pytest.mark.parametrize(
    "text",
    [
        "github.ref == 'x'", "steps.other.outputs.x", "hashFiles('a') != ''", "a b", "(true", "'open", "x[0]",
        "contains(true, 1)", "contains('a')", "always(", "!" * 500, "(" * 500, "true && " * 400, "",
        "$(reboot)",
    ],
)  # fmt: skip
def test_a_condition_that_cannot_be_known_is_said_so(text: str) -> None:
    with pytest.raises(UnknownExpressionError):
        holds(text, known=known, steps=frozenset({"a"}))
