"""``uv.lock`` and ``poetry.lock`` as lists of pinned, hashed requirements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.utils import canonicalize_name

from sandbox.recipes.python_project import strings, table, tables

_HASH = re.compile(r"sha(?:256|384|512):[0-9a-f]{64,128}")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!_-]*")
_ELSEWHERE = {"git": "comes from a Git repository", "url": "comes from an address of its own"}


@dataclass(slots=True)
class Pins:
    """What a lock file pins for one machine and one set of groups."""

    lines: list[str] = field(default_factory=list)
    """Requirements with their hashes, as pip reads them."""
    notes: list[str] = field(default_factory=list)
    projects: list[str] = field(default_factory=list)
    """Folders of the checkout that are installed for editing, relative to the lock file's."""

    def pin(self, name: str, version: str, hashes: Iterable[object]) -> None:
        """Add one package; what does not look like a name, a version and hashes is left out."""
        known = sorted({one for one in hashes if isinstance(one, str) and _HASH.fullmatch(one)})
        if not (_NAME.fullmatch(name) and _VERSION.fullmatch(version)):
            self.notes.append("a package with an unusable name or version is left out")
        elif not known:
            self.notes.append(f"{name} is left out (the lock file has no wheel of it)")
        else:
            self.lines.append(f"{name}=={version} " + " ".join(f"--hash={one}" for one in known))


def holds(marker: object, environment: Mapping[str, str]) -> bool:
    """Whether a marker is true on that machine; one that can't be read is taken to be."""
    if not isinstance(marker, str) or not marker.strip():
        return True
    try:
        return Marker(marker).evaluate({**environment, "extra": ""})
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName, RecursionError, ValueError):
        return True


def uv_pins(document: dict[str, Any], environment: Mapping[str, str], asked: Iterable[str]) -> Pins:
    """What ``uv sync`` would install: the workspace's members and all they lead to.

    https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile
    """
    packages = tables(document.get("package"))
    by_name: dict[str, list[dict[str, Any]]] = {}
    for package in packages:
        by_name.setdefault(canonicalize_name(str(package.get("name", ""))), []).append(package)
    names = {canonicalize_name(name.lstrip("-")) for name in asked} | {"dev"}
    pins = Pins()
    pending: list[tuple[dict[str, Any], frozenset[str]]] = []
    for package in packages:
        folder = _local(package)
        if folder is not None:
            if "virtual" not in table(package.get("source")):
                pins.projects.append(folder)
            pending.append((package, frozenset(names)))
    done: set[tuple[int, frozenset[str]]] = set()
    taken: set[int] = set()
    while pending:
        package, extras = pending.pop()
        if (id(package), extras) in done:
            continue
        done.add((id(package), extras))
        if _local(package) is None and id(package) not in taken:
            taken.add(id(package))
            _uv_pin(package, pins)
        for edge in _uv_edges(package, extras, is_root=_local(package) is not None):
            if not holds(edge.get("marker"), environment):
                continue
            targets = by_name.get(canonicalize_name(str(edge.get("name", ""))), [])
            wanted = edge.get("version")
            fitting = [one for one in targets if wanted is None or one.get("version") == wanted]
            pending += [(one, frozenset(strings(edge.get("extra")))) for one in fitting[:1]]
    return pins


def _local(package: dict[str, Any]) -> str | None:
    source = table(package.get("source"))
    found = next((source[kind] for kind in ("editable", "virtual", "directory") if kind in source), None)
    return found if isinstance(found, str) else None


def _uv_edges(package: dict[str, Any], extras: frozenset[str], *, is_root: bool) -> list[dict[str, Any]]:
    edges = tables(package.get("dependencies"))
    groups = table(package.get("optional-dependencies")) | (
        table(package.get("dev-dependencies")) if is_root else {}
    )
    for name, more in groups.items():
        everything = is_root and extras & {"all-extras", "all-groups"}
        if everything or canonicalize_name(name) in {canonicalize_name(extra) for extra in extras}:
            edges += more if isinstance(more, list) else []
    return [edge for edge in edges if isinstance(edge, dict)]


def _uv_pin(package: dict[str, Any], pins: Pins) -> None:
    name, version = str(package.get("name", "")), str(package.get("version", ""))
    source = table(package.get("source"))
    if "registry" not in source:
        why = next((why for kind, why in _ELSEWHERE.items() if kind in source), "comes from a file")
        pins.notes.append(f"{name[:80]} is left out (it {why})")
        return
    wheels = package.get("wheels")
    pins.pin(name, version, (table(one).get("hash") for one in wheels) if isinstance(wheels, list) else ())


def poetry_pins(document: dict[str, Any], environment: Mapping[str, str], asked: Iterable[str]) -> Pins:
    """What ``poetry install`` would: all that is not optional, and the extras that were asked for."""
    names = {canonicalize_name(name.lstrip("-")) for name in asked}
    extras = {
        canonicalize_name(name): strings(wanted) for name, wanted in table(document.get("extras")).items()
    }
    chosen = set(extras) if "all-extras" in names else names & set(extras)
    wanted = {canonicalize_name(re.split(r"[\s\[(;=<>]", one)[0]) for name in chosen for one in extras[name]}
    old_files = table(table(document.get("metadata")).get("files"))
    pins = Pins()
    for package in tables(document.get("package")):
        name, version = str(package.get("name", "")), str(package.get("version", ""))
        if package.get("optional") is True and canonicalize_name(name) not in wanted:
            continue
        markers = package.get("markers")
        either = table(markers).values() if isinstance(markers, dict) else (markers,)
        if not any(holds(one, environment) for one in either) and either:
            continue
        source = table(package.get("source"))
        kind = source.get("type")
        if kind == "directory" and isinstance(source.get("url"), str):
            pins.projects.append(source["url"])
        elif kind in {None, "legacy"}:
            files = package.get("files") or old_files.get(name) or ()
            wheels = [table(one) for one in files if str(table(one).get("file", "")).endswith(".whl")]
            pins.pin(name, version, (one.get("hash") for one in wheels))
        else:
            pins.notes.append(
                f"{name[:80]} is left out (it {_ELSEWHERE.get(str(kind), 'comes from a file')})"
            )
    return pins
