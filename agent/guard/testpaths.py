"""The folders in which test runners look for tests: as the settings say, else by custom."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from configparser import ConfigParser, Error
from fnmatch import fnmatchcase

from agent.guard.case import Case

_HOMES = (("_spec.rb", "spec"), ("_test.rb", "test"), ("_test.exs", "test"), ("_test.dart", "test"))
"""Endings of tests that their runner looks for below a folder of this name only."""
_INI = (
    ("pytest.ini", "pytest"),
    (".pytest.ini", "pytest"),
    ("tox.ini", "pytest"),
    ("setup.cfg", "tool:pytest"),
)


def leaves_its_folder(case: Case, old: str, new: str) -> bool:
    """A test that moves was in a folder that its runner goes through, and is no longer."""
    for ending, home in _HOMES:
        if old.endswith(ending) and home in old.split("/")[:-1] and home not in new.split("/")[:-1]:
            return True
    if not old.endswith(".py"):
        return False
    folders = case.once("testpaths", lambda: tuple(_of_pytest(case)))
    before, after = (any(_is_below(path, folder) for folder in folders) for path in (old, new))
    return before and not after


def _of_pytest(case: Case) -> Iterator[str]:
    """What ``testpaths`` names, in any of the files that pytest may read it from."""
    try:
        tools = tomllib.loads(case.reads("pyproject.toml") or "").get("tool", {})
        pytest = tools.get("pytest", {})
        named = pytest.get("ini_options", pytest).get("testpaths", ())
        yield from named.split() if isinstance(named, str) else (str(one) for one in named)
    except (tomllib.TOMLDecodeError, AttributeError, TypeError, RecursionError):
        pass
    for path, section in _INI:
        parser = ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(case.reads(path) or "")
        except Error:
            continue
        yield from parser.get(section, "testpaths", fallback="").split()


def _is_below(path: str, folder: str) -> bool:
    parts = folder.removeprefix("./").strip("/").split("/")
    inner = path.split("/")[: len(parts)]
    return folder in {".", "./"} or (len(inner) == len(parts) and all(map(fnmatchcase, inner, parts)))
