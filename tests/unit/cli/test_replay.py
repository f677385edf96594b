"""``patchpilot replay`` prints a plan, or says what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import application

WORKFLOW = """\
jobs:
  lint: {steps: [{run: ruff check .}]}
  test:
    strategy: {matrix: {py: ["3.11", "3.12"]}}
    steps:
      - uses: actions/setup-python@v5
        with: {python-version: "${{ matrix.py }}"}
      - run: pip install -r requirements.txt
      - run: pytest
        env: {TOKEN: "${{ secrets.TOKEN }}"}
"""
GITLAB = "test: {services: [redis], script: [pytest]}\n"


def write(tree: Path, **files: str) -> Path:
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    return tree


def run(*arguments: object, env: dict[str, str] | None = None) -> tuple[int, str]:
    done = CliRunner().invoke(application(), ["replay", *map(str, arguments)], env=env)
    return done.exit_code, done.output


def test_a_plan_is_shown_with_why_and_with_what(tmp_path: Path) -> None:
    write(tmp_path, **{".github/workflows/ci.yml": WORKFLOW, "requirements.txt": ""})
    code, text = run(tmp_path, "--job", "test (3.12)", env={"SANDBOX_IMAGES": "python:3.12=ours:12"})
    assert code == 0
    assert "from         .github/workflows/ci.yml, job test (3.12), step 3\n" in text
    assert "note         Secrets are left empty: TOKEN." in text
    assert "image        ours:12 (the job asks for python:3.12)" in text
    assert "first        pip in .: requirements.txt" in text
    assert "failing      in . by bash -e, with the variables CI, " in text
    assert "\n    pytest\n" in text
    assert "suite" in text


def test_what_runs_ahead_is_shown(tmp_path: Path) -> None:
    steps = """\
jobs:
  t:
    steps:
      - {name: Main, run: make main, if: github.ref == 'x'}
      - {name: Lint, run: ruff check .}
      - {name: Make, id: make, run: make all, continue-on-error: true}
      - {name: After, run: ./after.sh, if: steps.make.outcome == 'failure', working-directory: sub}
      - {name: Tests, run: pytest}
"""
    code, text = run(write(tmp_path, **{".github/workflows/ci.yml": steps}))
    assert code == 0
    assert "left out     The earlier step 'Main' is left out here: it needs ${{ github.ref == 'x' }}" in text
    assert "failing: first Make (may fail), in . by bash -e, with the variables CI, " in text
    assert 'failing: first After (if same "$(outcome make)" failure), in sub by bash -e, with' in text
    assert "or else      if that does not reproduce the failure: Run after the job's earlier tests" in text
    assert text.index("make all") < text.index("./after.sh") < text.index("    pytest")


def test_steps_that_only_install_are_said_not_to_run(tmp_path: Path) -> None:
    steps = """\
jobs:
  t:
    steps:
      - {name: Get it all, run: pip install -r requirements.txt}
      - {name: Make, run: make all}
      - {name: Tests, run: pytest}
"""
    write(tmp_path, **{".github/workflows/ci.yml": steps})
    _, without_list = run(tmp_path)
    (tmp_path / "requirements.txt").write_text("")
    _, with_list = run(tmp_path)

    about = "not run      'Get it all' (only for installing or setting up): "
    assert f"{about}nothing is installed\n" in without_list
    assert f"{about}what is listed above is installed instead\n" in with_list
    assert with_list.index("first        pip in .: requirements.txt") < with_list.index("not run")


def test_json_has_all_of_the_plan(tmp_path: Path) -> None:
    write(tmp_path, **{".gitlab-ci.yml": GITLAB})
    code, text = run(tmp_path, "--json")
    plan = json.loads(text)
    assert code == 0
    assert plan["failing"]["script"] == "pytest"
    assert plan["notes"] == ["The job's services are missing in the sandbox: redis."]


def test_circleci_and_detection_are_read_too(tmp_path: Path) -> None:
    write(
        tmp_path,
        **{".circleci/config.yml": "jobs: {a: {steps: [run: {name: T, command: go test .}]}}", "go.mod": ""},
    )
    assert "step 'T'" in run(tmp_path)[1]
    assert "step 'T'" in run(tmp_path, "--config", ".circleci/config.yml")[1]
    assert "detected: go test ./..." in run(tmp_path, "--ci", "detect")[1]


def test_patchpilot_yml_is_enough(tmp_path: Path) -> None:
    write(tmp_path, **{".patchpilot.yml": "replay: {failing: make check}"})
    assert "    make check" in run(tmp_path)[1]


def test_what_the_file_says_for_all_jobs_needs_no_job_and_no_ci_to_be_chosen(tmp_path: Path) -> None:
    write(tmp_path, **{".github/workflows/ci.yml": WORKFLOW, ".gitlab-ci.yml": GITLAB})
    write(
        tmp_path, **{".patchpilot.yml": "replay: {failing: make check, jobs: {lint: {failing: make lint}}}"}
    )
    code, text = run(tmp_path)
    assert code == 0
    assert "from         .patchpilot.yml\n" in text
    assert "    make check" in text
    assert "    make lint" in run(tmp_path, "--ci", "github", "--job", "lint")[1]
    assert "is called 'gone'" in run(tmp_path, "--ci", "github", "--job", "gone")[1]


def test_a_job_of_a_project_without_ci_is_not_passed_over(tmp_path: Path) -> None:
    write(tmp_path, **{"go.mod": ""})
    for words in (("--job", "x"), ("--step", "x")):
        code, text = run(tmp_path, *words)
        assert code == 2
        assert f"{words[0]} 'x' names a part of a CI's configuration, and none is read here" in text
    write(tmp_path, **{".patchpilot.yml": "replay: {jobs: {x: {failing: go vet}}}"})
    assert "    go vet" in run(tmp_path, "--job", "x")[1]


def test_what_is_wrong_with_the_file_is_said(tmp_path: Path) -> None:
    write(tmp_path, **{"go.mod": "", ".patchpilot.yml": "policy: sometimes"})
    code, text = run(tmp_path)
    assert code == 0
    assert (
        "note         The policy can't be read, so a person is asked: .patchpilot.yml: `policy.mode` can't"
        in text
    )
    write(tmp_path, **{".patchpilot.yml": "replay: {failing: make, working-directory: ../..}"})
    code, text = run(tmp_path)
    assert code == 1
    assert "there is no folder '../..' in the repository" in text


def test_nothing_to_replay_is_exit_code_1_with_what_to_do(tmp_path: Path) -> None:
    code, text = run(write(tmp_path, **{"README.md": ""}))
    assert code == 1
    assert "put the command under replay.failing in .patchpilot.yml" in text
    code, text = run(tmp_path, "--json")
    assert code == 1
    assert "reason" in json.loads(text)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere",), "is not a folder"),
        (("both",), "choose one with --ci github|gitlab"),
        (("both", "--ci", "github"), "choose one with --job. Known: 'lint', 'test (3.11)', 'test (3.12)'"),
        (("both", "--ci", "github", "--job", "gone"), "No job of .github/workflows/ci.yml is called 'gone'."),
        (("both", "--ci", "circleci"), "there is no .circleci/config.yml here: name the configuration"),
        (("both", "--config", "x.yml"), "there is no x.yml here"),
        (("both", "--config", "Makefile"), "say it with --ci"),
        (("both", "--ci", "github", "--config", "x.yml"), "there is no x.yml here"),
    ],
)  # fmt: skip
def test_unusable_input_is_exit_code_2_and_says_what_to_give(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    files = {"both/.github/workflows/ci.yml": WORKFLOW, "both/.gitlab-ci.yml": GITLAB, "both/Makefile": ""}
    write(tmp_path, **files)
    code, text = run(tmp_path / arguments[0], *arguments[1:])
    assert code == 2
    assert says in " ".join(text.split())
    code, text = run(tmp_path / arguments[0], *arguments[1:], "--json")
    assert code == 2
    assert "error" in json.loads(text)


def test_a_matrix_is_listed_by_one_entry_and_by_all_where_it_was_meant(tmp_path: Path) -> None:
    systems = "[windows-latest, ubuntu-latest]"
    matrix = f"{{python: ['3.11', '3.12', '3.13'], os: {systems}}}"
    job = f"{{strategy: {{matrix: {matrix}}}, runs-on: '${{{{ matrix.os }}}}', steps: [run: pytest]}}"
    write(tmp_path, **{".github/workflows/ci.yml": f"on: push\njobs:\n  test: {job}\n",
                       ".github/workflows/a.yml": WORKFLOW.replace("test:", "other:")})  # fmt: skip

    listed = " ".join(run(tmp_path)[1].split())
    assert "'test (3.11, ubuntu-latest)' and 5 like it" in listed
    asked = " ".join(run(tmp_path, "--job", "test")[1].split())
    assert (
        "No job of 2 workflows is called 'test'. Perhaps: 'test (3.11, ubuntu-latest)', 'test (3.12, u"
        in asked
    )
    assert "lint" not in asked


def test_what_a_repository_says_cannot_drive_the_terminal(tmp_path: Path) -> None:
    write(tmp_path, **{".gitlab-ci.yml": 'test: {script: ["pytest \\e]0;owned\\a"], image: "x\\e[2J"}'})
    assert "\x1b" not in run(tmp_path)[1]
