"""What a command changed, taken back as text and nothing else.

The archive comes from hostile code. It is read member by member in memory, never unpacked: regular files
with safe names, within size and number, that are UTF-8 text. All else is left out.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

from patchpilot.errors import UnsafePathError
from patchpilot.fixes import Patch
from sandbox import git
from sandbox.trees import TextFile, files, is_safe, read

FILE_BYTES = 1024 * 1024
MAX_FILES = 2_000
_CACHE_MARK = "CACHEDIR.TAG"
"""A folder with this file is a cache: https://bford.info/cachedir/ (ruff, mypy and pytest write it)."""


def changes(archive: bytes, tree: Path) -> Patch:
    """The patch from ``tree`` to what the archive shows. Raises ``ValueError`` for an unreadable archive."""
    present: set[str] | None = None
    changed: dict[str, TextFile] = {}
    caches: set[str] = set()
    for name, data, executable in _members(archive):
        if present is None:
            present = {_relative(part) for part in data.decode(errors="surrogateescape").split("\0")}
            continue
        path = _relative(name)
        folder, _, last = path.rpartition("/")
        if last == _CACHE_MARK:
            caches.add(f"{folder}/")
        elif is_safe(path) and _is_text(data) and len(changed) < MAX_FILES:
            changed[path] = TextFile(data, executable)
    if present is None:
        raise ValueError("the archive is empty")
    return _patch(tree, present, changed, caches)


def _members(archive: bytes) -> Iterator[tuple[str, bytes, bool]]:
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
            for member in tar:
                if member.isreg() and not member.issparse() and member.size <= len(archive):
                    file = tar.extractfile(member)
                    yield member.name, file.read() if file else b"", bool(member.mode & 0o100)
    except (tarfile.TarError, OSError, EOFError, OverflowError, UnicodeError) as error:
        raise ValueError(f"the archive can't be read: {error}") from error


def _relative(name: str) -> str:
    return name.removeprefix("./")


def _is_text(data: bytes) -> bool:
    if len(data) > FILE_BYTES or b"\0" in data:
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _patch(tree: Path, present: set[str], changed: dict[str, TextFile], caches: set[str]) -> Patch:
    before: dict[str, TextFile | None] = {}
    for path in changed:
        try:
            before[path] = read(tree, path)
        except UnsafePathError:  # it is or passes through a symlink in the tree, or is a folder there
            continue
    created = [path for path, old in before.items() if old is None]
    litter = git.ignored(tree, created) | {
        path for path in created if any(path.startswith(folder) for folder in caches)
    }
    before = {
        path: old
        for path, old in before.items()
        if path not in litter and (old is None or _is_text(old.data))
    }
    # A mode is left as it was; a new file is an ordinary one.
    after: dict[str, TextFile | None] = {
        path: TextFile(changed[path].data, old.executable if old else False) for path, old in before.items()
    }
    for path in sorted(set(files(tree)) - present - changed.keys())[:MAX_FILES]:
        old = read(tree, path)
        if old is not None and _is_text(old.data):
            before[path], after[path] = old, None
    return Patch(git.diff(before, after))
