"""Which rule holds on which line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from agent.distil.linear import compiled
from agent.distil.lines import Line
from agent.distil.matcher import Matcher
from agent.distil.needles import needles
from agent.distil.rules import RULES, Rule

HIT_LIMIT = 400_000
"""Most literals looked at in one log, so that a log made of nothing else costs no more than a second."""

TELLING = 3
"""Least length in bytes of a literal worth scanning for."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that holds on a line; ``row`` is the line's index."""

    row: int
    rule: Rule


def find(lines: Sequence[Line]) -> list[Finding]:
    """All findings, in order of the lines."""
    return list(_table().find([line.core.encode() for line in lines]))


class _Table:
    """All rules, reachable by the literals that they need."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        by_needle: dict[str, list[int]] = {}
        for index, rule in enumerate(rules):
            for key in _keys(rule.pattern):
                by_needle.setdefault(key, []).append(index)
        self._needed_by = list(by_needle.values())
        self._matcher = Matcher([key if key.startswith("(?i)") else f"(?i){key}" for key in by_needle])

    def find(self, texts: Sequence[bytes]) -> Iterator[Finding]:
        data = b"\n" + b"\n".join(texts)
        ends = list(accumulate((len(text) + 1 for text in texts), initial=0))[1:]
        hits, _ = self._matcher.scan(data, limit=HIT_LIMIT)
        row = 0
        tried: set[int] = set()
        for end, needle in hits:
            # ``ends`` holds the offset of the newline after each line, and a hit ends before it or at it.
            while end > ends[row]:
                row += 1
                tried.clear()
            for index in self._needed_by[needle]:
                if index not in tried:
                    tried.add(index)
                    if self._holds(index, texts[row]):
                        yield Finding(row, self._rules[index])

    def _holds(self, index: int, text: bytes) -> bool:
        return compiled(self._rules[index].pattern).search(text) is not None


def _keys(pattern: str) -> list[str]:
    """What to scan for: the pattern's literals, or itself where they are too short to tell anything."""
    literals = needles(pattern)
    if not literals or min(len(literal.encode()) for literal in literals) < TELLING:
        return [pattern]
    return [_escaped(literal) for literal in sorted(literals)]


def _escaped(needle: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in needle.encode())


@cache
def _table() -> _Table:
    """Built at the first log: importing must cost nothing."""
    return _Table(RULES)
