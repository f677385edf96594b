"""Slack's own markup as a node tree: bold, italics, strike, code, quotes, links, mentions, dates, emoji.

Source: https://docs.slack.dev/messaging/formatting-message-text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from playground.web.emoji import EMOJI
from playground.web.nodes import Node, Nodes, element, link

_FENCE = re.compile(r"```\n?(.*?)\n?```", re.DOTALL)
_QUOTE = re.compile(r"(?:&gt;|>) ?(.*)")
# One pass from the left; each run excludes its own closing sign, so no input makes this slow.
_INLINE = re.compile(
    r"`(?P<code>[^`\n]+)`"
    r"|<(?P<special>[^<>\n]+)>"
    r"|(?<![\w*])\*(?!\s)(?P<bold>[^*\n]+)(?<!\s)\*(?![\w*])"
    r"|(?<![\w_])_(?!\s)(?P<italic>[^_\n]+)(?<!\s)_(?![\w_])"
    r"|(?<![\w~])~(?!\s)(?P<strike>[^~\n]+)(?<!\s)~(?![\w~])"
    r"|:(?P<emoji>[a-z0-9_+'-]{1,64}):"
)
# Slack has no escape for these signs; bots put invisible characters around them, so that nothing is near
# enough to be formatted: https://github.com/anneschuth/claude-threads/pull/92.
_DEFUSED = re.compile(r"[\u200b\u2060]([*_~`])[\u200b\u2060]")
_STAND_INS = {sign: chr(0xE000 + number) for number, sign in enumerate("*_~`")}
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
_STYLES = {"bold": "b", "italic": "i", "strike": "s"}
_DATE = re.compile(r"!date\^(-?\d{1,12})\^([^^]+)(?:\^(.+))?")


@dataclass(frozen=True)
class Names:
    """How ids in messages are shown."""

    users: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    usergroups: Mapping[str, str] = field(default_factory=dict)


def nodes(text: str, names: Names) -> Nodes:
    """The tree of a ``mrkdwn`` text."""
    text = _DEFUSED.sub(lambda match: _STAND_INS[match[1]], text)
    found: Nodes = []
    position = 0
    for fence in _FENCE.finditer(text):
        found += _lines(text[position : fence.start()], names)
        found.append(element("pre", [plain(fence[1])]))
        position = fence.end()
    return found + _lines(text[position:], names)


def plain(text: str) -> str:
    """Text with Slack's three entities read, and defused signs as themselves."""
    for sign, stand_in in _STAND_INS.items():
        text = text.replace(stand_in, sign)
    for entity, sign in _ENTITIES:
        text = text.replace(entity, sign)
    return text


def with_emoji(text: str) -> str:
    """Plain text whose ``:names:`` have become emoji."""
    return re.sub(r":([a-z0-9_+'-]{1,64}):", lambda match: EMOJI.get(match[1], match[0]), plain(text))


def _lines(text: str, names: Names) -> Nodes:
    found: Nodes = []
    quoted: Nodes = []
    lines = text.strip("\n").split("\n") if text.strip("\n") else []
    for line in lines:
        quote = _QUOTE.match(line)
        if quote:
            quoted += [*([element("br", [])] if quoted else []), *_inline(quote[1], names)]
            continue
        if quoted:
            found.append(element("blockquote", quoted))
            quoted = []
        elif found:
            found.append(element("br", []))
        found += _inline(line, names)
    if quoted:
        found.append(element("blockquote", quoted))
    return found


def _inline(text: str, names: Names) -> Nodes:
    found: Nodes = []
    position = 0
    for match in _INLINE.finditer(text):
        if match.start() > position:
            found.append(plain(text[position : match.start()]))
        found.append(_marked(match, names))
        position = match.end()
    if position < len(text):
        found.append(plain(text[position:]))
    return found


def _marked(match: re.Match[str], names: Names) -> Node:
    kind = str(match.lastgroup)
    inside = match[kind]
    if kind == "code":
        return element("code", [plain(inside)])
    if kind == "emoji":
        return EMOJI.get(inside, match[0])
    if kind == "special":
        return _special(inside, names)
    return element(_STYLES[kind], _inline(inside, names))


def _special(inside: str, names: Names) -> Node:
    target, _, label = inside.partition("|")
    if target.startswith("@"):
        shown = names.users.get(target[1:], label or target[1:])
        return element("span", [f"@{shown}"], kind="mention")
    if target.startswith("#"):
        return element("span", [f"#{names.channels.get(target[1:], label or target[1:])}"], kind="mention")
    if target.startswith("!date^"):
        return _date(target, label)
    if target.startswith("!subteam^"):
        group = names.usergroups.get(target.removeprefix("!subteam^"), label.removeprefix("@") or "group")
        return element("span", [f"@{group}"], kind="mention")
    if target.startswith("!"):
        return element("span", [f"@{label or target[1:]}"], kind="broadcast")
    return link(plain(target), [plain(label) if label else plain(target)])


def _date(target: str, fallback: str) -> Node:
    match = _DATE.fullmatch(target)
    if not match:
        return plain(fallback)
    attributes: dict[str, Any] = {"ts": int(match[1]), "format": match[2]}
    moment = element("time", [plain(fallback)], **attributes)
    return link(plain(match[3]), [moment]) if match[3] else moment
