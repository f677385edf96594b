"""The tools that a repository's checks call and its checkout can't bring: pytest and ruff.

Without network nothing can be installed inside, so they are taken along from here: the running Python's own
copies with what they require, in a folder as ``pip install --target`` makes it.
"""

from __future__ import annotations

import os
import shutil
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

from patchpilot.errors import ConfigurationError

TOOLS = ("pytest", "ruff")


def assemble(into: Path, tools: tuple[str, ...] = TOOLS) -> tuple[str, ...]:
    """Fill the new folder ``into`` with ``tools`` and return the names of those found, with versions."""
    into.mkdir(parents=True)
    found = _closure(tools)
    for one in found.values():
        _take(one, into)
    return tuple(f"{name} {one.version}" for name, one in found.items() if name in tools)


def adopt(source: Path, into: Path) -> None:
    """Make the new folder ``into`` a copy of a toolbox folder whose scripts run on any ``python3``.

    Raises :class:`~patchpilot.errors.ConfigurationError` when there is no such folder.
    """
    if not source.is_dir():
        raise ConfigurationError(
            f"SANDBOX_TOOLBOX: {str(source)!r} is not a folder; make it with pip install --target"
        )
    shutil.copytree(source, into, copy_function=_link)
    for script in into.glob("bin/*"):
        _free_of_path(script)


def _closure(names: tuple[str, ...]) -> dict[str, Distribution]:
    found: dict[str, Distribution] = {}
    pending = list(names)
    while pending:
        name = pending.pop()
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue
        for line in found[name].requires or ():
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                pending.append(wanted.name)
    return found


def _take(one: Distribution, into: Path) -> None:
    for file in one.files or ():
        parts = file.parts
        # Scripts are recorded as ../../../bin/NAME; nothing else outside site-packages is wanted.
        if parts[0] == "..":
            if parts[-2:-1] != ("bin",):
                continue
            parts = ("bin", parts[-1])
        place = into.joinpath(*parts)
        source = Path(str(file.locate()))
        if not source.is_file() or place.exists():
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        _link(str(source), str(place))
        if parts[0] == "bin":
            _free_of_path(place)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _free_of_path(script: Path) -> None:
    """A script starts with the path of the Python that installed it, which is not there inside."""
    with script.open("rb") as file:
        first = file.readline(512)
        if not first.startswith(b"#!") or b"python" not in first:
            return
        rest = file.read()
    fresh = script.with_name(f"{script.name}.new")
    fresh.write_bytes(b"#!/usr/bin/env python3\n" + rest)
    fresh.chmod(0o755)
    fresh.replace(script)  # not in place: it may share its inode with the installed script
