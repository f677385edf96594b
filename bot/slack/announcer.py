"""Follows the event log and makes Slack show how things stand.

It renders states, not events: an event only says which incident to look at again. So a burst of events is
one edit, the last state wins, and reading an event twice changes nothing.

Incidents of a storm that have no card yet get none: the storm has one, and their threads hang under it. As
only a read log tells who belongs to a storm, cards wait a little while many logs are unread at once.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import Final

from bot.slack import storm_views, views
from bot.slack.blocks import Message
from bot.slack.delivery import KIND, Delivery, Place
from patchpilot.errors import PermanentError, TemporaryError
from patchpilot.events import Cursor
from patchpilot.heals import HealState
from patchpilot.incidents import IncidentSnapshot, StormId, StormSnapshot
from storage.database import Database
from storage.effects import Effect, begin_effect, effect, effects_of
from storage.events import load_cursor, read, save_cursor
from storage.incidents import snapshot
from storage.storms import CARD, read_storm, unread_before

log = logging.getLogger(__name__)

CONSUMER: Final = "slack"
TICK_SECONDS: Final = 0.2
EDIT_SECONDS: Final = 1.0
"""While a heal is at work its messages are edited at most this often."""
STORM_EDIT_SECONDS: Final = 2.0
"""A storm's card changes with each of its incidents; Slack takes about 50 edits a minute."""
HOLD_SECONDS: Final = 120.0
"""In a burst a card waits at most so long for its log to be read; then people must see it anyway."""


@dataclass(frozen=True, slots=True)
class _Subject:
    """What has to be looked at again: an incident or a storm."""

    number: int
    is_storm: bool = False


@dataclass
class _Waiting:
    """What to look at again, each with the moment from which it may be shown."""

    due: dict[_Subject, float] = field(default_factory=dict)

    def add(self, subject: _Subject, at: float) -> None:
        """Ask for ``subject`` at ``at``; a later wish does not push an earlier one back."""
        self.due[subject] = min(at, self.due.get(subject, at))

    def ready(self, now: float) -> list[_Subject]:
        """Those whose moment has come, the longest waiting first."""
        return [subject for subject, at in sorted(self.due.items(), key=lambda pair: pair[1]) if at <= now]


class Announcer:
    """Shows incidents in Slack; one process at a time, elected by an advisory lock.

    ``storm_places`` is the setting of that name; 0 lets no card wait for a storm.
    """

    def __init__(self, db: Database, delivery: Delivery, *, channel: str, storm_places: int = 0) -> None:
        self._db = db
        self._delivery = delivery
        self._channel = channel
        self._storm_places = storm_places
        self._waiting = _Waiting()
        self._shown: dict[_Subject, float] = {}
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
            self._ask_for(_Subject(event.incident), EDIT_SECONDS)
        for subject in self._waiting.ready(now):
            self._show_one(subject)
        if self._cursor != before or not self._waiting.due:
            self._save()

    def _save(self) -> None:
        # Only once nothing waits: after a crash the events of waiting incidents are read again.
        if not self._waiting.due and self._cursor is not None and self._saved != self._cursor:
            save_cursor(self._db, CONSUMER, self._cursor)
            self._saved = self._cursor

    _saved: Cursor | None = None

    def _ask_for(self, subject: _Subject, pause: float) -> None:
        self._waiting.add(subject, self._shown.get(subject, 0.0) + pause)

    def _show_one(self, subject: _Subject) -> None:
        del self._waiting.due[subject]
        self._shown[subject] = time.monotonic()
        try:
            if subject.is_storm:
                self.show_storm(subject.number)
            else:
                self.show(subject.number)
        except TemporaryError as error:
            self._waiting.add(subject, time.monotonic() + error.retry_after)
        except PermanentError as error:
            what = "storm" if subject.is_storm else "incident"
            log.error(  # noqa: TRY400 - the message is written for people; a traceback says nothing more
                "not announced",
                extra={"action": "not_announced", what: subject.number, "cause": str(error)},
            )

    def show(self, number: int) -> None:
        """Bring the incident's card and thread up to date, and its storm's card soon."""
        incident = snapshot(self._db, number)
        if incident is None:
            return
        known = {row.key: row for row in effects_of(self._db, number, kind=KIND)}
        key = f"slack:card:{number}"
        storm = None if incident.storm is None else read_storm(self._db, incident.storm)
        if storm is not None:
            self._ask_for(_Subject(storm.id, is_storm=True), STORM_EDIT_SECONDS)
        if key not in known:
            if storm is not None:
                self._show_thread(incident, self._storm_place(storm), known, storm)
                return
            if incident.heal.state is HealState.SUPERSEDED or self._holds_back(incident):
                # It joined another incident before anybody saw it, or may be about to join a storm.
                return
        card = self._delivery.put(
            key, views.card(incident), Place(self._channel), incident=number, known=known.get(key)
        )
        self._show_thread(incident, Place(card["channel"], card["ts"]), known)

    def show_storm(self, number: int) -> None:
        """Bring the storm's card up to date."""
        storm = read_storm(self._db, number)
        if storm is not None:
            self._put_storm(storm, effect(self._db, _storm_key(storm.id)))

    def _storm_place(self, storm: StormSnapshot) -> Place:
        """The thread under the storm's card, which is posted now if there is none."""
        known = effect(self._db, _storm_key(storm.id))
        card = self._put_storm(storm, known) if known is None or known.outside is None else known.outside
        return Place(card["channel"], card["ts"])

    def _put_storm(self, storm: StormSnapshot, known: Effect | None) -> dict[str, str]:
        key, oldest = _storm_key(storm.id), storm.members[0].incident
        known = known or begin_effect(self._db, key, kind=CARD, incident=oldest)
        self._shown[_Subject(storm.id, is_storm=True)] = time.monotonic()
        return self._delivery.put(
            key, storm_views.storm_card(storm), Place(self._channel), incident=oldest, known=known
        )

    def _holds_back(self, incident: IncidentSnapshot) -> bool:
        """Whether the incident's card waits for its log to be read, because many come at once."""
        if not self._storm_places or incident.fingerprint or not incident.open:
            return False
        unread = unread_before(self._db, incident.id, seconds=HOLD_SECONDS)
        left = HOLD_SECONDS - unread.age
        if left <= 0 or unread.others < self._storm_places - 1:
            return False
        # Its next event, which comes when the log is read, asks for it earlier.
        self._waiting.add(_Subject(incident.id), time.monotonic() + left)
        return True

    def _show_thread(
        self,
        incident: IncidentSnapshot,
        place: Place,
        known: dict[str, Effect],
        storm: StormSnapshot | None = None,
    ) -> None:
        for item in views.thread(incident):
            key = f"slack:{item.key}"
            self._delivery.put(
                key,
                _named(incident, item.message, storm),
                place,
                incident=incident.id,
                known=known.get(key),
                # A storm calls people once, not once for each of its incidents.
                broadcast=item.broadcast and (storm is None or storm.speaker == incident.id),
            )
        heal = incident.heal
        for key, row in known.items():
            last = heal.state is HealState.ESCALATED and key.endswith(f":{heal.attempt}")
            if key.startswith(f"slack:escalated:{heal.id}:") and not last:
                message = _named(incident, views.no_longer_escalated(incident), storm)
                self._delivery.put(key, message, place, incident=incident.id, known=row)
        for attempt in range(1, heal.attempt):
            key = f"slack:approval:{heal.id}:{attempt}"
            if key in known:
                message = _named(incident, views.outdated(incident, attempt), storm)
                self._delivery.put(key, message, place, incident=incident.id, known=known[key])


def _storm_key(storm: StormId) -> str:
    return f"slack:storm:{storm}"


def _named(incident: IncidentSnapshot, message: Message, storm: StormSnapshot | None) -> Message:
    return message if storm is None else storm_views.within_storm(incident, message)
