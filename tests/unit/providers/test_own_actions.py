"""Composite actions and reusable workflows of the repository itself, read in the place of what calls them."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from patchpilot.failures import Category, DistilledFailure
from patchpilot.fixes import GaveUp, ReplayPlan
from patchpilot.source import CIJob, CIStep
from providers.ci.github_replay import job_names, likeliest_step, replay
from tests.commands import executed

PATH = ".github/workflows/ci.yml"
ACTION = ".github/actions/prepare"


def write(tree: Path, text: str, path: str = PATH) -> Path:
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text(dedent(text))
    return tree


def read(tree: Path, step: str, *, job: str = "test", log_step: str = "") -> ReplayPlan | GaveUp:
    found = CIJob(id="1", name=job, failed=True, steps=(CIStep(number=9, name=step, failed=True),))
    failure = DistilledFailure(category=Category.TEST, fingerprint="f", text="", step=log_step)
    return replay(tree, workflow_path=PATH, job=found, failure=failure)


def plan(tree: Path, step: str, *, job: str = "test", log_step: str = "") -> ReplayPlan:
    found = read(tree, step, job=job, log_step=log_step)
    assert isinstance(found, ReplayPlan), found
    return found


def reason(tree: Path, step: str, *, job: str = "test") -> str:
    found = read(tree, step, job=job)
    assert isinstance(found, GaveUp), found
    return found.reason


WORKFLOW = """\
    on: push
    env: {WHO: workflow, BOTH: workflow}
    defaults: {run: {working-directory: backend, shell: sh}}
    jobs:
      test:
        runs-on: ubuntu-latest
        strategy: {matrix: {python: ["3.11"]}}
        steps:
          - uses: actions/checkout@v4
          - id: setup
            uses: ./.github/actions/prepare
            env: {BOTH: "step ${{ matrix.python }}"}
            with: {python: "${{ matrix.python }}", extra: "${{ github.event.number }}"}
          - run: cat ../made; echo "${{ steps.setup.outputs.kept }} $HANDED"; exit 7
    """
PREPARE = """\
    name: Prepare
    inputs:
      python: {description: which}
      greeting: {default: hello}
      extra: {default: none}
    outputs:
      kept: {value: "${{ steps.inner.outputs.kept }}"}
    runs:
      using: composite
      steps:
        - uses: actions/setup-python@v5
          with: {python-version: "${{ inputs.python }}"}
        - run: pip install -r requirements.txt
          shell: bash
        - id: inner
          shell: bash
          run: |
            "$GITHUB_ACTION_PATH/say.sh" "${{ inputs.greeting }} ${{ inputs.python }}, $WHO, $BOTH" > made
            echo kept=a >> "$GITHUB_OUTPUT"
            echo HANDED=b >> "$GITHUB_ENV"
        - run: echo other >> made
          if: inputs.greeting == 'other'
          shell: bash
        - run: echo ${{ inputs.extra }} >> made
          name: Only GitHub knows it
          shell: bash
    """


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    write(tree, WORKFLOW)
    write(tree, PREPARE, f"{ACTION}/action.yml")
    write(tree, '#!/bin/sh\necho "$1"\n', f"{ACTION}/say.sh").joinpath(ACTION, "say.sh").chmod(0o755)
    write(tree, "attrs==25.1.0\n", "requirements.txt")
    (tree / "backend").mkdir()
    return tree


def test_an_action_of_the_repository_runs_ahead_as_it_does_in_ci(repository: Path) -> None:
    found = plan(repository, 'Run cat ../made; echo "${{ steps.setup.outputs.kept }} $HANDED"; exit 7')

    done = executed(repository, found.failing)

    assert (done.output, done.exit_code) == ("hello 3.11, workflow, step 3.11\na b\n", 7)
    [left] = found.left_out
    assert "'Only GitHub knows it'" in left
    assert "inputs.extra" in left


def test_what_an_action_sets_up_counts_as_the_jobs(repository: Path) -> None:
    found = plan(repository, 'Run cat ../made; echo "${{ steps.setup.outputs.kept }} $HANDED"; exit 7')

    assert found.job_image == "python:3.11"
    assert [(one.manifests, one.workdir) for one in found.preparations] == [(("requirements.txt",), ".")]


def test_an_action_that_failed_is_replayed_from_the_command_that_the_log_names(tmp_path: Path) -> None:
    write(tmp_path, "on: push\njobs: {test: {steps: [{uses: ./ci/check, with: {level: 2}}]}}\n")
    write(
        tmp_path,
        """\
        inputs: {level: {default: "1"}}
        runs:
          using: composite
          steps:
            - {name: Make, run: "echo x > made", shell: bash}
            - {name: Lint, run: ruff check ., shell: bash}
            - {name: Never, run: pytest never, shell: bash, if: "inputs.level == '3'"}
            - {name: Unit, run: "pytest -m ${{ inputs.level }}", shell: bash, working-directory: api}
        """,
        "ci/check/action.yaml",
    )

    named = plan(tmp_path, "Run ./ci/check", log_step="Run ruff check .")
    likeliest = plan(tmp_path, "Run ./ci/check")

    assert (named.failing.script, named.failing.workdir) == ("ruff check .", ".")
    assert [one.title for one in named.failing.before] == ["Make"]
    assert (likeliest.failing.script, likeliest.failing.workdir) == ("pytest -m 2", "api")
    assert likeliest.source == f"{PATH}, job test, step 1, 'Unit' of ./ci/check"
    assert likeliest_step(tmp_path, PATH, "test") == CIStep(number=1, name="Run ./ci/check", failed=True)


@pytest.mark.parametrize(
    ("action", "why"),
    [
        (None, "is not in the failing commit"),
        ("runs: {using: node20, main: dist/index.js}", "is made of node20, not of commands"),
        ("runs: {using: composite, steps: [}", "is no valid YAML"),
        (
            "runs: {using: composite, steps: [{uses: ./a, id: x}]}",
            "none of its commands is a test or a check",
        ),
        ("runs: {using: composite, steps: [{run: echo, shell: bash}]}", "none of its commands"),
    ],
)
def test_an_action_that_cannot_be_replayed_says_why(tmp_path: Path, action: str | None, why: str) -> None:
    write(tmp_path, "on: push\njobs: {test: {steps: [{uses: ./a}]}}\n")
    if action is not None:
        write(tmp_path, action, "a/action.yml")

    assert why in reason(tmp_path, "Run ./a")


def test_actions_that_use_each_other_without_end_come_to_one(tmp_path: Path) -> None:
    many = ", ".join(["{uses: ./a}"] * 20)
    write(tmp_path, "on: push\njobs: {test: {steps: [{uses: ./a}, {run: pytest}]}}\n")
    write(tmp_path, f"runs: {{using: composite, steps: [{many}]}}", "a/action.yml")

    assert plan(tmp_path, "Run pytest").failing.script == "pytest"


CALLER = """\
    on: push
    env: {NOT: handed on}
    jobs:
      unit:
        strategy: {matrix: {os: [linux, mac]}}
        uses: ./.github/workflows/unit.yml
        with: {level: "${{ matrix.os }}-1", deep: true}
      away: {uses: acme/ci/.github/workflows/x.yml@v1}
    """
CALLED = """\
    on:
      workflow_call:
        inputs:
          level: {type: string, required: true}
          deep: {type: boolean}
          wide: {type: boolean}
          word: {type: string, default: plain}
    jobs:
      py:
        name: py ${{ inputs.word }}
        runs-on: ubuntu-latest
        env: {LEVEL: "${{ inputs.level }}"}
        steps:
          - {name: Deep, run: echo deep > deep, if: inputs.deep}
          - {name: Wide, run: echo wide > wide, if: inputs.wide}
          - run: pytest -k "$LEVEL" ${{ inputs.word }}
      other:
        steps: [{run: npm test}]
    """


def test_a_job_of_a_reusable_workflow_runs_with_what_its_caller_hands_it(tmp_path: Path) -> None:
    write(write(tmp_path, CALLER), CALLED, ".github/workflows/unit.yml")

    found = plan(tmp_path, 'Run pytest -k "$LEVEL" ${{ inputs.word }}', job="unit (mac) / py plain")

    assert found.failing.script == 'pytest -k "$LEVEL" plain'
    assert found.failing.env["LEVEL"] == "mac-1"
    assert "NOT" not in found.failing.env
    assert [one.title for one in found.failing.before] == ["Deep"]
    assert found.suite is not None
    assert found.suite.script == "npm test"
    assert found.source == ".github/workflows/unit.yml, job py, step 3"


def test_the_jobs_of_reusable_workflows_are_listed_by_the_names_that_github_shows(tmp_path: Path) -> None:
    write(write(tmp_path, CALLER), CALLED, ".github/workflows/unit.yml")

    assert job_names(tmp_path, PATH) == (
        "unit (linux) / py plain",
        "unit (linux) / other",
        "unit (mac) / py plain",
        "unit (mac) / other",
        "away",
    )


def test_workflows_that_call_each_other_without_end_and_those_of_others_are_refused(tmp_path: Path) -> None:
    write(
        tmp_path,
        f"on: push\njobs: {{a: {{uses: ./{PATH}}}, away: {{uses: b/c/.github/workflows/x.yml@v1}}}}\n",
    )

    assert "without an end" in reason(tmp_path, "x", job=" / ".join(["a"] * 30))
    assert "of another repository" in reason(tmp_path, "x", job="away / t")
    assert job_names(tmp_path, PATH) == (
        "a / " * 10 + "a",
        "a / " * 10 + "away",
        *("a / " * n + "away" for n in range(9, -1, -1)),
    )
