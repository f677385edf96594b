"""The state of one Slack workspace: one lock, and the few operations everything else is made of.

No method here talks to an app. Callers hold :attr:`Workspace.lock` while they read and change records and
tell listeners afterwards with :meth:`Workspace.changed`.
"""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from playground.slack.answers import NotPossibleError, SlackError
from playground.slack.model import App, CallRecord, Channel, File, Message, User, View
from playground.slack.schema import Json

_KEPT_CALLS = 5_000
_MESSAGES_PER_CHANNEL = 5_000
"""Older messages are forgotten, so that a demo left running doesn't grow for ever."""


@dataclass
class Trigger:
    """What a ``trigger_id`` stands for: one person's click, good for one view within seconds."""

    app_id: str
    user: str
    expires: float
    view_id: str = ""
    """The view the click was made in, for ``views.push``."""
    used: bool = False


@dataclass
class ReplyAddress:
    """What a ``response_url`` stands for."""

    app_id: str
    channel: str
    user: str
    expires: float
    uses_left: int = 5
    message_ts: str = ""
    thread_ts: str = ""


@dataclass
class Scheduled:
    """A message waiting for its moment."""

    id: str
    channel: str
    post_at: int
    app_id: str
    args: Json


class Workspace:
    """People, channels, messages, views, files and apps of one team."""

    def __init__(self, *, team_id: str, name: str, files_url: str = "") -> None:
        self.team_id = team_id
        self.files_url = files_url
        """Where uploaded files are fetched."""
        self.name = name
        self.domain = "playground"
        self.lock = threading.RLock()
        self.users: dict[str, User] = {}
        self.usergroups: dict[str, tuple[str, str, list[str]]] = {}
        """Id to handle, name and members."""
        self.channels: dict[str, Channel] = {}
        self.messages: dict[str, dict[str, Message]] = {}
        """Channel to ts to message, oldest first."""
        self.files: dict[str, File] = {}
        self.apps: dict[str, App] = {}
        self.homes: dict[tuple[str, str], View] = {}
        """App Home by app and user."""
        self.modals: dict[str, list[View]] = {}
        """Open modals by user, the visible one last."""
        self.triggers: dict[str, Trigger] = {}
        self.reply_addresses: dict[str, ReplyAddress] = {}
        self.scheduled: dict[str, Scheduled] = {}
        self.oauth_codes: dict[str, tuple[str, str]] = {}
        """One-time code of the OAuth flow to app id and the address that it was sent to."""
        self.calls: deque[CallRecord] = deque(maxlen=_KEPT_CALLS)
        self.version = 0
        self._numbers = itertools.count(1)
        self._last_ts = 0
        self._listeners: list[Callable[[], None]] = []

    # Ids and time.

    def new_id(self, prefix: str) -> str:
        """An id of Slack's looks, unique here: ``U00000001A``."""
        with self.lock:
            return f"{prefix}{next(self._numbers):07d}{secrets.token_hex(1).upper()}"

    def next_ts(self) -> str:
        """A message's time stamp: seconds with six digits, and never the same twice."""
        with self.lock:
            self._last_ts = max(self._last_ts + 1, int(time.time() * 1_000_000))
            return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    # Changes.

    def changed(self) -> None:
        """Count a change and tell the listeners, which must return at once."""
        with self.lock:
            self.version += 1
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after every change until the returned function is called."""
        with self.lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self.lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    # Finding things. The Web API's own codes for what isn't there.

    def channel(self, channel_id: str) -> Channel:
        """The channel, by id or ``#name``; raises ``channel_not_found``."""
        found = self.channels.get(channel_id)
        if found is None and channel_id:
            name = channel_id.removeprefix("#")
            found = next((c for c in self.channels.values() if c.name == name and not c.im_user), None)
        if found is None:
            raise SlackError("channel_not_found")
        return found

    def user(self, user_id: str) -> User:
        """The user; raises ``user_not_found``."""
        found = self.users.get(user_id)
        if found is None:
            raise SlackError("user_not_found")
        return found

    def message(self, channel_id: str, ts: str) -> Message:
        """The message; raises ``message_not_found``."""
        found = self.messages.get(channel_id, {}).get(ts)
        if found is None:
            raise SlackError("message_not_found")
        return found

    def app_by_token(self, token: str) -> App | None:
        """The app whose bot or app-level token this is."""
        same = secrets.compare_digest
        encoded = token.encode()
        return next(
            (
                app
                for app in self.apps.values()
                for known in (app.bot_token, app.app_token)
                if known and same(known.encode(), encoded)
            ),
            None,
        )

    def person(self, user: str) -> User:
        """Somebody who can act on the page, by id or name; raises :class:`NotPossibleError`."""
        found = self.users.get(user) or next((u for u in self.users.values() if u.name == user), None)
        if found is None or found.bot_id:
            raise NotPossibleError(f"there is no person {user[:80]!r} in this workspace")
        return found

    # Messages.

    def add(self, message: Message) -> Message:
        """Put a message in its channel."""
        with self.lock:
            line = self.messages.setdefault(message.channel, {})
            line[message.ts] = message
            while len(line) > _MESSAGES_PER_CHANNEL:
                del line[next(iter(line))]
        return message

    def replies(self, channel_id: str, thread_ts: str) -> list[Message]:
        """The replies of a thread, oldest first, without what only one person sees."""
        return [
            message
            for message in self.messages.get(channel_id, {}).values()
            if message.is_reply and message.thread_ts == thread_ts and not message.only_for
        ]

    def direct(self, user: str, bot_user: str) -> Channel:
        """The direct conversation of a person and a bot, made when there is none."""
        with self.lock:
            for channel in self.channels.values():
                if channel.im_user == user and bot_user in channel.members:
                    return channel
            channel = Channel(
                id=self.new_id("D"),
                name=f"im-{user}",
                members=[user, bot_user],
                created=int(time.time()),
                private=True,
                im_user=user,
            )
            self.channels[channel.id] = channel
            return channel

    def message_to_api(self, message: Message, *, with_metadata: bool = False) -> Json:
        """The ``message`` object of answers, events and payloads."""
        body: Json = {"type": "message", "user": message.user, "text": message.text, "ts": message.ts}
        body["team"] = self.team_id
        optional = {
            "subtype": message.subtype,
            "bot_id": message.bot_id,
            "app_id": message.app_id,
            "thread_ts": message.thread_ts,
            "blocks": message.blocks,
            "attachments": message.attachments,
            "client_msg_id": message.client_msg_id,
        }
        body |= {name: value for name, value in optional.items() if value}
        if message.edited_ts:
            body["edited"] = {"user": message.user, "ts": message.edited_ts}
        if message.files:
            body["files"] = [
                self.files[one].to_api(self.files_url) for one in message.files if one in self.files
            ]
        if message.reactions:
            body["reactions"] = [
                {"name": name, "users": list(users), "count": len(users)}
                for name, users in message.reactions.items()
            ]
        if with_metadata and message.metadata:
            body["metadata"] = message.metadata
        return body | self._thread_figures(message)

    def _thread_figures(self, message: Message) -> Json:
        replies = [] if message.is_reply else self.replies(message.channel, message.ts)
        if message.is_reply:
            parent = self.messages[message.channel].get(message.thread_ts)
            return {"parent_user_id": parent.user} if parent else {}
        if not replies:
            return {}
        return {
            "thread_ts": message.ts,
            "reply_count": len(replies),
            "reply_users": sorted({reply.user for reply in replies}),
            "reply_users_count": len({reply.user for reply in replies}),
            "latest_reply": replies[-1].ts,
        }

    # Views.

    def views(self) -> Iterator[View]:
        """Every view that is shown anywhere."""
        yield from self.homes.values()
        for stack in self.modals.values():
            yield from stack

    def view(self, view_id: str) -> View | None:
        """The view with this id, when somebody still sees it."""
        return next((view for view in self.views() if view.id == view_id), None)

    def new_trigger(self, app: App, user: str, *, seconds: float, view_id: str = "") -> str:
        """A ``trigger_id`` for one click."""
        now = time.monotonic()
        with self.lock:
            for old in [key for key, trigger in self.triggers.items() if trigger.expires < now - 600]:
                del self.triggers[old]
            trigger_id = f"{secrets.randbelow(10**13)}.{secrets.randbelow(10**10)}.{secrets.token_hex(16)}"
            self.triggers[trigger_id] = Trigger(
                app_id=app.id, user=user, expires=now + seconds, view_id=view_id
            )
        return trigger_id
