"""``package.json``, written anew from what names a package by name and version, and from nothing else.

Every field is taken by an allow-list: a field that a client learns to read next year stays outside until
somebody has looked at it. See `npm help package-json`.
"""

from __future__ import annotations

import json
import re
from typing import Any

from sandbox.recipes.python_project import strings, table
from sandbox.recipes.recipe import NotPreparedError

ASKED = ("dependencies", "devDependencies", "optionalDependencies")
"""The fields whose packages are installed whatever else is."""
_NAME = r"(?:@[a-z0-9~_-][a-z0-9._~-]*/)?[a-z0-9_~-][a-z0-9._~-]*"
_RANGE = r"(?!\.)(?![^\s]*\.(?:tgz|tar|tar\.gz)$)[a-z0-9_.<>=~^*|\s+-]*"
NAME = re.compile(_NAME, re.IGNORECASE | re.ASCII)
VERSION = re.compile(r"[0-9][0-9a-z.+-]*", re.IGNORECASE | re.ASCII)
_SPEC = re.compile(
    rf"{_RANGE}|npm:{_NAME}(?:@{_RANGE})?|workspace:(?:{_NAME}@)?{_RANGE}|catalog:[a-z0-9_-]*",
    re.IGNORECASE | re.ASCII,
)
_OVERRIDDEN = re.compile(rf"\.|{_NAME}(?:@{_RANGE})?", re.IGNORECASE | re.ASCII)
_RESOLVED = re.compile(r"[a-z0-9_.<>=~^*|\s+@/-]+", re.IGNORECASE | re.ASCII)
_DEPTH = 8


def by_version(spec: object) -> bool:
    """Whether ``spec`` names a version and no place: a range, a tag, an alias, a member of the workspace."""
    return isinstance(spec, str) and bool(_SPEC.fullmatch(spec))


def is_name(name: object) -> bool:
    """Whether ``name`` is a package's, scoped or not."""
    return isinstance(name, str) and bool(NAME.fullmatch(name))


def is_way(way: object) -> bool:
    """Whether ``way`` is a path (or a pattern of paths) inside the working folder."""
    return (
        isinstance(way, str)
        and not re.search(r"[:\\\s\x00-\x1f]", way)
        and not way.startswith(("/", "~"))
        and ".." not in way.split("/")
    )


def document_of(text: str, path: str) -> dict[str, Any]:
    """The JSON object in ``text``. Raises :class:`NotPreparedError` where there is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotPreparedError(f"{path} can't be read as JSON") from error
    if not isinstance(document, dict):
        raise NotPreparedError(f"{path} holds no object")
    return document


def package(document: dict[str, Any], notes: dict[str, None]) -> dict[str, Any]:  # noqa: C901 - one field each
    """What of a ``package.json`` (or a lock file's entry for one) goes in; the rest is named in notes."""
    kept: dict[str, Any] = {}
    if is_name(document.get("name")):
        kept["name"] = document["name"]
    if isinstance(document.get("version"), str) and VERSION.fullmatch(document["version"]):
        kept["version"] = document["version"]
    if isinstance(document.get("private"), bool):
        kept["private"] = document["private"]
    if document.get("type") in ("module", "commonjs"):
        kept["type"] = document["type"]
    for asked in (*ASKED, "peerDependencies"):
        if isinstance(document.get(asked), dict):
            kept[asked] = versions(document[asked], notes)
    if (optional := peers_meta(document.get("peerDependenciesMeta"))) is not None:
        kept["peerDependenciesMeta"] = optional
    if isinstance(document.get("overrides"), dict):
        kept["overrides"] = _overrides(document["overrides"], notes, _DEPTH)
    if isinstance(document.get("resolutions"), dict):
        kept["resolutions"] = resolutions(document["resolutions"], notes)
    listed = document.get("workspaces")
    if isinstance(listed, list):
        kept["workspaces"] = ways(listed, notes)
    elif isinstance(listed, dict):
        kept["workspaces"] = {
            field: ways(listed[field], notes) for field in ("packages", "nohoist") if field in listed
        }
    return kept


def versions(wanted: dict[str, Any], notes: dict[str, None]) -> dict[str, str]:
    """Of a table of dependencies, those that a registry has by name and version."""
    kept = {name: spec for name, spec in wanted.items() if is_name(name) and by_version(spec)}
    for name in wanted:
        if name not in kept:
            leave_out(name, notes)
    return kept


def resolutions(wanted: dict[str, Any], notes: dict[str, None]) -> dict[str, str]:
    """Of a flat table of overrides, whose keys may be ways to a package (``a/**/b``, ``a>b``)."""
    kept = {
        key: spec
        for key, spec in wanted.items()
        if isinstance(key, str) and _RESOLVED.fullmatch(key) and (by_version(spec) or _is_reference(spec))
    }
    for key in wanted:
        if key not in kept:
            leave_out(key, notes)
    return kept


def ways(listed: object, notes: dict[str, None]) -> list[str]:
    """Of a list of paths and patterns, those that stay inside."""
    kept = [way for way in strings(listed) if is_way(way)]
    for way in strings(listed):
        if way not in kept:
            notes[f"{way[:80]!r} is left out (it is no place in the checkout)"] = None
    return kept


def peers_meta(value: object) -> dict[str, Any] | None:
    """``peerDependenciesMeta``: which peers may be missing."""
    if not isinstance(value, dict):
        return None
    return {
        name: {"optional": table(one).get("optional") in (True, "true")}
        for name, one in value.items()
        if is_name(name)
    }


def leave_out(name: object, notes: dict[str, None]) -> None:
    """Say for people that ``name`` is not installed."""
    notes[f"{str(name)[:80]} is left out (it comes from an address of its own)"] = None


def _is_reference(spec: object) -> bool:
    return isinstance(spec, str) and spec.startswith("$") and is_name(spec[1:])


def _overrides(wanted: dict[str, Any], notes: dict[str, None], depth: int) -> dict[str, Any]:
    """Those of npm are nested: see `npm help package-json`, "overrides"."""
    kept: dict[str, Any] = {}
    for key, value in wanted.items():
        if not _OVERRIDDEN.fullmatch(key):
            leave_out(key, notes)
        elif isinstance(value, dict) and depth:
            kept[key] = _overrides(value, notes, depth - 1)
        elif by_version(value) or _is_reference(value):
            kept[key] = value
        else:
            leave_out(key, notes)
    return kept
