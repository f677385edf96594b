"""Tests whose names stand on lines of their own, above what is wrong with them: Mocha, Jasmine, Catch2."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import takewhile
from types import MappingProxyType

from agent.distil.places import relative, without_roots
from agent.distil.rules import Role
from agent.distil.story import Story

PARTS = 12
"""So many suites one in another, at most, lead to a test."""
REACH = 200
"""So many lines stand at most between the name of a test of Catch2 and an assertion of it that failed."""
_NUMBERED = re.compile(r" {0,2}\d{1,4}\) (\S.*)")
_DEEPER = re.compile(r" {5,}\S")
_RULE = re.compile(r"-{40,}")
STACK = 300
"""So many lines of stacks are dumped at most before the one of the main thread ends."""
_TIMED_OUT = re.compile(r"(?:\S+ )?\+{5,} Timeout \+{5,}$")
_TEST_FRAME = re.compile(r'\s+File "([^"\n]+)", line \d+,? in (test_\w+)$')
_DUMP_ENDS = re.compile(r"\+{5,} Timeout \+{5,}$")
_DOTS = re.compile(r"\.{40,}")


def titles(story: Story) -> Mapping[int, str]:
    """The tests by the row of the line that names them, or that says what is wrong with them."""
    timed_out = {row: test for row in _rows(story, "pytest") if (test := hung(story, row))}
    mocha = {row: name for row, (name, _) in _of_mocha(story).items()}
    return MappingProxyType({**timed_out, **mocha, **_of_jasmine(story), **_of_catch2(story)})


def first_message(story: Story, row: int) -> int:
    """Row of what is said of the first test in Mocha's list of failures, if the row given stands in the list.

    Its messages are of many forms, and one that a rule knows better need not be the first.
    """
    listed = _of_mocha(story)
    return min(listed.values(), key=lambda test: test[1])[1] if any(row > first for first in listed) else row


def _of_mocha(story: Story) -> dict[int, tuple[str, int]]:
    """``  1) cart``, below it the suites and the test, each deeper than the last, a colon at the end.

    By its row, the name of each test and the row of what is said of it.
    """
    # Others number what failed too; that so many tests are failing says Mocha alone.
    counted = (rule for rules in story.by_row.values() for rule in rules if rule.role is Role.OUTCOME)
    if not any(rule.tool == "mocha" for rule in counted):
        return {}
    found: dict[int, tuple[str, int]] = {}
    for row, line in enumerate(story.lines):
        if not line.core.startswith("  ") or not (first := _NUMBERED.fullmatch(line.core)):
            continue
        parts = [first[1]]
        for deeper in story.lines[row + 1 : row + PARTS]:
            if parts[-1].endswith(":") or not _DEEPER.match(deeper.core):
                break
            parts.append(deeper.core.strip())
        below = (near for near in range(row + len(parts), len(story.lines)) if story.lines[near].core.strip())
        if parts[-1].endswith(":") and (said := next(below, 0)):
            found[row] = (" ".join(parts).removesuffix(":"), said)
    return found


def hung(story: Story, row: int) -> str:
    """The test that pytest-timeout ended with the whole run, from the stack of a thread that it dumps below.

    https://github.com/pytest-dev/pytest-timeout#the-thread-method
    """
    if not _TIMED_OUT.match(story.lines[row].core):
        return ""
    below = (line.core for line in story.lines[row + 1 : row + STACK])
    frames = (_TEST_FRAME.match(text) for text in takewhile(lambda text: not _DUMP_ENDS.match(text), below))
    frame = next(filter(None, frames), None)
    return f"{relative(without_roots(frame[1], story.roots))}::{frame[2]}" if frame else ""


def _of_jasmine(story: Story) -> dict[int, str]:
    """``1) cart adds``, and below it ``  Message:``."""
    return {
        row: title[1]
        for row in _rows(story, "jasmine")
        if row and (title := _NUMBERED.fullmatch(story.lines[row - 1].core))
    }


def _of_catch2(story: Story) -> dict[int, str]:
    """The test's name, and below it its sections set in, between two rules; then its place and dots."""
    found: dict[int, str] = {}
    for row in _rows(story, "catch2"):
        above = [line.core for line in reversed(story.lines[max(0, row - REACH) : row])]
        dots = next((place for place, text in enumerate(above) if _DOTS.fullmatch(text)), len(above))
        rules = [place for place, text in enumerate(above) if place > dots and _RULE.fullmatch(text)][:2]
        if len(rules) == 2 and rules[1] - rules[0] > 1:  # noqa: PLR2004 - above and below the name
            found[row] = above[rules[1] - 1]
    return found


def _rows(story: Story, tool: str) -> list[int]:
    """Rows that one of the tool's rules knows."""
    return [row for row, rules in story.by_row.items() if any(rule.tool == tool for rule in rules)]
