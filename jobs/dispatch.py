"""The outbox relay: sends due task rows to RQ, and again when nobody did them.

One process at a time does this, elected by an advisory lock in Postgres. What it sends twice is done once,
because a worker must claim the row first.
"""

from __future__ import annotations

import threading
from typing import Final

from jobs.leading import Duty, lead
from jobs.queues import Queues
from storage.database import Database
from storage.tasks import due_tasks

DUTY: Final = Duty(name="relay", lock="dispatcher", every=0.2)


class Dispatcher:
    """Runs the relay until told to stop; survives the absence of Redis and of Postgres."""

    def __init__(self, db: Database, queues: Queues, *, resend_after: float = 15.0) -> None:
        self._db = db
        self._queues = queues
        self._resend_after = resend_after

    def run(self, stop: threading.Event) -> None:
        """Relay until ``stop`` is set."""
        lead(self._db, DUTY, self.tick, stop)

    def tick(self) -> int:
        """Send what is due; returns how many tasks that were."""
        # Asked first: a row marked as sent while Redis is away would have to wait for its second sending.
        self._queues.ping()
        tasks = due_tasks(self._db, resend_after=self._resend_after)
        self._queues.send(tasks)
        return len(tasks)
