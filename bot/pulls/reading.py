"""The command in a pull request comment, if there is one that its readers can see.

A comment is Markdown, and most of it is not meant for us: quoted words of others, code that shows how a
command is written, templates in HTML comments. So the Markdown is parsed, and only a line of an ordinary
paragraph that starts with our name is a command. Everything else (quotes with their lazy continuation lines,
code, lists, headings, tables, folded or hidden HTML, struck out text) is not read.

https://spec.commonmark.org/0.31.2/#block-quotes
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

NAME: Final = "patchpilot"
OURS: Final = "<!-- patchpilot:"
"""How the hidden marker of every comment of ours begins."""
_PARSER: Final = (
    MarkdownIt("commonmark", {"html": True})
    .enable(["table", "strikethrough"])
    # Not needed to see what is visible, and slow on comments that are made to be.
    .disable(["link", "image", "emphasis", "entity", "reference"])
)
_CALL: Final = re.compile(rf"@{NAME}(?:\[bot\])?(?![\w/-])[\s:,]*(.*)", re.IGNORECASE | re.DOTALL)
_OPENS: Final = re.compile(r"<details\b", re.IGNORECASE)
_CLOSES: Final = re.compile(r"</details\b", re.IGNORECASE)
_TOP_LEVEL: Final = 1
"""Level of the text inside a paragraph that stands in nothing else."""
_LONGEST: Final = 20_000
"""Characters that are looked at: strangers write comments, and parsing takes time."""


def commands_in(body: str) -> tuple[str, ...]:
    """What ``body`` asks of us, each without the mention; nothing for a comment that we wrote ourselves.

    More than one is more than anybody may ask for in one comment; who answers says so.
    """
    if NAME not in body.lower() or OURS in body:
        return ()
    lines = _visible_lines(body[:_LONGEST])
    return tuple(text for line in lines if (text := _called(line)) is not None)


def _called(line: str) -> str | None:
    match = _CALL.fullmatch(line.strip())
    return None if match is None else match[1].strip()


def _visible_lines(body: str) -> Iterator[str]:
    folded = 0
    before = ""
    for token in _PARSER.parse(body):
        if token.type == "html_block":
            folded = max(folded + len(_OPENS.findall(token.content)) - len(_CLOSES.findall(token.content)), 0)
        # Headings hold their text at the same level as paragraphs do.
        in_paragraph = before == "paragraph_open" and token.level == _TOP_LEVEL
        if token.type == "inline" and in_paragraph and not folded:
            yield from _lines(token.children or [])
        before = token.type


def _lines(children: list[Token]) -> Iterator[str]:
    """The lines of a paragraph as they are read, without what is struck out or commented out."""
    line, struck = "", 0
    for child in children:
        match child.type:
            case "softbreak" | "hardbreak":
                yield line
                line = ""
            case "s_open" | "s_close":
                struck += child.nesting
            case "text" | "text_special" if not struck:
                line += child.content
            case "code_inline" if not struck:
                # A hint may quote code; a command that is code itself is only being talked about.
                line += f"`{child.content}`"
            case "html_inline" if not child.content.startswith("<!--"):
                line += child.content
            case _:
                pass
    yield line
