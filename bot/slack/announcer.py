"""Follows the event log and makes Slack show how things stand.

It renders states, not events: an event only says which incident to look at again. So a burst of events is
one edit, the last state wins, and reading an event twice changes nothing.

A storm has one card, in the operator's channel and of the incidents of which that channel hears. Those that
have no card yet get none there: their threads hang under the storm's. Other channels get each incident's own.
As only a read log tells who belongs to a storm, a card waits a little for its log where many come at once or
a storm stands that it may join. Cards that were there first stay, and name the storm where its card stands.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from bot.following import Follower
from bot.slack import storm_views, views
from bot.slack.approval_views import no_longer_escalated, outdated
from bot.slack.audience import Audience, Told
from bot.slack.blocks import Message
from bot.slack.deliveries import Delivers
from bot.slack.delivery import KIND, Place, Post, digest
from bot.slack.noise_views import summary as held_summary
from bot.slack.storm_calls import StormCalls
from jobs.leading import Duty
from patchpilot.conversation import SLACK, Aside
from patchpilot.errors import PatchPilotError, PermanentError, TemporaryError
from patchpilot.heals import HealState
from patchpilot.incidents import IncidentSnapshot, StormId, StormSnapshot
from storage.asides import read_aside
from storage.database import Database
from storage.effects import Effect, begin_effect, effect, effects_of
from storage.incidents import snapshot
from storage.storms import CARD, burst_before, open_storms, read_storm, suffices
from storage.troubles import incidents_since

log = logging.getLogger(__name__)

CONSUMER: Final = "slack"
DUTY: Final = Duty(name="announcer", lock="announcer", every=0.2)
EDIT_SECONDS: Final = 1.0
"""While a heal is at work its messages are edited at most this often."""
STORM_EDIT_SECONDS: Final = 2.0
"""A storm's card changes with each of its incidents; Slack takes about 50 edits a minute."""
LOOK_AGAIN_SECONDS: Final = 20.0
"""How late the end of a mute or of quiet hours may be noticed."""
_MOST_REMEMBERED: Final = 5_000
HOLD_SECONDS: Final = 120.0
"""In a burst or storm a card waits at most so long for its log to be read; then people must see it anyway."""


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

    ``storm_places`` is the setting of that name; 0 lets no card wait for a storm. Without ``call_authors``
    the author of a suspect commit is named, but not mentioned. ``audience`` says which channels are told;
    without one it is always ``channel``, where storms go as well.
    """

    def __init__(
        self,
        db: Database,
        delivery: Delivers,
        *,
        channel: str,
        storm_places: int = 0,
        call_authors: bool = True,
        audience: Audience | None = None,
    ) -> None:
        self._db = db
        self._delivery = delivery
        self._channel = channel
        self._storm_places = storm_places
        self._call_authors = call_authors
        self._edited: dict[str, float] = {}
        self._audience = audience
        self._looked_again = float("-inf")
        self._waiting = _Waiting()
        self._shown: dict[_Subject, float] = {}
        self._looked_up: set[int] = set()
        """Of which incidents this tick has asked whether the storms' channel hears of them."""
        self._at_home: set[int] = set()
        """And of which it does."""
        self._events = Follower(db, DUTY, consumer=CONSUMER)

    def run(self, stop: threading.Event) -> None:
        """Follow the log until ``stop`` is set."""
        self._events.run(self.tick, stop)

    def tick(self) -> None:
        """Read what is new, show what is due, and remember how far everything has been shown."""
        now = time.monotonic()
        self._looked_up, self._at_home = set(), set()
        self._catch_up()
        for _, event in self._events.news():
            self._ask_for(_Subject(event.incident), EDIT_SECONDS)
        self._look_again(now)
        for subject in self._waiting.ready(now):
            self._show_one(subject)
        # Only once nothing waits: after a crash the events of waiting incidents are read again.
        if not self._waiting.due:
            self._events.save()

    def _look_again(self, now: float) -> None:
        """Mutes and quiet hours end without an event."""
        if self._audience is None or now - self._looked_again < LOOK_AGAIN_SECONDS:
            return
        self._looked_again = now
        for number in self._audience.unmuted():
            self._ask_for(_Subject(number), EDIT_SECONDS)
        for summary in self._audience.summaries():
            oldest = summary.incidents[0].id
            # As a storm's card it is of many incidents, so a command in its thread must name one.
            known = effect(self._db, summary.key) or begin_effect(
                self._db, summary.key, kind=CARD, incident=oldest
            )
            place = Place(summary.channel, team=summary.team)
            try:
                message = held_summary(summary.incidents)
                self._delivery.put(Post(summary.key, message, place, incident=oldest, known=known))
            except PermanentError as error:
                extra = {"action": "not_announced", "channel": summary.channel, "cause": str(error)}
                log.error("summary not told", extra=extra)  # noqa: TRY400 - the message is for people
            for number in self._audience.summarised(summary):
                self._ask_for(_Subject(number), EDIT_SECONDS)

    def _catch_up(self) -> None:
        """Show what has happened while a place could not be reached, as it stands now."""
        for place in self._delivery.mended():
            for number in incidents_since(self._db, place.since - timedelta(minutes=1)):
                self._ask_for(_Subject(number), EDIT_SECONDS)

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
        if incident.storm is not None:
            self._ask_for(_Subject(incident.storm, is_storm=True), STORM_EDIT_SECONDS)
        storm = None
        if key not in known:
            storm = self._storm_of(incident)
            if storm is None and (incident.heal.state is HealState.SUPERSEDED or self._holds_back(incident)):
                # It joined another incident before anybody saw it, or may be about to join a storm.
                return
        self._show_everywhere(incident, known, storm)

    def _storm_of(self, incident: IncidentSnapshot) -> StormSnapshot | None:
        """The storm under whose card the incident is shown; ``None`` if it has to have cards of its own."""
        storm = None if incident.storm is None else self._storm_here(incident.storm)
        if storm is None or all(member.incident != incident.id for member in storm.members):
            return None
        return storm

    def _storm_here(self, number: int) -> StormSnapshot | None:
        """The storm, made of the incidents that come to the channel where its card is; ``None`` if they are
        too few for one."""
        storm = read_storm(self._db, number)
        if storm is None or self._audience is None:
            return storm
        members = {int(member.incident) for member in storm.members}
        if not members <= self._looked_up:
            self._at_home |= self._audience.at_home(members - self._looked_up)
            self._looked_up |= members
        ours = replace(
            storm, members=tuple(one for one in storm.members if int(one.incident) in self._at_home)
        )
        if self._standing(storm.id) is not None:
            # What is posted stays, and says how things stand.
            return ours if ours.members else None
        return ours if suffices(ours, self._storm_places) else None

    def _standing(self, storm: StormId) -> Effect | None:
        """The storm's card, if it is posted."""
        card = effect(self._db, _storm_key(storm))
        return None if card is None or card.outside is None else card

    def _show_everywhere(
        self, incident: IncidentSnapshot, known: dict[str, Effect], storm: StormSnapshot | None
    ) -> None:
        failed: list[PatchPilotError] = []
        called = False
        if storm is not None:
            try:
                called = self._show_in_storm(incident, known, storm)
            except PatchPilotError as error:
                failed.append(error)
        for told in self._told(incident, known, but_home=storm is not None):
            aside = self._aside(incident, known, told.team)
            if called:
                # A suspect is called in one thread, not in each channel's.
                aside = replace(aside, suspect="")
            try:
                self._show_at(told, incident, known, aside)
            except PatchPilotError as error:
                # One channel's trouble is not another's.
                failed.append(error)
            called = called or bool(aside.suspect)
        if failed:
            # What passes by itself decides when to come back; the rest is kept account of by the delivery.
            raise next((one for one in failed if isinstance(one, TemporaryError)), failed[0])

    def _show_in_storm(
        self, incident: IncidentSnapshot, known: dict[str, Effect], storm: StormSnapshot
    ) -> bool:
        """Bring the incident's thread under the storm's card up to date; whether it calls the suspect."""
        aside, there = self._aside(incident, known), _known_there(known, "")
        held = self._audience is not None and self._audience.holds_at_home(incident)
        if held and not there:
            return False
        place = self._storm_place(storm)
        calls = StormCalls(db=self._db, storm=storm.id, under_it=True)
        self._show_thread(incident, place, there, storm, aside=aside, only_edits=held, calls=calls)
        return bool(aside.suspect) and not held

    def _told(self, incident: IncidentSnapshot, known: dict[str, Effect], *, but_home: bool) -> list[Told]:
        if self._audience is None:
            return [] if but_home else [Told(channel=self._channel)]
        return self._audience.told(incident, known, but_home=but_home)

    def _show_at(
        self, told: Told, incident: IncidentSnapshot, known: dict[str, Effect], aside: Aside
    ) -> None:
        key = f"slack:card:{incident.id}{told.suffix}"
        storm = self._storm_beside(incident, told)
        # People can look up only a storm whose card they see.
        message = views.card(incident if storm else replace(incident, storm=None), aside)
        at = Place(told.channel, team=told.team)
        card = self._delivery.put(Post(key, message, at, incident=incident.id, known=known.get(key)))
        place, there = Place.under(card), _known_there(known, told.suffix)
        calls = StormCalls(db=self._db, storm=storm, under_it=False) if storm else None
        self._show_thread(
            incident, place, there, aside=aside, suffix=told.suffix, only_edits=told.nothing_new, calls=calls
        )

    def _storm_beside(self, incident: IncidentSnapshot, told: Told) -> StormId | None:
        """The storm of an incident that has a card of its own, if the storm's card stands in that channel."""
        card = None if incident.storm is None or told.team else self._standing(incident.storm)
        if card is None or card.outside is None:
            return None
        if told.channel not in {self._channel, card.outside["channel"]}:
            return None
        # What was over by then is no part of it any more, and its card is read as it was left.
        over_before = not incident.open and incident.heal.updated_at < card.begun_at
        return None if over_before else incident.storm

    def _aside(self, incident: IncidentSnapshot, known: dict[str, Effect], foreign: str = "") -> Aside:
        team = foreign if self._audience is None else self._audience.wishing(foreign)
        aside = read_aside(self._db, incident, medium=SLACK, team=team)
        first = next((key for key in known if key.startswith("slack:diagnosis:")), "")
        if not self._call_authors or (first and not first.startswith(f"slack:diagnosis:{incident.heal.id}")):
            # An incident calls its suspect once, whatever becomes of later attempts.
            return replace(aside, suspect="")
        return aside

    def show_storm(self, number: int) -> None:
        """Bring the storm's card up to date."""
        storm = self._storm_here(number)
        if storm is None:
            return
        known = effect(self._db, _storm_key(storm.id))
        if known is None and self._audience is not None and self._audience.home_is_quiet():
            # Whoever must decide something brings the card all the same (see _storm_place).
            return
        self._put_storm(storm, known)

    def _storm_place(self, storm: StormSnapshot) -> Place:
        """The thread under the storm's card, which is posted now if there is none."""
        known = effect(self._db, _storm_key(storm.id))
        card = self._put_storm(storm, known) if known is None or known.outside is None else known.outside
        return Place.under(card)

    def _put_storm(self, storm: StormSnapshot, known: Effect | None) -> dict[str, str]:
        key, oldest = _storm_key(storm.id), storm.members[0].incident
        known = known or begin_effect(self._db, key, kind=CARD, incident=oldest)
        self._shown[_Subject(storm.id, is_storm=True)] = time.monotonic()
        apart = [one for one in storm.members if effect(self._db, f"slack:card:{one.incident}") is not None]
        message = storm_views.storm_card(storm, threads=len(apart) < len(storm.members))
        outside = self._delivery.put(Post(key, message, Place(self._channel), incident=oldest, known=known))
        if known.outside is None:
            # Now that it stands, the cards that were there first can name it.
            for member in apart:
                self._ask_for(_Subject(member.incident), EDIT_SECONDS)
        return outside

    def _holds_back(self, incident: IncidentSnapshot) -> bool:
        """Whether the incident's card waits for its log to be read, because it may hang under a storm's."""
        if not self._storm_places or incident.fingerprint or not incident.open:
            return False
        burst = burst_before(self._db, incident.id, seconds=HOLD_SECONDS)
        left = HOLD_SECONDS - burst.age
        if left <= 0 or not (burst.others >= self._storm_places - 1 or self._may_join(incident)):
            return False
        # Its next event, which comes when the log is read, asks for it earlier.
        self._waiting.add(_Subject(incident.id), time.monotonic() + left)
        return True

    def _may_join(self, incident: IncidentSnapshot) -> bool:
        """Whether the incident, whose log nobody has read yet, comes to where a storm's card awaits more."""
        storms = open_storms(self._db, incident.id)
        if not storms or (self._audience is not None and not self._audience.at_home({int(incident.id)})):
            return False
        return any(self._storm_here(number) is not None for number in storms)

    def _show_thread(
        self,
        incident: IncidentSnapshot,
        place: Place,
        known: dict[str, Effect],
        storm: StormSnapshot | None = None,
        *,
        aside: Aside,
        suffix: str = "",
        only_edits: bool = False,
        calls: StormCalls | None = None,
    ) -> None:
        for item in views.thread(incident, aside):
            key = f"slack:{item.key}"
            if only_edits and key not in known:
                continue
            message = _named(incident, item.message, storm)
            if self._too_soon(item, known.get(key), message, incident):
                continue
            row = known.get(key)
            broadcast = item.broadcast and (row is None or row.outside is None)
            broadcast = broadcast and (calls is None or calls.may(item))
            post = Post(key + suffix, message, place, incident=incident.id, known=row, broadcast=broadcast)
            self._delivery.put(post)
            if broadcast and calls is not None:
                calls.note(item, incident.id)
        heal = incident.heal
        for key, row in known.items():
            last = heal.state is HealState.ESCALATED and key.endswith(f":{heal.attempt}")
            if key.startswith(f"slack:escalated:{heal.id}:") and not last:
                message = _named(incident, no_longer_escalated(incident), storm)
                self._delivery.put(Post(key + suffix, message, place, incident=incident.id, known=row))
        for attempt in range(1, heal.attempt):
            key = f"slack:approval:{heal.id}:{attempt}"
            if key in known:
                message = _named(incident, outdated(incident, attempt), storm)
                post = Post(key + suffix, message, place, incident=incident.id, known=known[key])
                self._delivery.put(post)

    def _too_soon(
        self, item: views.Item, row: Effect | None, message: Message, incident: IncidentSnapshot
    ) -> bool:
        """Whether an edit has to wait, because the message was edited a moment ago; then it comes later."""
        if not item.pause or (row is not None and row.digest == digest(message)):
            return False
        now = time.monotonic()
        due = self._edited.get(item.key, float("-inf")) + item.pause
        if row is not None and row.outside is not None and due > now:
            self._waiting.add(_Subject(incident.id), due)
            return True
        if len(self._edited) > _MOST_REMEMBERED:
            self._edited.clear()
        self._edited[item.key] = now
        return False


def _known_there(known: dict[str, Effect], suffix: str) -> dict[str, Effect]:
    """The messages of one channel, by their keys without its suffix."""
    if not suffix:
        return {key: row for key, row in known.items() if "@" not in key}
    return {key.removesuffix(suffix): row for key, row in known.items() if key.endswith(suffix)}


def _storm_key(storm: StormId) -> str:
    return f"slack:storm:{storm}"


def _named(incident: IncidentSnapshot, message: Message, storm: StormSnapshot | None) -> Message:
    return message if storm is None else storm_views.within_storm(incident, message)
