"""What one process at a time does over and over, whatever goes wrong in between.

The process is elected by an advisory lock in Postgres; the others stand by.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from patchpilot.errors import TemporaryError
from storage.database import Database

log = logging.getLogger(__name__)

_STAND_BY_SECONDS = 1.0
_MOST_PAUSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Duty:
    """A loop of which only one process may take turns."""

    name: str
    """One word; the actions of its log lines begin with it."""
    lock: str
    every: float
    """Seconds from one turn to the next."""


def _nothing() -> None:
    pass


def lead(
    db: Database,
    duty: Duty,
    turn: Callable[[], object],
    stop: threading.Event,
    *,
    interrupted: Callable[[], None] = _nothing,
) -> None:
    """Take turns until ``stop`` is set, as long as this process holds the lock.

    ``interrupted`` is called whenever a turn was cut short or another process leads: what this one
    remembers of earlier turns may be out of date then.
    """
    with db.leader(duty.lock) as leadership:
        while not stop.wait(duty.every):
            pause = _STAND_BY_SECONDS
            try:
                if leadership.held() or leadership.acquire():
                    turn()
                    continue
            except TemporaryError as error:
                extra = {"action": f"{duty.name}_waits", "cause": str(error)}
                log.warning("%s waits", duty.lock, extra=extra)
                pause = min(error.retry_after, _MOST_PAUSE_SECONDS)
            except Exception:
                # A defect met in one turn must not end those to come.
                log.exception("%s failed", duty.lock, extra={"action": f"{duty.name}_failed"})
                pause = _MOST_PAUSE_SECONDS
            interrupted()
            stop.wait(pause)
