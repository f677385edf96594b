"""A ``uv.lock`` that lacks what its ``pyproject.toml`` lists, for which some jobs fail.

Then the installing step has the real uv lock what the project lists, and keeps uv and what the index told it.
So ``uv sync --locked`` fails inside as it did in CI, and ``uv lock`` mends it there, both without network.
Only names, versions and settings of the resolution go in; nothing is built.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name, canonicalize_version

from sandbox.recipes.python_project import Project, read_project, strings, table, tables, toml
from sandbox.recipes.recipe import beside, text_of

FOLDER = "relock"
_LOCAL = ("virtual", "editable")
_RESOLUTION = (
    "resolution",
    "prerelease",
    "fork-strategy",
    "exclude-newer",
    "environments",
    "required-environments",
)
"""Settings that decide what is chosen: https://docs.astral.sh/uv/reference/settings/"""
_REQUIREMENTS = ("constraint-dependencies", "override-dependencies", "dev-dependencies")
"""Those that are lists of requirements."""
_ALSO = {"hatchling": ("editables~=0.3",), "pdm-backend": ("editables~=0.3",)}
"""What a build asks for itself: https://peps.python.org/pep-0660/#get-requires-for-build-editable"""
_OLDEST = "0.5"
_WISH = re.compile(r"[<>=!~]{1,3}\s*[\w.*]+(?:\s*,\s*[<>=!~]{1,3}\s*[\w.*]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Relocking:
    """What the installing step needs to lock anew."""

    files: Mapping[str, bytes]
    """Its inputs, by path."""
    uv: str
    """The requirement for uv itself."""
    groups: list[str]
    """The options of ``uv export`` for the extras and groups of the job."""


def relocking(
    tree: Path, folder: str, lock: dict[str, Any], asked: Iterable[str] = ()
) -> tuple[Relocking | None, str]:
    """How to lock anew, or why that can't be, a clause for people; neither where the file is in step.

    ``asked`` are the extras and groups that the job asks for.
    """
    members = {
        place: (way, package, document)
        for package in tables(lock.get("package"))
        if (place := _place(package)) is not None
        and (way := _way(folder, place))
        and (document := toml(text_of(tree, beside(way, "pyproject.toml")) or ""))
    }
    root = toml(text_of(tree, beside(folder, "pyproject.toml")) or "")
    fits = all(_fits(tree, *member) for member in members.values())
    if not root or (fits and _settings_fit(lock, root, alone=members.keys() == {"."})):
        return None, ""
    documents = {".": root} | {place: document for place, (_, _, document) in members.items()}
    elsewhere = _elsewhere(lock, documents.values())
    if elsewhere:
        return None, f"uv.lock lacks what pyproject.toml lists, and {elsewhere}, so it can't be locked here"
    files = {f"{FOLDER}/uv.lock": _versions(lock).encode()}
    if builds := sorted({line for document in documents.values() for line in _builds(document)}):
        files[f"{FOLDER}/build.txt"] = "".join(f"{line}\n" for line in builds).encode()
    for place, document in documents.items():
        others = [other for other in documents if other != "."] if place == "." else []
        path = posixpath.normpath(f"{FOLDER}/{place}/pyproject.toml")
        files[path] = _written(tree, _way(folder, place), document, others).encode()
    return Relocking(files=files, uv=_wanted_uv(root), groups=_asked(read_project(tree, folder), asked)), ""


def _settings(document: dict[str, Any]) -> dict[str, Any]:
    return table(table(document.get("tool")).get("uv"))


def _wanted_uv(root: dict[str, Any]) -> str:
    """The uv that the project wants, as pip reads it."""
    wish = _settings(root).get("required-version")
    return f"uv>={_OLDEST},{wish}" if isinstance(wish, str) and _WISH.fullmatch(wish) else f"uv>={_OLDEST}"


def _asked(project: Project | None, asked: Iterable[str]) -> list[str]:
    names = {canonicalize_name(name.lstrip("-")) for name in asked}
    options = [f"--{name}" for name in ("all-extras", "all-groups") if name in names]
    if project is not None:
        for option, known in (("--extra", project.extras), ("--group", project.groups)):
            options += [part for name in known if canonicalize_name(name) in names for part in (option, name)]
    return options


def _place(package: dict[str, Any]) -> str | None:
    source = table(package.get("source"))
    found = next((source[kind] for kind in _LOCAL if kind in source), None)
    return posixpath.normpath(found) if isinstance(found, str) else None


def _way(folder: str, place: str) -> str:
    """The member's folder, relative to the root; empty where it leaves the checkout."""
    way = posixpath.normpath(posixpath.join(folder, place))
    return "" if way.startswith(("..", "/")) or place.startswith("..") else way


def _fits(tree: Path, way: str, package: dict[str, Any], document: dict[str, Any]) -> bool:
    """Whether the lock file is about what the project lists: names and limits of versions."""
    project = read_project(tree, way)
    stated = table(document.get("project"))
    if project is None or "dependencies" in strings(stated.get("dynamic")):
        return True
    known = table(package.get("metadata"))
    listed = [*project.requires, *(line for lines in project.extras.values() for line in lines)]
    development = strings(_settings(document).get("dev-dependencies"))
    grouped = {**project.groups, "dev": (*project.groups.get("dev", ()), *development)}
    groups = {canonicalize_name(name): set(map(_read, lines)) for name, lines in grouped.items() if lines}
    known_groups = {
        canonicalize_name(name): _locked(one) for name, one in table(known.get("requires-dev")).items() if one
    }
    versions = {one for one in (stated.get("version"), package.get("version")) if isinstance(one, str)}
    same = len(versions) < 2 or len({_canonical(one) for one in versions}) == 1  # noqa: PLR2004 - a pair
    return same and (set(map(_read, listed)), groups) == (_locked(known.get("requires-dist")), known_groups)


def _settings_fit(lock: dict[str, Any], root: dict[str, Any], *, alone: bool) -> bool:
    """The same for what the whole resolution is bound by; members of a workspace bind Python together."""
    settings = _settings(root)
    manifest = table(lock.get("manifest"))
    for ours, theirs in (("constraint-dependencies", "constraints"), ("override-dependencies", "overrides")):
        if set(map(_read, strings(settings.get(ours)))) != _locked(manifest.get(theirs)):
            return False
    pythons = (table(root.get("project")).get("requires-python"), lock.get("requires-python"))
    limits = {_limits(one) for one in pythons if isinstance(one, str)}
    return not alone or len(limits) < 2  # noqa: PLR2004 - a pair


def _canonical(version: str) -> str:
    return canonicalize_version(version, strip_trailing_zero=False)


def _read(line: str) -> tuple[str, str]:
    wanted = _requirement(line)
    return (line, "") if wanted is None else (canonicalize_name(wanted.name), _limits(str(wanted.specifier)))


def _locked(entries: object) -> set[tuple[str, str]]:
    return {
        (canonicalize_name(str(one.get("name", ""))), _limits(str(one.get("specifier", ""))))
        for one in tables(entries)
    }


def _limits(specifier: str) -> str:
    try:
        return ",".join(sorted(str(one) for one in SpecifierSet(specifier)))
    except InvalidSpecifier:
        return specifier


_NAME = re.compile(r"[A-Za-z0-9._-]{1,200}")
_VERSION = re.compile(r"[A-Za-z0-9.+!_-]{1,100}")
_INDEX = re.compile(r"https?://[A-Za-z0-9.:/_~%+-]{1,300}")


def _versions(lock: dict[str, Any]) -> str:
    """A lock file of the versions that are locked: uv keeps them where it can, and fetches none of it."""
    lines = ["version = 1", *_field("requires-python", lock.get("requires-python"))]
    for package in tables(lock.get("package")):
        name, version = str(package.get("name", "")), str(package.get("version", ""))
        index = str(table(package.get("source")).get("registry", ""))
        if _NAME.fullmatch(name) and _VERSION.fullmatch(version) and _INDEX.fullmatch(index):
            lines += ["[[package]]", *_field("name", name), *_field("version", version)]
            lines.append(f"source = {{ registry = {json.dumps(index)} }}")
    return "".join(f"{line}\n" for line in lines)


def _elsewhere(lock: dict[str, Any], documents: Iterable[dict[str, Any]]) -> str:
    """Why a locking that asks the operator's index alone would lock something else, a clause for people."""
    for package in tables(lock.get("package")):
        kinds = table(package.get("source")).keys() - {"registry", *_LOCAL}
        if kinds:
            return f"some of it comes from elsewhere ({', '.join(sorted(kinds))[:60]})"
    for document in documents:
        settings = _settings(document)
        named = settings.keys() & {"index", "index-url", "extra-index-url", "find-links"}
        if named:
            return f"the project names indexes of its own ({', '.join(sorted(named))})"
        if any(one != {"workspace": True} for one in table(settings.get("sources")).values()):
            return "the project takes something from elsewhere (tool.uv.sources)"
    return ""


def _by_name(lines: Iterable[str]) -> list[str]:
    """Those that an index has: no addresses, and nothing that is no requirement."""
    return [line for line in lines if (wanted := _requirement(line)) is not None and not wanted.url]


def _requirement(line: str) -> Requirement | None:
    try:
        return Requirement(line)
    except InvalidRequirement:
        return None


def _builds(document: dict[str, Any]) -> Iterator[str]:
    """What the build of a project needs that does not state everything about itself."""
    if table(document.get("project")).get("dynamic"):
        for line in _by_name(strings(table(document.get("build-system")).get("requires"))):
            yield line
            yield from _ALSO.get(canonicalize_name(Requirement(line).name), ())


def _written(tree: Path, way: str, document: dict[str, Any], members: list[str]) -> str:
    """The project's file with what a resolution is made from, and nothing else."""
    stated = table(document.get("project"))
    settings = _settings(document)
    project = read_project(tree, way)
    lines = ["[project]", *_field("name", stated.get("name", "project"))]
    lines += _field("version", stated.get("version", "0"))
    lines += _field("requires-python", stated.get("requires-python"))
    lines += _field("dependencies", _by_name(project.requires if project else ()))
    lines.append("[project.optional-dependencies]")
    for name, wanted in (project.extras if project else {}).items():
        lines += _field(name, _by_name(wanted))
    lines.append("[dependency-groups]")
    for name, wanted in (project.groups if project else {}).items():
        lines += _field(name, _by_name(wanted))
    lines.append("[tool.uv]")
    for name in _RESOLUTION:
        lines += _field(name, settings.get(name))
    for name in _REQUIREMENTS:
        if name in settings:
            lines += _field(name, _by_name(strings(settings[name])))
    if members:
        lines += ["[tool.uv.workspace]", *_field("members", members)]
    if sources := table(settings.get("sources")):
        lines.append("[tool.uv.sources]")
        lines += [f"{json.dumps(name)} = {{ workspace = true }}" for name in sources]
    return "".join(f"{line}\n" for line in lines)


def _field(name: str, value: object) -> list[str]:
    """One line of TOML for text or a list of texts; nothing for anything else. JSON's texts are TOML's."""
    if isinstance(value, list):
        return [f"{json.dumps(name)} = [{', '.join(json.dumps(one) for one in strings(value))}]"]
    return [f"{json.dumps(name)} = {json.dumps(value)}"] if isinstance(value, str) else []
