"""The lock files of ``npm``, ``pnpm`` and ``yarn`` (classic), written anew: names, versions and hashes.

What a lock file says otherwise, above all where a package lies, is never copied: the client derives it from
name and version at the operator's registry.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import yaml

from sandbox.recipes import node_project as project
from sandbox.recipes.python_project import strings, table
from sandbox.recipes.recipe import NotPreparedError

_HASHES = re.compile(r"(?:sha(?:1|256|384|512)-[A-Za-z0-9+/=]+(?: |$))+")
_FLAGS = (
    "dev", "optional", "devOptional", "peer", "inBundle", "hasBin", "requiresBuild", "autoInstallPeers",
    "excludeLinksFromLockfile", "injectWorkspacePackages", "dedupePeers",
)  # fmt: skip
_FITTING = ("engines", "os", "cpu", "libc")
_WORD = re.compile(r"!?[A-Za-z0-9_.<>=~^*| +-]*", re.ASCII)


def npm_installed(place: str, entry: dict[str, Any], notes: dict[str, None]) -> dict[str, Any] | None:
    """One package of ``package-lock.json`` at ``place``; ``None`` where it can't be had by name and version.

    See `npm help package-lock-json`, "packages".
    """
    name = place.rpartition("node_modules/")[2]
    resolved, version, hashes = entry.get("resolved"), entry.get("version"), entry.get("integrity")
    if not (project.is_way(place) and project.is_name(name)):
        project.leave_out(name, notes)
        return None
    if entry.get("link") is True:
        if project.is_way(resolved):
            return {"resolved": resolved, "link": True}
        project.leave_out(name, notes)
        return None
    by_registry = resolved is None or (isinstance(resolved, str) and resolved.startswith(("http:", "https:")))
    hashed = isinstance(hashes, str) and bool(_HASHES.fullmatch(hashes))
    if not by_registry or (resolved is not None and not hashed):
        notes[f"{name[:80]} is left out (it has no hash)"] = None
        return None
    # Without an address npm asks for "name@version": neither may be one.
    named = entry.get("name", name)
    if not (isinstance(version, str) and project.VERSION.fullmatch(version) and project.is_name(named)):
        project.leave_out(name, notes)
        return None
    kept: dict[str, Any] = {"version": version} | ({"integrity": hashes} if hashed else {})
    if "name" in entry:
        kept["name"] = named
    bins = entry.get("bin")
    if isinstance(bins, dict):
        kept["bin"] = {k: way for k, way in bins.items() if project.is_way(k) and project.is_way(way)}
    elif project.is_way(bins):
        kept["bin"] = bins
    asked = {key: entry[key] for key in (*project.ASKED, *_PEERS) if key in entry}
    return kept | _flags(entry) | _fitting(entry) | project.package(asked, notes)


_PEERS = ("peerDependencies", "peerDependenciesMeta")


def _flags(entry: dict[str, Any]) -> dict[str, bool]:
    return {key: entry[key] in (True, "true") for key in _FLAGS if isinstance(entry.get(key), (bool, str))}


def _fitting(entry: dict[str, Any]) -> dict[str, Any]:
    """Which machines a package is for."""
    kept: dict[str, Any] = {}
    for key in _FITTING:
        value = entry.get(key)
        if isinstance(value, dict):
            kept[key] = {k: v for k, v in value.items() if _is_word(k) and _is_word(v)}
        elif isinstance(value, list):
            kept[key] = [one for one in value if _is_word(one)]
    return kept


def _is_word(value: object) -> bool:
    return isinstance(value, str) and bool(_WORD.fullmatch(value))


# --- pnpm -------------------------------------------------------------------------------------------------

# Every scalar stays the string that it is written as: no 1.0 becomes a number, no package `on` a truth value.
_YAML = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_PEERED = r"(?:\([^:\s]*\))?"
_KEY = re.compile(rf"/?{project.NAME.pattern}@[0-9][0-9a-z.+-]*{_PEERED}", re.IGNORECASE | re.ASCII)
_PICKED = re.compile(rf"(?:/?{project.NAME.pattern}@)?[0-9][0-9a-z.+-]*{_PEERED}", re.IGNORECASE | re.ASCII)
_LINKED = re.compile(r"link:[a-z0-9_.@/ -]*", re.IGNORECASE | re.ASCII)
_SECTIONS = (
    "lockfileVersion", "settings", "catalogs", "overrides", "importers", "packages", "snapshots",
    *project.ASKED, "ignoredOptionalDependencies", "packageExtensionsChecksum", "pnpmfileChecksum", "time",
)  # fmt: skip


def yaml_of(text: str, path: str) -> dict[str, Any]:
    """The one mapping in ``text``, all scalars strings. Raises :class:`NotPreparedError`."""
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=_YAML)):
            raise NotPreparedError(f"{path} uses YAML aliases, which pnpm never writes")
        document = yaml.load(text, Loader=_YAML)  # noqa: S506 - it makes strings, lists and mappings only
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise NotPreparedError(f"{path} can't be read as YAML of one document") from error
    if document in (None, ""):
        return {}
    if not isinstance(document, dict):
        raise NotPreparedError(f"{path} holds no mapping")
    return document


def pnpm_lock(  # noqa: C901 - one section each
    document: dict[str, Any], path: str, notes: dict[str, None]
) -> dict[str, Any]:
    """``pnpm-lock.yaml``: https://github.com/pnpm/spec/blob/master/lockfile/9.0.md

    Raises :class:`NotPreparedError` for a package that comes from an address, a folder or a patch.
    """
    if strange := [str(key)[:80] for key in document if key not in _SECTIONS]:
        raise NotPreparedError(f"{path} has {', '.join(strange[:5])}, which can't be installed by name")
    number = document.get("lockfileVersion")
    if not _is_word(number):
        raise NotPreparedError(f"{path} has no lockfileVersion")
    kept: dict[str, Any] = {"lockfileVersion": number}
    if "settings" in document:
        kept["settings"] = _flags(table(document["settings"]))
    if "overrides" in document:
        wanted = table(document["overrides"])
        kept["overrides"] = project.resolutions(wanted, {})
        if lost := [key for key in wanted if key not in kept["overrides"]]:
            raise NotPreparedError(f"{path} overrides {lost[0][:80]} with an address of its own")
    if "catalogs" in document:
        kept["catalogs"] = {
            title: {name: one for name in table(some) if (one := _pinned(name, table(some)[name], path, {}))}
            for title, some in table(document["catalogs"]).items()
            if _is_word(title)
        }
    if names := [one for one in strings(document.get("ignoredOptionalDependencies")) if project.is_name(one)]:
        kept["ignoredOptionalDependencies"] = names
    importers = table(document.get("importers"))
    if importers:
        kept["importers"] = {
            place: _importer(table(one), path, notes)
            for place, one in importers.items()
            if project.is_way(place)
        }
    else:
        kept |= _importer(document, path, notes)
    for section in ("packages", "snapshots"):
        if section in document:
            some = table(document[section])
            kept[section] = {key: _pnpm_package(key, table(one), path) for key, one in some.items()}
    return kept


def _importer(entry: dict[str, Any], path: str, notes: dict[str, None]) -> dict[str, Any]:
    return {
        asked: {
            name: one
            for name, value in table(entry[asked]).items()
            if (one := _pinned(name, table(value), path, notes))
        }
        for asked in project.ASKED
        if asked in entry
    }


def _pinned(name: str, entry: dict[str, Any], path: str, notes: dict[str, None]) -> dict[str, str] | None:
    """``{specifier, version}``; ``None`` where ``package.json``'s entry is left out as well."""
    specifier = entry.get("specifier")
    if not (project.is_name(name) and project.by_version(specifier)):
        project.leave_out(name, notes)
        return None
    return {"specifier": str(specifier), "version": _picked(name, entry.get("version"), path)}


def _picked(name: str, version: object, path: str) -> str:
    if isinstance(version, str) and (_PICKED.fullmatch(version) or _LINKED.fullmatch(version)):
        return version
    raise NotPreparedError(f"{path} fetches {name[:80]} from an address of its own ({str(version)[:100]})")


def _pnpm_package(key: str, entry: dict[str, Any], path: str) -> dict[str, Any]:
    if not _KEY.fullmatch(key):
        raise NotPreparedError(f"{path} fetches from an address of its own ({key[:100]})")
    kept: dict[str, Any] = _flags(entry) | _fitting(entry)
    if "resolution" in entry:
        resolution = table(entry["resolution"])
        hashes = resolution.get("integrity")
        if set(resolution) != {"integrity"} or not _HASHES.fullmatch(str(hashes)):
            raise NotPreparedError(f"{path} fetches {key[:80]} from an address of its own, or without a hash")
        kept["resolution"] = {"integrity": hashes}
    for asked in ("dependencies", "optionalDependencies"):
        if asked in entry:
            kept[asked] = {
                name: _picked(name, version, path)
                for name, version in table(entry[asked]).items()
                if project.is_name(name)
            }
    if "peerDependencies" in entry:
        kept["peerDependencies"] = project.versions(table(entry["peerDependencies"]), {})
    if (optional := project.peers_meta(entry.get("peerDependenciesMeta"))) is not None:
        kept["peerDependenciesMeta"] = optional
    for listed in ("transitivePeerDependencies", "bundledDependencies"):
        if names := [one for one in strings(entry.get(listed)) if project.is_name(one)]:
            kept[listed] = names
    return kept


def pnpm_workspace(document: dict[str, Any], notes: dict[str, None]) -> dict[str, Any]:
    """``pnpm-workspace.yaml``: its members and catalogs; all else in it is configuration."""
    kept: dict[str, Any] = {}
    if "packages" in document:
        kept["packages"] = project.ways(document["packages"], notes)
    if "catalog" in document:
        kept["catalog"] = project.versions(table(document["catalog"]), notes)
    if "catalogs" in document:
        kept["catalogs"] = {
            title: project.versions(table(some), notes)
            for title, some in table(document["catalogs"]).items()
            if _is_word(title)
        }
    if settings := sorted(str(key)[:40] for key in document if key not in kept):
        notes[f"of pnpm-workspace.yaml, {', '.join(settings[:10])} is left out (it is configuration)"] = None
    return kept


# --- yarn -------------------------------------------------------------------------------------------------

PLACEHOLDER = "https://registry.invalid"
"""Where every package of a rewritten ``yarn.lock`` lies, until the operator's registry takes its place."""
_PLAIN = r'(?:"[^"\\]*"|[A-Za-z][^\s,:"]*)'
_PATTERNS = re.compile(rf"{_PLAIN}(?:, {_PLAIN})*:")
_FIELD = re.compile(r'  ([a-z]+) (?:"([^"\\]*)"|([^\s"]+(?: sha[^\s"]+)*))')
_ASKED = re.compile(r"  (dependencies|optionalDependencies):")
_NEEDED = re.compile(rf'    ({_PLAIN}) (?:"([^"\\]*)"|([^\s"]+))')
_PATTERN = re.compile(rf"({project.NAME.pattern})@(.*)", re.IGNORECASE | re.ASCII)
_FETCHED = re.compile(r"https?://[^/\s]+/\S+\.tgz(?:#([0-9a-f]+))?")


def yarn_lock(text: str, path: str) -> str:
    """``yarn.lock`` of version 1. Raises :class:`NotPreparedError` for a line that yarn 1 would not write."""
    written = ["# yarn lockfile v1"]
    block: list[str] = []
    for line in [*text.replace("\r\n", "\n").split("\n"), ""]:
        if line and not line.startswith("#"):
            if not line.startswith(" ") and block:
                written += _yarn_entry(block, path)
                block = []
            block.append(line)
    if block:
        written += _yarn_entry(block, path)
    return "\n".join(written) + "\n"


def _yarn_entry(block: list[str], path: str) -> Iterable[str]:
    if not _PATTERNS.fullmatch(block[0]):
        raise NotPreparedError(f"{path} has a line that yarn 1 does not write: {block[0][:100]}")
    patterns = [one.strip('"') for one in re.findall(_PLAIN, block[0][:-1])]
    names = {_yarn_name(pattern, path) for pattern in patterns}
    fields: dict[str, str] = {}
    needed: list[str] = []
    inside = False
    for line in block[1:]:
        if _ASKED.fullmatch(line):
            needed.append(line)
            inside = True
        elif inside and (found := _NEEDED.fullmatch(line)):
            name, spec = found[1].strip('"'), found[2] if found[2] is not None else found[3]
            _yarn_name(f"{name}@{spec}", path)
            needed.append(f"    {json.dumps(name)} {json.dumps(spec)}")
        elif (found := _FIELD.fullmatch(line)) and found[1] in {
            "version",
            "resolved",
            "integrity",
            "uid",
            "registry",
        }:
            fields[found[1]] = found[2] if found[2] is not None else found[3]
            inside = False
        else:
            raise NotPreparedError(f"{path} has a line that yarn 1 does not write: {line[:100]}")
    version, hashes = fields.get("version", ""), fields.get("integrity", "")
    fetched = _FETCHED.fullmatch(fields.get("resolved", ""))
    if fetched is None or len(names) != 1 or not project.VERSION.fullmatch(version):
        place = fields.get("resolved", "nowhere")
        raise NotPreparedError(
            f"{path} fetches {patterns[0][:80]} from an address of its own ({place[:100]})"
        )
    if not _HASHES.fullmatch(hashes):
        raise NotPreparedError(f"{path} has packages without a hash: let yarn 1.10 or newer write it again")
    name = names.pop()
    address = f"{PLACEHOLDER}/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
    return (
        "",
        ", ".join(json.dumps(one) for one in patterns) + ":",
        f"  version {json.dumps(version)}",
        f"  resolved {json.dumps(address + (f'#{fetched[1]}' if fetched[1] else ''))}",
        f"  integrity {hashes}",
        *needed,
    )


def _yarn_name(pattern: str, path: str) -> str:
    """The package that ``name@spec`` is, which an alias gives another name."""
    found = _PATTERN.fullmatch(pattern)
    if found is None or not project.by_version(found[2]) or found[2].startswith(("workspace:", "catalog:")):
        raise NotPreparedError(f"{path} fetches from an address of its own ({pattern[:100]})")
    alias = re.fullmatch(rf"npm:({project.NAME.pattern})(?:@.*)?", found[2], re.IGNORECASE | re.ASCII)
    return alias[1] if alias else found[1]
