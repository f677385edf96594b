"""What is run where no configuration says: read off the project's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from patchpilot.failures import Category, DistilledFailure, Location
from patchpilot.fixes import GaveUp, ReplayPlan
from patchpilot.images import ImageTable
from patchpilot.source import CIJob, CIStep
from providers.ci import circleci_replay, gitlab_replay
from providers.ci.detection import detect
from providers.ci.github_replay import replay

PYTEST = "[tool.pytest.ini_options]\naddopts = '-q'\n"


def write(tree: Path, **files: str) -> Path:
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tree


def failed(
    category: Category = Category.TEST, *tests: str, tool: str = "", files: tuple[str, ...] = ()
) -> DistilledFailure:
    places = tuple(Location(file) for file in files)
    return DistilledFailure(text="", category=category, tests=tests, tool=tool, files=places)


def found(tree: Path, failure: DistilledFailure | None = None) -> tuple[str, str]:
    plan = detect(tree, failure=failure)
    assert isinstance(plan, ReplayPlan), plan
    assert plan.source.startswith("detected: ")
    return plan.failing.script, plan.failing.workdir


@pytest.mark.parametrize(
    ("files", "script"),
    [
        ({"pyproject.toml": PYTEST}, "python -m pytest"),
        ({"tox.ini": "[testenv]\ncommands = pytest {posargs}"}, "python -m pytest"),
        ({"setup.py": "", "tests/conftest.py": ""}, "python -m pytest"),
        ({"requirements-dev.txt": "pytest\nsyrupy\n", "test_a.py": ""}, "python -m pytest"),
        ({"setup.py": "", "tests/test_a.py": ""}, "python -m unittest discover -s tests"),
        ({"requirements.txt": "django", "manage.py": ""}, "python manage.py test"),
        ({"package.json": '{"scripts": {"test": "jest"}}'}, "npm test"),
        ({"package.json": '{"scripts": {"test": "vitest"}}', "pnpm-lock.yaml": ""}, "pnpm test"),
        ({"package.json": '{"scripts": {"test": "ava"}}', "yarn.lock": ""}, "yarn test"),
        ({"go.mod": "module x"}, "go test ./..."),
        ({"Cargo.toml": "[package]"}, "cargo test"),
        ({"Cargo.toml": "[workspace]\nmembers = ['a']", "a/Cargo.toml": ""}, "cargo test --workspace"),
        ({"pom.xml": "<project/>", "mvnw": ""}, "sh ./mvnw -B test"),
        ({"pom.xml": "<project/>", "core/pom.xml": "<project/>"}, "mvn -B test"),
        ({"build.gradle.kts": "", "settings.gradle.kts": "", "gradlew": ""}, "sh ./gradlew test"),
        ({"Makefile": "all: test\n\ntest: build\n\techo\n", "main.c": ""}, "make test"),
        ({"Makefile": "test:\n", "package.json": "{}", "go.mod": ""}, "make test"),
        ({"package.json": '{"scripts": {}}', "pyproject.toml": PYTEST}, "python -m pytest"),
    ],
)
def test_the_tests_of_each_language_are_found(tmp_path: Path, files: dict[str, str], script: str) -> None:
    assert found(write(tmp_path, **files)) == (script, ".")


def test_a_given_command_needs_no_tests_of_its_project_to_be_prepared_for(tmp_path: Path) -> None:
    tree = write(tmp_path, **{"package.json": '{"scripts": {"lint": "eslint ."}}', "package-lock.json": "{}"})

    assert isinstance(detect(tree), GaveUp)
    plan = detect(tree, given="npm run lint")

    assert isinstance(plan, ReplayPlan)
    assert plan.failing.script == "npm run lint"
    assert [one.manager for one in plan.preparations] == ["npm"]


@pytest.mark.parametrize(
    ("files", "given", "manifests", "groups"),
    [
        ({"pyproject.toml": '[project]\nname = "a"\noptional-dependencies.tests = ["pytest"]\n'}, "pytest -q",
         ["pyproject.toml"], ["tests"]),
        ({"pyproject.toml": "[dependency-groups]\ntest = ['pytest']\ntyping = ['mypy>=1']\ndocs = ['x']\n"},
         "mypy src", ["pyproject.toml"], ["test", "typing"]),
        ({"setup.cfg": "[options.extras_require]\ntesting =\n  pytest\ndocs =\n  sphinx\n"}, "pytest",
         ["setup.cfg"], ["testing"]),
        ({"setup.py": "setup(extras_require={'dev': ['pytest'], 'docs': ['x']})"}, "pytest",
         ["setup.py"], ["dev"]),
        ({"setup.py": "", "requirements/tests.txt": "pytest==8", "requirements/tests.in": "pytest",
          "requirements/tests37.txt": "pytest==7", "requirements/docs.txt": "sphinx",
          "requirements/base.txt": "attrs"}, "pytest",
         ["requirements/base.txt", "requirements/tests.txt", "setup.py"], []),
        ({"setup.py": "", "requirements_dev.txt": "pytest", "requirements-mypy.txt": "mypy==1"}, "mypy .",
         ["requirements-mypy.txt", "requirements_dev.txt", "setup.py"], []),
        ({"uv.lock": "", "pyproject.toml": "[dependency-groups]\ntests = ['pytest']\n"}, "pytest",
         ["uv.lock", "pyproject.toml"], ["tests"]),
    ],
)  # fmt: skip
def test_of_a_python_projects_lists_those_for_developers_are_installed(
    tmp_path: Path, files: dict[str, str], given: str, manifests: list[str], groups: list[str]
) -> None:
    plan = detect(write(tmp_path, **files), given=given)

    assert isinstance(plan, ReplayPlan)
    [prepared] = plan.preparations
    assert sorted(prepared.manifests) == sorted(manifests)
    assert list(prepared.groups) == groups


MONOREPO = {
    "README.md": "",
    "services/api/pyproject.toml": PYTEST,
    "services/api/tests/test_cart.py": "",
    "services/api/uv.lock": "",
    "web/package.json": '{"scripts": {"test": "vitest run", "lint": "eslint src"}}',
    "web/src/a.test.ts": "",
    "tools/go.mod": "module x\n\ngo 1.22\n",
    "tools/cmd/main.go": "",
}


@pytest.mark.parametrize(
    ("failure", "script", "folder"),
    [
        (failed(Category.TEST, "services/api/tests/test_cart.py::test_a[1-x y]"),
         "python -m pytest 'tests/test_cart.py::test_a[1-x y]'", "services/api"),
        (failed(Category.TEST, "TestOne/sub", "TestTwo", files=("tools/cmd/main.go",)),
         "go test -run '^(TestOne|TestTwo)$' ./...", "tools"),
        (failed(Category.TEST, files=("web/src/a.test.ts",)), "npm test", "web"),
        (failed(Category.LINT, tool="eslint"), "npm run lint", "web"),
        (failed(Category.TYPE, tool="tsc", files=("web/src/a.test.ts",)), "npx tsc --noEmit", "web"),
        (failed(Category.LINT, tool="ruff"), "ruff check .", "services/api"),
        (failed(Category.FORMAT, tool="gofmt"), 'test -z "$(gofmt -l . | tee /dev/stderr)"', "tools"),
    ],
)  # fmt: skip
def test_in_a_monorepo_the_folder_is_the_failing_projects(
    tmp_path: Path, failure: DistilledFailure, script: str, folder: str
) -> None:
    assert found(write(tmp_path, **MONOREPO), failure) == (script, folder)


def test_the_suite_of_narrowed_tests_is_all_of_them(tmp_path: Path) -> None:
    write(tmp_path, **MONOREPO)
    plan = detect(tmp_path, failure=failed(Category.TEST, "services/api/tests/test_cart.py::test_a"))
    assert isinstance(plan, ReplayPlan)
    assert plan.suite is not None
    assert (plan.suite.script, plan.suite.workdir) == ("python -m pytest", "services/api")
    assert [(one.manager, one.workdir) for one in plan.preparations] == [("uv", "services/api")]


def test_tools_and_image_come_from_the_projects_files(tmp_path: Path) -> None:
    write(tmp_path, **{"go.mod": "module x\n\ngo 1.22.1\n", "go.sum": ""})
    plan = detect(tmp_path, images=ImageTable.parse("go:1.22=ci-go"))
    assert isinstance(plan, ReplayPlan)
    assert (plan.image, plan.job_image) == ("ci-go", "go:1.22.1")
    assert [one.manifests for one in plan.preparations] == [("go.sum", "go.mod")]


@pytest.mark.parametrize(
    ("failure", "script"),
    [
        (failed(Category.TEST, "cart::tests::adds", tool="cargo"), "cargo test -- --exact cart::tests::adds"),
        (failed(Category.TEST, "$(touch x)", tool="cargo"), "cargo test"),
        (failed(Category.TEST, *(f"t::n{n}" for n in range(30)), tool="cargo"), "cargo test"),
    ],
)
def test_only_a_few_tests_with_plain_names_are_run_by_name(
    tmp_path: Path, failure: DistilledFailure, script: str
) -> None:
    assert found(write(tmp_path, **{"Cargo.toml": "[package]"}), failure) == (script, ".")


def test_java_tests_are_chosen_by_class_and_method(tmp_path: Path) -> None:
    write(tmp_path, **{"pom.xml": "<java.version>21</java.version>"})
    failure = failed(Category.TEST, "org.shop.CartTest.addsTaxes", tool="maven")
    script, _ = found(tmp_path, failure)
    assert "-Dtest='org.shop.CartTest#addsTaxes'" in script


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"README.md": ""}, "No project is known"),
        ({"a/go.mod": "", "b/Cargo.toml": ""}, "Several projects could have failed (Go in a, Rust in b)"),
        ({"package.json": '{"scripts": {"test": "echo no test specified && exit 1"}}'}, "without tests"),
        ({"package.json": "["}, "without tests"),
        ({"node_modules/x/package.json": '{"scripts": {"test": "x"}}'}, "No project is known"),
        ({"Makefile": "test := 1\ntests: x\n"}, "No project is known"),
    ],
)
def test_what_leaves_more_than_one_reading_is_not_guessed(
    tmp_path: Path, files: dict[str, str], says: str
) -> None:
    answer = detect(write(tmp_path, **files))
    assert isinstance(answer, GaveUp)
    assert says in answer.reason
    assert ".patchpilot.yml" in answer.reason


def test_paths_out_of_the_checkout_and_symlinks_lead_nowhere(tmp_path: Path) -> None:
    write(tmp_path, **{"out/go.mod": "", "out/a_test.go": "", "tree/Cargo.toml": "", "tree/--x.py": ""})
    (tmp_path / "tree/linked").symlink_to(tmp_path / "out")
    failure = failed(
        Category.TEST, files=("linked/a_test.go", "../out/a_test.go", f"{tmp_path}/out/a_test.go")
    )
    assert found(tmp_path / "tree", failure) == ("cargo test", ".")


WORKFLOW = "jobs: {test: {steps: [{run: make}, {uses: vendor/test-action@v1}]}}"
ACTION = CIJob(
    id="1", name="test", failed=True, steps=(CIStep(number=1, name="Run vendor/test-action@v1", failed=True),)
)


def github(tree: Path, failure: DistilledFailure | None) -> ReplayPlan | GaveUp:
    write(tree, **{"pyproject.toml": PYTEST, ".github/workflows/ci.yml": WORKFLOW})
    return replay(tree, workflow_path=".github/workflows/ci.yml", job=ACTION, failure=failure)


def test_a_failing_action_is_replayed_by_detection_where_tests_failed(tmp_path: Path) -> None:
    plan = github(tmp_path, failed(Category.TEST))
    assert isinstance(plan, ReplayPlan)
    assert plan.failing.script == "python -m pytest"
    assert plan.source.startswith(
        "detected: python -m pytest, from a Python project in the root; the job's own"
    )
    assert "vendor/test-action" in plan.source


@pytest.mark.parametrize("failure", [None, failed(Category.INFRASTRUCTURE), failed(Category.DEPENDENCY)])
def test_other_failures_are_not_replayed_by_detection(
    tmp_path: Path, failure: DistilledFailure | None
) -> None:
    assert isinstance(github(tmp_path, failure), GaveUp)


def test_a_malformed_patchpilot_yml_is_mended_first(tmp_path: Path) -> None:
    write(tmp_path, **{".patchpilot.yml": "replay: 3"})
    answer = github(tmp_path, failed(Category.TEST))
    assert isinstance(answer, GaveUp)
    assert "Mend the file" in answer.reason


@pytest.mark.parametrize("read", [gitlab_replay.replay, circleci_replay.replay])
def test_without_a_configuration_gitlab_and_circleci_jobs_are_detected(tmp_path: Path, read: object) -> None:
    write(tmp_path, **{"go.mod": "module x"})
    plan = read(tmp_path, job=ACTION, failure=failed(Category.TEST))  # type: ignore[operator]
    assert isinstance(plan, ReplayPlan)
    assert plan.failing.script == "go test ./..."
