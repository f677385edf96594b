"""Rendered text as a small tree that the page builds elements from: hostile text stays text.

A node is a string, or a list ``[tag, attributes, child, …]``. The tags and attributes are a short list that
the page's script knows (``dom.js``); nothing in a tree is ever read as HTML.
"""

from __future__ import annotations

import re
from typing import Any

Node = str | list[Any]
Nodes = list[Node]

_SAFE_LINK = re.compile(r"(?:https?://|mailto:)[^\s\x00-\x1f]+", re.IGNORECASE)


def element(tag: str, children: Nodes, **attributes: Any) -> Node:
    """One element."""
    return [tag, attributes, *children]


def link(href: str, children: Nodes) -> Node:
    """A link, or only its words when the address is not one to follow (``javascript:`` and the like)."""
    if _SAFE_LINK.fullmatch(href):
        return element("a", children, href=href)
    return element("span", children)


def text_of(nodes: Nodes) -> str:
    """The words of a tree without its structure."""
    return "".join(node if isinstance(node, str) else text_of(node[2:]) for node in nodes)
