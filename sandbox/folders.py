"""Temporary folders that know whether their owner is still alive.

A worker killed with SIGKILL removes nothing. Each folder of ours holds a lock file that its owner keeps
locked; the kernel frees the lock with the process, so the reaper can tell a leftover without guessing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from pathlib import Path

from patchpilot.settings import SandboxSettings
from sandbox import trees

PREFIX = "patchpilot-sandbox-"
_LOCK = "owner.lock"


class OwnedFolder(contextlib.AbstractContextManager["OwnedFolder"]):
    """A private folder that exists until :meth:`remove` or the end of a ``with`` block."""

    def __init__(self, parent: Path | None = None) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        self._lock = (self.path / _LOCK).open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def __exit__(self, *_: object) -> None:
        self.remove()

    def remove(self) -> None:
        """Delete the folder with all in it; a second call changes nothing."""
        if self.path.exists():
            trees.remove(self.path)
        self._lock.close()


def layers_folder(settings: SandboxSettings) -> Path:
    """Where layers, or the locks on them, are kept from one process to the next."""
    if settings.layers is not None:
        return settings.layers
    cache = os.environ.get("XDG_CACHE_HOME")
    return Path(cache or os.path.expanduser("~/.cache"), "patchpilot", "layers")  # noqa: PTH111 - it never raises


def reap(*, older_than_seconds: float, more: tuple[Path, ...] = ()) -> int:
    """Remove folders whose owner is gone and return their number."""
    removed = 0
    places = (Path(tempfile.gettempdir()), *more)
    for folder in (found for place in places for found in place.glob(f"{PREFIX}*")):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime >= older_than_seconds and not _owned(folder):
                trees.remove(folder)
                removed += 1
    return removed


def _owned(folder: Path) -> bool:
    with (folder / _LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
