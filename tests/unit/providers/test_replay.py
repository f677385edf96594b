"""What a failing step ran, read from real-looking workflow files."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

from patchpilot.fixes import GaveUp, ReplayPlan
from patchpilot.source import CIJob, CIStep
from providers.ci.github_replay import replay
from providers.ci.step_kinds import StepKind, kind_of, without_set_up
from tests.commands import executed

PATH = ".github/workflows/ci.yml"


def failed(name: str, step: str, *others: str) -> CIJob:
    """A job whose step ``step`` failed; ``others`` are the steps before it."""
    names = [*others, step]
    steps = tuple(CIStep(number=n, name=text, failed=text == step) for n, text in enumerate(names, 1))
    return CIJob(id="1", name=name, failed=True, steps=steps)


def write(tree: Path, text: str, path: str = PATH) -> Path:
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text(dedent(text))
    return tree


def plan(tree: Path, job: CIJob) -> ReplayPlan:
    found = replay(tree, workflow_path=PATH, job=job)
    assert isinstance(found, ReplayPlan), found
    return found


def reason(tree: Path, job: CIJob, path: str = PATH) -> str:
    found = replay(tree, workflow_path=path, job=job)
    assert isinstance(found, GaveUp), found
    return found.reason


LEDGER = """\
    name: CI
    on: [push]
    env: {PYTHONDONTWRITEBYTECODE: 1}
    jobs:
      check:
        runs-on: ubuntu-latest
        steps:
          - uses: actions/checkout@v4
          - uses: actions/setup-python@v5
            with: {python-version: "3.11"}
          - run: pip install -e .[test]
          - run: ruff check .
          - run: ruff format --check .
          - name: Tests
            run: python -m pytest -q
            env: {PYTHONHASHSEED: "0"}
    """


def test_a_plain_step_is_run_as_it_stands(tmp_path: Path) -> None:
    found = plan(write(tmp_path, LEDGER), failed("check", "Tests", "Run ruff check ."))

    assert found.failing.script == "python -m pytest -q"
    assert found.failing.env["PYTHONHASHSEED"] == "0"
    assert found.failing.env["PYTHONDONTWRITEBYTECODE"] == "1"
    assert found.failing.env["CI"] == "true"
    assert (found.failing.workdir, found.failing.shell) == (".", "bash -e")
    assert found.source == f"{PATH}, job check, step 6"


def test_the_suite_of_a_failing_linter_is_the_tests(tmp_path: Path) -> None:
    found = plan(write(tmp_path, LEDGER), failed("check", "Run ruff check ."))
    assert found.failing.script == "ruff check ."
    assert found.suite is not None
    assert found.suite.script == "python -m pytest -q"
    assert found.suite.env["PYTHONHASHSEED"] == "0"


def test_the_suite_of_failing_tests_is_the_other_checks(tmp_path: Path) -> None:
    suite = plan(write(tmp_path, LEDGER), failed("check", "Tests")).suite
    assert suite is not None
    assert "ruff check ." in suite.script
    assert "ruff format --check ." in suite.script
    assert "pip install" not in suite.script
    # People are shown what it runs, not how that is put into one script.
    assert suite.in_short == "ruff check .; ruff format --check ."


def test_the_suite_of_a_job_without_tests_is_another_jobs(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        jobs:
          lint: {steps: [{run: ruff check .}]}
          nightly: {if: github.event_name == 'schedule', steps: [{run: pytest slow}]}
          windows: {runs-on: windows-latest, steps: [{run: pytest}]}
          test: {strategy: {matrix: {py: [1, 2]}}, steps: [{run: make}, {run: "pytest ${{ matrix.py }}"}]}
        """,
    )
    suite = plan(tree, failed("lint", "Run ruff check .")).suite
    assert suite is not None
    assert ([step.script for step in suite.before], suite.script) == (["make"], "pytest 1")
    assert suite.in_short == "pytest 1"


def test_the_suite_is_rather_that_of_a_job_with_the_same_language(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        jobs:
          lint: {steps: [{uses: actions/setup-python@v5}, {run: ruff check .}]}
          web: {steps: [{uses: actions/setup-node@v4}, {run: npm test}]}
          any: {steps: [{run: make test}]}
          unit: {container: "python:3.12", steps: [{run: pytest}]}
          page: {steps: [{uses: actions/setup-node@v4}, {run: npx eslint .}]}
        """,
    )
    scripts = {}
    for job, step in {"lint": "ruff check .", "page": "npx eslint ."}.items():
        suite = plan(tree, failed(job, f"Run {step}")).suite
        scripts[job] = suite.script if suite else ""
    assert scripts == {"lint": "pytest", "page": "npm test"}


def test_a_lonely_step_has_no_suite(tmp_path: Path) -> None:
    tree = write(tmp_path, "jobs: {t: {steps: [{run: make test}]}}")
    assert plan(tree, failed("t", "Run make test")).suite is None


def test_builds_before_the_failing_step_are_repeated_in_their_own_folders(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        jobs:
          test:
            defaults: {run: {working-directory: app}}
            steps:
              - run: npm ci
              - run: npm run build
                env: {MODE: it's}
              - run: pwd && echo "$MODE" && npm test
                shell: bash
        """,
    )
    failing = plan(tree, failed("test", 'Run pwd && echo "$MODE" && npm test')).failing
    (tmp_path / "app").mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/npm").write_text(
        '#!/bin/sh\necho "npm $* in $(basename "$PWD") mode $MODE" | tee -a log\n'
    )
    (tmp_path / "bin/npm").chmod(0o755)

    done = executed(tmp_path, failing, path=f"{tmp_path}/bin:/usr/bin:/bin")

    assert done.output.splitlines() == [f"{tmp_path}/app", "", "npm test in app mode "]
    assert (tmp_path / "app/log").read_text().splitlines()[0] == "npm run build in app mode it's"


MATRIX = """\
    jobs:
      test:
        strategy:
          matrix:
            python: ["3.11", "3.12"]
            os: [ubuntu-latest, macos-latest]
            exclude: [{python: "3.11", os: macos-latest}]
            include:
              - {python: "3.12", os: ubuntu-latest, extra: cov}
              - {python: "3.13", os: ubuntu-latest}
        runs-on: ${{ matrix.os }}
        steps:
          - run: tox -e py${{ matrix.python }} ${{ matrix.extra || 'none' }}
            env: {WHERE: "${{ matrix.os }}"}
    """


@pytest.mark.parametrize(
    ("name", "script", "where"),
    [
        ("test (3.11, ubuntu-latest)", "tox -e py3.11 none", "ubuntu-latest"),
        ("test (3.12, macos-latest)", "tox -e py3.12 none", "macos-latest"),
        ("test (3.12, ubuntu-latest, cov)", "tox -e py3.12 cov", "ubuntu-latest"),
        ("test (3.12, ubuntu-latest)", "tox -e py3.12 cov", "ubuntu-latest"),
        ("test (3.13, ubuntu-latest)", "tox -e py3.13 none", "ubuntu-latest"),
    ],
)
def test_matrix_values_come_from_the_jobs_name(tmp_path: Path, name: str, script: str, where: str) -> None:
    step = f"Run {script}"
    found = plan(write(tmp_path, MATRIX), failed(name, step))
    assert found.failing.script == script
    assert found.failing.env["WHERE"] == where


def test_an_excluded_combination_is_no_job(tmp_path: Path) -> None:
    assert "No job of" in reason(write(tmp_path, MATRIX), failed("test (3.11, macos-latest)", "x"))


def test_a_name_with_matrix_values_in_it_is_understood(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        jobs:
          a:
            name: Python ${{ matrix.py }}
            strategy: {matrix: {py: [3.9, "3.10"]}}
            steps: [{name: "Test on ${{ matrix.py }}", run: "pytest --py=${{ matrix.py }}"}]
        """,
    )
    assert plan(tree, failed("Python 3.10", "Test on 3.10")).failing.script == "pytest --py=3.10"


def test_scalars_are_those_that_github_reads(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        on: [push]
        jobs:
          t:
            strategy: {matrix: {cover: [yes, no], fast: [true]}}
            env: {PORTS: 22:22, DAY: 2024-01-02, MODE: 010, BIG: 1_000, ON: off, SIZE: 0x10, GAP: .5}
            steps: [{name: Test, run: "pytest --cov=${{ matrix.cover }}"}]
        """,
    )
    found = plan(tree, failed("t (no, true)", "Test"))
    assert found.failing.script == "pytest --cov=no"
    told = {name: found.failing.env[name] for name in ("PORTS", "DAY", "MODE", "BIG", "ON", "SIZE", "GAP")}
    assert told == {
        "PORTS": "22:22", "DAY": "2024-01-02", "MODE": "10", "BIG": "1_000", "ON": "off", "SIZE": "16",
        "GAP": "0.5",
    }  # fmt: skip


@pytest.mark.parametrize("value", ["!!bool maybe", "!!timestamp soon", '!!int ""', '!!float ""'])
@pytest.mark.parametrize("path", [PATH, ".patchpilot.yml"])
def test_a_value_that_its_tag_does_not_fit_is_said_to_be_no_yaml(
    tmp_path: Path, path: str, value: str
) -> None:
    tree = write(write(tmp_path, LEDGER), f"jobs: {{t: {value}}}", path)
    assert re.search(r"(?i)no valid yaml|YAML", reason(tree, failed("check", "Tests")))


def test_a_matrix_made_at_run_time_is_guessed_from_the_name(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        jobs:
          t:
            strategy: {matrix: {target: "${{ fromJSON(needs.plan.outputs.targets) }}"}}
            steps: [{run: "make ${{ matrix.target }} test"}]
        """,
    )
    assert plan(tree, failed("t (linux)", "Run make linux test")).failing.script == "make linux test"


def test_the_workspace_is_the_way_back_to_the_root(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        env: {ROOT: "${{ github.workspace }}/x"}
        jobs:
          t:
            steps:
              - working-directory: ${{ github.workspace }}/services/api
                run: pytest --rootdir=${{ github.workspace }} ${{ env.ROOT }}
        """,
    )
    failing = plan(tree, failed("t", "Run pytest --rootdir=. ./x")).failing
    assert failing.workdir == "services/api"
    assert failing.script == "pytest --rootdir=../.. ../../x"
    assert failing.env["GITHUB_WORKSPACE"] == "../.."


def test_secrets_are_empty_and_noted(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        jobs:
          t:
            services: {db: {image: "postgres:16"}}
            env: {TOKEN: "${{ secrets.API_TOKEN }}", GH: "${{ github.token }}", SHA: "${{ github.sha }}"}
            steps: [{name: Test, run: pytest}]
        """,
    )
    found = plan(tree, failed("t", "Test"))
    assert found.failing.env["TOKEN"] == ""
    assert "SHA" not in found.failing.env
    assert found.notes == (
        "The job's services are missing in the sandbox: db.",
        "Secrets are left empty: API_TOKEN, GITHUB_TOKEN.",
        "Variables left out, known only on GitHub: SHA.",
    )


def test_commands_that_install_are_left_out_of_a_script_that_also_checks(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        jobs:
          t:
            steps:
              - name: Test
                run: |
                  # get ready
                  python -m pip install --upgrade pip && pip install \\
                    -r requirements.txt
                  pip install -e . && pytest -q
        """,
    )
    assert plan(tree, failed("t", "Test")).failing.script == "pytest -q"


def test_steps_of_the_same_name_are_told_apart_by_their_order(tmp_path: Path) -> None:
    tree = write(tmp_path, "jobs: {t: {steps: [{name: Test, run: make one}, {name: Test, run: make two}]}}")
    steps = (CIStep(number=2, name="Test", failed=False), CIStep(number=3, name="Test", failed=True))
    job = CIJob(id="1", name="t", failed=True, steps=steps)
    assert "make two" in plan(tree, job).failing.script


def test_a_step_whose_name_only_the_runner_knows_is_found_by_its_place(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        "jobs: {t: {steps: [{uses: actions/checkout@v4}, {name: 'On ${{ github.sha }}', run: make test}]}}",
    )
    steps = tuple(
        CIStep(number=number, name=name, failed=name == "On 7f3c1b2")
        for number, name in enumerate(
            [
                "Set up job",
                "Run actions/checkout@v4",
                "On 7f3c1b2",
                "Post Run actions/checkout@v4",
                "Complete job",
            ],
            1,
        )
    )
    assert plan(tree, CIJob(id="1", name="t", failed=True, steps=steps)).failing.script == "make test"


def test_steps_with_a_condition_or_allowed_to_fail_are_in_no_suite(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        jobs:
          t:
            steps:
              - run: ruff check .
              - {run: pytest slow, if: github.ref == 'refs/heads/main'}
              - {run: pytest wobbly, continue-on-error: true}
              - {run: "pytest ${{ steps.pick.outputs.tests }}"}
        """,
    )
    assert plan(tree, failed("t", "Run ruff check .")).suite is None


@pytest.mark.parametrize(
    ("shell", "command"),
    [
        ("bash", "bash --noprofile --norc -eo pipefail"),
        ("sh", "sh -e"),
        ("python", "python"),
        ("perl {0}", "perl"),
    ],
)
def test_shells_are_those_that_github_runs(tmp_path: Path, shell: str, command: str) -> None:
    tree = write(tmp_path, f"jobs: {{t: {{steps: [{{name: T, run: x, shell: '{shell}'}}]}}}}")
    assert plan(tree, failed("t", "T")).failing.shell == command


# --- overrides ----------------------------------------------------------------------------------------


def test_a_repositorys_own_file_comes_first(tmp_path: Path) -> None:
    text = """\
        replay:
          failing: make test
          suite: make check
          working-directory: backend
          env: {A: 1}
          jobs:
            lint: {failing: make lint, env: {B: "2"}}
        """
    (tmp_path / "backend").mkdir()
    tree = write(tmp_path, text, ".patchpilot.yml")
    found = plan(tree, failed("anything", "x"))
    assert (found.failing.script, found.failing.workdir, found.failing.env) == (
        "make test",
        "backend",
        {"A": "1"},
    )
    assert found.suite is not None
    assert found.suite.script == "make check"
    assert found.source == ".patchpilot.yml"
    lint = plan(tree, failed("lint (3.11)", "x")).failing
    assert (lint.script, lint.env) == ("make lint", {"A": "1", "B": "2"})


def test_an_image_alone_keeps_the_workflows_commands(tmp_path: Path) -> None:
    text = "replay: {image: base:1, jobs: {check: {image: 'ci-python:3.12'}}}"
    found = plan(write(write(tmp_path, LEDGER), text, ".patchpilot.yml"), failed("check", "Tests"))
    assert found.image == "ci-python:3.12"
    assert found.failing.script == "python -m pytest -q"


def test_a_suite_alone_keeps_the_workflows_failing_command(tmp_path: Path) -> None:
    tree = write(write(tmp_path, LEDGER), "replay: {suite: make all}", ".patchpilot.yml")
    found = plan(tree, failed("check", "Tests"))
    assert found.failing.script == "python -m pytest -q"
    assert found.suite is not None
    assert found.suite.script == "make all"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("replay: {failng: x}", "`replay.failng` is not known; perhaps `failing` is meant"),
        ("replay: {working_dir: x}", "`replay.working_dir` is not known; perhaps `working-directory` is"),
        ("replay: {timeout: 3}", "what is known there is `failing`, `suite`"),
        ("replay: {jobs: {a: {sute: x}}}", "`replay.jobs.a.sute` is not known; perhaps `suite` is meant"),
        ("replay: {jobs: [a]}", r"`replay.jobs` has to be a mapping, not \['a'\]"),
        ("replay: [x]", "`replay` has to be a mapping with keys such as `failing`, `suite`, not"),
        ("replay: {image: '--privileged'}", r"`replay\.image` has to be a name in letters, digits"),
        ("- x", "the file has to be a mapping with keys such as"),
        ("replay: {failing: [x]}", r"`replay\.failing` has to be text, not \['x'\]"),
        ("replay: {failing: x, working-directory: nope}", "there is no folder 'nope' in the repository"),
        ("replay: {failing: x, working-directory: ../..}", r"no folder '\.\./\.\.' in the repository"),
        ("a: [", "line 1"),
        ("x: 2026-99-99", "no valid YAML"),
        ("a: &a [*a]", "too large"),
        ("a: " + "[" * 1500, "no valid YAML"),
    ],
)
def test_a_malformed_file_names_what_to_mend(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / ".patchpilot.yml").write_text(text)
    found = replay(write(tmp_path, LEDGER), workflow_path=PATH, job=failed("check", "Tests"))
    assert isinstance(found, GaveUp)
    assert ".patchpilot.yml" in found.reason
    assert re.search(says, found.reason)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "working-directory: backend",
            "`working-directory` counts for nothing here: it belongs below `replay`",
        ),
        ("repaly: {failing: x}", "`repaly` is not known and counts for nothing; perhaps `replay` is meant"),
        ("version: 1", "what is known there is `replay`, `policy`"),
        ("replay: {env: {A: 1}}", "`replay.env` holds for `failing` and `suite` only"),
    ],
)
def test_what_counts_for_nothing_is_said_beside_the_plan(tmp_path: Path, text: str, says: str) -> None:
    tree = write(write(tmp_path, LEDGER), text, ".patchpilot.yml")
    notes = plan(tree, failed("check", "Tests")).notes
    assert any(says in note for note in notes), notes


def test_a_file_under_another_name_is_said_not_to_be_read(tmp_path: Path) -> None:
    tree = write(write(tmp_path, LEDGER), "replay: {failing: x}", ".patchpilot.yaml")
    found = plan(tree, failed("check", "Tests"))
    assert found.failing.script != "x"
    assert ".patchpilot.yaml is not read: the file has to be called .patchpilot.yml." in found.notes


def test_a_yaml_bomb_is_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "too large" in reason(write(tmp_path, "\n".join(lines)), failed("t", "x"))


# --- giving up ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("workflow", "job", "says"),
    [
        (
            "jobs: {t: {uses: ./.github/workflows/x.yml}}",
            failed("t / inner", "x"),
            "is not in the failing commit",
        ),
        (
            "jobs: {t: {uses: a/b/.github/workflows/x.yml@v1}}",
            failed("t", "x"),
            "workflow of another repository",
        ),
        ("jobs: {t: {steps: [{uses: docker/build-push-action@v5}]}}", failed("t", "x"), "only actions"),
        (
            "jobs: {t: {steps: [{uses: a/lint@v1}, {run: make}]}}",
            failed("t", "Run a/lint@v1"),
            "the action 'a/lint@v1', not a command",
        ),
        ("jobs: {t: {steps: [{run: npm i x}]}}", failed("t", "Run npm i x"), "installs things"),
        ("jobs: {t: {steps: [{run: docker build .}]}}", failed("t", "Run docker build ."), "needs Docker"),
        (
            "jobs: {t: {steps: [{run: 'x ${{ github.sha }}', name: X}]}}",
            failed("t", "X"),
            r"\{\{ github.sha \}\}",
        ),
        ("jobs: {t: {steps: [{run: 'x ${{ env.LATER }}', name: X}]}}", failed("t", "X"), "env.LATER"),
        ("jobs: {t: {steps: [{run: x, name: X, working-directory: ../..}]}}", failed("t", "X"), "outside"),
        ("jobs: {t: {steps: [{run: x, name: X, shell: pwsh}]}}", failed("t", "X"), "Linux with bash"),
        ("jobs: {t: {runs-on: windows-latest, steps: [{run: x, name: X}]}}", failed("t", "X"), "pwsh"),
        ("jobs: {t: {steps: [{run: x}]}}", failed("other", "x"), "No job of"),
        ("jobs: {t: {steps: [{run: x}, {run: y}]}}", failed("t", "Unknown"), "not a step"),
        ("jobs: {t: {steps: [{run: x}]}}", CIJob(id="1", name="t", failed=True), "never have started"),
        ("jobs: {}", failed("t", "x"), "has no jobs"),
        ("jobs: [", failed("t", "x"), "no valid YAML"),
        ("just text", failed("t", "x"), "has no jobs"),
        ("jobs: {t: {steps: 3}}", failed("t", "x"), "no commands"),
        ("jobs: {t: null, u: 3}", failed("t", "x"), "has no jobs"),
        ("", failed("t", "x"), "has no jobs"),
    ],
)
def test_what_cannot_be_known_ends_with_a_reason_and_what_to_do(
    tmp_path: Path, workflow: str, job: CIJob, says: str
) -> None:
    text = reason(write(tmp_path, workflow), job)
    assert re.search(says, text), text
    assert "put the command under replay.failing in .patchpilot.yml" in text


@pytest.mark.parametrize(
    "path", ["", "dynamic/pages", ".github/workflows/gone.yml", "../../etc/passwd", "/etc/passwd"]
)
def test_a_workflow_file_that_is_not_there_is_said_so(tmp_path: Path, path: str) -> None:
    assert "workflow file" in reason(tmp_path, failed("t", "x"), path)


def test_a_workflow_behind_a_symlink_is_not_read(tmp_path: Path) -> None:
    outside = tmp_path / "outside.yml"
    outside.write_text("jobs: {t: {steps: [{run: x}]}}")
    tree = tmp_path / "tree"
    (tree / ".github/workflows").mkdir(parents=True)
    (tree / PATH).symlink_to(outside)
    assert "is not in the failing commit" in reason(tree, failed("t", "Run x"))


# --- step kinds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ("pytest -q", StepKind.TEST),
        ("python -m pytest", StepKind.TEST),
        ("uv run --frozen pytest", StepKind.TEST),
        ("poetry run coverage run -m pytest", StepKind.TEST),
        ("uvx --python 3.12 --with tox-uv tox -e py", StepKind.TEST),
        ("uv run --python 3.12 --group test pytest -q", StepKind.TEST),
        ("pipx run nox -s tests", StepKind.TEST),
        ("uvx --python ${{ matrix.python-version }} tox -e py", StepKind.TEST),
        ("uv run --with a==1 -p 3.12 mypy src", StepKind.CHECK),
        *(
            (f"{call} {option * 700}", kind)
            for call, option, kind in (
                ("uv run", "--python=a ", StepKind.OTHER),
                ("uvx", "-p ", StepKind.OTHER),
                ("npx", "--yes ", StepKind.OTHER),
                ("npm", "--ab ", StepKind.OTHER),
            )
        ),
        ("FOO=1 sudo make test", StepKind.TEST),
        ("npm test", StepKind.TEST),
        ("npm run test:unit", StepKind.TEST),
        ("yarn jest", StepKind.TEST),
        ("npx --yes vitest run", StepKind.TEST),
        ("go test ./...", StepKind.TEST),
        ("cargo test --all", StepKind.TEST),
        ("./gradlew check", StepKind.TEST),
        ("mvn -B verify", StepKind.TEST),
        ("cd web\nnpm test", StepKind.TEST),
        ("bundle exec rspec", StepKind.TEST),
        ("ctest --test-dir build", StepKind.TEST),
        ("ruff check .", StepKind.CHECK),
        ("python -m mypy src", StepKind.CHECK),
        ("npm run lint", StepKind.CHECK),
        ("npx tsc --noEmit", StepKind.CHECK),
        ("cargo clippy -- -D warnings", StepKind.CHECK),
        ("golangci-lint run", StepKind.CHECK),
        ("pre-commit run --all-files", StepKind.CHECK),
        ("pip install ruff pytest", StepKind.SET_UP),
        ("python -m pip install -e .[test]", StepKind.SET_UP),
        ("npm ci", StepKind.SET_UP),
        ("yarn", StepKind.SET_UP),
        ("sudo apt-get update && sudo apt-get install -y gcc", StepKind.SET_UP),
        ("uv sync", StepKind.SET_UP),
        ("npm run build", StepKind.BUILD),
        ("cmake -B build\ncmake --build build", StepKind.BUILD),
        ("go build ./...", StepKind.BUILD),
        ("make", StepKind.BUILD),
        ("python -m build", StepKind.BUILD),
        ("echo pytest", StepKind.OTHER),
        ("# pytest\ntrue", StepKind.OTHER),
        ("./deploy.sh", StepKind.OTHER),
    ],
)
def test_a_script_is_judged_by_the_programs_it_calls(script: str, kind: StepKind) -> None:
    assert kind_of(script) is kind


OTHER_FOLDERS = """\
    on: push
    defaults: {run: {working-directory: backend, shell: sh}}
    jobs:
      test:
        container: {image: node:20, env: {MADE: "1", BOTH: "1"}}
        env: {BOTH: "2"}
        steps:
          - uses: actions/checkout@v4
            with: {path: app}
          - uses: actions/checkout@v4
            with: {repository: acme/tools}
          - uses: ./.github/actions/mine
          - run: docker compose up -d
          - run: pytest
          - uses: golangci/golangci-lint-action@v6
            with: {args: --fast, working-directory: svc}
          - uses: pre-commit/action@v3
    """


@pytest.mark.parametrize(
    ("step", "folder", "shell"),
    [
        ("Run pytest", "backend", "sh -e"),
        ("Run golangci/golangci-lint-action@v6", "svc", "bash -e"),
        ("Run pre-commit/action@v3", ".", "bash -e"),
    ],
)
def test_defaults_are_for_commands_and_an_action_has_a_folder_of_its_own(
    tmp_path: Path, step: str, folder: str, shell: str
) -> None:
    failing = plan(write(tmp_path, OTHER_FOLDERS), failed("test", step)).failing
    assert (failing.workdir, failing.shell) == (folder, shell)


def test_what_is_missing_or_elsewhere_in_the_sandbox_is_said(tmp_path: Path) -> None:
    found = plan(write(tmp_path, OTHER_FOLDERS), failed("test", "Run pytest"))
    assert (found.failing.env["MADE"], found.failing.env["BOTH"]) == ("1", "2")
    told = "\n".join(found.notes)
    assert "The job checks the repository out into 'app'" in told
    assert "The repository 'acme/tools', which the job checks out as well, is missing" in told
    assert "The containers that the step 'Run docker compose up -d' starts are missing" in told
    [own] = found.left_out
    assert own.startswith("The earlier step 'Run ./.github/actions/mine' is left out here")
    assert "The action '.github/actions/mine' is not in the failing commit" in own


@pytest.mark.parametrize(
    ("written", "script"),
    [
        ("contains('abc', 'B')", "true"),
        ("startsWith(matrix.os, 'ubuntu')", "true"),
        ("endsWith('abc', 'x')", "false"),
        ("format('{0}-{1}', 'a', matrix.os)", "a-ubuntu-22"),
        ("contains('abc', 'x') || 'other'", "other"),
    ],
)
def test_functions_of_what_is_known_are_known(tmp_path: Path, written: str, script: str) -> None:
    text = f"""\
        jobs:
          test:
            strategy: {{matrix: {{os: [ubuntu-22]}}}}
            steps:
              - name: Tests
                run: pytest ${{{{ {written} }}}}
        """
    assert (
        plan(write(tmp_path, text), failed("test (ubuntu-22)", "Tests")).failing.script == f"pytest {script}"
    )


@pytest.mark.parametrize(
    "written",
    ["github.actor", "contains(github.ref, 'a')", "format('{1}', 'a')", "contains('a')", "contains('a' 'b')"],
)
def test_who_started_a_run_and_what_is_no_call_are_unknown(tmp_path: Path, written: str) -> None:
    text = f"""\
        jobs:
          test:
            steps:
              - name: Tests
                run: pytest ${{{{ {written} }}}}
        """
    assert "known only on GitHub" in reason(write(tmp_path, text), failed("test", "Tests"))


def test_a_script_without_installs_comes_back_to_the_byte() -> None:
    script = "# note\nset -x\n\ncat <<EOF \\\n > x\nEOF\npytest \\\n  -q\n"
    assert without_set_up(script) == script


def test_a_hostile_script_costs_little_time() -> None:
    for script in ("make " * 100_000, "A=" * 100_000, "\n" * 200_000, "npm run " * 50_000, "x;" * 100_000):
        kind_of(script)
