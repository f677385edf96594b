"""Tests that stand inside a file of other code, as is usual in Rust."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.guard.diff import Hunk
from agent.guard.lines import Line

_MODULE = re.compile(r"^\s*(?:pub(?:\([^)]*\))?\s+)?mod\s+\w*tests?\w*\s*\{")
_FUNCTION = re.compile(r"^\s*#\[(?:\w+::)*(?:test|rstest|test_case|proptest|quickcheck)\b")
_ATTRIBUTE = re.compile(r"^\s*#\[")
_CFG_TEST = re.compile(r"^\s*#\[cfg\(.*\btest\b")
_TEST_HEADING = re.compile(r"\bmod\s+\w*tests?\b")


def inside(side: Sequence[Line], hunks: Sequence[Hunk]) -> tuple[Line, ...]:
    """The lines of test modules and test functions, with the attributes in front of them.

    A block ends where a line goes back to its indentation, which rustfmt keeps.
    """
    headings = {start: hunk.heading for hunk in hunks for start in (hunk.old_start, hunk.new_start)}
    found: list[Line] = []
    attributes: list[Line] = []
    ends_at: int | None = None
    for line in side:
        if line.first:
            ends_at = -1 if _TEST_HEADING.search(headings.get(line.number, "")) else None
            attributes = []
        if ends_at is not None:
            found.append(line)
            if line.code.strip().startswith("}") and line.indent <= ends_at:
                ends_at = None
        elif _MODULE.match(line.code) or any(_FUNCTION.match(one.code) for one in attributes):
            if not _ATTRIBUTE.match(line.code):
                found += [*attributes, line]
                attributes = []
                ends_at = None if line.code.rstrip().endswith("}") else line.indent
            else:
                attributes.append(line)
        elif _ATTRIBUTE.match(line.code):
            attributes.append(line)
        elif line.code.strip():
            # What only tests compile is theirs too, were it a single line.
            found += [*attributes, line] if any(_CFG_TEST.match(one.code) for one in attributes) else []
            attributes = []
    return tuple(found)
