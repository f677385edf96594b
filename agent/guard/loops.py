"""Loops in tests that run until what is asserted holds."""

from __future__ import annotations

import re

from agent.guard.case import Change
from agent.guard.lines import Statement

_LOOPS = re.compile(r"^(?:while|for|until)\b")
_EMPTY = re.compile(r"(?::|\{|;|\{\s*\}|:\s*(?:pass|continue))$")
_CALLED = re.compile(r"([A-Za-z_]\w*)\s*\(")


def runs_until_it_holds(change: Change, loop: Statement) -> bool:
    """An empty loop calls what the next assertion, which was there before, calls."""
    if (
        not _LOOPS.match(loop.code)
        or not _EMPTY.search(loop.code)
        or re.search(r"\b(?:in|range)\b", loop.code)
    ):
        return False
    side = change.new_statements
    at = next(index for index, statement in enumerate(side) if statement is loop)
    inner = [s.code.strip("};, ") for s in side[at + 1 : at + 3] if s.indent > loop.indent]
    following = [s for s in side[at + 1 : at + 5] if s.indent == loop.indent and not s.changed]
    called = {*_CALLED.findall(loop.code)} - {"while", "for", "len", "int", "str", "not", "and", "or"}
    return all(text in {"", "pass", "continue"} for text in inner) and any(
        called & {*_CALLED.findall(s.code)} for s in following[:1]
    )
