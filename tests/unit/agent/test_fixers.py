"""Fixers: what they make of a repository's own commands, and the loop that applies them."""

from __future__ import annotations

import pytest

from agent.fixers.imports import misspelt_import
from agent.fixers.offers import Scene
from agent.fixers.scripts import invocations
from agent.fixers.table import FIXERS
from agent.fixers.whitespace import tidy, whitespace
from patchpilot.failures import Category, DistilledFailure, Location
from patchpilot.fixes import ShellCommand


def scene(
    script="true", *, text="", category=Category.LINT, tool="", files=None, places=(), **options
) -> Scene:
    contents = files or {}
    failure = DistilledFailure(
        text=text, category=category, tool=tool, files=tuple(Location(path) for path in places)
    )
    return Scene(
        failure=failure,
        command=ShellCommand(script=script),
        files=sorted(contents),
        read=contents.get,
        **options,
    )


def offered(given: Scene) -> list[str]:
    return [offer.command.script for fixer in FIXERS for offer in fixer(given) if offer.command]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("ruff check .", "ruff check --fix ."),
        ("ruff check --no-fix --output-format=github src tests", "ruff check --fix src tests"),
        ("ruff check --output-format github .", "ruff check --fix ."),
        ("uv run --frozen ruff check src", "uv run --frozen ruff check --fix src"),
        ("python -m ruff check .", "python -m ruff check --fix ."),
        ("cd app && ruff check . && pytest", "ruff check --fix ."),
        ("ruff format --check --diff .", "ruff format ."),
        ("poetry run black --check --diff src/ tests/", "poetry run black src/ tests/"),
        ("isort --check-only --profile black .", "isort --profile black ."),
        ("npx prettier --check 'src/**/*.ts'", "npx prettier --write src/**/*.ts"),
        ("npx eslint . --max-warnings 0 -f json", "npx eslint --fix . --max-warnings 0"),
        ("./node_modules/.bin/eslint src", "./node_modules/.bin/eslint --fix src"),
        ("biome ci src", "biome check --write src"),
        ('test -z "$(gofmt -l .)"', "gofmt -w ."),
        ("goimports -l -local acme .", "goimports -w -local acme ."),
        ("golangci-lint run ./...", "golangci-lint run --fix ./..."),
        ("cargo fmt --all -- --check", "cargo fmt --all"),
        (
            "cargo clippy --all-targets -- -D warnings",
            "cargo clippy --fix --allow-dirty --allow-staged --allow-no-vcs --all-targets -- -D warnings",
        ),
        (
            "pre-commit run --all-files --show-diff-on-failure --color always",
            "git init --quiet . && git add --all && pre-commit run --all-files",
        ),
        ("FOO='a b' ruff check \\\n  .", "FOO='a b' ruff check --fix ."),
        ("(ruff check . | tee lint.txt)", "ruff check --fix ."),
    ],
)
def test_the_repositorys_own_call_is_turned_into_one_that_writes(script, expected):
    assert offered(scene(script)) == [expected]


@pytest.mark.parametrize(
    "script",
    [
        "echo ruff check",
        "pytest -q",
        "make test",
        "ruff --version",
        "echo 'unclosed",
        "# ruff check .",
        "",
        "x" * 50_000,
    ],
)
def test_what_calls_no_fixable_tool_is_left_alone(script):
    assert offered(scene(script)) == []


@pytest.mark.parametrize(
    ("tool", "category", "expected"),
    [
        ("ruff", Category.LINT, "ruff check --fix ."),
        ("ruff", Category.FORMAT, "ruff format ."),
        ("black", Category.FORMAT, "black ."),
        ("isort", Category.FORMAT, "isort ."),
        ("prettier", Category.FORMAT, "npx --no-install prettier --write ."),
        ("eslint", Category.LINT, "npx --no-install eslint --fix ."),
        ("gofmt", Category.FORMAT, "gofmt -w ."),
        ("rustfmt", Category.FORMAT, "cargo fmt --all"),
    ],
)
def test_a_tool_behind_make_is_known_from_the_log(tool, category, expected):
    assert offered(scene("make lint", tool=tool, category=category)) == [expected]
    assert offered(scene("make lint", tool=tool, category=category, is_failing_step=False)) == []


def test_shell_text_is_quoted_so_that_nothing_new_runs():
    [call] = [call for call in invocations("ruff check 'a; rm -rf b' $(echo x)") if call.tool == "ruff check"]

    assert "'a; rm -rf b'" in call.text


def edits(given: Scene, fixer) -> dict[str, str]:
    return {path: text for offer in fixer(given) for path, text in offer.edits.items()}


def test_a_misspelt_import_of_a_local_module_is_corrected_everywhere():
    files = {
        "shop/__init__.py": "",
        "shop/pricing.py": "X = 1\n",
        "app.py": "from shop.pricng import X\nimport shop.pricng as p\n",
        "other.py": "text = 'shop.pricng'\n",
    }
    given = scene(text="ModuleNotFoundError: No module named 'shop.pricng'", files=files)

    assert edits(given, misspelt_import) == {
        "app.py": "from shop.pricing import X\nimport shop.pricing as p\n"
    }


@pytest.mark.parametrize("name", ["requests", "shop.pricing", "numpy.linalg"])
def test_a_missing_dependency_is_no_misspelt_import(name):
    files = {"shop/__init__.py": "", "shop/pricing.py": "", "app.py": f"import {name}\n"}

    assert edits(scene(text=f"No module named '{name}'", files=files), misspelt_import) == {}


def test_two_modules_that_may_be_meant_are_left_to_people():
    files = {"pkg/item_a.py": "", "pkg/item_b.py": "", "app.py": "import pkg.item_c\n"}

    assert edits(scene(text="No module named 'pkg.item_c'", files=files), misspelt_import) == {}


def test_a_misspelt_relative_import_of_javascript_is_corrected():
    files = {"src/app.js": "const h = require('./helprs');\n", "src/helpers.js": ""}
    given = scene(text="Error: Cannot find module './helprs'", files=files)

    assert edits(given, misspelt_import) == {"src/app.js": "const h = require('./helpers');\n"}


def test_white_space_is_tidied_in_the_files_that_the_log_names():
    files = {"a.py": "x = 1  \n\n\n", "b.py": "y = 2  \n", "c.md": "line  \nnext"}
    given = scene(text="a.py:1: trailing whitespace.", files=files, places=["a.py", "c.md", "gone.py"])

    assert edits(given, whitespace) == {"a.py": "x = 1\n", "c.md": "line  \nnext\n"}
    assert edits(scene(text="E501", files=files, places=["a.py"]), whitespace) == {}


@pytest.mark.parametrize(
    ("text", "unify", "expected"),
    [
        ("a\r\nb \r\n", False, "a\r\nb\r\n"),
        ("a\r\nb\n", True, "a\nb\n"),
        ("a", False, "a\n"),
        ("", False, ""),
        ("\n\n", False, ""),
    ],
)
def test_line_endings_change_only_when_they_are_complained_about(text, unify, expected):
    assert tidy(text, keep_trailing=False, unify=unify) == expected
