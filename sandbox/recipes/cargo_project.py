"""``Cargo.toml`` and ``Cargo.lock``, written anew: names and versions at crates.io, paths in the checkout.

A git repository or a registry of one's own is refused, wherever it is said: cargo may ask for it before it
finds that the lock file does not name it. https://doc.rust-lang.org/cargo/reference/manifest.html
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from sandbox.recipes.python_project import strings, table
from sandbox.recipes.recipe import NotPreparedError

_CRATES = "registry+https://github.com/rust-lang/crates.io-index"
"""How lock files spell crates.io, however it is reached."""
_PACKAGE = (
    "name", "version", "edition", "rust-version", "build", "links", "workspace", "resolver", "default-run",
    "autolib", "autobins", "autoexamples", "autotests", "autobenches",
)  # fmt: skip
_TARGET = (
    "name", "path", "test", "doctest", "bench", "doc", "harness", "edition", "crate-type", "proc-macro",
    "required-features",
)  # fmt: skip
_ASKED = ("dependencies", "dev-dependencies", "build-dependencies", "dev_dependencies", "build_dependencies")
_WANTED = (
    "version",
    "path",
    "package",
    "optional",
    "default-features",
    "default_features",
    "features",
    "workspace",
)
_ELSEWHERE = re.compile(r"git|branch|tag|rev|registry.*|base")
_CHECKSUM = re.compile(r"[0-9a-f]{64}|<none>")
_NAMED = re.compile(rf"[A-Za-z0-9_-]+(?: [0-9A-Za-z.+-]+(?: \({re.escape(_CRATES)}\))?)?")


def parsed(text: str, path: str) -> dict[str, Any]:
    """The document. Raises :class:`NotPreparedError` where it is no TOML."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise NotPreparedError(f"{path} can't be read as TOML") from error


def cargo_toml(document: dict[str, Any], path: str) -> bytes:  # noqa: C901 - one table of the manifest each
    """The manifest without its configuration, profiles and metadata."""
    if "replace" in document:
        raise NotPreparedError(
            f"{path} replaces packages with [replace], which is not supported: use [patch]"
        )
    kept: dict[str, Any] = {}
    for name in ("package", "project"):
        if name in document:
            kept[name] = _fields(document[name], _PACKAGE)
    if "lib" in document:
        kept["lib"] = _fields(document["lib"], _TARGET)
    for name in ("bin", "test", "bench", "example"):
        if isinstance(document.get(name), list):
            kept[name] = [_fields(one, _TARGET) for one in document[name]]
    kept |= _asked(document, path)
    if "features" in document:
        kept["features"] = {name: list(strings(some)) for name, some in table(document["features"]).items()}
    if "target" in document:
        kept["target"] = {where: _asked(table(one), path) for where, one in table(document["target"]).items()}
    if "workspace" in document:
        workspace = table(document["workspace"])
        kept["workspace"] = _fields(workspace, ("members", "exclude", "default-members", "resolver"))
        kept["workspace"] |= _asked(workspace, path)
        if "package" in workspace:
            kept["workspace"]["package"] = _fields(workspace["package"], _PACKAGE)
    if "patch" in document:
        kept["patch"] = dict(_patches(table(document["patch"]), path))
    return _written(kept)


def cargo_lock(document: dict[str, Any], path: str) -> bytes:
    """The lock file, of whatever version: names, versions and checksums."""
    kept: dict[str, Any] = {}
    if isinstance(document.get("version"), int):
        kept["version"] = document["version"]
    for name in ("package", "root"):
        listed = document.get(name)
        if isinstance(listed, list):
            kept[name] = [_locked(table(one), path) for one in listed]
        elif isinstance(listed, dict):
            kept[name] = _locked(listed, path)
    if isinstance(unused := table(document.get("patch")).get("unused"), list):
        kept["patch"] = {"unused": [_locked(table(one), path) for one in unused]}
    if "metadata" in document:
        kept["metadata"] = {
            key: value
            for key, value in table(document["metadata"]).items()
            if key.startswith("checksum ")
            and _NAMED.fullmatch(key.removeprefix("checksum "))
            and _CHECKSUM.fullmatch(str(value))
        }
    return _written(kept)


def _locked(entry: dict[str, Any], path: str) -> dict[str, Any]:
    source = entry.get("source")
    if "replace" in entry or source not in (None, _CRATES):
        raise NotPreparedError(
            f"{path}: {str(entry.get('name'))[:80]} comes from {str(source)[:100]}, not a registry "
            "that is known (crates.io)"
        )
    kept = _fields(entry, ("name", "version", "source"))
    if _CHECKSUM.fullmatch(str(entry.get("checksum"))):
        kept["checksum"] = entry["checksum"]
    if "dependencies" in entry:
        names = strings(entry["dependencies"])
        if strange := [name for name in names if not _NAMED.fullmatch(name)]:
            raise NotPreparedError(f"{path}: {strange[0][:100]} comes from an address of its own")
        kept["dependencies"] = list(names)
    return kept


def _asked(holder: dict[str, Any], path: str) -> dict[str, Any]:
    return {
        asked: {name: _dependency(name, one, path) for name, one in table(holder[asked]).items()}
        for asked in _ASKED
        if asked in holder
    }


def _dependency(name: str, wanted: object, path: str) -> object:
    if not isinstance(wanted, dict):
        return str(wanted)
    if strange := [key for key in wanted if _ELSEWHERE.fullmatch(key)]:
        raise NotPreparedError(f"{path}: {name[:80]} comes from an address of its own ({strange[0][:40]})")
    return _fields(wanted, _WANTED)


def _patches(patches: dict[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    """Those that put a folder of the checkout in the place of a package of crates.io."""
    for source, some in patches.items():
        if source != "crates-io":
            raise NotPreparedError(f"{path} patches {source[:100]}, which is an address of its own")
        kept = {name: _dependency(name, one, path) for name, one in table(some).items()}
        for name, one in kept.items():
            if "path" not in table(one):
                raise NotPreparedError(f"{path} patches {name[:80]} with no folder of the checkout")
        yield source, kept


def _fields(value: object, names: tuple[str, ...]) -> dict[str, Any]:
    """Of a table those fields that are plain, a list of strings, or ``{workspace = true}``."""
    kept: dict[str, Any] = {}
    for name in names:
        one = table(value).get(name)
        if isinstance(one, (str, bool, int)):
            kept[name] = one
        elif isinstance(one, list):
            kept[name] = list(strings(one))
        elif table(one).get("workspace") is True:
            kept[name] = {"workspace": True}
    return kept


def _written(document: dict[str, Any]) -> bytes:
    return "".join(f"{_toml(key)} = {_toml(value)}\n" for key, value in document.items()).encode()


def _toml(value: object) -> str:
    """A value on one line. TOML's strings are JSON's, but for DEL and halves of surrogate pairs."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(key)} = {_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
