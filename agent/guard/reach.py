"""Rules about assertions that stand where the run may not come by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.guard.assertions import pairing
from agent.guard.case import Case, Change, Remark
from agent.guard.inventory import inventory
from agent.guard.lines import Statement

_BLOCK = re.compile(
    r"^(?:if|elif|else|try|while|for|with\s+(?:\w+\.)*(?:suppress|raises)|except|catch|unless"
    r"|begin|switch|match)\b|^\}?\s*(?:else|catch)\b"
)
_LEAVE = re.compile(
    r"^(?:return|break|continue)\b[^(]*$|^return\s+(?:None|true|false|nil|0)?;?$|^t\.SkipNow\(\)"
    r"|^raise\s+\w*Exit"
)


def unreached(case: Case) -> Iterator[Remark]:
    """Assertions put behind a condition, into a try, or after a return."""
    tests = inventory(case)
    for change in case.tests:
        deeper = {id(new) for _, new in pairing(case, change).reindented}
        side = change.new_statements
        for at, statement in enumerate(side):
            if not statement.changed:
                continue
            if _BLOCK.search(statement.code) and any(id(later) in deeper for later in _inner(side, at)):
                yield Remark(
                    change.path, statement.number, f"an assertion now depends on: {statement.bare[:80]}"
                )
            elif (
                _LEAVE.search(statement.code)
                and _cuts_short(side, at)
                and not tests.is_new_test(change, statement.number)
            ):
                owner = tests.owner(change, statement.number)
                if owner or (
                    statement.lines[0].first is False and _in_test_heading(change, statement.number)
                ):
                    yield Remark(change.path, statement.number, "the test ends before its assertions")


_LONGEST_BLOCK = 100
"""Statements of a block that are looked through."""


def _inner(side: Sequence[Statement], at: int) -> Iterator[Statement]:
    for later in side[at + 1 : at + 1 + _LONGEST_BLOCK]:
        if later.indent <= side[at].indent or later.lines[0].first:
            return
        yield later


def _cuts_short(side: Sequence[Statement], at: int) -> bool:
    """Something that was there before follows at the same depth, and could only be skipped."""
    here = side[at]
    following = side[at + 1] if at + 1 < len(side) else None
    return (
        following is not None
        and not following.lines[0].first
        and not following.changed
        and following.indent == here.indent
    )


def _in_test_heading(change: Change, number: int) -> bool:
    for hunk in change.diff.hunks:
        last = hunk.new_start + sum(line.sign != "-" for line in hunk.lines)
        if hunk.new_start <= number <= last:
            return bool(re.search(r"\btest|\bTest|\bit\(|\bit ", hunk.heading))
    return False
