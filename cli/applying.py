"""A proven patch put into a person's own work tree: all of it, or nothing.

The patch was proven on a copy. It goes in only where every file that it touches is still byte for byte what
was copied; each is replaced in one step, keeps its permissions, and is put back if a later one fails.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from patchpilot.errors import PatchPilotError, PermanentError
from patchpilot.fixes import Patch
from sandbox import git, patches, trees
from sandbox.trees import TextFile


class ChangedMeanwhileError(PermanentError):
    """A file that the patch touches is not any more what the patch was proven on."""


def apply(patch: Patch, *, root: Path, proven_on: Path) -> None:
    """Apply ``patch`` to ``root``, which was copied to ``proven_on`` when the heal began.

    Raises :class:`ChangedMeanwhileError`, or another :class:`~patchpilot.errors.PermanentError` where a file
    can't be written; nothing has changed then.
    """
    before = {path: trees.read(proven_on, path) for path in patches.paths(patch)}
    after = git.apply(patch.diff, before)
    _check_same(root, before)
    done: list[str] = []
    try:
        # What has to go goes first: a folder may come where a file was.
        for path in sorted(after, key=lambda path: after[path] is not None):
            # Looked at again, as close to the replacement as can be.
            _check_same(root, {path: before[path]})
            done.append(path)
            _replace(root, path, after[path])
    except OSError as error:
        _undo(root, done, before)
        raise PermanentError(f"{done[-1]!r} can't be written: {error.strerror or error}") from error
    except BaseException:
        _undo(root, done, before)
        raise


def _check_same(root: Path, before: Mapping[str, TextFile | None]) -> None:
    for path, expected in before.items():
        try:
            now = trees.read(root, path)
        except (PatchPilotError, OSError) as error:
            raise ChangedMeanwhileError(f"{path!r} is not as it was when the heal began: {error}") from error
        if now != expected:
            what = "is gone" if now is None else "was changed" if expected else "is there now"
            raise ChangedMeanwhileError(f"{path!r} {what} since the heal began")


def _undo(root: Path, done: list[str], before: Mapping[str, TextFile | None]) -> None:
    for path in reversed(done):
        if trees.read(root, path) != before[path]:
            _replace(root, path, before[path])


def _replace(root: Path, path: str, content: TextFile | None) -> None:
    """Replace, create or delete one file. Folders stay when they become empty: they are the person's own."""
    place = trees.locate(root, path)
    if content is None:
        place.unlink(missing_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    mode = _mode(place, content)
    descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=".patchpilot-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.data)
            os.fchmod(file.fileno(), mode)
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _mode(place: Path, content: TextFile) -> int:
    """The permissions that the file has, or a new one gets; only the right to execute is the patch's."""
    try:
        mode = stat.S_IMODE(place.lstat().st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        mode = 0o666 & ~mask
    readable = (mode & 0o444) >> 2
    return mode | readable if content.executable else mode & ~0o111
