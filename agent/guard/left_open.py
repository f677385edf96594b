"""Assertions that nobody touched, but that stand in a string or a comment now."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

from agent.guard.case import Change, Remark
from agent.guard.lines import LONGEST_LINE

_ONE_LINE = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
_TEMPLATE = r"`(?:[^`\\]|\\.)*`"
_COMMENT = r"/\*.*?\*/"
# Where a value is due, a slash starts a regular expression and divides nothing.
_REGEXP = r"(?<=[(,=:\[!&|?;])\s{0,4}/(?![/*])(?:[^/\\\[]|\\.|\[(?:[^\]\\]|\\.){0,80}\])+/"
# The whole of what begins and ends on one line, then what has only one end there.
_PIECES = {
    "python": re.compile(
        rf"\"\"\".*?\"\"\"|'''.*?'''|(?P<quote>\"\"\"|''')|{_ONE_LINE}|(?P<opening>(?!))|(?P<closing>(?!))"
    ),
    "java": re.compile(
        rf"\"\"\".*?\"\"\"|(?P<quote>\"\"\")|{_COMMENT}|{_ONE_LINE}|(?P<opening>/\*.*)|(?P<closing>\*/)"
    ),
    "javascript": re.compile(
        rf"{_TEMPLATE}|{_COMMENT}|{_REGEXP}|{_ONE_LINE}|(?P<quote>`)|(?P<opening>/\*.*)|(?P<closing>\*/)"
    ),
    "go": re.compile(rf"`[^`]*`|{_COMMENT}|{_ONE_LINE}|(?P<quote>`)|(?P<opening>/\*.*)|(?P<closing>\*/)"),
}


def put_out_of_code(change: Change, asserts: Callable[[str], bool]) -> Iterator[Remark]:
    """Lines with an assertion, as ``asserts`` tells, that the patch puts between quotes or comment signs."""
    before, after = ([line for line in side if not line.changed] for side in (change.before, change.after))
    for old, new in zip(before, after, strict=False):
        if old.text != new.text:
            return  # the sides are not known alike
        if old.code.strip() and not new.code.strip() and asserts(old.code.strip()):
            yield Remark(
                change.path, new.number, f"an assertion is put out of the code: {old.bare.strip()[:80]}"
            )
    if change.old_text is None:
        yield from _left_open(change, asserts)


def _left_open(change: Change, asserts: Callable[[str], bool]) -> Iterator[Remark]:
    """A string or a comment of several lines has one end in a hunk, beside assertions, and not the other."""
    if change.language not in _PIECES or change.is_new:
        return
    for hunk in change.diff.hunks:
        ends: Counter[str] = Counter()
        cause = 0
        number = hunk.new_start
        for line in hunk.lines:
            if line.sign != " " and (lone := _lone_ends(line.text, change.language)):
                for end in lone:
                    ends[end] += 1 if line.sign == "+" else -1
                cause = cause or number
            number += line.sign != "-"
        is_open = ends["quote"] % 2 or ends["opening"] != ends["closing"]
        if is_open and any(line.sign == " " and asserts(line.text.strip()) for line in hunk.lines):
            what = "a string or a comment has only one end here, beside assertions that may stand in it"
            yield Remark(change.path, cause, what)


_MOST_ESCAPES = 40
"""Backslashes in a line up to which its strings are told apart: the patterns try each quote anew."""
_RAW = re.compile(r"(?P<quote>`|\"\"\"|''')|(?P<opening>/\*)|(?P<closing>\*/)")


def _lone_ends(text: str, language: str) -> list[str]:
    """What opens or closes on this line and has its other end on another."""
    text = text[:LONGEST_LINE]
    pieces = _PIECES[language] if text.count("\\") <= _MOST_ESCAPES else _RAW
    return [match.lastgroup for match in pieces.finditer(text) if match.lastgroup]
