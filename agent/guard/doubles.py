"""Stand-ins that the patch itself writes into the tests: subclasses, look-alikes, fixtures of one name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.guard.case import Case, Change, Remark
from agent.guard.inventory import Inventory, inventory
from agent.guard.lines import Statement

_SUBCLASS = re.compile(
    r"\bclass\s+(?P<name>\w+)\s*(?:<[^>]*>\s*)?(?:extends\s+|\(\s*|:\s*(?:public\s+)?|<\s+)(?:\w+\.)*(?P<base>[A-Z]\w*)"
)
_FUNCTION = re.compile(
    r"^(?:async\s+|static\s+|private\s+|export\s+)*(?:def|function|func|fn)\s+(\w+)\s*\(|^(?:const|let)\s+(\w+)\s*=\s*\(?.*=>"
)
_CALL = re.compile(r"(?<![\w.])((?:new\s+)?[A-Za-z_]\w*)\s*\(")
_FIXTURE = re.compile(r"^@(?:pytest\.)?fixture\b")
_DEFINITION = re.compile(r"^(?:async\s+)?def\s+(\w+)\s*\(")
_REOPENED = re.compile(r"^(?:class|module)\s+[A-Z]\w*(?:::\w+)*$")
_OF_TESTS = re.compile(r"(?:Spec|Test|Tests|Helper|Helpers|Case|Matchers)$")


def swapped(case: Case, change: Change) -> Iterator[Remark]:
    """Existing tests that use what the patch wrote for them in place of what they used before."""
    tests = inventory(case)
    written = case.once("written for tests", lambda: _written(case))
    yield from _calls(change, tests, written)
    if change.language == "python":
        yield from _fixtures(case, change)
    elif change.path.endswith(".rb"):
        for statement in change.new_statements:
            if statement.changed and _REOPENED.match(statement.code) and not _OF_TESTS.search(statement.code):
                what = f"a class is opened again for the tests: {statement.bare[:80]}"
                yield Remark(change.path, statement.number, what)


def _written(case: Case) -> dict[str, str]:
    """Classes and functions that the patch adds to test code: name to base class, empty for a function."""
    found: dict[str, str] = {}
    for change in case.test_code:
        old = {name for statement in change.old_statements for name in _CALL.findall(statement.code)}
        for statement in change.new_statements:
            if not statement.changed:
                continue
            if match := _SUBCLASS.search(statement.code):
                found[match["name"]] = match["base"]
            elif (match := _FUNCTION.match(statement.code)) and (name := match[1] or match[2]) not in old:
                found[name] = ""
    return found


_MOST = 400
"""Old statements that are compared: with more, the patch is refused for its size."""


def _calls(change: Change, tests: Inventory, written: dict[str, str]) -> Iterator[Remark]:
    """A call with the same arguments goes to something else now."""
    old = [s for s in change.old_statements if s.changed][:_MOST]
    for statement in change.new_statements:
        if not statement.changed or tests.is_new_test(change, statement.number):
            continue
        if _DEFINITION.match(statement.code):
            continue
        for name in _CALL.findall(statement.code):
            plain = name.removeprefix("new ").strip()
            if plain not in written:
                continue
            base = written[plain]
            if any(_became(before, statement, plain, base) for before in old):
                what = f"an existing test now runs on a stand-in of the patch: {statement.bare[:80]}"
                yield Remark(change.path, statement.number, what)
                break


def _became(before: Statement, after: Statement, name: str, base: str) -> bool:
    """The old statement is the new one, but for the name that is called."""
    if base:
        # Whatever it is made with: a stand-in needs less.
        swapped_back = re.sub(rf"\b{re.escape(name)}\b", base, after.code)
        heads = ["".join(code.split()).partition(f"{base}(") for code in (swapped_back, before.code)]
        return heads[0][:2] == heads[1][:2] and bool(heads[0][1])
    tail = after.code.split(f"{name}(", 1)[-1]
    head = after.code.split(f"{name}(", 1)[0]
    return (
        before.code.startswith(head)
        and before.code.endswith(f"({tail}")
        and before.code != after.code
        and name not in before.words
    )


def _fixtures(case: Case, change: Change) -> Iterator[Remark]:
    """A fixture of the name that tests of this file got from elsewhere before."""
    side = change.new_statements
    moved = {
        m[1] for other in case.test_code for s in other.old_statements if (m := _DEFINITION.match(s.code))
    }
    asked = {
        parameter
        for s in side
        if not s.changed and s.code.startswith(("def test", "async def test"))
        for parameter in re.findall(r"[(,]\s*(\w+)", s.code)
    }
    for at, statement in enumerate(side[:-1]):
        if statement.changed and _FIXTURE.match(statement.code):
            match = _DEFINITION.match(side[at + 1].code)
            if match and match[1] in asked and match[1] not in moved:
                yield Remark(change.path, statement.number, f"existing tests get another {match[1]} now")
