"""What Slack's client makes of the words a person types: escaped, with mentions, channels and links marked.

``@patchpilot look at #ci`` becomes ``<@U01> look at <#C01|ci>``, and ``<`` becomes ``&lt;``.
Source: https://docs.slack.dev/messaging/formatting-message-text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_MENTION = re.compile(r"(?<![\w@])@([a-z0-9][a-z0-9._-]*)", re.IGNORECASE)
_CHANNEL = re.compile(r"(?<![\w#&])#([a-z0-9][a-z0-9_-]*)", re.IGNORECASE)
_LINK = re.compile(r"https?://[^\s<>|\"]+[^\s<>|\".,;:!?)\]]")
_BROADCASTS = {"here", "channel", "everyone"}


def marked_up(text: str, *, users: Mapping[str, str], channels: Mapping[str, str]) -> str:
    """Escape ``text`` and mark what it names; ``users`` and ``channels`` map lower-case names to ids."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    parts = re.split(r"(```.*?```|`[^`\n]+`)", escaped, flags=re.DOTALL)
    # Odd parts are code, where nothing is a mention.
    return "".join(part if index % 2 else _marked(part, users, channels) for index, part in enumerate(parts))


def _marked(text: str, users: Mapping[str, str], channels: Mapping[str, str]) -> str:
    def mention(match: re.Match[str]) -> str:
        name = match[1].rstrip(".-_").lower()
        rest = match[1][len(name) :]
        if name in _BROADCASTS:
            return f"<!{name}>{rest}"
        return f"<@{users[name]}>{rest}" if name in users else match[0]

    def channel(match: re.Match[str]) -> str:
        name = match[1].lower()
        return f"<#{channels[name]}|{name}>" if name in channels else match[0]

    pieces = re.split(f"({_LINK.pattern})", text)
    for index, piece in enumerate(pieces):
        if index % 2:
            pieces[index] = f"<{piece}>"
        else:
            pieces[index] = _CHANNEL.sub(channel, _MENTION.sub(mention, piece))
    return "".join(pieces)
