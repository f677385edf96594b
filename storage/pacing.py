"""Say only the latest, and not too often."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from patchpilot.errors import PatchPilotError

log = logging.getLogger(__name__)


class Paced:
    """Passes texts on at most every ``seconds``; of those that come in between, the latest goes when its time
    has come, so that what is shown is never older than that."""

    def __init__(self, write: Callable[[str, str], None], *, seconds: float) -> None:
        self._write = write
        self._seconds = seconds
        self._lock = threading.Lock()
        self._next = 0.0
        self._waiting: tuple[str, str] | None = None
        self._timer: threading.Timer | None = None

    def say(self, name: str, text: str) -> None:
        """Pass ``text`` of ``name`` on, now or in a while. Raises what ``write`` raises if it is now."""
        with self._lock:
            wait = self._next - time.monotonic()
            if wait > 0:
                self._waiting = (name, text)
                if self._timer is None:
                    self._timer = threading.Timer(wait, self._late)
                    self._timer.daemon = True
                    self._timer.start()
                return
            self._next = time.monotonic() + self._seconds
        self._write(name, text)

    def drop(self) -> None:
        """Forget what waits to be said."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._timer, self._waiting = None, None

    def _late(self) -> None:
        with self._lock:
            waiting, self._waiting, self._timer = self._waiting, None, None
            self._next = time.monotonic() + self._seconds
        if waiting is None:
            return
        try:
            self._write(*waiting)
        except PatchPilotError as error:
            # The heal itself meets the same trouble and acts on it; here it is only a line less.
            log.info("progress not shown", extra={"action": "progress_not_shown", "cause": str(error)})
