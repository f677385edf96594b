"""Exceptions of Python that led to one another, as a traceback prints them: the first on top, the last below.

The last is what ended the program; the first is why, or what was being handled when the last was raised:
https://docs.python.org/3/library/exceptions.html#exception-context
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from agent.distil.lines import Line

_DIRECT = "The above exception was the direct cause of the following exception:"
_HANDLED = "During handling of the above exception, another exception occurred:"
_RAISED = re.compile(r"(?:E {3,8}|( {0,12}))(?:\w{1,80}\.){0,8}[A-Z]\w{1,80}(?:: \S|:?$)")
_FRAME = re.compile(r'\s{0,40}(?:File "[^"]{1,500}", line \d|Traceback \(most recent call last)')
_QUOTED = re.compile(r"E {2,}\S")
"""How pytest prints an exception: set in as far as the line that raised it."""
_NAMED = re.compile(r"(?!(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)\b)[A-Za-z_][\w.]{1,200}(?::(?: .*)?)?")
_MESSAGE_REACH = 40
"""So many lines at most a message goes on below the exception's name."""
_TRACEBACK_REACH = 200
_CODE_REACH = 8
"""So many lines of code and of marks below it a frame shows at most."""

_ENDED_BADLY = re.compile(r"\bCalledProcessError\b|\breturned non-zero exit status \d")
_CAPTURED = re.compile(r"-{3,} Captured std(?:err|out) (?:call|setup|teardown) -{3,}$")
_NEXT_PART = re.compile(r"[=_]{3,} ")
_CAPTURED_REACH = 120


@dataclass(frozen=True, slots=True)
class Chain:
    """Exceptions one of which led to the next."""

    rows: tuple[int, ...]
    """Of the last line of each traceback, in the order in which they were raised."""
    direct: bool
    """Whether the last was raised from the first, rather than while it was being handled."""


def chains(lines: Sequence[Line]) -> Mapping[int, Chain]:
    """The chain of each exception that is in one, by the rows of its members."""
    found: list[Chain] = []
    for row, line in enumerate(lines):
        text = line.core.strip()
        if text not in {_DIRECT, _HANDLED}:
            continue
        indent = len(line.core) - len(line.core.lstrip())
        before = _above(lines, row, indent)
        after = _below(lines, row, indent)
        if before is None or after is None:
            continue
        if found and found[-1].rows[-1] == before:
            found[-1] = Chain((*found[-1].rows, after), found[-1].direct and text == _DIRECT)
        else:
            found.append(Chain((before, after), text == _DIRECT))
    return MappingProxyType({row: chain for chain in found for row in chain.rows})


def captured(lines: Sequence[Line], row: int) -> str:
    """What a program raised that the test at ``row`` started, as pytest captured it; empty if it didn't."""
    if not _ENDED_BADLY.search(lines[row].core):
        return ""
    shown, raised, traceback = False, "", False
    for line in lines[row + 1 : row + _CAPTURED_REACH]:
        text = line.core
        if _NEXT_PART.match(text):
            break
        shown = shown or _CAPTURED.match(text) is not None
        traceback = traceback or text.startswith("Traceback (most recent call last):")
        if shown and traceback and _RAISED.match(text) and not text.startswith(" "):
            raised, traceback = text.strip(), False
    return raised


def _above(lines: Sequence[Line], row: int, indent: int) -> int | None:
    """Where the exception stands whose traceback ends above ``row``: below its last frame, or first of ``E``.

    Its message may go on for lines, of which any may look like an exception's name.
    """
    rows = range(row - 1, max(-1, row - 1 - _MESSAGE_REACH), -1)
    for above in rows:
        text = lines[above].core
        if _FRAME.match(text):
            return _below_frame(lines, above + 1, row, indent)
        if _QUOTED.match(text):
            while above and _QUOTED.match(lines[above - 1].core):
                above -= 1  # noqa: PLW2901 - the block's first line
            return above if _NAMED.fullmatch(_unquoted(lines[above].core)) else None
    return None


def _below(lines: Sequence[Line], row: int, indent: int) -> int | None:
    """Where the exception stands that the traceback below ``row`` ends with."""
    for below in range(row + 1, min(row + 1 + _TRACEBACK_REACH, len(lines))):
        text = lines[below].core
        if _NEXT_PART.match(text):
            return None
        if _QUOTED.match(text):
            return below if _NAMED.fullmatch(_unquoted(text)) else None
        if _FRAME.match(text):
            found = _below_frame(lines, below + 1, len(lines), indent)
            # What another thread printed stands between two frames.
            if found is not None and not (found + 1 < len(lines) and _FRAME.match(lines[found + 1].core)):
                return found
    return None


def _below_frame(lines: Sequence[Line], first: int, end: int, indent: int) -> int | None:
    """The first row at the traceback's own depth, if it names an exception; the frame's code is set in."""
    for row in range(first, min(first + _CODE_REACH, end)):
        text = lines[row].core
        if len(text) - len(text.lstrip()) <= indent:
            return row if _NAMED.fullmatch(text.strip()) else None
    return None


def _unquoted(text: str) -> str:
    return text[1:].strip()
