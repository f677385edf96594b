"""Things to do a little later, all called off together when the playground closes."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Timers:
    """Runs calls after a wait, each on a thread of its own that never keeps the process alive."""

    def __init__(self) -> None:
        self._running: set[threading.Timer] = set()
        self._lock = threading.Lock()
        self._closed = False

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Run ``call`` after ``seconds``, unless closed before that."""

        def due() -> None:
            with self._lock:
                self._running.discard(timer)
                if self._closed:
                    return
            call()

        timer = threading.Timer(max(seconds, 0.0), due)
        timer.daemon = True
        with self._lock:
            if self._closed:
                return
            self._running.add(timer)
            timer.start()

    def close(self) -> None:
        """Call off everything that has not begun."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for timer in running:
            timer.cancel()
