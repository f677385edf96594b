"""What a command runs by another name."""

from __future__ import annotations

import pytest

from agent.fixers.makefiles import recipes
from agent.fixers.scripts import invocations

MAKEFILE = """\
SRC := src tests
FLAGS = --check $(SRC)
.PHONY: lint all
all: lint
lint: style
\t@ruff check $(SRC) \\
\t  --quiet
style:
\t-black $(FLAGS)
\techo $$HOME $(shell date)
other:
\trm -rf /
"""


@pytest.mark.parametrize("targets", [["lint"], ["all"], []])
def test_a_target_runs_its_recipe_and_those_it_needs(targets):
    assert list(recipes(MAKEFILE, targets)) == [
        "ruff check src tests  \t  --quiet",
        "black --check src tests\necho $HOME $(shell date)",
    ]


@pytest.mark.parametrize(
    "makefile", ["", "a: a\n\tmake a\n", "\tlost\n", "A = $(A)$(A)\nx:\n\t$(A)\n", ":\n=\n\t"]
)
def test_a_strange_makefile_ends(makefile):
    assert len("".join(recipes(makefile, ["a", "x"]))) < 10_000


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("npm run lint", "npx --no-install eslint src"),
        ("npm run lint -- --quiet", "npx --no-install eslint src --quiet"),
        ("yarn lint", "npx --no-install eslint src"),
        ("cd web && pnpm run lint", "npx --no-install eslint ."),
        ("make -C web lint", "eslint web"),
    ],
)
def test_package_scripts_and_targets_are_followed(script, expected):
    files = {
        "package.json": '{"scripts": {"lint": "eslint src", "loop": "npm run loop"}}',
        "web/package.json": '{"scripts": {"lint": "eslint ."}}',
        "web/Makefile": "lint:\n\teslint web\n",
    }

    [call] = [call for call in invocations(script, files.get) if call.tool == "eslint"]

    assert call.text == expected
    assert call.folder == ("web" if "web" in script else "")


@pytest.mark.parametrize("manifest", ["{", "[]", '{"scripts": []}', '{"scripts": {"lint": 3}}', "[" * 5000])
def test_a_broken_manifest_runs_nothing(manifest):
    calls = list(invocations("npm run lint", {"package.json": manifest}.get))

    assert [call.tool for call in calls if call.tool == "eslint"] == []


LINT_SH = """\
#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")/.."
PATHS="src tests"
STYLE='--check'
black "$STYLE" $PATHS "$@"
"""


@pytest.mark.parametrize(
    ("command", "expected", "folder"),
    [
        ("./scripts/lint.sh", "black --check src tests", ""),
        ("scripts/lint.sh --quiet", "black --check src tests --quiet", ""),
        ("bash scripts/lint.sh", "black --check src tests", ""),
        ("bash -eu -o pipefail scripts/lint.sh", "black --check src tests", ""),
        ("cd web && sh ./lint", "black .", "web/app"),
        ("CI=1 web/run-lint", "black web", ""),
        ("uv run ./scripts/lint.sh", "black --check src tests", ""),
        ("make lint", "black --check src tests", ""),
        ("npm run lint", "black --check src tests", ""),
    ],
)
def test_a_script_of_the_repository_is_looked_into(command, expected, folder):
    files = {
        "scripts/lint.sh": LINT_SH,
        "web/lint": "cd app\nblack .\n",
        "web/run-lint": "#!/bin/sh\nblack web\n",
        "Makefile": "lint:\n\t./scripts/lint.sh\n",
        "package.json": '{"scripts": {"lint": "sh scripts/lint.sh"}}',
    }

    [call] = [call for call in invocations(command, files.get) if call.tool == "black"]

    assert (call.text, call.folder) == (expected, folder)


@pytest.mark.parametrize(
    "command",
    ["bash", "bash -c 'black .'", "bash missing.sh", "./tool.py", "/etc/lint.sh", "bash -x", "./loop.sh"],
)
def test_what_is_no_script_of_the_repository_runs_nothing(command):
    files = {
        "tool.py": "#!/usr/bin/env python3\nblack = 1\n",
        "loop.sh": "./loop.sh\nA=$A\n",
        "/etc/lint.sh": "black",
    }

    assert [call.tool for call in invocations(command, files.get) if call.tool == "black"] == []


TOX = """\
[tox]
env_list = lint, py
[testenv]
commands = pytest {posargs}
[testenv:lint]
skip_install = true
commands =
    py312: isort --check .
    - black --check {posargs:src} \\
        tests
[testenv:other]
commands = black --check other
"""
NOX = """\
import nox

@nox.session
def lint(session):
    session.install("black")
    session.run("black", "--check", "src", external=True)
    session.run("isort", *session.posargs)

@nox.session(python=["3.12"])
def other(session):
    session.run("black", "--check", "other")

def helper(session):
    session.run("black", "--check", "helper")
"""


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("tox -e lint", ["black --check src tests"]),
        ("tox run -e py,lint", ["black --check src tests"]),
        ("python -m tox -e=lint -- lib", ["black --check lib tests"]),
        ("tox", ["black --check src tests", "black --check other"]),
        ("nox -s lint", ["black --check src"]),
        ("uv run nox --session lint", ["black --check src"]),
        ("nox", ["black --check src", "black --check other"]),
        ("tox -e none", []),
        ("nox -s none", []),
    ],
)
def test_environments_of_tox_and_nox_are_looked_into(command, expected):
    calls = invocations(command, {"tox.ini": TOX, "noxfile.py": NOX}.get)

    assert [call.text for call in calls if call.tool == "black"] == expected


@pytest.mark.parametrize("text", ["[", "[testenv:lint]\ncommands\n", "def lint(:", "(" * 5000, "\0"])
def test_a_broken_configuration_runs_nothing(text):
    for command in ("tox -e lint", "nox -s lint"):
        assert [
            c for c in invocations(command, {"tox.ini": text, "noxfile.py": text}.get) if c.tool == "black"
        ] == []
