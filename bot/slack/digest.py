"""Sends the weekly digests that are due, and shows a channel's when people ask.

RQ's scheduler has them marked as due (:mod:`jobs.schedules`), one row per channel and week; this process
sends what is marked, because it alone holds Slack's token. What has been sent is in the side-effect ledger,
so that a digest comes once whatever happens to Redis, to this process or to the clocks.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from slack_bolt import App
from slack_sdk import WebClient

from bot.gate import answered
from bot.slack.approval_views import approval
from bot.slack.blocks import Message, Upload
from bot.slack.calls import in_team
from bot.slack.deliveries import Delivers
from bot.slack.delivery import Place, Post
from bot.slack.digest_views import digest_message, picture_of, spoken
from bot.slack.presses import Body, Presses, tell, where, without_picture
from patchpilot.asking import Asked
from patchpilot.commands import Answer, Picture
from patchpilot.digests import Digest, DigestEnd, DueDigest, week_before, week_so_far, zone_named
from patchpilot.errors import PatchPilotError, PermanentError, TemporaryError
from patchpilot.grammar import Status, Target, Way
from patchpilot.grammar.values import DigestTime
from patchpilot.heals import HealState
from patchpilot.routing import Subscription
from patchpilot.states import state_word
from storage.database import Database
from storage.decisions import find_target
from storage.due_digests import end_digest, note_digest_error, plan_home_digest, unsent_digests
from storage.effects import effect
from storage.subscriptions import subscriptions_of_channel
from storage.weekly import Scope, read_digest

log = logging.getLogger(__name__)

_TICK_SECONDS: Final = 20.0
_ASKED_SECONDS: Final = 1.0
_HIDDEN: Final = "This is of a private repository: link an account that can read it, `/patchpilot link`."


class WeeklyDigest:
    """Implements :class:`bot.door.Digests`. ``home`` is the operator's channel; without ``at`` it gets none.

    ``delivery`` makes a delivery for one thread's use; ``foreign`` names a workspace as places do, see
    :meth:`bot.slack.workspaces.Workspaces.foreign`.
    """

    def __init__(
        self,
        db: Database,
        delivery: Callable[[], Delivers],
        *,
        home: str,
        at: DigestTime | None,
        zone: str,
        minutes_per_fix: int,
        foreign: Callable[[str], str] = lambda _: "",
    ) -> None:
        self._db = db
        self._foreign = foreign
        self._delivery = delivery
        self._home = home
        self._at = at
        self._zone = zone
        self._minutes_per_fix = minutes_per_fix
        self._planned = False
        self._asked: dict[str, tuple[Message, Place]] = {}
        """What people asked for and Slack could not take at once, mostly because it looks at the picture."""

    def run(self, stop: threading.Event) -> None:
        """Send what is due until ``stop`` is set; one process at a time."""
        delivery = self._delivery()
        with self._db.leader("digests") as leadership:
            next_look = 0.0
            while not stop.wait(_ASKED_SECONDS):
                try:
                    self.post_asked(delivery)
                    if time.monotonic() < next_look:
                        continue
                    next_look = time.monotonic() + _TICK_SECONDS
                    if leadership.held() or leadership.acquire():
                        self.tick(delivery)
                except TemporaryError as error:
                    log.warning("digests wait", extra={"action": "digests_wait", "cause": str(error)})
                except Exception:
                    log.exception("digests failed", extra={"action": "digests_failed"})

    def tick(self, delivery: Delivers) -> None:
        """Send every digest that is marked as due and was not sent."""
        if not self._planned:
            # Whoever marks does not see this process's settings.
            plan_home_digest(self._db, channel=self._home, at=self._at, zone=self._zone)
            self._planned = True
        for due in unsent_digests(self._db):
            try:
                end = self._send(delivery, due)
            except TemporaryError as error:
                log.info("digest waits", extra={"action": "digest_waits", "cause": str(error)})
            except PermanentError as error:
                self._not_sent(due, error)
            else:
                end_digest(self._db, due, end)

    def _send(self, delivery: Delivers, due: DueDigest) -> DigestEnd:
        team = self._foreign(due.team)
        key = f"slack:digest:{in_team(team, due.channel)}:{due.due.astimezone(UTC):%Y-%m-%dT%H:%M}"
        known = effect(self._db, key)
        if known is not None and known.outside is not None:
            return DigestEnd.SENT
        wanted = self._still_wanted(due)
        if wanted is not None and not wanted:
            return DigestEnd.WITHDRAWN
        zone = zone_named(due.zone)
        start, end = week_before(due.due, zone)
        private: Scope = None
        if wanted is not None:
            # A channel that was private when it subscribed may be open to all by now.
            private = _private_scope(wanted)
            private = private if private and delivery.is_private(due.channel, team=team) else ()
        week = self._read(None if wanted is None else _scope(wanted), start, end, zone.key, private=private)
        place = Place(due.channel, team=team)
        delivery.put(Post(key, digest_message(week), place, incident=None, known=known))
        return DigestEnd.SENT

    def _still_wanted(self, due: DueDigest) -> list[Subscription] | None:
        """What it is about as the wishes stand now, nothing if nobody wants it; ``None`` for everything."""
        if due.home:
            return None if (due.channel, due.at) == (self._home, self._at) else []
        ours = subscriptions_of_channel(self._db, team=due.team, channel=due.channel)
        return [one for one in ours if one.digest == due.at]

    def _not_sent(self, due: DueDigest, error: PermanentError) -> None:
        """It is tried again until it can be sent or the next one is due, and told once."""
        if str(error) == due.error:
            return
        note_digest_error(self._db, due, str(error))
        log.error("digest not sent", extra={"action": "digest_not_sent", "cause": str(error)})

    def post_asked(self, delivery: Delivers) -> None:
        """Try again what people asked for."""
        for key, (message, place) in list(self._asked.items()):
            try:
                delivery.put(Post(key, message, place, incident=None, known=effect(self._db, key)))
            except TemporaryError:
                continue
            except PermanentError as error:
                log.error("digest not sent", extra={"action": "digest_not_sent", "cause": str(error)})  # noqa: TRY400
            del self._asked[key]

    def preview(self, asked: Asked) -> Answer:
        """The digest of the channel up to now, as text and with its picture."""
        wanted = self._wanted(asked)
        if wanted is not None and not wanted:
            return answered(
                "This channel has subscribed to nothing; `subscribe owner/repo digest:mon@09:00` does."
            )
        week = self._so_far(wanted, asked)
        made = answered("\n".join(spoken(week)))
        if week.nothing:
            return made
        picture = self._uploaded(picture_of(week), asked)
        return without_picture(made) if picture is None else replace(made, picture=picture)

    def _uploaded(self, upload: Upload, asked: Asked) -> Picture | None:
        try:
            file = self._delivery().picture(upload, team=self._foreign(asked.place.team))
        except PatchPilotError as error:
            log.warning("picture not shown", extra={"action": "picture_not_shown", "cause": str(error)})
            return None
        return Picture(file=file, alt_text=upload.alt_text) if file else None

    def post(self, asked: Asked) -> str:
        """Post the channel's digest up to now; says what happened."""
        wanted = self._wanted(asked)
        if not asked.place.channel or (wanted is not None and not wanted):
            return "This channel has subscribed to nothing; `subscribe owner/repo digest:mon@09:00` does."
        key = f"slack:digest:{asked.place.channel}:asked:{asked.key or secrets.token_hex(8)}"
        team = self._foreign(asked.place.team)
        message = digest_message(self._so_far(wanted, asked))
        place = Place(asked.place.channel, team=team)
        try:
            self._delivery().put(Post(key, message, place, incident=None, known=effect(self._db, key)))
        except TemporaryError:
            self._asked[key] = (message, place)
            return "The digest is on its way."
        except PatchPilotError as error:
            return f"The digest could not be posted here: {error}"
        return "The digest is posted."

    def _wanted(self, asked: Asked) -> list[Subscription] | None:
        """What the channel has subscribed to; ``None`` for the operator's, which is about everything."""
        if asked.place.home:
            return None
        return subscriptions_of_channel(self._db, team=asked.place.team, channel=asked.place.channel)

    def _so_far(self, wanted: list[Subscription] | None, asked: Asked) -> Digest:
        zone = self._zone if wanted is None else _zone_of(wanted)
        start, end = week_so_far(datetime.now(UTC), zone_named(zone))
        scope = None if wanted is None else _scope(wanted)
        # A channel that was private when it subscribed may be open to all by now.
        private = None if wanted is None else _private_scope(wanted) if asked.place.private else ()
        return self._read(scope, start, end, zone_named(zone).key, private=private)

    def _read(self, scope: Scope, start: datetime, end: datetime, zone: str, *, private: Scope) -> Digest:
        return read_digest(
            self._db,
            scope,
            start=start,
            end=end,
            zone=zone,
            minutes_per_fix=self._minutes_per_fix,
            private=private,
        )


def _scope(wanted: list[Subscription]) -> Scope:
    return tuple((one.host, one.repo) for one in wanted)


def _private_scope(wanted: list[Subscription]) -> Scope:
    """What the channel may see although it is private: nobody of a private repository was asked for its
    owner's subscription."""
    return _scope([one for one in wanted if one.private and not one.of_owner])


def _zone_of(wanted: list[Subscription]) -> str:
    """The channel's time zone, in which its digest comes by itself: that of the latest that asks for one."""
    latest = max(wanted, key=lambda one: (one.digest is not None, one.id))
    return latest.zone


def register(app: App, db: Database, presses: Presses) -> None:
    """Have the Review buttons of digests, Home tabs and direct messages show the proposal to whoever presses,
    if they may see its repository: what has the button may be older than a lost right."""

    @app.action("review")
    def review(ack: Callable[..., None], body: Body, client: WebClient) -> None:
        ack()
        approval_id = str(body["actions"][0]["value"])
        target = find_target(db, incident=None, approval_id=approval_id)
        if target is None:
            tell(client, body, *where(body), "That proposal is not known any more.")
            return
        asked = Asked(
            request=Status(Target(incident=target.id)),
            actor=presses.actor(body),
            way=Way.BUTTON,
            place=presses.place(body, ephemeral=True),
        )
        if not presses.door.readable(asked, target.repo):
            tell(client, body, *where(body), _HIDDEN)
            return
        heal = target.heal
        current = heal.approval_id == approval_id and heal.state is HealState.AWAITING_APPROVAL
        if heal.fix is None or not current:
            over = f"{target.name}: {state_word(target).lower()}; nothing waits there."
            tell(client, body, *where(body), over)
            return
        message = approval(target, heal.fix)
        options: dict[str, Any] = {"text": message.text, "blocks": list(message.blocks)}
        user, channel = body["user"]["id"], (body.get("channel") or {}).get("id")
        if channel:
            client.chat_postEphemeral(channel=channel, user=user, **options)
        else:
            # In the Home tab there is no channel: it comes as a message from the bot.
            client.chat_postMessage(channel=user, **options)
