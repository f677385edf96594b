"""When the words of the command are to blame, and when the repository is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli.mistyped import meant, mistyped
from patchpilot.fixes import CommandResult, Ending, ShellCommand

PYTEST = "ERROR: usage: pytest [options] [file_or_dir] [...]\n{}: error: unrecognized arguments: {}\n"
INIFILE = "  inifile: /src/pyproject.toml\n  rootdir: /src\n"
CLAP = "error: unexpected argument '--bogus' found\n\n  tip: to pass '--bogus' as a value, use '-- --bogus'\n"
NPM = 'npm error Missing script: "lnt"\nnpm error\nnpm error To see a list of scripts, run:\n'


def told(script: str, output: str, code: int, tree: Path, here: Path | None = None) -> str:
    result = CommandResult(
        command=ShellCommand(script=script), ending=Ending.EXITED, exit_code=code, output=output, seconds=1.0
    )
    return mistyped(script, result, tree=tree, here=here or tree)


@pytest.mark.parametrize(
    ("script", "output", "code", "said"),
    [
        ("pytest --bogus", PYTEST.format("pytest", "--bogus") + INIFILE, 4, "arguments: --bogus"),
        ("python -m pytest -q --bogus=1", PYTEST.format("__main__.py", "--bogus=1"), 4, ": --bogus=1"),
        ("uv run pytest --a --b", PYTEST.format("python -m pytest", "--a --b"), 4, "arguments: --a --b"),
        ("pytest 'my test.py'", "ERROR: file or directory not found: my test.py\n\n", 4, "my test.py"),
        ("mypy --bogus .", "usage: mypy [-h]\nmypy: error: unrecognized arguments: --bogus\n", 2, "--bogus"),
        ("black --bogus .", "Usage: black [OPTIONS]\n\nError: No such option '--bogus'.\n", 2, "--bogus"),
        ("black --bogus .", "Error: No such option: --bogus Did you mean --verbose?\n", 2, "--bogus"),
        ("ruff check --bogus .", CLAP, 2, "unexpected argument '--bogus'"),
        ("ruff chek .", "error: unrecognized subcommand 'chek'\n", 2, "'chek'"),
        ("cargo test --bogus", CLAP, 1, "unexpected argument '--bogus'"),
        ("cargo tst", "error: no such command: `tst`\n\nhelp: a command with a similar name\n", 101, "`tst`"),
        ("go tst ./...", "go tst: unknown command\nRun 'go help' for usage.\n", 2, "go tst: unknown command"),
        ("npm run lnt", NPM, 1, 'Missing script: "lnt"'),
        ("npm ci && npm run lnt", NPM.replace("error", "ERR!"), 1, 'Missing script: "lnt"'),
        ("pnpm run buil", " ERR_PNPM_NO_SCRIPT  Missing script: buil\n", 1, "Missing script: buil"),
        ("yarn lnt", 'yarn run v1.22.22\nerror Command "lnt" not found.\n', 1, '"lnt" not found'),
        ("make lnt", "make: *** No rule to make target 'lnt'.  Stop.\n", 2, "No rule to make target 'lnt'"),
    ],
)  # fmt: skip
def test_a_word_that_was_typed_and_that_the_tool_does_not_know_is_quoted(
    tmp_path, script, output, code, said
):
    assert said in told(script, output, code, tmp_path)


@pytest.mark.parametrize(
    ("script", "output", "code"),
    [
        # From addopts, a Makefile or a script: nobody typed it.
        ("pytest -q", PYTEST.format("pytest", "--bogus") + INIFILE, 4),
        ("pytest -q --bogus", PYTEST.format("pytest", "--bogus --bogus") + INIFILE, 4),
        ("pytest -q --bogus", PYTEST.format("pytest", "--bogus --other") + INIFILE, 4),
        ("make test", PYTEST.format("pytest", "--bogus") + "make: *** [Makefile:2: test] Error 4\n", 2),
        ("make all", "make: *** No rule to make target 'lnt', needed by 'all'.  Stop.\n", 2),
        ("make all", "make[1]: *** No rule to make target 'all'.  Stop.\n", 2),
        ("npm run all", NPM, 1),
        # A plugin that is not installed, which the repository may have to declare.
        ("pytest --cov=src --cov-report=xml", PYTEST.format("pytest", "--cov=src --cov-report=xml"), 4),
        ("pytest -n 4", PYTEST.format("pytest", "-n"), 4),
        # The repository's own program lost an option.
        ("python gen.py --bogus", "usage: gen.py [-h]\ngen.py: error: unrecognized arguments: --bogus\n", 2),
        # A test printed such a line; the run failed with another exit code.
        ("pytest --bogus", PYTEST.format("pytest", "--bogus"), 1),
        # A module that can't be imported: the test is there.
        ("pytest a.py::test_x", "ERROR a.py\nERROR: not found: /src/a.py::test_x (no match)\n", 4),
        ("ruff check .", "a.py:1:1: F401\nFound 1 error.\n", 1),
    ],
)  # fmt: skip
def test_what_nobody_typed_is_a_failure_like_any_other(tmp_path, script, output, code):
    assert told(script, output, code, tmp_path) == ""


def test_a_command_that_the_ci_runs_is_the_repositorys(tmp_path):
    workflow = tmp_path / ".github/workflows/ci.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text("jobs: {t: {steps: [{run: npm run lnt}]}}\n")

    assert told("npm run lnt", NPM, 1, tmp_path) == ""
    assert told("npm run  lnt", NPM, 1, tmp_path) != ""


def test_a_file_that_was_left_out_of_the_sandbox_was_typed_well(tmp_path):
    tree, here = tmp_path / "copy", tmp_path / "own"
    tree.mkdir()
    here.mkdir()
    (here / "ignored.py").write_text("")
    said = "ERROR: file or directory not found: ignored.py\n"

    assert told("pytest ignored.py", said, 4, tree, here) == ""


@pytest.mark.parametrize(
    "words",
    [
        (sys.executable, "-m", "pytest", "--bogus"),
        (sys.executable, "-m", "pytest", "missing.py"),
        (sys.executable, "-m", "ruff", "check", "--bogus"),
        (sys.executable, "-m", "mypy", "--bogus", "."),
        (sys.executable, "-m", "black", "--bogus", "."),
        ("make", "lnt"),
    ],
)
def test_the_tools_complain_in_these_words(tmp_path, words):
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not here")
    (tmp_path / "Makefile").write_text("all:\n\ttrue\n")
    # Not as a part of the make that may run these tests: it would say make[1].
    alone = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    ran = subprocess.run(words, cwd=tmp_path, env=alone, capture_output=True, text=True, check=False)

    assert told(" ".join(words), ran.stdout + ran.stderr, ran.returncode, tmp_path), ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("script", "missing", "tool"),
    [
        ("pytset -q", "pytset", "pytest"),
        ("cd app && ruf check .", "ruf", "ruff"),
        ("gofmt -l .", "gofmt", ""),
        ("make lint", "pytset", ""),
        ("./deploy.sh", "frobnicate", ""),
    ],
)
def test_a_command_that_is_nearly_a_tool_is_taken_for_it_only_where_it_was_typed(script, missing, tool):
    assert meant(script, missing) == tool
