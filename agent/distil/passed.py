"""What tests that passed printed: it reads like failures at times, and is none.

``go test -v`` and GoogleTest announce each test by its name and say how it ended in a line of the same name,
so the lines of each test are known, also where several run at once (https://pkg.go.dev/cmd/test2json).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from agent.distil.lines import Line
from agent.distil.rules import Role, Rule

_UNSEEN = ""
"""Whose lines they are that stand below a gap in the log, in which their test may have begun."""


@dataclass(slots=True)
class _Running:
    """The tests that have begun and not ended, with the rows that each printed."""

    rows: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    owner: str | None = None
    """The test that prints now."""

    def begin(self, name: str, *, anew: bool) -> None:
        if anew:
            self.rows.pop(name, None)
        self.owner = name

    def fail(self) -> None:
        """Whatever the one that printed last said, it is to be read."""
        if self.owner is not None:
            self.rows.pop(self.owner, None)
        self.owner = None

    def end(self) -> None:
        """The step ended, and so did every test in it."""
        self.rows.clear()
        self.owner = None

    def passed(self, name: str) -> list[int]:
        """The rows that the test printed. Another's are kept, which may fail yet."""
        found = self.rows.pop(name, [])
        if self.owner == _UNSEEN:
            found += self.rows.pop(_UNSEEN, [])
        self.owner = None
        return found


def printed_by_passed(
    lines: Sequence[Line], by_row: Mapping[int, Sequence[Rule]], *, ends: Collection[int]
) -> set[int]:
    """Rows of what passing tests printed; ``ends`` are the rows where a step ended."""
    rules = {rule for found in by_row.values() for rule in found if rule.role is Role.CLEARED}
    begins = [_compiled(since) for since in sorted({rule.since for rule in rules})]
    cleared: set[int] = set()
    running = _Running()
    for row, line in enumerate(lines if rules else ()):
        known = by_row.get(row, ())
        if row and line.number > lines[row - 1].number + 1:
            running.begin(_UNSEEN, anew=True)
        if ended := next((rule for rule in known if rule.role is Role.CLEARED), None):
            cleared.update((*running.passed(_name(line, _compiled(ended.pattern))), row))
        elif row in ends:
            running.end()
        elif any(rule.test for rule in known):
            running.fail()
        else:
            for pattern in begins:
                if pattern.match(line.core):
                    running.begin(_name(line, pattern), anew="RUN" in line.core[:12])
            if running.owner is not None:
                running.rows[running.owner].append(row)
    return cleared


def _name(line: Line, pattern: re.Pattern[str]) -> str:
    """The first word behind what the pattern knows."""
    match = pattern.match(line.core)
    words = line.core[match.end() :].split(maxsplit=1) if match else []
    return words[0] if words else _UNSEEN


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
