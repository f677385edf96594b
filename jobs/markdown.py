"""Hostile text in GitHub's Markdown: it calls nobody, links nowhere, starts no markup and closes no block."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from patchpilot.text import middle, one_line, plain

_BACKTICKS: Final = re.compile("`+")
_LONGEST_RUN: Final = 32
"""More backticks in a row than any text needs; a fence must be longer than the longest run inside it."""
_SIGNS: Final = "\\`*_[]<>|#~&"
_JOINER: Final = "\u2060"


def say(text: str, limit: int = 1_000) -> str:
    """Prose on one line: no mention fires, no markup starts, no link or reference is made."""
    return _inert(one_line(text, limit))


def code(text: str, limit: int = 200) -> str:
    """A few words as code; what is code mentions nobody. Backticks inside become quotes."""
    return f"`{one_line(text, limit).replace('`', chr(39)) or '-'}`"


def said(text: str, limit: int = 1_500, *, links: Collection[str] = ()) -> str:
    """Prose of ours with names in backticks: they stay code, and ``links``, which are ours to name, stay
    links; all else is made harmless."""
    parts = one_line(text, limit).split("`")
    if len(parts) % 2 == 0:
        # One of them opens nothing, so none is trusted.
        return _inert("'".join(parts))
    names = (code(part) if part else "" for part in parts[1::2])
    return "".join(_linking(part, links) + next(names, "") for part in parts[::2])


def _linking(text: str, links: Collection[str]) -> str:
    ours = sorted(filter(is_link, links), key=len, reverse=True)
    if not ours:
        return _inert(text)
    # What goes on behind one of ours is another address.
    parts = re.split(f"({'|'.join(map(re.escape, ours))})(?![\\w/#?&%=@-])", text)
    return "".join(part if number % 2 else _inert(part) for number, part in enumerate(parts))


def is_link(url: str) -> bool:
    """Whether an address may stand in Markdown as it is."""
    return url.startswith(("https://", "http://")) and not set(url) & set(" ()<>\n`")


def block(text: str, *, language: str = "text", limit: int = 0) -> str:
    """A code block that its content can't close: the fence is longer than any run of backticks inside.

    ``limit`` cuts the middle out. https://spec.commonmark.org/0.31.2/#fenced-code-blocks
    """
    text = _BACKTICKS.sub(lambda run: _short(run[0]), plain(text).rstrip("\n"))
    if limit:
        text = middle(text, limit)
    longest = max(map(len, _BACKTICKS.findall(text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{text}\n{ticks}"


def folded(summary: str, body: str) -> str:
    """What most readers skip. ``summary`` must be harmless in HTML; GitHub reads no Markdown there."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def in_html(text: str, limit: int = 200) -> str:
    """Hostile text inside an HTML tag such as ``<summary>``."""
    text = one_line(text, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _unlinked(text).replace("`", "'")


def _inert(text: str) -> str:
    for sign in _SIGNS:
        text = text.replace(sign, "\\" + sign)
    return _unlinked(text)


def _unlinked(text: str) -> str:
    # GitHub makes links of what is left as text: accounts, issues, addresses, host names.
    for sign, at in (("@", 1), ("#", 1), ("://", 1), ("www.", 3)):
        text = text.replace(sign, sign[:at] + _JOINER + sign[at:])
    return text


def _short(run: str) -> str:
    pieces = [run[start : start + _LONGEST_RUN] for start in range(0, len(run), _LONGEST_RUN)]
    return _JOINER.join(pieces)
