"""What a failing GitLab job ran, read from configurations as real projects write them."""

# ruff: noqa: E501, ISC004 - the configurations stand as people write them

from __future__ import annotations

import random
import subprocess
from pathlib import Path
from textwrap import dedent

import pytest

from patchpilot.fixes import GaveUp, Preparation, ReplayPlan
from patchpilot.images import ImageTable
from patchpilot.source import CIJob
from providers.ci.gitlab_replay import SHELL, job_names, replay


def write(tree: Path, text: str, path: str = ".gitlab-ci.yml") -> Path:
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text(dedent(text))
    return tree


def found(tree: Path, name: str, images: str = "") -> ReplayPlan | GaveUp:
    return replay(tree, job=CIJob(id="1", name=name, failed=True), images=ImageTable.parse(images))


def plan(tree: Path, name: str, images: str = "") -> ReplayPlan:
    answer = found(tree, name, images)
    assert isinstance(answer, ReplayPlan), answer
    return answer


def reason(tree: Path, name: str = "test") -> str:
    answer = found(tree, name)
    assert isinstance(answer, GaveUp), answer
    return answer.reason


PYTHON = """\
    image: python:3.12
    variables:
      PIP_CACHE_DIR: "$CI_PROJECT_DIR/.cache/pip"
      APP_ENV: test
    stages: [lint, test]
    before_script:
      - python --version
      - pip install -r requirements.txt
    lint:
      stage: lint
      script: [ruff check .]
    test:
      stage: test
      services: [postgres:15, {name: redis:7, alias: cache}]
      variables: {APP_ENV: ci, URL: "$APP_ENV-db"}
      script:
        - pip install -e .[test] && pytest -q
        - |
          echo done
      after_script: [./upload.sh]
    """


def test_before_script_and_script_run_in_one_shell_without_installs(tmp_path: Path) -> None:
    write(tmp_path, PYTHON)
    write(tmp_path, "", "requirements.txt")
    one = plan(tmp_path, "test", "python:*=ci-python")

    assert [line for line in one.failing.script.splitlines() if line.strip()] == [
        'export PIP_CACHE_DIR="$PWD"/.cache/pip', "python --version", "pytest -q", "echo done",
    ]  # fmt: skip
    assert (one.failing.shell, one.failing.workdir) == (SHELL, ".")
    assert one.failing.env["APP_ENV"] == "ci"
    assert one.failing.env["URL"] == "ci-db"
    assert one.failing.env["CI_JOB_STAGE"] == "test"
    assert one.source == ".gitlab-ci.yml, job test"
    assert (one.image, one.job_image) == ("ci-python", "python:3.12")
    assert one.preparations == (Preparation(manager="pip", manifests=("requirements.txt",)),)
    assert "The job's services are missing in the sandbox: postgres:15, redis:7." in one.notes


def test_the_suite_of_a_failing_linter_is_another_jobs_tests(tmp_path: Path) -> None:
    suite = plan(write(tmp_path, PYTHON), "lint").suite
    assert suite is not None
    assert "pytest -q" in suite.script
    assert suite.env["APP_ENV"] == "ci"


def test_the_suite_is_rather_that_of_a_job_with_the_same_language(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        image: python:3.12
        web: {image: "node:20", script: [npm test]}
        lint: {script: [ruff check .]}
        unit: {script: [pytest]}
        """,
    )
    suite = plan(tree, "lint").suite
    assert suite is not None
    assert suite.script == "pytest"


def test_extends_merge_variables_and_replace_lists(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        .base: {image: "node:20", variables: {A: "1", B: "1"}, before_script: [npm ci]}
        .unit: {extends: .base, variables: {B: "2"}, script: [npm run unit]}
        web:test: {extends: [.unit], variables: {C: "$A$B"}, before_script: [cd web]}
        """,
    )
    one = plan(tree, "web:test")
    assert one.failing.script == "cd web\nnpm run unit"
    assert {name: one.failing.env[name] for name in "ABC"} == {"A": "1", "B": "2", "C": "12"}
    assert one.job_image == "node:20"


def test_references_are_spliced_into_scripts(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        .setup: {script: [export MODE=fast, !reference [.deeper, script]], variables: {X: "9"}}
        .deeper: {script: [make generate]}
        test:
          variables: !reference [.setup, variables]
          script:
            - !reference [.setup, script]
            - go test ./...
        """,
    )
    one = plan(tree, "test")
    assert one.failing.script == "export MODE=fast\nmake generate\ngo test ./..."
    assert one.failing.env["X"] == "9"


def test_anchors_and_merges_are_read_as_yaml_reads_them(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        .defs: &defs {image: "golang:1.22", script: &steps [go vet ./..., go test ./...]}
        test: {<<: *defs}
        race: {<<: *defs, script: [*steps, go test -race ./...]}
        """,
    )
    assert plan(tree, "test").failing.script == "go vet ./...\ngo test ./..."
    assert plan(tree, "race").failing.script == "go vet ./...\ngo test ./...\ngo test -race ./..."
    assert plan(tree, "race").job_image == "golang:1.22"


def test_local_includes_are_merged_and_the_including_file_wins(tmp_path: Path) -> None:
    write(
        tmp_path,
        """\
        include:
          - local: /ci/base.yml
          - ci/jobs/*.yml
        default: {image: "python:3.13"}
        """,
    )
    write(
        tmp_path,
        "include: {local: ci/more.yml}\ndefault: {image: old, before_script: [echo go]}\n",
        "ci/base.yml",
    )
    write(tmp_path, "variables: {MORE: 'yes'}\n", "ci/more.yml")
    write(tmp_path, "unit: {script: pytest}\n", "ci/jobs/unit.yml")
    one = plan(tmp_path, "unit")
    assert one.failing.script == "echo go\npytest"
    assert one.failing.env["MORE"] == "yes"
    assert one.job_image == "python:3.13"


def test_inputs_of_an_include_are_filled_in(tmp_path: Path) -> None:
    write(tmp_path, "include: {local: t.yml, inputs: {folder: api, jobs: 3}}\n")
    header = "spec: {inputs: {folder: , jobs: , flags: {default: -q}}}\n---\n"
    write(
        tmp_path,
        header + "test: {script: 'pytest $[[ inputs.flags ]] -n$[[inputs.jobs]] $[[ inputs.folder ]]'}\n",
        "t.yml",
    )
    assert plan(tmp_path, "test").failing.script == "pytest -q -n3 api"


MATRIX = """\
    test:
      image: python:$PY
      parallel:
        matrix:
          - PY: ["3.11", "3.12"]
            DB: [sqlite, postgres]
          - {PY: "3.13", DB: sqlite}
      script: [pytest --db $DB]
    shard: {parallel: 3, script: ["pytest --shard $CI_NODE_INDEX/$CI_NODE_TOTAL"]}
    """


def test_a_matrix_jobs_values_come_from_its_name(tmp_path: Path) -> None:
    one = plan(write(tmp_path, MATRIX), "test: [3.12, postgres]", "python:3.12=ci:12")
    assert (one.failing.env["PY"], one.failing.env["DB"], one.image) == ("3.12", "postgres", "ci:12")
    assert plan(tmp_path, "test: [3.13, sqlite]").job_image == "python:3.13"


def test_a_parallel_job_knows_its_share(tmp_path: Path) -> None:
    env = plan(write(tmp_path, MATRIX), "shard 2/3").failing.env
    assert (env["CI_NODE_INDEX"], env["CI_NODE_TOTAL"]) == ("2", "3")
    assert len(job_names(tmp_path)) == 8


def test_the_checkouts_place_is_known_to_the_script_wherever_it_lies(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        variables: {PYTHONPATH: "$CI_PROJECT_DIR/a b:${CI_PROJECT_DIR}/c", PRICE: "5$$"}
        test: {script: [cd sub, 'echo "$PYTHONPATH|$CI_PROJECT_DIR|$PRICE"']}
        """,
    )
    (tree / "sub").mkdir()
    failing = plan(tree, "test").failing
    done = subprocess.run(
        [*failing.shell.split(), "-c", failing.script], cwd=tree, check=True,
        env={"PATH": "/usr/bin:/bin", **failing.env}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == f"{tree}/a b:{tree}/c|{tree}|5$\n"


def test_variables_that_only_gitlab_knows_are_left_out_and_said_so(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        variables: {TAG: "$CI_COMMIT_SHA", IMAGE: "$CI_REGISTRY/x:$TAG", LOOP: "$LOOP", RAW: {value: "$A", expand: false}}
        test: {script: ['pytest --junit $CI_JOB_ID.xml']}
        """,
    )
    one = plan(tree, "test")
    assert not {"TAG", "IMAGE", "LOOP"} & set(one.failing.env)
    assert one.failing.env["RAW"] == "$A"
    assert one.notes == ("Variables left out, known only on GitLab: CI_JOB_ID, IMAGE, LOOP, TAG.",)


def test_a_job_may_refuse_defaults_and_global_variables(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        default: {image: "ruby:3.3", before_script: [bundle install]}
        variables: {A: "1", B: "2"}
        lint: {inherit: {default: [image], variables: [A]}, script: [rubocop]}
        """,
    )
    one = plan(tree, "lint")
    assert one.failing.script == "rubocop"
    assert "A" in one.failing.env
    assert "B" not in one.failing.env
    assert one.job_image == "ruby:3.3"


def test_jobs_under_other_conditions_are_in_no_suite(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        .mr: &mr {rules: [{if: $CI_PIPELINE_SOURCE == "merge_request_event"}]}
        lint: {<<: *mr, script: [ruff check .]}
        nightly: {rules: [{if: $NIGHT}], script: [pytest slow]}
        by-hand: {when: manual, script: [pytest manual]}
        may-fail: {allow_failure: true, script: [pytest flaky]}
        test: {<<: *mr, script: [pytest fast]}
        """,
    )
    suite = plan(tree, "lint").suite
    assert suite is not None
    assert suite.script == "pytest fast"


def test_an_include_that_the_job_does_not_need_is_only_noted(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        include:
          - template: Security/SAST.gitlab-ci.yml
          - https://example.org/ci.yml
          - {project: group/ci, file: /a.yml}
        test: {script: [pytest]}
        scan: {extends: .sast}
        """,
    )
    assert "template Security/SAST.gitlab-ci.yml" in plan(tree, "test").notes[0]
    said = reason(tree, "scan")
    assert "'.sast'" in said
    assert "project group/ci" in said
    assert ".patchpilot.yml" in said


def test_a_repositorys_own_file_comes_first(tmp_path: Path) -> None:
    write(tmp_path, "replay: {failing: make check, jobs: {lint: {suite: make all}}}", ".patchpilot.yml")
    assert plan(tmp_path, "anything").source == ".patchpilot.yml"


def test_a_block_that_only_installed_something_stays_whole(tmp_path: Path) -> None:
    tree = write(
        tmp_path,
        """\
        test:
          script:
            - |
              if ! command -v jq; then
                apt-get install -y jq
              fi
            - make test
        """,
    )
    script = plan(tree, "test").failing.script
    assert subprocess.run(["bash", "-n", "-c", script], check=False).returncode == 0
    assert "apt-get" not in script


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "is not in the failing commit"),
        ("test: [", "no valid YAML"),
        ("test: !python/object/apply:os.system [id]", "no valid YAML"),
        ("test: !reference {a: b}", "no valid YAML"),
        ("- a", "has no jobs"),
        ("stages: [a]", "has no jobs"),
        ("include: {remote: 'https://example.org/x.yml'}", "remote https://example.org/x.yml"),
        (".test: {script: x}\nother: {script: y}", "has no job 'test'"),
        ("test: {extends: test, script: x}", "extends itself"),
        (".a: {extends: .b}\n.b: {extends: .a}\ntest: {extends: .a}", "extends itself"),
        ("test: {extends: .gone, script: x}", "has no job '.gone'"),
        ("test: {extends: {a: b}, script: x}", "has no job"),
        ("test: {script: [!reference [.gone, script]]}", "!reference [.gone, script]"),
        ("test: {script: [!reference [test, script]]}", "leads to itself"),
        ("test: {script: [!reference []]}", "!reference []"),
        ("test: {trigger: other/project}", "starts another pipeline"),
        ("test: {run: [{name: a, step: b}]}", "CI/CD steps"),
        ("test: {stage: test}", "has no script"),
        ("test: {script: {a: b}}", "has no script"),
        ("test: {script: ['x $[[ inputs.gone ]]']}", "inputs"),
        ("test: {script: [docker build .]}", "only installs things or needs Docker"),
        ("a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
         "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\ntest: {script: x}", "too large"),
        ("test: {script: x}\n" + "".join(
            f"m{n}: &m{n} {{k{n}: 1, <<: [{','.join([f'*m{n - 1}'] * 9) if n else '{}'}]}}\n" for n in range(30)),
         "too large"),
        ("test: {script: x}\nm: {<<: [" + "{}," * 200 + "]}", "merges too many"),
        (".a: {s: [" + "!reference [.b, s]," * 90 + "]}\n.b: {s: [" + "!reference [.c, s]," * 90
         + "]}\n.c: {s: [" + "!reference [.d, s]," * 90 + "]}\n.d: {s: [x]}\ntest: {script: [!reference [.a, s]]}",
         "too much"),
        ("[" * 3000, "no valid YAML"),
        ("x: " + "y" * 1_100_000, "is not in the failing commit"),
    ],
)  # fmt: skip
def test_what_cannot_be_known_ends_with_a_reason_and_what_to_do(
    tmp_path: Path, text: str | None, says: str
) -> None:
    if text is not None:
        (tmp_path / ".gitlab-ci.yml").write_text(text)
    said = reason(tmp_path)
    assert says in said
    assert "put the command under replay.failing in .patchpilot.yml" in said


def test_variables_in_variables_do_not_multiply(tmp_path: Path) -> None:
    lines = [f"  V{n}: {f'$V{n + 1}' * 400!r}" for n in range(40)]
    tree = write(tmp_path, "test: {script: pytest}\nvariables:\n" + "\n".join(lines) + "\n  V40: ''\n")
    assert plan(tree, "test").failing.env["V0"] == ""
    tree = write(tmp_path, "test: {script: pytest}\nvariables:\n" + "\n".join(lines) + "\n  V40: xxxxxxxx\n")
    assert "V0" not in plan(tree, "test").failing.env


def test_files_behind_symlinks_and_outside_are_not_read(tmp_path: Path) -> None:
    outside = tmp_path / "outside.yml"
    outside.write_text("test: {script: stolen}")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / ".gitlab-ci.yml").symlink_to(outside)
    assert "is not in the failing commit" in reason(tree)
    (tree / ".gitlab-ci.yml").unlink()
    (tree / "ci").symlink_to(tmp_path)
    write(
        tree,
        "include: [../outside.yml, ci/outside.yml, 'ci/*.yml', '../*.yml', '/etc/**/*.yml']\na: {script: x}",
    )
    assert "has no job 'test'" in reason(tree)


def test_includes_in_a_circle_end(tmp_path: Path) -> None:
    write(tmp_path, "include: [a.yml, a.yml]\ntest: {script: pytest}")
    write(tmp_path, "include: [.gitlab-ci.yml, a.yml]", "a.yml")
    assert plan(tmp_path, "test").failing.script == "pytest"


_PIECES = (
    "script:", "extends:", "!reference", "[", "]", "{", "}", "test", ".a", "&x", "*x", "<<:", "\n", "\n  ", "- ", ": ",
    "variables:", "$A", "${B}", "parallel:", "matrix:", "include:", "local:", "image:", "name:", "3", "null", "true",
    "'", '"', "2026-99-99", "|", ">", "---\n", "spec:", "inputs:", "$[[ inputs.a ]]", "default:", "services:", "\x00",
    "stage:", "inherit:", ",", "#", "when:", "before_script:",
)  # fmt: skip


def test_no_text_whatever_ends_in_anything_but_a_plan_or_a_reason(tmp_path: Path) -> None:
    chance = random.Random(4)
    base = dedent(PYTHON) + dedent(MATRIX)
    for round_ in range(400):
        if round_ % 2:
            text = "".join(chance.choice(_PIECES) for _ in range(chance.randrange(60)))
        else:
            lines = base.splitlines()
            for _ in range(chance.randrange(1, 6)):
                place = chance.randrange(len(lines))
                cut = chance.randrange(len(lines[place]) + 1)
                lines[place] = lines[place][:cut] + chance.choice(_PIECES) + lines[place][cut:]
            text = "\n".join(lines)
        (tmp_path / ".gitlab-ci.yml").write_text(text)
        for name in ("test", "test: [3.12, postgres]", "shard 2/3", ""):
            assert isinstance(found(tmp_path, name), ReplayPlan | GaveUp)
