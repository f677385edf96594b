"""Where a Python repository says which packages it needs."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

Read = Callable[[str], str | None]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """One list of requirements."""

    path: str
    place: str
    """For people: the file, and the part of it."""
    requirements: Mapping[str, str] = field(default_factory=dict)
    """As they are written, by canonical name."""
    declaring: Callable[[str], str | None] = lambda _: None
    """The file's text with one more requirement; ``None`` where it can't be put in."""

    def requirement(self, package: str) -> str:
        """How this list has the package; empty if it has not."""
        return self.requirements.get(canonicalize_name(package), "")


def python(files: Sequence[str], read: Read) -> list[Manifest]:
    """All lists at the root of the checkout: first what is installed, lock files last."""
    text = read("pyproject.toml") or ""
    found = list(_pyproject(text, _toml(text)))
    names = [path for path in files if _REQUIREMENTS.fullmatch(path)]
    names.sort(key=lambda path: (path != "requirements.in", path != "requirements.txt", path))
    found += [_requirements(path, read(path) or "") for path in names]
    for path in ("uv.lock", "poetry.lock", "pdm.lock"):
        packages = _toml(read(path) or "").get("package")
        found.append(Manifest(path=path, place=path, requirements=_locked(packages)))
    return found


_REQUIREMENTS = re.compile(r"(?:[\w-]*requirements[\w-]*|requirements/[\w-]+)\.(?:in|txt)")


def _pyproject(text: str, data: dict[str, Any]) -> Iterator[Manifest]:
    project = _table(data.get("project"))
    if isinstance(project.get("dependencies"), list):
        yield Manifest(
            path="pyproject.toml",
            place="[project] dependencies",
            requirements=_parsed(project["dependencies"]),
            declaring=lambda wanted: _into_array(text, wanted),
        )
    groups = {**_table(project.get("optional-dependencies")), **_table(data.get("dependency-groups"))}
    for name, lines in groups.items():
        yield Manifest(path="pyproject.toml", place=f"the group {name!r}", requirements=_parsed(lines))


def _parsed(lines: object) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines if isinstance(lines, list) else ():
        try:
            found[canonicalize_name(Requirement(str(line)).name)] = str(line)
        except InvalidRequirement:
            continue
    return found


def _locked(packages: object) -> dict[str, str]:
    """At least the version that is locked: it is the one that this repository is known to work with."""
    tables = [_table(one) for one in packages] if isinstance(packages, list) else []
    pairs = [(str(one.get("name", "")), str(one.get("version", ""))) for one in tables]
    return _parsed([f"{name}>={version}" for name, version in pairs if name and version])


def _requirements(path: str, text: str) -> Manifest:
    lines = [re.sub(r"(?:^|\s+)#.*|\s*\\$", "", line).strip() for line in text.splitlines()]
    return Manifest(
        path=path,
        place=path,
        requirements=_parsed([line for line in lines if line and not line.startswith("-")]),
        declaring=lambda wanted: _into_lines(text, wanted),
    )


def _into_lines(text: str, wanted: str) -> str | None:
    if "--hash=" in text:
        return None  # pip would refuse a line without one
    lines = text.splitlines()
    names = [line for line in lines if re.match(r"[A-Za-z]", line)]
    behind = [line for line in names if line.lower() < wanted.lower()]
    is_sorted = names == sorted(names, key=str.lower)
    at = (lines.index(behind[-1]) + 1 if behind else 0) if is_sorted else len(lines)
    return "\n".join([*lines[:at], wanted, *lines[at:]]) + "\n"


_PROJECT = re.compile(r"^\[project\]\s*$", re.MULTILINE)
_ARRAY = re.compile(r"^dependencies\s*=\s*\[", re.MULTILINE)
_ITEM = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'")


def _into_array(text: str, wanted: str) -> str | None:
    """One more string in ``[project] dependencies``, in the array's own layout and order."""
    project = _PROJECT.search(text)
    array = _ARRAY.search(text, project.end()) if project else None
    end = _end_of_array(text, array.end()) if array else -1
    if array is None or end < 0:
        return None
    body = text[array.end() : end]
    items = _ITEM.findall(body)
    new = f"{items[0][0]}{wanted}{items[0][0]}" if items else f'"{wanted}"'
    written = f"{text[: array.end()]}{_with(body, items, new)}{text[end:]}"
    # Whatever the layout was: the result must say the same and one thing more.
    before, after = (_table(_toml(side).get("project")).get("dependencies") for side in (text, written))
    if not isinstance(before, list) or not isinstance(after, list):
        return None
    return written if sorted(map(str, after)) == sorted([*map(str, before), wanted]) else None


def _end_of_array(text: str, start: int) -> int:
    for match in re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|#[^\n]*|\]").finditer(text, start):
        if match.group() == "]":
            return match.start()
    return -1


def _with(body: str, items: list[str], new: str) -> str:
    if "\n" not in body:
        return ", ".join([*items, new])
    indent = re.search(r"\n([ \t]+)[\"']", body)
    lines = body.rstrip().split("\n")
    smaller = [
        at
        for at, line in enumerate(lines)
        if (item := _ITEM.match(line.strip())) and item.group()[1:].lower() < new[1:].lower()
    ]
    is_sorted = items == sorted(items, key=str.lower)
    at = (smaller[-1] + 1 if smaller else 1) if is_sorted else len(lines)
    if at == len(lines) and items and not lines[-1].rstrip().endswith(","):
        lines[-1] = f"{lines[-1].rstrip()},"
    lines.insert(at, f"{indent[1] if indent else '  '}{new},")
    return "\n".join(lines) + "\n"


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}
