"""Rules about assertions that stand where the run may not come by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.guard import outcomes, places
from agent.guard.assertions import is_assertion, pairing
from agent.guard.case import Case, Change, Remark
from agent.guard.inventory import Inventory, inventory
from agent.guard.lines import Statement

_BLOCK = re.compile(
    r"^(?:(?:async\s+)?def|class|func|if|elif|else|try|while|for|with\s+(?:\w+\.)*(?:suppress"
    r"|raises)|except|catch|unless"
    r"|begin|switch|match)\b|^\}?\s*(?:else|catch)\b"
)
# What runs after the test has ended, as nobody waits for it.
_LATER = re.compile(
    r"^(?:void\s+)?(?:(?:vi\.)?waitFor|setTimeout|setImmediate|queueMicrotask|(?:process\.)?nextTick"
    r"|requestAnimationFrame|[\w.()]{1,80}\.then)\s*\(.*(?:=>\s*|\bfunction\s*\([^()]*\)\s*)\{$"
)
_LEAVE = re.compile(
    r"^(?:return|yield|break|continue)(?:\s+(?:None|true|false|nil|0|undefined))?\s*;?$"
    r"|^if\b.*[\s{)]return\s*;?\s*\}?$|^raise\s+\w*Exit"
)
_ASSIGNED = re.compile(
    r"^(?:const\s+|let\s+|var\s+|final\s+|\w+\s+)?(\w+(?:\s*,\s*\w+){0,8})\s*(?::\s*[\w\[\], .]+)?\s*:?=(?!=)"
)
_FIELD = re.compile(r"^(\w+(?:\.\w+)+)\s*=(?!=)")


def unreached(case: Case) -> Iterator[Remark]:
    """Assertions put behind a condition, into a try or a function, after a return or a new assignment."""
    tests = inventory(case)
    for change in case.tests:
        yield from outcomes.no_longer_for_all(change)
        deeper = {id(new) for _, new in pairing(case, change).reindented}
        side = change.new_statements
        for at, statement in enumerate(side):
            if not statement.changed:
                continue
            is_aside = _BLOCK.search(statement.code) or _LATER.search(statement.code)
            if is_aside and any(id(later) in deeper for later in _inner(side, at)):
                why = f"an assertion now depends on: {statement.bare[:80]}"
            elif _LEAVE.search(statement.code) and _cuts_short(side, at):
                why = "the test ends before its assertions"
            elif _overwrites(change, side, at):
                why = f"the value under test is overwritten: {statement.bare[:80]}"
            else:
                continue
            if _in_existing_test(change, tests, statement):
                yield Remark(change.path, statement.number, why)


def _in_existing_test(change: Change, tests: Inventory, statement: Statement) -> bool:
    if tests.is_new_test(change, statement.number):
        return False
    if places.is_collected(change.path) or (change.language == "c" and _LEAVE.search(statement.code)):
        return True  # an assertion stood behind this already
    known = tests.owner(change, statement.number) is not None
    return known or _BLOCK.search(statement.code) is not None or _in_test_heading(change, statement.number)


_LONGEST_BLOCK = 100
"""Statements of a block that are looked through."""


def _inner(side: Sequence[Statement], at: int) -> Iterator[Statement]:
    for later in side[at + 1 : at + 1 + _LONGEST_BLOCK]:
        if later.indent <= side[at].indent or later.lines[0].first:
            return
        yield later


def _cuts_short(side: Sequence[Statement], at: int) -> bool:
    """An assertion that was there before follows in the same fragment, and might be skipped now."""
    for later in side[at + 1 : at + 1 + _LONGEST_BLOCK]:
        if later.lines[0].first or (later.indent == 0 and later.code.strip("})];, ")):
            return False
        if not later.changed and is_assertion(later):
            return True
    return False


def _overwrites(change: Change, side: Sequence[Statement], at: int) -> bool:
    """The statement gives a new value to a name or field that an old assertion looks at.

    A name counts only where it was set before: else the patch may just introduce it.
    """
    if side[at].indent == 0:
        return False
    following = [s for s in side[at + 1 : at + 3] if not s.changed and is_assertion(s)]
    if field := _FIELD.match(side[at].code):
        looked_at = re.compile(rf"(?<![\w.]){re.escape(field[1])}(?![\w(])")
        return any(looked_at.search(s.code) for s in following)
    before: set[str] = set()
    for s in reversed(side[max(at - _LONGEST_BLOCK, 0) : at]):
        before.update(() if s.changed else _assigned(s))
        if s.lines[0].first and s.number > 1 and s.indent > 0:
            # Where it was set is out of sight, but it was: an old assertion looks at it.
            gone = {name for old in change.old_statements if old.changed for name in _assigned(old)}
            before.update(name for name in _assigned(side[at]) if name not in gone)
            break
    names = [re.compile(rf"\b{re.escape(name)}\b") for name in _assigned(side[at]) if name in before]
    return any(name.search(s.code) for name in names for s in following)


def _assigned(statement: Statement) -> list[str]:
    match = _ASSIGNED.match(statement.code)
    return [name.strip() for name in match[1].split(",")] if match else []


def _in_test_heading(change: Change, number: int) -> bool:
    for hunk in change.diff.hunks:
        last = hunk.new_start + sum(line.sign != "-" for line in hunk.lines)
        if hunk.new_start <= number <= last:
            return bool(re.search(r"\btest|\bTest|\bit\(|\bit ", hunk.heading))
    return False
