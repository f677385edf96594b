"""Text cut into words as a shell would, without ever failing: an apostrophe in a hint opens no quote."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_SMART: Final = str.maketrans(
    {"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "\xa0": " "}
)
_OPTION: Final = re.compile(r"([A-Za-z][A-Za-z_-]{1,20}):(?!//)(.*)", re.DOTALL)
_QUOTES: Final = "\"'"
_OPENS_AFTER: Final = ":,="


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One word. ``start`` and ``end`` are its place in the text it was cut from."""

    value: str
    """Without its quotes."""
    start: int
    end: int
    bare: bool
    """Nothing of it was quoted."""
    wholly_quoted: bool
    """It begins with a quote, so it is a text and no option."""
    open_quote: str = ""
    """What stands from a quote on that is never closed."""

    @property
    def option(self) -> tuple[str, str] | None:
        """Key and value of ``key:value``; an address is none."""
        found = None if self.wholly_quoted else _OPTION.fullmatch(self.value)
        return (found[1].lower(), found[2]) if found else None


def straightened(text: str) -> str:
    """With plain quotes for the typographic ones that keyboards put in; as long as before."""
    return text.translate(_SMART)


def cut(text: str) -> list[Token]:
    """All words of a straightened text."""
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        token = _word(text, at)
        tokens.append(token)
        at = token.end
    return tokens


def _word(text: str, start: int) -> Token:
    value: list[str] = []
    bare, open_quote, at = True, "", start
    while at < len(text) and not text[at].isspace():
        # Only where a value begins: the apostrophe of "don't" opens nothing.
        if text[at] in _QUOTES and (at == start or text[at - 1] in _OPENS_AFTER):
            inner, end = _quoted(text, at)
            if end:
                value.append(inner)
                bare, at = False, end
                continue
            open_quote = open_quote or text[at:]
        value.append(text[at])
        at += 1
    return Token(
        value="".join(value),
        start=start,
        end=at,
        bare=bare,
        wholly_quoted=not bare and text[start] in _QUOTES,
        open_quote=open_quote,
    )


def _quoted(text: str, start: int) -> tuple[str, int]:
    """What stands between the quote at ``start`` and its partner, and its end; 0 if it has none."""
    quote, inner, at = text[start], [], start + 1
    while at < len(text):
        sign = text[at]
        if sign == "\\" and quote == '"' and at + 1 < len(text) and text[at + 1] in '"\\':
            inner.append(text[at + 1])
            at += 2
            continue
        if sign == quote:
            return "".join(inner), at + 1
        inner.append(sign)
        at += 1
    return "", 0
