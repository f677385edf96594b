"""What stands around tests and decides whether they are found: classes, functions, build constraints."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.guard.case import Change, Remark
from agent.guard.lines import Statement

_CLASS = re.compile(r"^(?P<before>(?:[\w@()\"]+\s+)*)class\s+(?P<name>\w+)(?P<after>[^{]*)")
_TEST_CLASS = re.compile(r"^(?:Test|IT)|(?:Tests?|TestCase|IT|Spec|Suite)$")
_PYTHON_TEST = re.compile(r"^(?:async\s+)?def\s+test\w*\s*\(|^class\s+Test")
_FUNCTION = re.compile(r"^(?:async\s+)?def\b")
_CONSTRAINT = re.compile(r"^//(?:go:build|\s*\+build)\s+(.*)$")
_PREPROCESSOR = re.compile(r"^#\s*(?:if|ifdef|ifndef|elif)\b")


def uncollected(change: Change) -> Iterator[Remark]:
    """Existing tests put where no runner looks for them."""
    if change.is_new or change.is_deleted:
        return
    match change.language:
        case "python":
            yield from _nested(change)
            yield from _classes(change)
        case "java" | "c":
            yield from _classes(change)
            yield from _conditions(change)
        case "go":
            yield from _constraints(change)


def _nested(change: Change) -> Iterator[Remark]:
    """A test inside a function is an ordinary function."""
    side = change.new_statements
    for at, statement in enumerate(side):
        if not (statement.indent and _PYTHON_TEST.match(statement.bare)):
            continue
        outer = _around(side, at)
        if outer and _FUNCTION.match(outer.bare) and (outer.changed or statement.changed):
            yield Remark(change.path, statement.number, "a test inside a function is never found")


def _around(side: tuple[Statement, ...], at: int) -> Statement | None:
    for before in reversed(side[:at]):
        if before.indent < side[at].indent:
            return before
        if before.lines[0].first:
            return None
    return None


def _classes(change: Change) -> Iterator[Remark]:
    """The class of tests is abstract now, has lost its base or its name."""
    old = {
        match["name"]: match for s in change.old_statements if s.changed and (match := _CLASS.match(s.code))
    }
    new = [(s, match) for s in change.new_statements if s.changed and (match := _CLASS.match(s.code))]
    kept = {match["name"] for s in change.new_statements if (match := _CLASS.match(s.code))}
    lost = [name for name in old if name not in kept and _TEST_CLASS.search(name)]
    for statement, match in new:
        before = old.get(match["name"])
        if before is None:
            if lost and change.language == "java" and not _TEST_CLASS.search(match["name"]):
                yield Remark(change.path, statement.number, f"no runner looks for tests in {match['name']}")
        elif "abstract" in match["before"] and "abstract" not in before["before"]:
            yield Remark(change.path, statement.number, "tests of an abstract class are not run")
        elif "TestCase" in before["after"] and "TestCase" not in match["after"]:
            yield Remark(change.path, statement.number, f"{match['name']} is no test case any more")


def _conditions(change: Change) -> Iterator[Remark]:
    """Code between ``#if`` and ``#endif`` may not be compiled."""
    if change.language != "c":
        return
    had = {"".join(line.text.split()) for line in change.removed}
    for line in change.added:
        if _PREPROCESSOR.match(line.text.strip()) and "".join(line.text.split()) not in had:
            yield Remark(change.path, line.number, "this part of the tests may not be compiled any more")


def _constraints(change: Change) -> Iterator[Remark]:
    """A file with a build constraint is left out wherever it does not hold."""
    sides = (
        {match[1].strip() for line in side if (match := _CONSTRAINT.match(line.text.strip()))}
        for side in (change.removed, change.added)
    )
    had, has = sides
    if has - had and not (had and {_plain(one) for one in has} <= {_plain(one) for one in had}):
        number = next(line.number for line in change.added if _CONSTRAINT.match(line.text.strip()))
        yield Remark(change.path, number, "the tests of this file are built under a condition now")


def _plain(expression: str) -> str:
    return re.sub(r"[\s,&()]+", " ", expression).strip()
