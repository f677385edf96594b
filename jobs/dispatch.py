"""The outbox relay: sends due task rows to RQ, and again when nobody did them.

One process at a time does this, elected by an advisory lock in Postgres. What it sends twice is done once,
because a worker must claim the row first.
"""

from __future__ import annotations

import logging
import threading

from jobs.queues import Queues
from patchpilot.errors import TemporaryError
from storage.database import Database
from storage.heals import expire_proposals
from storage.tasks import due_tasks

log = logging.getLogger(__name__)

TICK_SECONDS = 0.2
EXPIRY_SECONDS = 30.0


class Dispatcher:
    """Runs the relay until told to stop; survives the absence of Redis and of Postgres."""

    def __init__(self, db: Database, queues: Queues, *, resend_after: float = 15.0) -> None:
        self._db = db
        self._queues = queues
        self._resend_after = resend_after

    def run(self, stop: threading.Event) -> None:
        """Relay until ``stop`` is set."""
        since_expiry = EXPIRY_SECONDS
        with self._db.leader("dispatcher") as leadership:
            while not stop.wait(TICK_SECONDS):
                try:
                    if not (leadership.held() or leadership.acquire()):
                        stop.wait(1.0)
                        continue
                    self.tick()
                    since_expiry += TICK_SECONDS
                    if since_expiry >= EXPIRY_SECONDS:
                        since_expiry = 0.0
                        expire_proposals(self._db)
                except TemporaryError as error:
                    log.warning("relay waits", extra={"action": "relay_waits", "cause": str(error)})
                    stop.wait(min(error.retry_after, 2.0))

    def tick(self) -> int:
        """Send what is due; returns how many tasks that were."""
        # Asked first: a row marked as sent while Redis is away would have to wait for its second sending.
        self._queues.ping()
        tasks = due_tasks(self._db, resend_after=self._resend_after)
        self._queues.send(tasks)
        return len(tasks)
