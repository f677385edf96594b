"""Markdown (GitHub's bodies, Slack's ``markdown`` blocks) as a node tree.

Of HTML only folding (``<details>``, ``<summary>``) and line breaks are understood, because GitHub's people
use them; comments vanish, as on GitHub; any other tag is shown as the text it is.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from markdown_it import MarkdownIt
from markdown_it.token import Token

from playground.web.emoji import EMOJI
from playground.web.nodes import Node, Nodes, element, link

_PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_TAGS = {
    "p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "table", "thead", "tbody", "tr",
    "th", "td", "em", "strong", "s",
}  # fmt: skip
_FOLDING = {"details", "summary", "sub", "sup", "kbd", "b", "i", "code"}
_LONGEST = 100_000
_EMOJI_NAME = re.compile(r":([a-z0-9_+-]{1,64}):")


def nodes(text: str) -> Nodes:
    """The tree of a Markdown text."""
    tree = _Tree()
    for token in _PARSER.parse(text[:_LONGEST]):
        _add(tree, token)
    return tree.root


class _Tree:
    """Builds nodes from a flat run of opening, closing and content tokens."""

    def __init__(self) -> None:
        self.root: Nodes = []
        self._open: list[tuple[str, Nodes]] = []

    def append(self, node: Node) -> None:
        (self._open[-1][1] if self._open else self.root).append(node)

    def open(self, tag: str, node: Node) -> None:
        self.append(node)
        self._open.append((tag, node))  # type: ignore[arg-type]  # element() made it: a list

    def close(self, tag: str) -> None:
        # Markdown inside <details> may be cut off by it, and a stray </details> closes nothing.
        if any(tag == name for name, _ in self._open):
            while self._open.pop()[0] != tag:
                pass


def _add(tree: _Tree, token: Token) -> None:
    if token.type == "inline":
        for child in token.children or []:
            _add(tree, child)
    elif token.type in {"html_block", "html_inline"}:
        _Html(tree).read(token.content)
    elif token.type == "link_open":
        tree.open("a", link(str(token.attrs.get("href", "")), []))
    elif token.nesting == 1 and token.tag in _TAGS and not token.hidden:
        tree.open(token.tag, element(token.tag, []))
    elif token.nesting == -1:
        tree.close(token.tag)
    else:
        tree.append(_leaf(token))


def _leaf(token: Token) -> Node:
    """The node of a token that stands for itself."""
    match token.type:
        case "fence" | "code_block":
            language = token.info.split()[0] if token.info.strip() else ""
            return element("pre", [token.content.rstrip("\n")], language=language)
        case "code_inline":
            return element("code", [token.content])
        case "image":
            # Pictures from elsewhere would tell their server who looks; their words are enough.
            return element("span", [f"[image: {token.content}]"], kind="quiet")
        case "softbreak":
            return "\n"
        case "hr" | "hardbreak":
            return element(token.tag, [])
        case _:
            return _EMOJI_NAME.sub(lambda match: EMOJI.get(match[1], match[0]), token.content)


class _Html(HTMLParser):
    """The few tags that are understood go into the tree, the others as text."""

    def __init__(self, tree: _Tree) -> None:
        super().__init__(convert_charrefs=True)
        self._tree = tree

    def read(self, html: str) -> None:
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self._tree.append(element("br", []))
        elif tag in _FOLDING:
            attributes = {"open": True} if tag == "details" and ("open" in dict(attrs)) else {}
            self._tree.open(tag, element(tag, [], **attributes))
        else:
            self._tree.append(self.get_starttag_text() or f"<{tag}>")

    def handle_endtag(self, tag: str) -> None:
        if tag in _FOLDING:
            self._tree.close(tag)
        else:
            self._tree.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if data.strip():
            self._tree.append(data)
