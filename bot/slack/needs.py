"""What PatchPilot asks of Slack, as in ``deploy/slack-manifest.yaml`` (a test holds both together)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SCOPES: Final[Mapping[str, str]] = {
    "app_mentions:read": "be asked by @patchpilot",
    "channels:history": "find a message of its own whose answer was lost",
    "channels:read": "find the channel by its name",
    "chat:write": "post and edit its messages",
    "commands": "/patchpilot",
    "files:write": "upload long patches, logs and the digest's chart",
    "groups:history": "the same as channels:history in private channels",
    "groups:read": "find private channels by name",
    "im:write": "write to one person",
    "reactions:write": "say that a request was seen",
    "users:read": "tell guests and outsiders from members",
    "users:read.email": "suggest which GitHub account somebody is",
}
"""Scope of the bot token, and what does not work without it."""

EVENTS: Final = (
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "channel_archive",
    "channel_unarchive",
    "tokens_revoked",
)
"""Events that the app subscribes to."""
