"""Sending to Slack: each message once, then edited in place, whatever goes wrong in between.

The side-effect ledger has a row for every message before it is posted and its ``ts`` afterwards. A row
without a ``ts`` means that an earlier post may or may not have arrived; then Slack is asked first, by the
key that every message carries in its metadata.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from slack_sdk import WebClient

from bot.slack.blocks import Message, Upload, escape, section
from bot.slack.calls import (
    CALL_SECONDS,
    BrokenPlaceError,
    Calls,
    FileNotReadyError,
    GoneError,
    NotDoneError,
    in_team,
)
from bot.slack.troubles import WORKSPACE, Troubles
from bot.slack.uploads import Uploads
from patchpilot.conversation import BrokenPlace
from patchpilot.errors import PatchPilotError, PermanentError, TemporaryError
from patchpilot.metrics import Metrics
from storage.database import Database
from storage.effects import Effect, begin_effect, finish_effect

log = logging.getLogger(__name__)

EVENT_TYPE: Final = "patchpilot_message"
KIND: Final = "slack"
_BURST: Final = 4
PER_SECOND: Final = 1.0
"""Slack takes about one message per second and channel, with short bursts.
https://docs.slack.dev/apis/web-api/rate-limits"""
_PRIVATE_SECONDS: Final = 60.0
"""For so long a channel is taken to be as private as it was."""
_PICTURE_TRIES: Final = 15
"""So often a message waits for its picture; then it goes without, since its text says the same."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message goes: a channel, and the thread's first message if it goes into a thread."""

    channel: str
    thread_ts: str = ""
    team: str = ""
    """The channel's workspace; empty for the operator's own. A channel that two share has one id in both."""

    @classmethod
    def under(cls, posted: Mapping[str, str]) -> Place:
        """The thread under a message that was posted."""
        return cls(posted["channel"], posted["ts"], team=posted.get("team", ""))


@dataclass(frozen=True, slots=True)
class Post:
    """A message as it has to look in its place. ``key`` names it for ever, whatever it says."""

    key: str
    message: Message
    place: Place
    _: KW_ONLY
    incident: int | None
    known: Effect | None
    """Its row in the side-effect ledger; ``None`` if there is none yet."""
    broadcast: bool = False
    """Whether an answer in a thread is shown in the channel as well."""


class Delivery:
    """Brings messages to Slack. Used by one thread of the process that holds the announcer's lock.

    ``admin`` is the channel or person that hears of broken destinations; empty for nobody. ``team`` is the
    workspace, empty for the home workspace, and ``mine`` tells which broken places are in it.
    """

    def __init__(
        self,
        db: Database,
        client: WebClient,
        metrics: Metrics,
        *,
        per_second: float = PER_SECOND,
        admin: str = "",
        probe_seconds: float = 15.0,
        team: str = "",
        mine: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._per_second = per_second
        self._db = db
        self._admin = admin
        self._team = team
        self._workspace = f"{WORKSPACE}{team}" if team else ""
        self._calls = Calls(client, metrics, workspace=self._workspace, team=team)
        self._uploads = Uploads(db, self._calls, suffix=f"@{team}" if team else "")
        self._troubles = Troubles(
            db,
            metrics,
            tell=self._tell_admin,
            first_seconds=probe_seconds,
            workspace=self._workspace,
            mine=mine,
        )
        self._surely_not_posted: set[str] = set()
        self._sent: dict[str, float] = {}
        self._ids: dict[str, str] = {}
        self._private: dict[str, tuple[float, bool]] = {}
        self._allowance: dict[str, tuple[float, float]] = {}
        self._waits_for_picture: dict[str, int] = {}

    def put(self, post: Post) -> dict[str, str]:
        """Make the message look as ``post`` says; returns its ``channel`` and ``ts``.

        Raises :class:`TemporaryError` when Slack asks to wait, does not answer or the answer was lost, and
        :class:`PermanentError` naming what an admin has to mend;
        :class:`~bot.slack.calls.BrokenPlaceError` when the destination takes nothing at all.
        """
        known = post.known
        if known is not None and known.outside is not None and known.digest == digest(post.message):
            return dict(known.outside)
        channel = post.place.channel if known is None or known.outside is None else known.outside["channel"]
        self._troubles.refuse(in_team(self._team, channel))
        try:
            outside = self._send(post)
        except BrokenPlaceError as error:
            self._troubles.mark(error)
            raise
        self._troubles.took(in_team(self._team, channel))
        return outside

    def picture(self, upload: Upload, *, team: str = "") -> str:
        """See :meth:`bot.slack.uploads.Uploads.picture`; ``team`` is this delivery's."""
        del team
        return self._uploads.picture(upload)

    def mended(self) -> list[BrokenPlace]:
        """Places that could not be reached and answer again now."""
        return [row for row in self._troubles.due() if self._answers(row)]

    def _send(self, post: Post) -> dict[str, str]:
        known = post.known
        if known is not None and known.outside is not None:
            self._update(post, known.outside)
            finish_effect(self._db, post.key, outside=known.outside, digest=digest(post.message))
            return dict(known.outside)
        begun = known or begin_effect(self._db, post.key, kind=KIND, incident=post.incident)
        outside = self._found(begun, post.place)
        if outside is None:
            outside = self._post(post)
        if self._team:
            # Should the channel unsubscribe, this still tells whose it is.
            outside = {**outside, "team": self._team}
        finish_effect(self._db, post.key, outside=outside, digest=digest(post.message))
        return outside

    def _found(self, begun: Effect, place: Place) -> dict[str, str] | None:
        """The message of an earlier post whose answer was lost."""
        if begun.outside is not None:
            return dict(begun.outside)
        if begun.fresh or begun.key in self._surely_not_posted:
            return None
        age = (datetime.now(UTC) - begun.begun_at).total_seconds()
        if begun.key in self._sent:
            age = time.monotonic() - self._sent[begun.key]
        if age < CALL_SECONDS:
            # The old request may still be under way; asking now could miss it.
            raise TemporaryError(f"waiting for the fate of {begun.key}", retry_after=CALL_SECONDS - age)
        oldest = str(begun.begun_at.timestamp() - 60)
        channel = place.channel
        # A storm's thread may hold hundreds of messages; only the latest can be ours.
        asked: dict[str, Any] = {"oldest": oldest, "include_all_metadata": True, "limit": 200}
        if place.thread_ts:
            asked |= {"channel": channel, "ts": place.thread_ts}
            answer = self._calls.call("conversations.replies", asked, channel=channel)
        else:
            channel = self._channel(channel)["id"]
            answer = self._calls.call(
                "conversations.history", asked | {"channel": channel}, channel=place.channel
            )
        for message in answer.get("messages", []):
            metadata = message.get("metadata") or {}
            payload = metadata.get("event_payload") or {}
            if metadata.get("event_type") == EVENT_TYPE and payload.get("key") == begun.key:
                return {"channel": channel, "ts": str(message["ts"])}
        return None

    def _channel(self, channel: str) -> dict[str, Any]:
        """What Slack says of a channel, by id or ``#name``."""
        if not channel.startswith("#"):
            answer = self._calls.call("conversations.info", {"channel": channel}, channel=channel)
            return {"id": channel, **answer.get("channel", {})}
        cursor = ""
        while True:
            answer = self._calls.call(
                "conversations.list",
                {"limit": 200, "cursor": cursor, "types": "public_channel,private_channel"},
            )
            for found in answer.get("channels", []):
                if found.get("name") == channel[1:]:
                    return dict(found)
            cursor = (answer.get("response_metadata") or {}).get("next_cursor", "")
            if not cursor:
                raise PermanentError(f"Slack has no channel {channel} that this bot can see; invite it there")

    def channel_id(self, channel: str) -> str:
        """The id of ``#name``, asked once; the name again while Slack knows no such channel."""
        if not channel.startswith("#"):
            return channel
        if channel not in self._ids:
            try:
                self._ids[channel] = str(self._channel(channel)["id"])
            except PermanentError:
                # Posting there says what an admin has to mend.
                return channel
        return self._ids[channel]

    def is_private(self, channel: str, *, team: str = "") -> bool:
        """Whether only its members read the channel, as it is now; ``team`` is this delivery's.

        A channel that this bot can't see counts as private: nothing can be posted there, and posting says
        what an admin has to mend. Raises :class:`TemporaryError` when Slack does not say.
        """
        del team
        at, known = self._private.get(channel, (float("-inf"), False))
        if time.monotonic() - at > _PRIVATE_SECONDS:
            try:
                found = self._channel(channel)
            except PermanentError:
                return True
            # People of another organisation read a shared channel.
            known = bool(found.get("is_private") or found.get("is_im") or found.get("is_mpim"))
            known = known and not found.get("is_ext_shared")
            self._private[channel] = (time.monotonic(), known)
        return known

    def _post(self, post: Post) -> dict[str, str]:
        key, message, place = post.key, post.message, post.place
        try:
            # Whatever happens before the message itself is sent: it surely was not posted.
            blocks = self._with_files(post)
            self._take_turn(place.channel)
        except PatchPilotError:
            self._surely_not_posted.add(key)
            raise
        arguments: dict[str, Any] = {
            "channel": place.channel,
            "text": message.text,
            "blocks": blocks,
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"key": key}},
            # Links in logs must not be fetched by Slack on an attacker's behalf, and cards stay compact.
            # Files of ours are shared by their link, which Slack does when it unfurls them.
            "unfurl_links": False,
            "unfurl_media": bool(message.uploads),
        }
        if place.thread_ts:
            arguments |= {"thread_ts": place.thread_ts, "reply_broadcast": post.broadcast}
        # From here on it may be there, whatever an earlier try came to.
        self._surely_not_posted.discard(key)
        self._sent[key] = time.monotonic()
        try:
            answer = self._calls.call("chat.postMessage", arguments, channel=place.channel)
        except (NotDoneError, PermanentError) as error:
            self._surely_not_posted.add(key)
            self._note_picture(key, error)
            raise
        self._sent.pop(key, None)
        self._waits_for_picture.pop(key, None)
        return {"channel": str(answer["channel"]), "ts": str(answer["ts"])}

    def _update(self, post: Post, outside: Mapping[str, str]) -> None:
        blocks = self._with_files(post)
        arguments = {
            "channel": outside["channel"],
            "ts": outside["ts"],
            "text": post.message.text,
            "blocks": blocks,
        }
        try:
            self._calls.call("chat.update", arguments, channel=outside["channel"])
        except FileNotReadyError as error:
            self._note_picture(post.key, error)
            raise
        except GoneError as error:
            # A person deleted it. Posting it again would be noise; the rest of the thread goes on.
            log.info("message is gone", extra={"action": "slack_message_gone", "cause": str(error)})

    def _with_files(self, post: Post) -> list[dict[str, Any]]:
        pictures = self._waits_for_picture.get(post.key, 0) < _PICTURE_TRIES
        return self._uploads.resolved(post.message, incident=post.incident, pictures=pictures)

    def _note_picture(self, key: str, error: Exception) -> None:
        if isinstance(error, FileNotReadyError):
            self._waits_for_picture[key] = self._waits_for_picture.get(key, 0) + 1

    def _take_turn(self, channel: str) -> None:
        now = time.monotonic()
        left, at = self._allowance.get(channel, (float(_BURST), now))
        left = min(float(_BURST), left + (now - at) * self._per_second)
        if left < 1:
            raise NotDoneError("channel's share is used up", retry_after=(1 - left) / self._per_second)
        self._allowance[channel] = (left - 1, now)

    def _answers(self, row: BrokenPlace) -> bool:
        """Whether a broken place takes messages again, without posting one."""
        try:
            if row.place == self._workspace:
                self._calls.call("auth.test", {})
            else:
                found = self._channel(row.place.removeprefix(in_team(self._team, "")))
                if found.get("is_archived"):
                    raise BrokenPlaceError(row.place, "is_archived", row.advice)
                if found.get("is_member") is False:
                    raise BrokenPlaceError(row.place, "not_in_channel", row.advice)
        except TemporaryError:
            return False
        except PermanentError as error:
            code = error.code if isinstance(error, BrokenPlaceError) else row.code
            self._troubles.mark(BrokenPlaceError(row.place, code, row.advice))
            return False
        self._troubles.mended(row)
        return True

    def _tell_admin(self, row: BrokenPlace, news: str) -> None:
        if not self._admin or not row.place:
            # A token that does not work can't carry the news either: log, metric and /ready have it.
            return
        text = f"Channel {row.named} {news}"
        name = hashlib.sha256(text.encode()).hexdigest()[:8]
        key = f"slack:trouble:{row.place}:{row.since.timestamp():.3f}:{name}"
        try:
            message = Message.of(text, [section(escape(text))])
            self._send(Post(key, message, Place(self._admin), incident=None, known=None))
        except PatchPilotError as error:
            log.warning("admin not told", extra={"action": "slack_admin_not_told", "cause": str(error)})


def digest(message: Message) -> str:
    """Hash of what a message says; of its files only their keys count, which name their content."""
    content = json.dumps([message.text, message.blocks], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()
