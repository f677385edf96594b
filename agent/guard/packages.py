"""Where a manifest says that the code is: its way in, the folders of its packages, names for its modules."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from agent.guard import places
from agent.guard.case import Change, Remark
from agent.guard.lines import Line
from agent.guard.shadows import STAND_INS

_NPM = re.compile(r"(?:^|/)package\.json$")
_PYTHON = re.compile(r"(?:^|/)(?:pyproject\.toml|setup\.(?:cfg|py))$")
# ``"#shop": "./src/shop.js"``
_FILE = re.compile(r"[\"'](?P<key>[^\"']*)[\"']\s*:\s*[\"'](?P<path>[\w@./-]+\.[cm]?[jt]sx?)[\"']")
_NO_WAY_IN = re.compile(r"^(?:scripts|bin|directories|files|nyc|c8|lint-staged|babel|prettier)$")
_TESTS = re.compile(r"(?i)test|spec|mock|fake|stub|fixture")
_BLOCK = re.compile(r"^\s*\"(?P<key>[^\"]+)\"\s*:\s*[{\[]")
# ``package-dir = {"" = "src"}``, ``where = ["src"]``, ``{ include = "shop", from = "src" }``
_FOLDER_KEY = re.compile(r"\b(?:package[-_]dir|where|from|sources|pythonpath|mypy_path)\b[\"']?\s*[=:]")
_OF_PACKAGES = re.compile(r"\b(?:package[-_]dir|from|sources)\b[\"']?\s*=")
_FIND = re.compile(r"^\s*(?:where|include|exclude|namespaces)\b")
_FOLDER_TABLE = re.compile(
    r"^\s*\[[\w.\"-]*(?:package[-_]dir|\.sources|force-include|packages\.find|package_dir)\]\s*$"
)
_TABLE = re.compile(r"^\s*\[")
_PATHS = re.compile(r"[\"']([\w./-]+)[\"']|[=:,]\s*([\w./-]+)(?=\s*(?:[,\]}]|$))|^\s+([\w./-]+)\s*$")


def is_npm(path: str) -> bool:
    """The manifest of a package of JavaScript."""
    return bool(_NPM.search(path.lower()))


def elsewhere(change: Change) -> Iterator[Remark]:
    """The code is taken from a folder of tests or from a stand-in."""
    if not (is_npm(change.path) or _PYTHON.search(change.path.lower())):
        return
    find = _npm if is_npm(change.path) else _python
    old = {"".join(line.text.split()).rstrip(",") for line in change.removed}
    for at, line in enumerate(change.after):
        if line.changed and "".join(line.text.split()).rstrip(",") not in old and find(change.after, at):
            yield Remark(
                change.path, line.number, f"the code is taken from elsewhere: {line.text.strip()[:80]}"
            )
            return


def _npm(side: Sequence[Line], at: int) -> bool:
    if not _FILE.search(side[at].bare):
        return False
    names = list(_names_around(side, at))
    if any(_NO_WAY_IN.match(name) for name in names) or _is_for_another_platform(names):
        return False
    for match in _FILE.finditer(side[at].bare):
        target = match["path"].removeprefix("./")
        named = any(_TESTS.search(name) for name in (match["key"], *names))
        if not named and (STAND_INS.search(target) or places.in_test_folder(target)):
            return True
    return False


_BY_CONDITION = frozenset(("imports", "exports"))


def _is_for_another_platform(names: Sequence[str]) -> bool:
    """A bundler, not a test runner, takes one file for another in the field ``browser``."""
    return names[:1] in (["browser"], ["react-native"]) and not any(
        SECTIONS.fullmatch(name) or name in _BY_CONDITION for name in names
    )


def _names_around(side: Sequence[Line], at: int) -> Iterator[str]:
    indent = side[at].indent
    for line in reversed(side[:at]):
        if line.text.strip() and line.indent < indent:
            indent = line.indent
            if block := _BLOCK.match(line.text):
                yield block["key"]
        if line.first:
            return


def _python(side: Sequence[Line], at: int) -> bool:
    line = side[at]
    of_packages = bool(_OF_PACKAGES.search(line.bare)) or _is_in_folders(side, at)
    if not (of_packages or _FOLDER_KEY.search(line.bare)):
        return False
    paths = [path for found in _PATHS.findall(line.bare) for path in found if path]
    in_tests = of_packages and not _TESTS.match(line.bare.strip(" \"'")) and not _FIND.search(line.bare)
    return any(STAND_INS.search(path) or (in_tests and places.in_test_folder(f"{path}/")) for path in paths)


def _is_in_folders(side: Sequence[Line], at: int) -> bool:
    """The table around the line says where packages are, or the setting does that the line goes on with."""
    for line in reversed(side[:at]):
        if _TABLE.match(line.bare):
            return bool(_FOLDER_TABLE.match(line.bare))
        if line.indent < side[at].indent and _FOLDER_KEY.search(line.bare):
            return True
        if line.first:
            return False
    return False


SECTIONS = re.compile(
    r"jest|mocha|nyc|c8|ava|tap|vitest|xo|standard|eslintConfig|eslintIgnore|stylelint|lint-staged|husky|wallaby"
)
"""Keys of a package.json that hold the settings of a check."""


def sections_that_differ(old: str, new: str) -> list[str] | None:
    """Those of a package.json; ``None`` where it has a key twice or is no JSON."""
    try:
        before, after = (json.loads(text, object_pairs_hook=_once_each) for text in (old, new))
    except (ValueError, RecursionError):
        return None
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return None
    names = sorted(name for name in before.keys() | after.keys() if SECTIONS.fullmatch(name))
    return [name for name in names if before.get(name) != after.get(name)]


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


def lines_of_checks(side: Sequence[Line]) -> set[int]:
    """Lines of a package.json in a section that belongs to a check."""
    found: set[int] = set()
    within = -1
    for line in side:
        if line.first:
            within = -1
        if within >= 0 and line.text.strip() and line.indent <= within:
            within = -1
        block = _BLOCK.match(line.text)
        if within < 0 and block and SECTIONS.fullmatch(block["key"]) and line.indent <= _TOP_LEVEL:
            within = line.indent
        if within >= 0:
            found.add(line.number)
    return found


_TOP_LEVEL = 8
"""Columns at most; deeper, a key of that name is one of something else."""
