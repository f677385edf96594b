"""What a failing CircleCI step ran, read from configurations as real projects write them."""

# ruff: noqa: E501, ISC004 - the configurations stand as people write them

from __future__ import annotations

import random
import subprocess
from pathlib import Path
from textwrap import dedent

import pytest

from patchpilot.fixes import GaveUp, Preparation, ReplayPlan
from patchpilot.images import ImageTable
from patchpilot.source import CIJob, CIStep
from providers.ci.circleci_replay import job_names, replay
from providers.ci.circleci_steps import SHELL
from tests.commands import executed

PATH = ".circleci/config.yml"


def write(tree: Path, text: str, path: str = PATH) -> Path:
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text(dedent(text))
    return tree


def found(tree: Path, name: str, step: str = "", images: str = "") -> ReplayPlan | GaveUp:
    steps = (CIStep(number=3, name=step, failed=True),) if step else ()
    job = CIJob(id="1", name=name, failed=True, steps=steps)
    return replay(tree, job=job, images=ImageTable.parse(images))


def plan(tree: Path, name: str, step: str = "", images: str = "") -> ReplayPlan:
    answer = found(tree, name, step, images)
    assert isinstance(answer, ReplayPlan), answer
    return answer


def reason(tree: Path, name: str = "test", step: str = "") -> str:
    answer = found(tree, name, step)
    assert isinstance(answer, GaveUp), answer
    return answer.reason


PYTHON = """\
    version: 2.1
    jobs:
      test:
        docker:
          - image: cimg/python:3.12
            environment: {DATABASE_URL: "postgresql://localhost/test"}
          - image: cimg/postgres:15.3
        environment: {APP_ENV: ci}
        steps:
          - checkout
          - restore_cache: {keys: [v1]}
          - run: pip install -r requirements.txt
          - run: {name: Build docs, command: make docs}
          - run:
              name: Run tests
              command: |
                mkdir -p out
                pytest --junitxml=out/junit.xml
              environment: {PYTHONHASHSEED: 0}
          - run: {name: Lint, command: ruff check ., working_directory: src}
          - run: {name: Tell, command: ./tell.sh, when: on_fail}
          - store_test_results: {path: out}
    workflows:
      ci: {jobs: [test]}
    """


def test_a_step_is_run_with_its_variables_after_the_builds_before_it(tmp_path: Path) -> None:
    write(tmp_path, PYTHON)
    write(tmp_path, "", "requirements.txt")
    one = plan(tmp_path, "test", "Run tests", "python:3.12=ci-python")

    assert [step.script for step in one.failing.before] == ["make docs"]
    assert "pytest --junitxml=out/junit.xml" in one.failing.script
    assert one.failing.env["PYTHONHASHSEED"] == "0"
    assert one.failing.env["DATABASE_URL"] == "postgresql://localhost/test"
    assert (one.image, one.job_image) == ("ci-python", "cimg/python:3.12")
    assert one.preparations == (Preparation(manager="pip", manifests=("requirements.txt",)),)
    assert one.notes == ("The job's services are missing in the sandbox: cimg/postgres:15.3.",)
    assert one.source == f"{PATH}, job test, step 'Run tests'"


def test_a_steps_folder_is_relative_to_the_checkout_and_the_suite_is_the_tests(tmp_path: Path) -> None:
    one = plan(write(tmp_path, PYTHON), "test", "Lint")
    assert one.failing.script.count("ruff check .") == 1
    assert one.failing.workdir == "src"
    assert [step.title for step in one.failing.before] == ["Build docs"]
    assert [step.title for step in one.others[0].failing.before] == ["Build docs", "Run tests"]
    assert one.suite is not None
    assert "pytest" in one.suite.script
    assert "tell.sh" not in one.suite.script


def test_without_a_reported_step_the_jobs_first_tests_are_replayed(tmp_path: Path) -> None:
    assert plan(write(tmp_path, PYTHON), "test").source.endswith("step 'Run tests'")


def test_an_unnamed_step_is_found_by_its_command(tmp_path: Path) -> None:
    tree = write(
        tmp_path, "jobs: {build: {docker: [{image: 'cimg/go:1.22'}], steps: [checkout, run: go vet ./...]}}"
    )
    one = plan(tree, "build", "go vet ./...")
    assert (one.failing.script, one.failing.shell, one.failing.workdir) == ("go vet ./...", SHELL, ".")


COMMANDS = """\
    version: 2.1
    parameters: {level: {type: string, default: info}}
    commands:
      in-folder:
        parameters: {folder: {type: string}, script: {type: string, default: test}, after: {type: steps, default: []}}
        steps:
          - run: {name: "<< parameters.script >> in << parameters.folder >>", command: "npm run << parameters.script >>", working_directory: << parameters.folder >>}
          - steps: << parameters.after >>
      both:
        parameters: {script: {type: string}}
        steps:
          - in-folder: {folder: web, script: << parameters.script >>}
          - in-folder: {folder: api, script: << parameters.script >>, after: [run: {name: Done, command: "make check LEVEL=<< pipeline.parameters.level >>"}]}
    executors:
      node:
        parameters: {tag: {type: string, default: "18"}}
        docker: [{image: "cimg/node:<< parameters.tag >>"}]
        environment: {FROM: executor}
    jobs:
      test:
        parameters: {version: {type: string, default: "20"}, full: {type: boolean, default: false}}
        executor: {name: node, tag: << parameters.version >>}
        environment: {VERSION: << parameters.version >>}
        steps:
          - checkout
          - run: npm ci
          - both: {script: "test"}
          - when: {condition: << parameters.full >>, steps: [run: npm run e2e]}
          - unless: {condition: {or: [<< parameters.full >>, {equal: [a, b]}]}, steps: [run: {name: Short, command: npm run lint}]}
    workflows:
      ci:
        jobs:
          - test
          - test: {name: full-<< matrix.version >>, full: true, matrix: {parameters: {version: ["18", "20"]}}}
          - test: {matrix: {alias: x, parameters: {version: ["16", "21"], full: [true, false]}, exclude: [{version: "16", full: true}]}}
    """


def test_commands_with_parameters_are_taken_apart(tmp_path: Path) -> None:
    one = plan(write(tmp_path, COMMANDS), "test", "test in api")
    assert (one.failing.script, one.failing.workdir) == ("npm run test", "api")
    assert (one.failing.env["VERSION"], one.failing.env["FROM"]) == ("20", "executor")
    assert one.job_image == "cimg/node:20"


def test_steps_can_be_handed_to_a_command(tmp_path: Path) -> None:
    assert plan(write(tmp_path, COMMANDS), "test", "Done").failing.script == "make check LEVEL=info"


def test_conditions_decide_which_steps_there_are(tmp_path: Path) -> None:
    write(tmp_path, COMMANDS)
    assert plan(tmp_path, "test", "Short").failing.script == "npm run lint"
    assert plan(tmp_path, "full-18", "npm run e2e").failing.script == "npm run e2e"
    assert "'Short' of job 'full-18' is no command" in reason(tmp_path, "full-18", "Short")


def test_matrix_jobs_are_known_by_their_names(tmp_path: Path) -> None:
    write(tmp_path, COMMANDS)
    assert job_names(tmp_path) == (
        "test",
        "full-18",
        "full-20",
        "test-16-false",
        "test-21-true",
        "test-21-false",
    )
    assert plan(tmp_path, "test-21-true", "npm run e2e").job_image == "cimg/node:21"
    assert plan(tmp_path, "full-18", "test in web", "node:18=ours").image == "ours"


ORBS = """\
    version: 2.1
    orbs:
      python: circleci/python@2.1.1
      node: circleci/node@5.2
      go: circleci/go@1.11
      codecov: codecov/codecov@3
      vendor: acme/private@1
      mine:
        executors: {box: {docker: [{image: "cimg/rust:1.77"}]}}
        commands: {check: {steps: [inner]}, inner: {steps: [run: cargo test --workspace]}}
        jobs: {all: {executor: box, steps: [checkout, check]}}
    jobs:
      py:
        executor: {name: python/default, tag: "3.11"}
        steps:
          - checkout
          - python/install-packages: {pkg-manager: poetry, app-dir: back}
          - vendor/prepare
          - run: {name: T, command: poetry run pytest, working_directory: ~/project/back}
          - codecov/upload
      golang:
        executor: {name: go/default, tag: "1.22"}
        steps: [checkout, go/mod-download-cached, go/test: {race: true}]
    workflows:
      ci:
        jobs:
          - py
          - golang
          - node/test: {version: "20.1", pkg-manager: yarn, app-dir: ui}
          - python/test: {name: py-unit, version: "3.12", test-tool: unittest}
          - mine/all
          - vendor/build
    """


def test_known_orbs_install_what_can_be_prepared_and_unknown_ones_are_noted(tmp_path: Path) -> None:
    write(tmp_path, ORBS)
    for file in ("back/poetry.lock", "back/pyproject.toml", "ui/yarn.lock", "ui/package.json"):
        write(tmp_path, "", file)
    one = plan(tmp_path, "py", "T")
    assert (one.failing.script, one.failing.workdir, one.job_image) == (
        "poetry run pytest",
        "back",
        "cimg/python:3.11",
    )
    assert [(p.manager, p.workdir) for p in one.preparations] == [("poetry", "back")]
    assert one.notes == ("Left out, not known here: step vendor/prepare.",)

    web = plan(tmp_path, "node/test")
    assert (web.failing.script, web.failing.workdir, web.job_image) == (
        "yarn run test",
        "ui",
        "cimg/node:20.1",
    )
    assert [(p.manager, p.workdir) for p in web.preparations] == [("yarn", "ui")]


def test_jobs_and_commands_of_known_and_inline_orbs_are_their_commands(tmp_path: Path) -> None:
    write(tmp_path, ORBS)
    assert plan(tmp_path, "golang").failing.script == "go test -race ./..."
    assert plan(tmp_path, "py-unit").failing.script == "python -m unittest"
    assert plan(tmp_path, "mine/all").failing.script == "cargo test --workspace"
    assert plan(tmp_path, "mine/all").job_image == "cimg/rust:1.77"
    assert "comes from an orb that PatchPilot does not know" in reason(tmp_path, "vendor/build")


def test_reusable_anchors_are_read_as_yaml_reads_them(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        defaults: &defaults {working_directory: ~/repo, docker: [{image: "circleci/python:3.8"}]}
        install: &install {run: {name: Install, command: ". venv/bin/activate\\npip install -e ."}}
        version: 2
        jobs:
          py38: {<<: *defaults, steps: [checkout, *install, {run: {name: Go, command: ". venv/bin/activate\\npytest"}}]}
        """,
    )
    one = plan(tree, "py38", "Go")
    assert (one.failing.script, one.failing.workdir) == ("pytest", ".")
    assert one.job_image == "circleci/python:3.8"


@pytest.mark.parametrize(
    ("job", "step", "folder"),
    [
        ("{}", "working_directory: a/b", "a/b"),
        ("{}", "working_directory: ~/project/x", "x"),
        ("{}", "working_directory: /home/circleci/project/x", "x"),
        ("{working_directory: ~/repo/sub, checkout: ~/repo}", "name: T", "sub"),
        ("{working_directory: /srv/app, checkout: .}", "working_directory: $HOME/../../srv/app/y", "y"),
        ("{}", "working_directory: /tmp", None),
        ("{}", "working_directory: ../other", None),
        ("{}", "working_directory: $SOMEWHERE", None),
    ],
)
def test_folders_are_those_of_the_checkout(tmp_path: Path, job: str, step: str, folder: str | None) -> None:
    import yaml

    body = yaml.safe_load(job)
    path = body.pop("checkout", "")
    steps = [
        {"checkout": {"path": path}} if path else "checkout",
        {"run": {"command": "pytest", **yaml.safe_load(f"{{{step}}}")}},
    ]
    write(tmp_path, yaml.safe_dump({"jobs": {"t": {**body, "steps": steps}}}))
    if folder is None:
        assert "not known to be in the repository" in reason(tmp_path, "t")
    else:
        assert plan(tmp_path, "t").failing.workdir == folder


def test_split_tests_are_all_run_where_there_is_one_machine(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        jobs:
          t:
            steps:
              - checkout
              - run: |
                  circleci tests glob "tests/**/test_*.txt" | circleci tests split --split-by=timings > list
                  circleci tests glob "tests/*/*.txt" | circleci tests run --command="xargs -n1 basename" --verbose
                  make -v >/dev/null || make test
        """,
    )
    write(tree, "", "tests/a/test_one.txt")
    write(tree, "", "tests/test_two.txt")
    failing = plan(tree, "t").failing
    done = subprocess.run(
        [*failing.shell.split(), "-c", failing.script.replace("make -v >/dev/null || make test", "cat list")],
        cwd=tree, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.split() == ["test_one.txt", "tests/a/test_one.txt", "tests/test_two.txt"]


def test_variables_that_earlier_steps_hand_on_are_set(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        jobs:
          t:
            environment: {BASE: b a}
            steps:
              - checkout
              - run:
                  working_directory: sub
                  command: |
                    apt-get install -y jq
                    echo "export HERE=$(basename $PWD)" >> $BASH_ENV
                    not-installed-here
                    echo "export NAME='$BASE'" >> "$BASH_ENV"
              - run: {name: Build, command: 'make build "NAME=$NAME"'}
              - run: {name: T, command: 'echo "$HERE/$NAME" && make test'}
        """,
    )
    (tree / "sub").mkdir()
    write(tree, "build:\n\t@echo build\ntest:\n\t@echo $(NAME)\n", "Makefile")
    failing = plan(tree, "t", "T").failing
    Path(failing.env["BASH_ENV"]).write_text("export HERE=stale")
    done = executed(tree, failing)
    assert done.output.splitlines() == ["sub/b a", "b a"]


def test_steps_that_only_the_ci_can_run_are_left_out_and_told(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        jobs:
          t:
            steps:
              - checkout
              - run: {name: Revision, command: "echo << pipeline.git.revision >>"}
              - run: {name: Clean, command: ./clean.sh, when: on_fail}
              - run: {name: Serve, command: ./serve.sh, background: true}
              - run: {name: T, command: make test}
        """,
    )
    one = plan(tree, "t", "T")
    assert [(step.title, step.background) for step in one.failing.before] == [("Serve", True)]
    assert len(one.left_out) == 1
    assert one.left_out[0].startswith(
        "The earlier step 'Revision' is left out here: it depends on what only Ci"
    )


def test_a_here_document_is_no_expression(tmp_path: Path) -> None:
    script = "cat <<EOF >> out.txt\nx\nEOF\necho \\<< parameters.x >>\npytest"
    tree = write(tmp_path, f"jobs: {{t: {{steps: [run: {script!r}]}}}}".replace("'", '"'))
    assert "cat <<EOF >> out.txt" in plan(tree, "t").failing.script
    assert "echo << parameters.x >>" in plan(tree, "t").failing.script


def test_what_a_set_up_workflow_continues_with_is_read(tmp_path: Path) -> None:
    write(tmp_path, "setup: true\njobs: {setup: {steps: [run: make generate]}}")
    assert "makes the jobs at run time" in reason(tmp_path, "unit")
    write(tmp_path, "jobs: {unit: {steps: [run: make test]}}", ".circleci/continue_config.yml")
    assert plan(tmp_path, "unit").failing.script == "make test"


def test_a_repositorys_own_file_comes_first(tmp_path: Path) -> None:
    write(tmp_path, "replay: {failing: make check}", ".patchpilot.yml")
    assert plan(tmp_path, "anything").source == ".patchpilot.yml"


@pytest.mark.parametrize(
    ("text", "step", "says"),
    [
        (None, "", "is not in the failing commit"),
        ("jobs: [", "", "no valid YAML"),
        ("jobs: {test: !ruby/object {}}", "", "no valid YAML"),
        ("- a", "", "has no jobs"),
        ("jobs: {other: {steps: [run: pytest]}}", "", "No job of .circleci/config.yml is called 'test'"),
        ("jobs: {test: {steps: 3}}", "", "no step that tests or checks"),
        ("jobs: {test: {steps: [run: {name: a}]}}", "a", "installs things or needs Docker"),
        ("jobs: {test: {steps: [run: pip install x]}}", "pip install x", "installs things"),
        ("jobs: {test: {steps: [run: pytest]}}", "Spin up environment", "is no command of"),
        ("jobs: {test: {macos: {xcode: 15}, steps: [run: pytest]}}", "", "macOS or Windows"),
        ("jobs: {test: {machine: {image: windows-server-2022}, steps: [run: pytest]}}", "", "macOS or Windows"),
        ("orbs: {win: circleci/windows@5}\njobs: {test: {executor: win/default, steps: [run: pytest]}}", "", "macOS or Windows"),
        ("jobs: {test: {shell: powershell.exe, steps: [run: pytest]}}", "", "the sandbox is Linux"),
        ("jobs: {test: {steps: [run: 'pytest << pipeline.number >>']}}", "", "pipeline.number"),
        ("jobs: {test: {steps: [when: {condition: << pipeline.git.branch >>, steps: [run: pytest]}]}}", "", "pipeline.git.branch"),
        ("jobs: {test: {steps: [when: {condition: {matches: {pattern: a, value: b}}, steps: [run: pytest]}]}}", "", "matches"),
        ("commands: {a: {steps: [b]}, b: {steps: [a]}}\njobs: {test: {steps: [a]}}", "", "in a circle"),
        ("commands:\n" + "".join(f"  c{n}: {{steps: [{','.join([f'c{n + 1}'] * 50)}]}}\n" for n in range(15))
         + "  c15: {steps: [checkout]}\njobs: {test: {steps: [c0]}}", "", "too many steps"),
        ("a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
         "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\njobs: {test: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]}", "", "too large"),
        ("[" * 3000, "", "no valid YAML"),
        ("x: " + "y" * 1_100_000, "", "is not in the failing commit"),
    ],
)  # fmt: skip
def test_what_cannot_be_known_ends_with_a_reason_and_what_to_do(
    tmp_path: Path, text: str | None, step: str, says: str
) -> None:
    if text is not None:
        write(tmp_path, text)
    said = reason(tmp_path, "test", step)
    assert says in said
    assert "put the command under replay.failing in .patchpilot.yml" in said


def test_texts_that_multiply_are_not_filled_in(tmp_path: Path) -> None:
    commands = "".join(
        f"  c{n}: {{parameters: {{p: {{type: string}}}}, steps: [c{n + 1}: {{p: '{'<< parameters.p >>' * 50}'}}]}}\n"
        for n in range(10)
    )
    last = "  c10: {parameters: {p: {type: string}}, steps: [run: 'pytest << parameters.p >>']}\n"
    write(tmp_path, f"commands:\n{commands}{last}jobs: {{test: {{steps: [c0: {{p: xxxxxxxx}}]}}}}\n")
    answer = found(tmp_path, "test")
    size = len(answer.failing.script) if isinstance(answer, ReplayPlan) else len(answer.reason)
    assert size < 200_000


def test_a_configuration_behind_a_symlink_is_not_read(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    write(tmp_path, "jobs: {test: {steps: [run: pytest]}}", "outside/config.yml")
    (tree / ".circleci").symlink_to(tmp_path / "outside")
    assert "is not in the failing commit" in reason(tree)


_PIECES = (
    "run:", "steps:", "jobs:", "commands:", "[", "]", "{", "}", "test", "&x", "*x", "<<: *x", "\n", "\n  ", "- ", ": ",
    "when:", "condition:", "<< parameters.x >>", "<< matrix.version >>", "<<", "orbs:", "python/test", "matrix:", "null",
    "true", "3", "'", '"', "2026-99-99", "|", "parameters:", "executor:", "docker:", "image:", "equal:", "workflows:", ",",
    "default:", "name:", "exclude:", "environment:", "a=b", "\x00", "#", "working_directory:",
)  # fmt: skip


def test_no_text_whatever_ends_in_anything_but_a_plan_or_a_reason(tmp_path: Path) -> None:
    chance = random.Random(4)
    bases = [dedent(text) for text in (PYTHON, COMMANDS, ORBS)]
    (tmp_path / ".circleci").mkdir()
    for round_ in range(300):
        if round_ % 4 == 3:
            text = "".join(chance.choice(_PIECES) for _ in range(chance.randrange(60)))
        else:
            lines = bases[round_ % 4].splitlines()
            for _ in range(chance.randrange(1, 5)):
                place = chance.randrange(len(lines))
                cut = chance.randrange(len(lines[place]) + 1)
                lines[place] = lines[place][:cut] + chance.choice(_PIECES) + lines[place][cut:]
            text = "\n".join(lines)
        (tmp_path / PATH).write_text(text)
        for name in ("test", "full-18", "test-21-true", "py", "node/test", ""):
            assert isinstance(found(tmp_path, name), ReplayPlan | GaveUp)


def test_the_suite_is_rather_that_of_a_job_with_the_same_language(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        version: 2.1
        jobs:
          web: {docker: [{image: "cimg/node:20.1"}], steps: [checkout, {run: npm test}]}
          lint: {docker: [{image: "cimg/python:3.12"}], steps: [checkout, {run: ruff check .}]}
          unit: {docker: [{image: "cimg/python:3.12"}], steps: [checkout, {run: pytest}]}
        workflows: {main: {jobs: [web, lint, unit]}}
        """,
    )
    suite = plan(tree, "lint").suite
    assert suite is not None
    assert suite.script == "pytest"
