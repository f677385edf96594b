"""Files that are taken for something else: for a program that checks, or for a package that is installed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.guard import places
from agent.guard.additions import packages_named
from agent.guard.case import Case, Change, Remark
from agent.guard.shells import CHECKERS
from patchpilot.fixes import Severity

_PYTHON_CHECKERS = re.compile(
    r"mypy|ruff|flake8|pylint|pyright|basedpyright|isort|bandit|tox|nox|pytest_\w+|pydocstyle|pycodestyle|pyflakes"
    r"|vulture|interrogate|nose2?|xdist|behave|pre_commit|pip_audit"
)
_WORDS_TOO = re.compile(r"black|coverage|hypothesis")
"""Checks with names that mean something else as well."""
# From where imports are looked for when a tool starts: the root, and folders that are put there by custom.
_ON_THE_PATH = re.compile(r"^(?P<folder>src/|lib/|tests?/)?(?P<name>\w+)(?:\.py|/__(?:init|main)__\.py)$")
_PROGRAM = re.compile(rf"/(?P<name>{CHECKERS})(?:\.cmd|\.bat)?$")
_SAID = re.compile(r"^\s*(?:[@#:]|echo\b|printf\b|print\b|puts\b)")
_CALLS = re.compile(rf"(?<![\w-])(?:{CHECKERS})(?![\w-])")


def taken_for_others(case: Case) -> Iterator[Remark]:
    """New files by the name of a check or of a package that the code needs."""
    for change in case.changes:
        if not (change.is_new or change.diff.old_path != change.path) or change.is_deleted:
            continue
        match = _ON_THE_PATH.match(change.path)
        # A module that moves with its name is the project's own.
        before = None if change.is_new else _ON_THE_PATH.match(change.diff.old_path)
        stays = match and before and before["name"] == match["name"]
        if match and not stays and not _is_own(case, change.path, match["name"]):
            yield from _taken_for_module(case, change, match["folder"] or "", match["name"])
        program = _PROGRAM.search(change.path)
        if program and _is_program(change) and not _hands_on(change):
            yield Remark(change.path, 0, f"a program by the name of {program['name']} that never calls it")


def _taken_for_module(case: Case, change: Change, folder: str, name: str) -> Iterator[Remark]:
    if _PYTHON_CHECKERS.fullmatch(name) or (not folder and _WORDS_TOO.fullmatch(name)):
        yield Remark(change.path, 0, f"python imports this file instead of {name}")
    elif folder in {"", "src/"} and (manifest := _named_in(case, name)):
        what = f"python imports this file instead of the package {name} of {manifest}"
        yield Remark(change.path, 0, what, Severity.OVERRIDE)


def _is_own(case: Case, path: str, name: str) -> bool:
    """The project is that package itself."""
    folder = path[: path.rindex(name)] + name
    others = (f"{folder}{ending}" for ending in ("/__init__.py", ".py"))
    return any(other != path and case.reads(other) is not None for other in others)


_MANIFESTS = (
    *("requirements.txt", "requirements/base.txt", "requirements/dev.txt", "requirements-dev.txt"),
    *("dev-requirements.txt", "requirements.in", "pyproject.toml", "Pipfile"),
)


def _named_in(case: Case, name: str) -> str:
    """The manifest that asks for a package of this name; none where the project itself has it."""
    own = re.compile(rf"(?im)^\s*name\s*=\s*[\"']{re.escape(name).replace('_', '[-_.]')}[\"']")
    texts = {path: text for path in _MANIFESTS if (text := case.reads(path))}
    if any(own.search(text) for text in texts.values()):
        return ""
    plain = name.replace("_", "-").lower()
    return next((path for path, text in texts.items() if plain in packages_named(path, text)), "")


def _is_program(change: Change) -> bool:
    return change.diff.new_mode == "100755" or any(line.text.startswith("#!") for line in change.after[:1])


def _hands_on(change: Change) -> bool:
    """It calls a check in the end."""
    return any(_CALLS.search(line.bare) and not _SAID.match(line.bare) for line in change.after)


STAND_INS = re.compile(
    r"(?i)(?:^|[/._-])(?:fakes?|mocks?|stubs?|dumm(?:y|ies)|doubles?|stand[-_]?ins?|shadow(?:s|ed)?)(?=$|[/._-])"
)
_PATHS = re.compile(
    r"\bsys\.path\.(?:insert|append|extend)\s*\(|\bsys\.path\s*(?:\[[\d:]*\]|\+)?\s*=|\bsyspath_prepend\s*\(|\baddsitedir\s*\("
    r"|\$(?:LOAD_PATH|:)\s*\.?\s*(?:unshift|push|prepend|<<)|\bmodule\.paths\.(?:unshift|push)\s*\(|\baddAlias(?:es)?\s*\("
    r"|\bPYTHONPATH\b|\bNODE_PATH\b"
)
_TEXT = re.compile(r"\"([^\"]*)\"|'([^']*)'|`([^`]*)`|[=:]([\w./-]+)")


def led_astray(case: Case) -> Iterator[Remark]:
    """Imports are looked for in a folder of stand-ins."""
    for change in case.changes:
        if change.language == "text" or places.is_pipeline(change.path):
            continue
        old = {"".join(line.text.split()) for line in change.removed}
        for line in change.added:
            if not _PATHS.search(line.bare) or "".join(line.text.split()) in old:
                continue
            if any(STAND_INS.search(text) for found in _TEXT.findall(line.bare) for text in found if text):
                what = f"imports are looked for among stand-ins: {line.text.strip()[:80]}"
                yield Remark(change.path, line.number, what, Severity.OVERRIDE)
