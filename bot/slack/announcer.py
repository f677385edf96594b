"""Follows the event log and makes Slack show how things stand.

It renders states, not events: an event only says which incident to look at again. So a burst of events is
one edit, the last state wins, and reading an event twice changes nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import Final

from bot.slack import views
from bot.slack.delivery import KIND, Delivery, Place
from patchpilot.errors import PermanentError, TemporaryError
from patchpilot.events import Cursor
from patchpilot.heals import HealState
from patchpilot.incidents import IncidentSnapshot
from storage.database import Database
from storage.effects import Effect, effects_of
from storage.events import load_cursor, read, save_cursor
from storage.incidents import snapshot

log = logging.getLogger(__name__)

CONSUMER: Final = "slack"
TICK_SECONDS: Final = 0.2
EDIT_SECONDS: Final = 1.0
"""While a heal is at work its messages are edited at most this often."""


@dataclass
class _Waiting:
    """Incidents to look at again, each with the moment from which it may be shown."""

    due: dict[int, float] = field(default_factory=dict)

    def add(self, incident: int, at: float) -> None:
        """Ask for ``incident`` at ``at``; a later wish does not push an earlier one back."""
        self.due[incident] = min(at, self.due.get(incident, at))

    def ready(self, now: float) -> list[int]:
        """Those whose moment has come, the longest waiting first."""
        return [incident for incident, at in sorted(self.due.items(), key=lambda pair: pair[1]) if at <= now]


class Announcer:
    """Shows incidents in Slack; one process at a time, elected by an advisory lock."""

    def __init__(self, db: Database, delivery: Delivery, *, channel: str) -> None:
        self._db = db
        self._delivery = delivery
        self._channel = channel
        self._waiting = _Waiting()
        self._shown: dict[int, float] = {}
        self._cursor: Cursor | None = None

    def run(self, stop: threading.Event) -> None:
        """Follow the log until ``stop`` is set."""
        with self._db.leader("announcer") as leadership:
            while not stop.wait(TICK_SECONDS):
                try:
                    if leadership.held() or leadership.acquire():
                        self.tick()
                    else:
                        # Another process announces; whatever this one had read, that one has read too.
                        self._cursor = None
                        stop.wait(1.0)
                except TemporaryError as error:
                    log.warning("announcer waits", extra={"action": "announcer_waits", "cause": str(error)})
                    self._cursor = None
                    stop.wait(1.0)
                except Exception:
                    # A defect in one view must not silence the others; the cursor is re-read from Postgres.
                    log.exception("announcer failed", extra={"action": "announcer_failed"})
                    self._cursor = None
                    stop.wait(2.0)

    def tick(self) -> None:
        """Read what is new, show what is due, and remember how far everything has been shown."""
        if self._cursor is None:
            self._cursor = load_cursor(self._db, CONSUMER)
        before = self._cursor
        now = time.monotonic()
        for cursor, event in read(self._db, self._cursor):
            self._cursor = cursor
            self._waiting.add(event.incident, self._shown.get(event.incident, 0.0) + EDIT_SECONDS)
        for incident in self._waiting.ready(now):
            self._show_one(incident)
        if self._cursor != before or not self._waiting.due:
            self._save()

    def _save(self) -> None:
        # Only once nothing waits: after a crash the events of waiting incidents are read again.
        if not self._waiting.due and self._cursor is not None and self._saved != self._cursor:
            save_cursor(self._db, CONSUMER, self._cursor)
            self._saved = self._cursor

    _saved: Cursor | None = None

    def _show_one(self, incident: int) -> None:
        del self._waiting.due[incident]
        self._shown[incident] = time.monotonic()
        try:
            self.show(incident)
        except TemporaryError as error:
            self._waiting.add(incident, time.monotonic() + error.retry_after)
        except PermanentError as error:
            log.error(  # noqa: TRY400 - the message is written for people; a traceback says nothing more
                "not announced",
                extra={"action": "not_announced", "incident": incident, "cause": str(error)},
            )

    def show(self, number: int) -> None:
        """Bring the incident's card and thread up to date."""
        incident = snapshot(self._db, number)
        if incident is None:
            return
        known = {effect.key: effect for effect in effects_of(self._db, number, kind=KIND)}
        key = f"slack:card:{number}"
        if key not in known and incident.heal.state is HealState.SUPERSEDED:
            # It joined another incident before anybody saw it.
            return
        card = self._delivery.put(
            key, views.card(incident), Place(self._channel), incident=number, known=known.get(key)
        )
        self._show_thread(incident, Place(card["channel"], card["ts"]), known)

    def _show_thread(self, incident: IncidentSnapshot, place: Place, known: dict[str, Effect]) -> None:
        for item in views.thread(incident):
            key = f"slack:{item.key}"
            self._delivery.put(
                key, item.message, place, incident=incident.id, known=known.get(key), broadcast=item.broadcast
            )
        heal = incident.heal
        for key, effect in known.items():
            last = heal.state is HealState.ESCALATED and key.endswith(f":{heal.attempt}")
            if key.startswith(f"slack:escalated:{heal.id}:") and not last:
                message = views.no_longer_escalated(incident)
                self._delivery.put(key, message, place, incident=incident.id, known=effect)
        for attempt in range(1, heal.attempt):
            key = f"slack:approval:{heal.id}:{attempt}"
            if key in known:
                message = views.outdated(incident, attempt)
                self._delivery.put(key, message, place, incident=incident.id, known=known[key])
