"""Tells whoever watches that something changed, and lets threads wait until something is so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Feed:
    """A counter of changes with listeners."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._version = 0
        self._listeners: list[Callable[[], None]] = []

    @property
    def version(self) -> int:
        """Grows with every change."""
        with self._condition:
            return self._version

    def changed(self) -> None:
        """Note a change and tell the listeners, from whatever thread made it."""
        with self._condition:
            self._version += 1
            self._condition.notify_all()
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after each change; it must return at once. The answer ends the subscription."""
        with self._condition:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._condition:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    def wait(self, until: Callable[[], bool], *, seconds: float) -> bool:
        """Wait until ``until()`` holds, looking after each change; false when the time is over."""
        deadline = time.monotonic() + seconds
        while True:
            with self._condition:
                seen = self._version
            if until():
                return True
            with self._condition:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                if seen == self._version:
                    self._condition.wait(timeout=min(left, 1.0))
