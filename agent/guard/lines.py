"""Source text cut into lines whose code, strings and comments are known apart.

The cutting is lexical and works on fragments: a patch without its repository shows only hunks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

_HASH_COMMENT = r"\#[^\n]*"
_C_COMMENT = r"//[^\n]*|/\*.*?(?:\*/|\Z)"
_QUOTED = r"\"(?>(?:[^\"\\\n]|\\.)*)\"?|'(?>(?:[^'\\\n]|\\.)*)'?"
_GRAMMARS = {
    "python": (
        r'"""(?>(?:[^"\\]|\\.|"(?!""))*)(?:"""|\Z)|' + r"'''(?>(?:[^'\\]|\\.|'(?!''))*)(?:'''|\Z)|" + _QUOTED,
        _HASH_COMMENT,
    ),
    "javascript": (r"`(?>(?:[^`\\]|\\.)*)`?|" + _QUOTED, _C_COMMENT),
    "go": (r"`[^`]*+`?|" + _QUOTED, _C_COMMENT),
    "java": (r'"""(?>(?:[^"\\]|\\.|"(?!""))*)(?:"""|\Z)|' + _QUOTED, _C_COMMENT),
    # A quote in Rust is a lifetime more often than a character.
    "rust": (r"\"(?>(?:[^\"\\]|\\.)*)\"?|'(?:[^'\\\n]|\\.)'", _C_COMMENT),
    "c": (_QUOTED, _C_COMMENT + "|^[ \t]*\\#[ \t]*pragma[^\n]*"),
    "hash": (_QUOTED, r"(?<![^\s;(])" + _HASH_COMMENT),
    "text": (r"(?!)", r"(?!)"),
}
_LEXERS = {
    name: re.compile(f"(?P<comment>{comment})|(?P<string>{string})", re.DOTALL | re.MULTILINE)
    for name, (string, comment) in _GRAMMARS.items()
}
LONGEST_LINE = 4_000
"""Characters of a line that rules look at, so that no pattern can be made slow; longer lines are refused."""
_WORD = re.compile(r"[A-Za-z_$][\w$]*|\d[\w.]*|\S")
_OPEN, _CLOSE = "([{", ")]}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of one side of a change."""

    number: int
    text: str
    bare: str
    """Without comments."""
    code: str
    """Without comments, strings empty."""
    comment: str
    changed: bool
    first: bool = False
    """A fragment starts here: what stands before it is not known."""

    @property
    def indent(self) -> int:
        """Columns of leading white space, a tab counting four."""
        expanded = self.text.expandtabs(4)
        return len(expanded) - len(expanded.lstrip())


def cut(rows: Iterable[tuple[int, str, bool]], language: str, *, first: bool = True) -> tuple[Line, ...]:
    """Lines of one fragment from (number, text, changed); ``first`` marks the first of them."""
    rows = list(rows)
    text = "\n".join(row[1] for row in rows)
    if not _LEXERS[language].search(text):  # as prose, which may be long
        plain = ((number, raw, _bounded(raw), changed) for number, raw, changed in rows)
        return tuple(
            Line(number, raw, kept, kept, "", changed, first and index == 0)
            for index, (number, raw, kept, changed) in enumerate(plain)
        )
    bare, code, comment = list(text), list(text), [" " if char != "\n" else char for char in text]
    for match in _LEXERS[language].finditer(text):
        start, end = match.span()
        blank = [char if char == "\n" else " " for char in text[start:end]]
        if match["comment"] is not None:
            comment[start:end] = text[start:end]
            bare[start:end] = code[start:end] = blank
        elif end - start > 2:  # noqa: PLR2004 - the two quotes
            code[start:end] = [text[start], *blank[1:-1], text[end - 1]]
    sides = ("".join(part).split("\n") for part in (bare, code, comment))
    return tuple(
        Line(
            number,
            raw,
            _bounded(kept),
            _bounded(blanked),
            _bounded(said).strip(),
            changed,
            first and index == 0,
        )
        for index, ((number, raw, changed), kept, blanked, said) in enumerate(
            zip(rows, *sides, strict=True) if rows else ()
        )
    )


_VARIABLE = re.compile(r"\$[({](\w+)[)}]")


def spelled_out(text: str) -> str:
    """A command whose variables read like the programs that they are named after, as in ``$(GO) test``."""
    return _VARIABLE.sub(lambda match: match[1].lower().replace("_", "-"), text)


_GAP = re.compile(r"\s{40,}")


def _bounded(text: str) -> str:
    # Patterns may try every split of a run of spaces, so there are no long ones.
    return _GAP.sub(" " * 40, text[:LONGEST_LINE].rstrip())


def words(text: str) -> tuple[str, ...]:
    """The tokens of a piece of code, so that formatting does not matter."""
    return tuple(_WORD.findall(text))


# What a formatter never changes inside a text, though it is free to outside. No file may hold these
# characters: another rule refuses them.
_SPACE, _COMMA, _SEMICOLON, END_OF_LINE = "\x00", "\x01", "\x02", "\x03"
JUMPS = frozenset(("return", "break", "continue", "throw", "yield"))
_TEXT = re.compile(
    r"\"(?>(?:[^\"\\]|\\.)*)\"|`(?>(?:[^`\\]|\\.)*)`"
    # No lifetimes of Rust: ``<'a>(x: &'``
    r"|'(?!\w+[>,+ )][^']*[<&+:,( ]')(?>(?:[^'\\]|\\.)*)'"
)
_WHITE = re.compile(r"(?<=\w) (?=\w)|(?P<mark>\s)")
_ENDS = re.compile(r",(?=\s*[)\]}\"'`])")
_JUMPS = re.compile(rf"\b({'|'.join(sorted(JUMPS))})\s*;(?=\s*[^\s}}])")


def _marked(text: str) -> str:
    """A text in quotes whose white space, semicolons and commas before a bracket are tokens of their own."""
    text = _ENDS.sub(_COMMA, text.replace(";", _SEMICOLON))
    return _WHITE.sub(lambda match: f" {_SPACE} " if match["mark"] else " ", text)


def squeezed(text: str) -> str:
    """The text without white space, so that layout makes no difference."""
    return "".join(text.split())


def plain_words(text: str) -> tuple[str, ...]:
    """The same, blind to quotes, semicolons and commas before a bracket, but not inside a text."""
    return without_last_commas(words_with_commas(text))


def words_with_commas(text: str) -> tuple[str, ...]:
    """The same with all its commas, for a piece that goes on."""
    text = _TEXT.sub(lambda match: _marked(match[0]), text)
    text = _JUMPS.sub(rf"\1 {END_OF_LINE} ", text)
    return words(text.replace("'", '"').replace(";", " "))


def without_last_commas(tokens: tuple[str, ...]) -> tuple[str, ...]:
    """The tokens but for commas that nothing follows."""
    return tuple(
        word
        for word, following in zip(tokens, (*tokens[1:], ")"), strict=False)
        if word != "," or following not in _CLOSE
    )


@dataclass(frozen=True)
class Statement:
    """A statement, joined from the lines it stretches over."""

    lines: tuple[Line, ...]
    bare: str
    code: str

    @property
    def number(self) -> int:
        """Line it starts at."""
        return self.lines[0].number

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Its tokens, formatting aside."""
        return plain_words(self.bare)

    @cached_property
    def changed(self) -> bool:
        """Any of its lines is changed."""
        return any(line.changed for line in self.lines)

    @cached_property
    def indent(self) -> int:
        """Of its first line."""
        return self.lines[0].indent


_LONGEST = 60
"""Lines that one statement may stretch over; beyond it a bracket was miscounted."""


def statements(lines: Iterable[Line], *, braces: bool) -> Iterator[Statement]:
    """Lines joined while brackets are open; with ``braces``, a block's opening brace ends a statement."""
    held: list[Line] = []
    depth = 0
    for line in lines:
        if held and (line.first or len(held) >= _LONGEST):
            yield _statement(held)
            held, depth = [], 0
        if not held and not line.code.strip():
            continue
        held.append(line)
        code = line.code.rstrip()
        opens = braces and code.endswith(("{", "=>"))
        depth += sum(map(code.count, _OPEN)) - sum(map(code.count, _CLOSE))
        if depth <= 0 or opens:
            yield _statement(held)
            held, depth = [], 0
    if held:
        yield _statement(held)


def _statement(lines: list[Line]) -> Statement:
    return Statement(
        tuple(lines),
        " ".join(line.bare.strip() for line in lines).strip()[:LONGEST_LINE],
        " ".join(line.code.strip() for line in lines).strip()[:LONGEST_LINE],
    )
