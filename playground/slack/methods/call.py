"""One Web API call: who calls, with which arguments, and how to read those whatever way they were sent."""

from __future__ import annotations

import base64
import enum
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from playground.slack.answers import SlackError, invalid
from playground.slack.limits import Tier
from playground.slack.model import App, Channel
from playground.slack.pace import Pace
from playground.slack.schema import Json
from playground.slack.sockets import Sockets
from playground.slack.workspace import Workspace


class Announce(Protocol):
    """Tell the apps that listen about an event."""

    def __call__(self, event: Json, *, channel: Channel | None = None, only: App | None = None) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call with its token checked. Handlers run while the workspace's lock is held."""

    workspace: Workspace
    app: App
    args: Mapping[str, Any]
    announce: Announce
    pace: Pace
    sockets: Sockets
    base_url: str
    """Where this Slack is reached, without a slash at the end."""

    def text(self, name: str, default: str = "") -> str:
        """An argument as text; numbers become text as in a form."""
        value = self.args.get(name)
        return default if value is None else str(value)

    def need(self, name: str, code: str = "") -> str:
        """An argument that must be there; its absence is ``code``, or ``invalid_arguments`` naming it."""
        value = self.text(name)
        if not value:
            if code:
                raise SlackError(code)
            raise invalid("invalid_arguments", [f"missing required field: {name}"])
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A boolean: JSON's, or ``1``/``true`` in a form."""
        value = self.args.get(name)
        return default if value is None else str(value).lower() in {"1", "true"}

    def number(self, name: str, default: int) -> int:
        """A whole number."""
        try:
            return int(self.args.get(name, default))
        except (TypeError, ValueError):
            raise invalid("invalid_arguments", [f"must be an integer [json-pointer:/{name}]"]) from None

    def structure(self, name: str, code: str = "invalid_arguments") -> Any:
        """An argument that is JSON: as a structure in a JSON body, as text in a form."""
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise SlackError(code) from None

    def channel(self, name: str = "channel") -> Channel:
        """The channel an argument names, if the app may see it."""
        channel = self.workspace.channel(self.need(name, "channel_not_found"))
        if channel.private and self.app.bot_user not in channel.members:
            raise SlackError("channel_not_found")
        return channel

    def needs_scope(self, *scopes: str) -> None:
        """Raise ``missing_scope`` unless the app has one of the scopes."""
        if scopes and not self.app.scopes.intersection(scopes):
            raise SlackError(
                "missing_scope", needed=",".join(scopes), provided=",".join(sorted(self.app.scopes))
            )

    def page(self, items: Sequence[Json], *, default: int = 100, most: int = 1000) -> tuple[list[Json], Json]:
        """One page of ``items`` by ``limit`` and ``cursor``, and the metadata that leads to the next."""
        limit = self.number("limit", default)
        limit = default if limit <= 0 else min(limit, most)
        start = _position(self.text("cursor"))
        more = start + limit < len(items)
        cursor = base64.b64encode(f"next:{start + limit}".encode()).decode() if more else ""
        return list(items[start : start + limit]), {"next_cursor": cursor}


def _position(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.b64decode(cursor, validate=True).decode().removeprefix("next:"))
    except ValueError:
        raise SlackError("invalid_cursor") from None


class Access(enum.Enum):
    """What opens a method."""

    BOT = "bot"
    """The bot token, ``xoxb-``."""
    APP = "app"
    """The app-level token, ``xapp-``."""
    CLIENT = "client"
    """The client's id and secret; no token."""


Handler = Callable[[Call], Json]


@dataclass(frozen=True, kw_only=True)
class Method:
    """One method of the Web API: its code, the scopes of which one is needed, and its rate limit."""

    handler: Handler
    scopes: tuple[str, ...] = ()
    tier: Tier = Tier.THREE
    access: Access = Access.BOT
