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
    # What can't be taken apart ends the test: Rust, Swift, Kotlin.
    r"|^(?:let|guard)\b.*\belse\s*\{\s*(?:return|break|continue)\b[^{}]*\};?$"
    r"|^(?:Err|None|_)\b[^=]*=>\s*\{?\s*return\b[^{}]*\}?,?$|\?:\s*return(?:@\w+)?\s*;?$"
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
        had_yields = _generators(change.old_statements) if change.language == "python" else set()
        for at, statement in enumerate(side):
            if not statement.changed:
                continue
            why = _put_aside(change, at, deeper) or _of_language(change, tests, at, had_yields)
            if not why and _overwrites(change, side, at):
                why = f"the value under test is overwritten: {statement.bare[:80]}"
            if why and _in_existing_test(change, tests, statement):
                yield Remark(change.path, statement.number, why)
        yield from _moved_inside(case, change, tests)


def _put_aside(change: Change, at: int, deeper: set[int]) -> str:
    """Why the run may not come by an assertion any more; empty where it does."""
    side, statement = change.new_statements, change.new_statements[at]
    is_aside = _BLOCK.search(statement.code) or _LATER.search(statement.code)
    if is_aside and any(id(later) in deeper for later in _inner(side, at)):
        return f"an assertion now depends on: {statement.bare[:80]}"
    return (
        "the test ends before its assertions"
        if _LEAVE.search(statement.code) and _cuts_short(side, at)
        else ""
    )


def _of_language(change: Change, tests: Inventory, at: int, had_yields: set[tuple[str, ...]]) -> str:
    """The same, for what ends a test in one language only."""
    statement = change.new_statements[at]
    match change.language:
        case "javascript" if _IS_DONE.match(statement.code) and _goes_on(change.new_statements, at):
            return "the test is done before its assertions"
        case "python" if _makes_generator(change, tests, at, had_yields):
            return "the test is a generator now, whose body never runs"
        case "go" if _is_left_alone(change, statement):
            return f"nobody waits for a part of the test: {statement.bare[:80]}"
    return ""


def _moved_inside(case: Case, change: Change, tests: Inventory) -> Iterator[Remark]:
    """Assertions that go into a block that stays as it is."""
    pairs = pairing(case, change).reindented
    if not pairs:
        return
    old_places, new_places = (
        {id(s): at for at, s in enumerate(side)} for side in (change.old_statements, change.new_statements)
    )
    for old, new in pairs:
        head = _entered(change, old_places[id(old)], new_places[id(new)])
        if head is not None and _in_existing_test(change, tests, new):
            what = f"an assertion goes into a block that it was not in: {head.bare[:80]}"
            yield Remark(change.path, new.number, what)


_CONDITION = re.compile(
    r"^(?:if|elif|else|except|catch|while|for|unless|(?:async\s+)?with\s+(?:\w+\.)*(?:suppress|\w*[rR]aises\w*))\b"
    r"|^\}?\s*(?:else|catch)\b"
)


def _entered(change: Change, old: int, new: int) -> Statement | None:
    """The block, there before as it is, into which an assertion moves and that may end early."""
    around = {s.words for s in _outer(change.old_statements, old)}
    for head in _outer(change.new_statements, new):
        if not head.changed and _CONDITION.search(head.code) and head.words not in around:
            return head
    return None


def _outer(side: Sequence[Statement], at: int) -> Iterator[Statement]:
    """What opens the blocks around a statement, from the inside out."""
    indent = side[at].indent
    for before in reversed(side[max(at - _LONGEST_BLOCK, 0) : at]):
        if before.indent < indent:
            indent = before.indent
            yield before
        if before.lines[0].first or indent == 0:
            return


_IS_DONE = re.compile(r"^(?:return\s+)?done\(\s*\)\s*;?$")


def _goes_on(side: Sequence[Statement], at: int) -> bool:
    """An assertion that was there before follows in the same block."""
    for later in side[at + 1 : at + 1 + _LONGEST_BLOCK]:
        if later.indent < side[at].indent or later.lines[0].first:
            return False
        if not later.changed and is_assertion(later):
            return True
    return False


_YIELDS = re.compile(r"^(?:[\w, ]+=\s*)?yield\b|\(\s*yield\b")
_DEFINES = re.compile(r"^(?:async\s+)?def\s+(?P<name>\w+)|^@")
# What runs a generator, or makes it none: ``@inlineCallbacks``, ``@gen_test``.
_RUNS_GENERATORS = re.compile(r"(?i)^@.*(?:callbacks|gen|coroutine|fixture|context|yield)")


def _generators(side: Sequence[Statement]) -> set[tuple[str, ...]]:
    """The heads of functions in which there is a ``yield``."""
    found: set[tuple[str, ...]] = set()
    head: Statement | None = None
    for statement in side:
        if _DEFINES.match(statement.code):
            head = statement
        elif head is not None and _YIELDS.search(statement.code):
            found.add(head.words)
    return found


def _makes_generator(change: Change, tests: Inventory, at: int, had: set[tuple[str, ...]]) -> bool:
    """A ``yield`` makes a generator of a test that had none."""
    side = change.new_statements
    owner = tests.owner(change, side[at].number) if _YIELDS.search(side[at].code) else None
    if owner is None or not _DEFINES.match(owner.statement.code):
        return False
    home = next((s for s in _outer(side, at) if _DEFINES.match(s.code)), None)
    if home is not owner.statement:
        return False
    is_run = any(_RUNS_GENERATORS.match(s.code) for s in side[max(owner.index - 4, 0) : owner.index])
    return not is_run and owner.statement.words not in had


_OF_ITS_OWN = re.compile(r"^go\s+(?=\w+\.Run\()")


def _is_left_alone(change: Change, statement: Statement) -> bool:
    """Of Go: a part of a test that ran in it runs beside it now."""
    if not _OF_ITS_OWN.match(statement.code):
        return False
    plain = _OF_ITS_OWN.sub("", statement.code)
    return any(s.changed and s.code == plain for s in change.old_statements)


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
