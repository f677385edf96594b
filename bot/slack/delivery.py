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
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.slack.blocks import Message
from patchpilot.errors import PermanentError, TemporaryError
from patchpilot.metrics import Metrics
from storage.database import Database
from storage.effects import Effect, begin_effect, finish_effect

log = logging.getLogger(__name__)

CALL_SECONDS: Final = 10
EVENT_TYPE: Final = "patchpilot_message"
KIND: Final = "slack"
_GONE: Final = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
_BURST: Final = 4
PER_SECOND: Final = 1.0
"""Slack takes about one message per second and channel, with short bursts.
https://docs.slack.dev/apis/web-api/rate-limits"""


class Place:
    """Where a message goes: a channel, and the thread's first message if it goes into a thread."""

    def __init__(self, channel: str, thread_ts: str = "") -> None:
        self.channel = channel
        self.thread_ts = thread_ts


class Delivery:
    """Brings messages to Slack. Used by one thread of the process that holds the announcer's lock."""

    def __init__(
        self, db: Database, client: WebClient, metrics: Metrics, *, per_second: float = PER_SECOND
    ) -> None:
        self._per_second = per_second
        self._db = db
        self._client = client
        self._metrics = metrics
        self._surely_not_posted: set[str] = set()
        self._allowance: dict[str, tuple[float, float]] = {}
        self._paused_until = 0.0

    def put(
        self,
        key: str,
        message: Message,
        place: Place,
        *,
        incident: int,
        known: Effect | None,
        broadcast: bool = False,
    ) -> dict[str, str]:
        """Make the message ``key`` look like ``message``; returns its ``channel`` and ``ts``.

        Raises :class:`TemporaryError` when Slack asks to wait, does not answer or the answer was lost, and
        :class:`PermanentError` naming what an admin has to mend.
        """
        digest = _digest(message)
        if known is not None and known.outside is not None:
            if known.digest != digest:
                self._update(known.outside, message)
                finish_effect(self._db, key, outside=known.outside, digest=digest)
            return dict(known.outside)
        effect = known or begin_effect(self._db, key, kind=KIND, incident=incident)
        outside = self._found(effect, place) or self._post(key, message, place, broadcast=broadcast)
        finish_effect(self._db, key, outside=outside, digest=digest)
        return outside

    def _found(self, effect: Effect, place: Place) -> dict[str, str] | None:
        """The message of an earlier post whose answer was lost."""
        if effect.fresh or effect.key in self._surely_not_posted:
            return None
        age = (datetime.now(UTC) - effect.begun_at).total_seconds()
        if age < CALL_SECONDS:
            # The old request may still be under way; asking now could miss it.
            raise TemporaryError(f"waiting for the fate of {effect.key}", retry_after=CALL_SECONDS - age)
        oldest = str(effect.begun_at.timestamp() - 60)
        channel = place.channel
        if place.thread_ts:
            answer = self._call(
                "conversations.replies",
                {
                    "channel": channel,
                    "ts": place.thread_ts,
                    # A storm's thread may hold hundreds of messages; only the latest can be ours.
                    "oldest": oldest,
                    "include_all_metadata": True,
                    "limit": 200,
                },
            )
        else:
            channel = self._channel_id(channel)
            answer = self._call(
                "conversations.history",
                {"channel": channel, "oldest": oldest, "include_all_metadata": True, "limit": 200},
            )
        for message in answer.get("messages", []):
            metadata = message.get("metadata") or {}
            payload = metadata.get("event_payload") or {}
            if metadata.get("event_type") == EVENT_TYPE and payload.get("key") == effect.key:
                return {"channel": channel, "ts": str(message["ts"])}
        return None

    def _channel_id(self, channel: str) -> str:
        if not channel.startswith("#"):
            return channel
        cursor = ""
        while True:
            answer = self._call(
                "conversations.list",
                {"limit": 200, "cursor": cursor, "types": "public_channel,private_channel"},
            )
            for found in answer.get("channels", []):
                if found.get("name") == channel[1:]:
                    return str(found["id"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor", "")
            if not cursor:
                raise PermanentError(f"Slack has no channel {channel} that this bot can see; invite it there")

    def _post(self, key: str, message: Message, place: Place, *, broadcast: bool) -> dict[str, str]:
        arguments: dict[str, Any] = {
            "channel": place.channel,
            "text": message.text,
            "blocks": list(message.blocks),
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"key": key}},
            # Links in logs must not be fetched by Slack on an attacker's behalf, and cards stay compact.
            "unfurl_links": False,
            "unfurl_media": False,
        }
        if place.thread_ts:
            arguments |= {"thread_ts": place.thread_ts, "reply_broadcast": broadcast}
        try:
            self._take_turn(place.channel)
            answer = self._call("chat.postMessage", arguments)
        except _NotDoneError:
            self._surely_not_posted.add(key)
            raise
        self._surely_not_posted.discard(key)
        return {"channel": str(answer["channel"]), "ts": str(answer["ts"])}

    def _update(self, outside: Mapping[str, str], message: Message) -> None:
        try:
            self._call(
                "chat.update",
                {
                    "channel": outside["channel"],
                    "ts": outside["ts"],
                    "text": message.text,
                    "blocks": list(message.blocks),
                },
            )
        except _GoneError as error:
            # A person deleted it. Posting it again would be noise; the rest of the thread goes on.
            log.info("message is gone", extra={"action": "slack_message_gone", "cause": str(error)})

    def _take_turn(self, channel: str) -> None:
        now = time.monotonic()
        left, at = self._allowance.get(channel, (float(_BURST), now))
        left = min(float(_BURST), left + (now - at) * self._per_second)
        if left < 1:
            raise _NotDoneError("channel's share is used up", retry_after=(1 - left) / self._per_second)
        self._allowance[channel] = (left - 1, now)

    def _call(self, method: str, arguments: dict[str, Any]) -> Any:
        if (wait := self._paused_until - time.monotonic()) > 0:
            raise _NotDoneError("Slack asked to wait", retry_after=wait)
        try:
            answer = (
                self._client.api_call(method, json=arguments)
                if method.startswith("chat.")
                else (self._client.api_call(method, params=arguments))
            )
        except SlackApiError as error:
            raise self._translate(method, error) from error
        except (SlackClientError, OSError, TimeoutError) as error:
            self._count(method, "no_answer")
            raise TemporaryError(f"calling Slack's {method}: no answer", retry_after=CALL_SECONDS) from error
        self._count(method, "ok")
        return answer.data

    def _translate(self, method: str, error: SlackApiError) -> Exception:
        response: Any = error.response
        data = response.data if isinstance(response.data, dict) else {}
        code = str(data.get("error", response.status_code))
        self._count(method, code)
        if response.status_code == 429 or code == "ratelimited":  # noqa: PLR2004 - Too Many Requests
            wait = float(response.headers.get("Retry-After", 1))
            self._paused_until = time.monotonic() + wait
            return _NotDoneError(f"Slack asks to wait {wait:.0f} s", retry_after=wait)
        if code in _GONE:
            return _GoneError(f"{method}: {code}")
        if response.status_code >= 500 or code in {"internal_error", "fatal_error", "service_unavailable"}:  # noqa: PLR2004
            return TemporaryError(f"calling Slack's {method}: {code}", retry_after=CALL_SECONDS)
        detail = (data.get("response_metadata") or {}).get("messages", "")
        return PermanentError(f"Slack refuses {method}: {code}. {_advice(code, data)} {detail}".strip())

    def _count(self, method: str, result: str) -> None:
        self._metrics.slack_calls.labels(method, result).inc()


class _NotDoneError(TemporaryError):
    """Slack surely did not act on the call."""


class _GoneError(PermanentError):
    """The message can't be edited any more."""


def _advice(code: str, data: Mapping[str, Any]) -> str:
    match code:
        case "not_in_channel" | "channel_not_found":
            return "Invite the bot to the channel, or set SLACK_CHANNEL to one that it is in."
        case "is_archived":
            return "The channel is archived; set SLACK_CHANNEL to another one."
        case "invalid_auth" | "token_revoked" | "account_inactive" | "not_authed":
            return "SLACK_BOT_TOKEN does not work (any more); install the App again and set the new token."
        case "missing_scope":
            needed = data.get("needed", "")
            return f"Add the scope {needed} to the App (deploy/slack-manifest.yaml) and install it again."
        case _:
            return ""


def _digest(message: Message) -> str:
    content = json.dumps([message.text, message.blocks], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()
