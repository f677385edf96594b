"""How much something writes, watched while it does: not every file system has quotas."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

_SECONDS = 2.0


@contextlib.contextmanager
def watched(size: Callable[[], int], most: int, stop: Callable[[], None]) -> Iterator[threading.Event]:
    """Call ``stop`` once ``size`` is above ``most``; the event tells afterwards whether that happened."""
    passed, over = threading.Event(), threading.Event()

    def watch() -> None:
        while not over.wait(_SECONDS):
            if size() > most:
                passed.set()
                stop()
                return

    thread = threading.Thread(target=watch, name="sandbox-size", daemon=True)
    thread.start()
    try:
        yield passed
    finally:
        over.set()
        thread.join()
        if size() > most:
            passed.set()


def of_folder(folder: Path) -> int:
    """Bytes that a folder takes on disk, without following links; what vanishes meanwhile counts nothing."""
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_blocks * 512  # noqa: PTH118 - many files
    return total
