"""Direct messages to people who want them: within their quiet hours and everybody's mutes, each sent once.

What is due follows from how things stand, so a message that was held comes when nothing holds it any more. A
post whose fate is unknown is not repeated: PatchPilot may not read direct messages to look for it, and the
channel has been told anyway. What was sent is edited once nothing waits there any more, without a word about
the repository to who can't read it by then.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.authority import Authority
from bot.decisions import may_approve
from bot.following import Follower
from bot.slack.blocks import Message
from bot.slack.calls import NotDoneError
from bot.slack.deliveries import Delivers
from bot.slack.delivery import Place, Post
from bot.slack.direct_views import over, suspected, waits
from bot.slack.people import SlackPeople
from jobs.leading import Duty
from patchpilot.commands import Actor
from patchpilot.errors import PatchPilotError, PermanentError
from patchpilot.events import EventKind
from patchpilot.failures import Blame
from patchpilot.grammar.values import DirectLevel
from patchpilot.heals import HealState
from patchpilot.incidents import IncidentSnapshot
from patchpilot.noise import digest_only, mute_of
from patchpilot.source import Permission
from storage.database import Database
from storage.direct import Direct, choices, proposed_at
from storage.effects import Effect, begin_effect, effects_of, forget_effect
from storage.incidents import open_incidents, snapshot
from storage.mutes import running_mutes

log = logging.getLogger(__name__)

CONSUMER: Final = "slack-direct"
DUTY: Final = Duty(name="direct", lock="direct", every=1.0)
KIND: Final = "slack-direct"
_KEY: Final = "slack:dm:"
_NEWS: Final = frozenset({EventKind.DIAGNOSED, EventKind.FIX_PROPOSED, EventKind.STATE_CHANGED})
_AGAIN_SECONDS: Final = 60.0
"""How late the end of a mute, of quiet hours or of a wait that Slack asked for may be noticed."""


class DirectMessages:
    """Used by one thread. ``clients`` gives a workspace's client; ``foreign`` names it as places do."""

    def __init__(
        self,
        db: Database,
        authority: Authority,
        people: SlackPeople,
        clients: Callable[[str], WebClient],
        delivery: Callable[[], Delivers],
        *,
        foreign: Callable[[str], str] = lambda _: "",
    ) -> None:
        self._db = db
        self._authority = authority
        self._people = people
        self._clients = clients
        self._make = delivery
        self._delivers: Delivers | None = None
        self._foreign = foreign
        self._channels: dict[tuple[str, str], str] = {}
        self._looked = float("-inf")
        self._events = Follower(db, DUTY, consumer=CONSUMER)

    def run(self, stop: threading.Event) -> None:
        """Follow the log until ``stop`` is set; one process at a time."""
        self._events.run(self.tick, stop)

    def tick(self) -> None:
        """Send what is due."""
        numbers = {event.incident for _, event in self._events.news() if event.kind in _NEWS}
        wanted = choices(self._db)
        if wanted and time.monotonic() - self._looked >= _AGAIN_SECONDS:
            self._looked = time.monotonic()
            numbers |= {int(one.id) for one in open_incidents(self._db)}
        for number in sorted(numbers):
            incident = snapshot(self._db, number)
            if incident is not None:
                self._tell(incident, wanted)
        self._events.save()

    def _tell(self, incident: IncidentSnapshot, wanted: list[Direct]) -> None:
        known = {row.key: row for row in effects_of(self._db, incident.id, kind=KIND)}
        heal = incident.heal
        for choice in wanted:
            for key, message in self._due(incident, choice):
                if key not in known:
                    self._send(key, message, choice, incident)
        for key, row in known.items():
            # What a person saw last must not offer what is over.
            current = heal.state is HealState.AWAITING_APPROVAL and key.endswith(f":fix:{heal.approval_id}")
            if ":fix:" in key and not current and row.outside is not None:
                self._edit(row, over(incident if self._reads(key, incident) else None), incident)

    def _due(self, incident: IncidentSnapshot, choice: Direct) -> Iterator[tuple[str, Message]]:
        """Key and message of all that this person is told of the incident as it stands."""
        key = f"{_KEY}{choice.team}:{choice.account}"
        heal = incident.heal
        waiting = heal.state is HealState.AWAITING_APPROVAL and bool(heal.approval_id)
        if waiting and self._may_approve(self._actor(choice), incident):
            made = proposed_at(self._db, heal.approval_id)
            if made is not None and made >= choice.since:
                yield f"{key}:fix:{heal.approval_id}", waits(incident)
        if choice.level is DirectLevel.MINE and self._suspects(incident, choice):
            about = f"storm-{incident.storm}" if incident.storm is not None else str(incident.id)
            yield f"{key}:suspect:{about}", suspected(incident)

    def _suspects(self, incident: IncidentSnapshot, choice: Direct) -> bool:
        heal = incident.heal
        if heal.diagnosis is None or heal.diagnosis.blame is not Blame.CHANGE or not incident.open:
            return False
        if incident.first_seen < choice.since or not heal.failure.author:
            return False
        actor = self._actor(choice)
        user = actor.host_user
        mine = user is not None and user.login.lower() == heal.failure.author.lower()
        return mine and self._may(actor, incident, Permission.READ)

    def _reads(self, key: str, incident: IncidentSnapshot) -> bool:
        """Whether the person to whom a message went still may know how it goes on."""
        team, _, account = key.removeprefix(_KEY).partition(":fix:")[0].partition(":")
        return self._may(self._people.actor(team, account), incident, Permission.READ)

    def _may(self, actor: Actor, incident: IncidentSnapshot, need: Permission) -> bool:
        """Whether the person still is a member, linked and allowed: asked live, as at a click."""
        if actor.barred or actor.host_user is None:
            return False
        return self._authority.permission(incident.repo, actor.host_user) >= need

    def _may_approve(self, actor: Actor, incident: IncidentSnapshot) -> bool:
        if actor.barred or actor.host_user is None:
            return False
        return may_approve(self._db, self._authority, incident, actor.host_user)

    def _actor(self, choice: Direct) -> Actor:
        return self._people.actor(choice.team, choice.account)

    def _held(self, incident: IncidentSnapshot, choice: Direct) -> bool:
        now = datetime.now(UTC)
        muted = mute_of(incident, running_mutes(self._db, repo=incident.repo), now) is not None
        return muted or digest_only(incident) or choice.now_quiet(now)

    def _send(self, key: str, message: Message, choice: Direct, incident: IncidentSnapshot) -> None:
        if self._held(incident, choice):
            return
        try:
            place = Place(self._channel(choice), team=self._foreign(choice.team))
            begun = begin_effect(self._db, key, kind=KIND, incident=incident.id)
            if begun.fresh:
                self._delivery.put(Post(key, message, place, incident=incident.id, known=begun))
        except NotDoneError:
            # Slack has not taken it, so that it may be sent again later.
            forget_effect(self._db, key)
        except PatchPilotError as error:
            log.warning("not told", extra={"action": "direct_not_sent", "cause": str(error)})

    def _edit(self, row: Effect, message: Message, incident: IncidentSnapshot) -> None:
        assert row.outside is not None
        try:
            place = Place.under(row.outside)
            self._delivery.put(Post(row.key, message, place, incident=incident.id, known=row))
        except PatchPilotError as error:
            log.warning("not edited", extra={"action": "direct_not_edited", "cause": str(error)})

    @property
    def _delivery(self) -> Delivers:
        if self._delivers is None:
            self._delivers = self._make()
        return self._delivers

    def _channel(self, choice: Direct) -> str:
        """The conversation with one person.

        Raises :class:`~patchpilot.errors.PermanentError` for somebody who can't be written to.
        """
        key = (choice.team, choice.account)
        if key not in self._channels:
            try:
                said = self._clients(choice.team).conversations_open(users=choice.account)
            except SlackApiError as error:
                code = error.response.get("error")
                raise PermanentError(f"Slack opens no conversation with {choice.account}: {code}") from error
            except (SlackClientError, OSError, TimeoutError) as error:
                raise NotDoneError("opening a conversation: no answer", retry_after=_AGAIN_SECONDS) from error
            self._channels[key] = str(said["channel"]["id"])
        return self._channels[key]
