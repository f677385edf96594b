"""Following the event log: by a cursor of its own, in one process at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable

from jobs.leading import Duty, lead
from patchpilot.events import Cursor, Event
from storage.database import Database
from storage.events import load_cursor, read, save_cursor


class Follower:
    """One consumer of the event log. Used by one thread.

    How far it has read is kept in Postgres once :meth:`save` says so; after a crash, a defect or another
    process's turn it goes on from there, so an event may be told twice and none is lost.
    """

    def __init__(self, db: Database, duty: Duty, *, consumer: str) -> None:
        self._db = db
        self._duty = duty
        self._consumer = consumer
        self._cursor: Cursor | None = None
        self._saved: Cursor | None = None

    def run(self, turn: Callable[[], object], stop: threading.Event) -> None:
        """Take turns until ``stop`` is set."""
        lead(self._db, self._duty, turn, stop, interrupted=self.forget)

    def news(self) -> list[tuple[Cursor, Event]]:
        """What has happened since the last call, each with the place in the log right after it."""
        if self._cursor is None:
            self._cursor = self._saved = load_cursor(self._db, self._consumer)
        found = read(self._db, self._cursor)
        if found:
            self._cursor = found[-1][0]
        return found

    def save(self) -> bool:
        """Remember that all that was read is done. False if that was known already."""
        if self._cursor is None or self._cursor == self._saved:
            return False
        save_cursor(self._db, self._consumer, self._cursor)
        self._saved = self._cursor
        return True

    def forget(self) -> None:
        """Go on from what is saved: what was read since may not be done."""
        self._cursor = None
