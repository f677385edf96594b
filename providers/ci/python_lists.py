"""What somebody who works on a Python project installs: of its lists, those for tests and development.

Nothing says which they are, so names tell: an extra, a group or a requirements file called ``test`` or
``dev``. Where none of those has a tool that the command itself calls, the list that has it comes along
(``mypy`` in a group ``typing``).
"""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from providers.ci.overrides import has_plain_file
from providers.ci.project import Project

_FOR_DEVELOPERS = re.compile(
    r"(?:[\w.]+[-_.])?(?:unit)?(?:tests?|testing|dev(?:el(?:op(?:ment)?|oper)?)?|ci)", re.IGNORECASE
)
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_REQUIREMENTS = re.compile(r"(?:([\w.-]+)[-_.])?requirements(?:[-_.]([\w.-]+))?")
_FOLDERS = (".", "requirements")
_MAX_FILES = 200


@dataclass(frozen=True, slots=True)
class _List:
    """One list of requirements that is installed only where it is asked for."""

    name: str
    """By which it is asked for; a requirements file's path."""
    purpose: str
    """What its name says that it is for; empty for what everybody needs."""
    lines: Sequence[object]

    @property
    def packages(self) -> set[str]:
        """The names on it."""
        found = (_NAME.match(line.strip()) for line in self.lines if isinstance(line, str))
        return {match[0].lower() for match in found if match}


def installs(project: Project, script: str) -> str:
    """The commands that install it for ``script``: only read, never run."""
    tools = set(re.findall(r"[\w.-]+", script.lower()))
    optional = [*_in_pyproject(project), *_in_setup(project)]
    if project.above("uv.lock"):
        names = dict.fromkeys(one.name for one in _wanted(optional, tools))
        return " ".join(["uv sync", *(f"--group {name}" for name in names)])
    if project.above("poetry.lock"):
        return "poetry install"
    wanted = _wanted([*_files(project), *optional], tools)
    files = [f"pip install -r {one.name}" for one in wanted if one not in optional]
    asked = ",".join(dict.fromkeys(one.name for one in wanted if one in optional))
    return "\n".join([*files, f"pip install -e .[{asked}]" if asked else "pip install -e ."])


def _wanted(lists: Sequence[_List], tools: set[str]) -> list[_List]:
    chosen = [one for one in lists if not one.purpose or _FOR_DEVELOPERS.fullmatch(one.purpose)]
    for tool in sorted(tools.difference(*(one.packages for one in chosen))):
        chosen += [one for one in lists if tool in one.packages and one not in chosen][:1]
    return chosen


def _in_pyproject(project: Project) -> Iterator[_List]:
    """Extras and groups, in the standard's words and in those of older tools."""
    document = _toml(project.read("pyproject.toml"))
    tool = _table(document.get("tool"))
    tables = (
        _table(_table(document.get("project")).get("optional-dependencies")),
        _table(document.get("dependency-groups")),
        _table(_table(tool.get("pdm")).get("dev-dependencies")),
    )
    for name, lines in (pair for table in tables for pair in table.items()):
        if _NAME.fullmatch(name) and isinstance(lines, list):
            yield _List(name, name, tuple(map(str, lines)))


def _in_setup(project: Project) -> Iterator[_List]:
    """``extras_require`` of ``setup.cfg`` and, as far as it is written out, of ``setup.py``."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(project.read("setup.cfg"))
        section = "options.extras_require"
        found = {name: text.split("\n") for name, text in parser.items(section)} if section in parser else {}
    except configparser.Error:
        found = {}
    extras = project.read("setup.py").partition("extras_require")[2]
    for name, body in re.findall(r"[\"']([\w.-]+)[\"']\s*:\s*\[([^\]]*)\]", extras):
        found[name] = re.findall(r"[\"']([^\"']+)[\"']", body)
    yield from (_List(name, name, tuple(lines)) for name, lines in found.items() if _NAME.fullmatch(name))


def _files(project: Project) -> Iterator[_List]:
    """Requirements files: the project's own first, and of one that is compiled (``dev.in``) the result."""
    paths: dict[str, str] = {}
    for folder in _FOLDERS:
        try:
            names = sorted(entry.name for entry in (project.tree / project.folder / folder).iterdir())
        except OSError:
            continue
        for name in names[:_MAX_FILES]:
            path = name if folder == "." else f"{folder}/{name}"
            stem, _, ending = path.rpartition(".")
            if ending in {"txt", "in"} and re.fullmatch(r"[\w./-]+", path):
                paths[stem] = path  # "in" sorts before "txt"
    for stem, path in sorted(paths.items(), key=lambda one: (one[0] != "requirements", one[0])):
        folder, _, name = stem.rpartition("/")
        found = _REQUIREMENTS.fullmatch(name)
        if (found or folder) and has_plain_file(project.tree, project.path(path)):
            purpose = (found[1] or found[2] or "") if found else name
            own = "" if purpose in {"base", "main", "common"} else purpose
            yield _List(path, own, tuple(project.read(path).split("\n")))


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}
