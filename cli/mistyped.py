"""A command whose own words are wrong: an option, a script or a target that its tool does not have.

No patch of the repository mends that, so nothing is spent on it. It is believed only where the tool itself
says so in its own form and with its own exit code, and where the word that it complains of was typed: one
that comes from a configuration of the repository is an ordinary failure.
"""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from patchpilot.fixes import CommandResult
from patchpilot.text import one_line, plain


@dataclass(frozen=True, slots=True)
class _Form:
    """How tools complain of their arguments."""

    tools: frozenset[str]
    codes: frozenset[int]
    line: re.Pattern[str]
    """Its group has the words that the tool does not know."""


def _form(tools: str, codes: set[int], line: str) -> _Form:
    return _Form(frozenset(tools.split()), frozenset(codes), re.compile(line))


_ARGPARSE = (
    "autoflake autopep8 bandit coverage docformatter flake8 isort mypy pylint pyright tox vulture yapf"
)
_CLICK = "black codespell djlint flask nox pip-compile typer"
_CLAP = "cargo cargo-nextest ruff rustfmt taplo ty uv"
_FORMS: Final = (
    # https://docs.pytest.org/en/stable/reference/exit-codes.html: 4 is a usage error. A test that is not
    # found in a file has the same code and may well be the repository's failure, so only files count.
    _form(
        "pytest py.test",
        {4},
        r"[\w./ -]*(?:pytest|py\.test|__main__\.py): error: unrecognized arguments: (.+)",
    ),
    _form("pytest py.test", {4}, r"ERROR: file or directory not found: (.+)"),
    _form(_ARGPARSE, {2}, r"[\w./ -]+: error: unrecognized arguments: (.+)"),
    _form(_CLICK, {2}, r"(?:Error: )?No such (?:option|command):? '?([\w-]+)'?.*"),
    _form(_CLAP, {1, 2}, r"error: (?:unexpected argument|unrecognized subcommand) '([^']+)'.*"),
    _form("cargo", {101}, r"error: no such (?:sub)?command: `([^`]+)`"),
    _form("go", {2}, r"go ([\w-]+): unknown command"),
    _form("npm", {1}, r"npm (?:error|ERR!) Missing script: \"([^\"]+)\""),
    _form("pnpm", {1}, r"\s*ERR_PNPM_NO_SCRIPT\s+Missing script: (\S+)"),
    _form("yarn", {1}, r"error Command \"([^\"]+)\" not found\."),
    _form("yarn", {1}, r"Usage Error: Couldn't find a script named \"([^\"]+)\".*"),
    _form("eslint", {2}, r"Invalid option '([^']+)'.*"),
    # With "needed by" it is a rule of the makefile that wants it.
    _form("make gmake", {2}, r"g?make: \*\*\* No rule to make target ['`‘]([^'’]+)['’]\.\s+Stop\."),
)

_OTHER_TOOLS: Final = (
    "python python3 pip npx node jest vitest mocha prettier tsc gofmt golangci-lint ctest cmake ninja mvn "
    "gradle dotnet rspec rubocop bundle phpunit composer pre-commit bash shellcheck"
)
_NAMES: Final = frozenset(_OTHER_TOOLS.split()).union(*(form.tools for form in _FORMS))
_ALIKE: Final = 0.8

_OF_PLUGINS = re.compile(
    r"--(?:cov|numprocesses|dist|forked|timeout|reruns|asyncio|anyio|benchmark|snapshot|ds|reuse-db|create-db"
    r"|randomly|random-order|html|mypy|ruff|flake8|black|isort|pylint|json-report|alluredir|hypothesis|nbval"
    r"|browser|headed|splits|group|doctest-plus|mpl|vcr|record-mode|memray|testmon)\b.*|-[np]\d*"
)
"""Options of pytest's plugins: they are missing where the plugin is, which may be the repository's fault."""

_CI_FILES = (".github/workflows/*.y*ml", ".gitlab-ci.yml", ".circleci/config.yml", ".patchpilot.yml")
_LAST_LINES = 60


def mistyped(script: str, result: CommandResult, *, tree: Path, here: Path) -> str:
    """What the tool says of the words that were typed, on one line; empty where they are not to blame.

    ``tree`` is the copy that the command ran on; ``here`` the person's own folder, since what is there but
    was left out of the copy was typed well. A command that the repository's CI runs too is the repository's.
    """
    typed = _typed(script)
    lines = plain(result.output).splitlines()[-_LAST_LINES:]
    for form in _FORMS:
        if result.exit_code not in form.codes or not any(Path(word).name in form.tools for word in typed):
            continue
        for line in lines:
            found = form.line.fullmatch(line.rstrip())
            if found and _are_typed(found[1], typed, here) and not _is_of_ci(script, tree):
                return one_line(line, 200)
    return ""


def meant(script: str, missing: str) -> str:
    """The tool whose name is nearly that of the typed word ``missing``, which is no command; or empty."""
    if missing in _NAMES or missing not in {Path(word).name for word in _typed(script)}:
        return ""
    return next(iter(difflib.get_close_matches(missing, _NAMES, n=1, cutoff=_ALIKE)), "")


def _typed(script: str) -> list[str]:
    try:
        return shlex.split(script)
    except ValueError:
        return script.split()


def _are_typed(said: str, typed: list[str], here: Path) -> bool:
    """Every word is there as often as the tool complains of it, and none is a plugin's or a file's."""
    words = [said] if said in typed else said.split()
    given = [part for word in typed for part in {word, word.partition("=")[0]}]
    return all(
        words.count(word) <= given.count(word)
        and not _OF_PLUGINS.fullmatch(word)
        and not (here / word).exists()
        for word in words
    )


def _is_of_ci(script: str, tree: Path) -> bool:
    return any(script.strip() in text for text in _ci_texts(tree))


def _ci_texts(tree: Path) -> Iterator[str]:
    for pattern in _CI_FILES:
        for path in tree.glob(pattern):
            if path.is_file() and not path.is_symlink():
                yield path.read_text(encoding="utf-8", errors="replace")
