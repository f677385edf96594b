"""``rich_text`` blocks as a node tree."""

from __future__ import annotations

from typing import Any

from playground.slack.schema import Json
from playground.web.emoji import EMOJI
from playground.web.mrkdwn import Names
from playground.web.nodes import Node, Nodes, element, link

_STYLES = (("code", "code"), ("bold", "b"), ("italic", "i"), ("strike", "s"))


def nodes(block: Json, names: Names) -> Nodes:
    """The tree of a ``rich_text`` block that Slack accepted."""
    return [_part(part, names) for part in block["elements"]]


def _part(part: Json, names: Names) -> Node:
    if part["type"] == "rich_text_list":
        tag = "ol" if part["style"] == "ordered" else "ul"
        return element(tag, [element("li", _inlines(item, names)) for item in part["elements"]])
    tag = {"rich_text_preformatted": "pre", "rich_text_quote": "blockquote"}.get(part["type"], "div")
    return element(tag, _inlines(part, names))


def _inlines(part: Json, names: Names) -> Nodes:
    return [_styled(inline, _inline(inline, names)) for inline in part["elements"]]


def _styled(inline: Json, node: Node) -> Node:
    style: Any = inline.get("style") or {}
    for name, tag in _STYLES:
        if style.get(name):
            node = element(tag, [node])
    return node


def _inline(inline: Json, names: Names) -> Node:
    match inline["type"]:
        case "link":
            return link(inline["url"], [inline.get("text") or inline["url"]])
        case "date":
            attributes = {"ts": inline["timestamp"], "format": inline["format"]}
            return element("time", [inline.get("fallback", "")], **attributes)
        case "emoji":
            return EMOJI.get(inline["name"], f":{inline['name']}:")
        case "broadcast":
            return element("span", [f"@{inline['range']}"], kind="broadcast")
        case "user" | "channel" | "usergroup":
            return element("span", [_name(inline, names)], kind="mention")
        case _:
            return str(inline.get("text") or inline.get("value") or "")


def _name(inline: Json, names: Names) -> str:
    if "channel_id" in inline:
        return "#" + names.channels.get(inline["channel_id"], inline["channel_id"])
    if "user_id" in inline:
        return "@" + names.users.get(inline["user_id"], inline["user_id"])
    return "@" + names.usergroups.get(inline["usergroup_id"], "group")
