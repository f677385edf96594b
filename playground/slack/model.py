"""What a workspace holds: people, channels, messages, views, files and installed apps.

These are the playground's own records. What leaves the Web API is built by their ``to_api`` methods, in the
fields that https://docs.slack.dev/reference/objects/ documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from playground.slack.schema import Json

_COLOURS = (
    "5b6ee1",
    "c2557a",
    "2f8f83",
    "b5651d",
    "6d4bb0",
    "3f7cac",
    "8a5a44",
    "4d7c3a",
    "a23e48",
    "556b8d",
)


@dataclass
class User:
    """A person, or an app's bot user when ``bot_id`` is set."""

    id: str
    team: str
    name: str
    real_name: str
    email: str
    tz: str
    is_guest: bool = False
    bot_id: str = ""
    app_id: str = ""
    deleted: bool = False
    is_admin: bool = False
    """Runs the workspace."""

    @property
    def colour(self) -> str:
        """Six hexadecimal digits that stay the same for this user."""
        digits = "".join(filter(str.isdigit, self.id[:8]))
        return _COLOURS[int(digits or 0) % len(_COLOURS)]

    def to_api(self, *, with_email: bool) -> Json:
        """The ``user`` object; the address only for apps with ``users:read.email``."""
        profile = {"real_name": self.real_name, "display_name": self.name, "team": self.team}
        if with_email and self.email:
            profile["email"] = self.email
        return {
            "id": self.id,
            "team_id": self.team,
            "name": self.name,
            "real_name": self.real_name,
            "deleted": self.deleted,
            "color": self.colour,
            "tz": self.tz,
            "tz_label": self.tz,
            "is_admin": self.is_admin,
            "is_owner": False,
            "is_bot": bool(self.bot_id),
            "is_app_user": False,
            "is_restricted": self.is_guest,
            "is_ultra_restricted": False,
            "profile": {
                **profile,
                **({"bot_id": self.bot_id, "api_app_id": self.app_id} if self.bot_id else {}),
            },
        }


@dataclass
class Channel:
    """A channel, or a direct conversation when ``im_user`` is set."""

    id: str
    name: str
    members: list[str]
    created: int
    private: bool = False
    archived: bool = False
    im_user: str = ""
    """The person of a direct conversation; its other member is the bot ``members`` names."""
    topic: str = ""

    @property
    def kind(self) -> str:
        """``channel``, ``group`` (private) or ``im``, as in an event's ``channel_type``."""
        return "im" if self.im_user else "group" if self.private else "channel"

    def to_api(self, viewer: str) -> Json:
        """The ``conversation`` object as ``viewer`` sees it."""
        shared = {"id": self.id, "created": self.created, "is_archived": self.archived}
        if self.im_user:
            return {
                **shared,
                "is_im": True,
                "user": self.im_user,
                "is_channel": False,
                "is_user_deleted": False,
            }
        return {
            **shared,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.private,
            "is_group": self.private,
            "is_im": False,
            "is_mpim": False,
            "is_private": self.private,
            "is_member": viewer in self.members,
            "is_shared": False,
            "is_ext_shared": False,
            "num_members": len(self.members),
            "topic": {"value": self.topic, "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
        }


MOST_EARLIER = 20
"""Edits of a message after which what it had before can't be pressed any more."""


@dataclass
class Message:
    """One message. With ``only_for`` it is ephemeral and only that user sees it."""

    ts: str
    channel: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    thread_ts: str = ""
    subtype: str = ""
    bot_id: str = ""
    app_id: str = ""
    metadata: Json | None = None
    edited_ts: str = ""
    broadcast: bool = False
    only_for: str = ""
    reactions: dict[str, list[str]] = field(default_factory=dict)
    client_msg_id: str = ""
    earlier: list[list[Json]] = field(default_factory=list)
    """The blocks of before the last edits, the latest first: a person may still have those before them."""

    def show(self, blocks: list[Json]) -> None:
        """Put other blocks in place of the present ones."""
        if self.blocks and self.blocks != blocks:
            self.earlier = [self.blocks, *self.earlier][:MOST_EARLIER]
        self.blocks = blocks

    @property
    def is_reply(self) -> bool:
        """Whether it belongs in a thread rather than in the channel's own line."""
        return bool(self.thread_ts) and self.thread_ts != self.ts


@dataclass
class View:
    """A modal in a person's stack, or their App Home."""

    id: str
    app_id: str
    user: str
    definition: Json
    """What the app sent, with ids filled in."""
    hash: str
    root_id: str
    previous_id: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    """What the app answered with ``response_action: errors``, by block id."""

    @property
    def kind(self) -> str:
        """``modal`` or ``home``."""
        return str(self.definition["type"])

    def to_api(self, *, team: str, bot_id: str, state: Json | None = None) -> Json:
        """The ``view`` object of answers and payloads; ``state`` has what the person entered."""
        given = self.definition
        return {
            "id": self.id,
            "team_id": team,
            "type": given["type"],
            "title": given.get("title", {"type": "plain_text", "text": "View Title", "emoji": True}),
            "close": given.get("close"),
            "submit": given.get("submit"),
            "blocks": given["blocks"],
            "private_metadata": given.get("private_metadata", ""),
            "callback_id": given.get("callback_id", ""),
            "external_id": given.get("external_id", ""),
            "state": {"values": state or {}},
            "hash": self.hash,
            "clear_on_close": bool(given.get("clear_on_close", False)),
            "notify_on_close": bool(given.get("notify_on_close", False)),
            "root_view_id": self.root_id,
            "previous_view_id": self.previous_id or None,
            "app_id": self.app_id,
            "app_installed_team_id": team,
            "bot_id": bot_id,
        }


@dataclass
class File:
    """An uploaded file; ``ready_at`` is the moment from which image blocks may show it."""

    id: str
    name: str
    size: int
    user: str
    created: int
    ticket: str
    title: str = ""
    alt_text: str = ""
    content: bytes | None = None
    complete: bool = False
    ready_at: float = 0.0
    mimetype: str = "application/octet-stream"
    shared_in: list[str] = field(default_factory=list)

    def to_api(self, files_url: str) -> Json:
        """The ``file`` object; ``url_private`` asks for the bot's token."""
        url = f"{files_url}/{self.id}/{quote(self.name, safe='')}"
        return {
            "id": self.id,
            "created": self.created,
            "timestamp": self.created,
            "name": self.name,
            "title": self.title or self.name,
            "mimetype": self.mimetype,
            "filetype": self.name.rpartition(".")[2].lower() or "text",
            "user": self.user,
            "size": self.size,
            "mode": "hosted",
            "is_external": False,
            "is_public": False,
            "alt_txt": self.alt_text,
            "url_private": url,
            "url_private_download": url,
            "permalink": url,
            "channels": list(self.shared_in),
        }


@dataclass
class App:
    """An installed app: its tokens, its addresses and what it may do."""

    id: str
    bot_id: str
    bot_user: str
    bot_token: str
    app_token: str
    events_url: str
    interactivity_url: str
    commands: Mapping[str, str]
    """Slash command, with its stroke, to the address that answers it."""
    scopes: frozenset[str]
    events: frozenset[str]
    """Event types it subscribed to; an event is only sent when the scope for it is granted too."""
    client_id: str
    client_secret: str
    redirect_urls: tuple[str, ...] = ()
    """Where people may come back to after *Add to Slack*; any address where none is named."""
    active: bool = True
    revoked: bool = False

    @property
    def by_socket(self) -> bool:
        """Whether requests travel over Socket Mode: an app without any address gets them that way."""
        return not (self.events_url or self.interactivity_url or any(self.commands.values()))


@dataclass(frozen=True, kw_only=True)
class CallRecord:
    """One Web API call and what it was answered, for tests and the page's call list."""

    method: str
    args: Mapping[str, Any]
    status: int
    answer: Any
    app_id: str
    at: float
