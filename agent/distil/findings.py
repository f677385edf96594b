"""Which rule holds on which line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from agent.distil.linear import compiled
from agent.distil.lines import Line
from agent.distil.matcher import Matcher
from agent.distil.needle_table import keys_of
from agent.distil.rules import RULES, Rule

HIT_LIMIT = 400_000
"""Most literals looked at in one log, so that a log made of nothing else costs no more than a second."""

LIKE_LINES = 40
"""So many lines that differ in digits only are read one by one; a flood of them is not."""

_Known = dict[bytes, tuple[int, list[Rule]]]
"""For each line, its digits aside: how often it came and which rules held."""
_SAME_DIGIT = bytes(ord("0") if chr(code).isdigit() and code < 128 else code for code in range(256))  # noqa: PLR2004 - ASCII


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
        for index, keys in enumerate(keys_of([rule.pattern for rule in rules])):
            for key in keys:
                by_needle.setdefault(key, []).append(index)
        self._needed_by = list(by_needle.values())
        self._matcher = Matcher([key if key.startswith("(?i)") else f"(?i){key}" for key in by_needle])

    def find(self, texts: Sequence[bytes]) -> Iterator[Finding]:
        known: _Known = {}
        data = b"\n" + b"\n".join(texts)
        ends = list(accumulate((len(text) + 1 for text in texts), initial=0))[1:]
        hits, _ = self._matcher.scan(data, limit=HIT_LIMIT)
        for row, needles_hit in self._by_row(hits, ends):
            for rule in self._rules_of(texts[row], needles_hit, known):
                yield Finding(row, rule)

    def _by_row(self, hits: list[tuple[int, int]], ends: list[int]) -> Iterator[tuple[int, list[int]]]:
        """Group the literals found by line. ``ends`` holds the offset of the newline after each line."""
        row = 0
        group: list[int] = []
        for end, needle in hits:
            if end > ends[row]:
                if group:
                    yield row, group
                group = []
                while end > ends[row]:
                    row += 1
            group.append(needle)
        if group:
            yield row, group

    def _rules_of(self, text: bytes, needles_hit: list[int], known: _Known) -> list[Rule]:
        """The rules that hold on a line. One in a long row of like lines is taken to be like the last."""
        template = text.translate(_SAME_DIGIT)
        count, rules = known.get(template, (0, []))
        if count < LIKE_LINES:
            candidates = {index for needle in needles_hit for index in self._needed_by[needle]}
            rules = [self._rules[index] for index in sorted(candidates) if self._holds(index, text)]
        known[template] = (count + 1, rules)
        return rules

    def _holds(self, index: int, text: bytes) -> bool:
        return compiled(self._rules[index].pattern).search(text) is not None


@cache
def _table() -> _Table:
    """Built at the first log: importing must cost nothing."""
    return _Table(RULES)
