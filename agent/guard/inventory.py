"""Which tests a side of a change has, and to which of them a line belongs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from agent.guard.case import Case, Change
from agent.guard.lines import Statement

_NAMED = {
    "python": re.compile(r"^(?:async\s+)?def\s+(test\w*)\s*\(|^class\s+(Test\w*)"),
    "javascript": re.compile(
        r"^(?:await\s+)?(?:it|test|describe|context|suite|specify|Deno\.test|[xf](?:it|test|describe))"
        r"(?:\.[\w.]+)?(?:\(.*?\))??\s*\(\s*([\"'`].*?[\"'`])\s*,"
    ),
    "go": re.compile(
        r"^func\s+(?:\([^)]*\)\s*)?((?:Test|Benchmark|Fuzz|Example)(?![a-z])\w*)\s*\("
        # Of Ginkgo
        r"|(?:^|=\s*)[FPX]?(?:It|Specify|Entry|Describe|DescribeTable|Context|When)\(\s*(\"[^\"]*\"|`[^`]*`)\s*,"
    ),
    "c": re.compile(
        r"\bfunction\s+(test\w*)\s*\(|\bfunc\s+(test\w*)\s*\("
        r"|^(?:TYPED_)?TEST(?:_[FP])?\s*\(\s*(\w+\s*,\s*\w+)"
    ),
    "hash": re.compile(
        r"^(?:def\s+(test\w*)|[@xf]?(?:it|test|specify|describe|context)\s*\(?\s*([\"'].*?[\"']))"
        r"|^Scenario(?: Outline| Template)?:\s*(.+)$"
    ),
}
# Languages that mark a test by an annotation in front of the method.
_MARKED = {
    "java": (
        re.compile(r"^@(?:\w+\.)*(?:Test|ParameterizedTest|RepeatedTest|TestFactory|Property)\b"),
        re.compile(r"\b(?:void|fun|def|Task|Stream<\w+>)\s+(`[^`]+`|\w+)\s*\("),
    ),
    "rust": (re.compile(r"^#\[(?:\w+::)*(?:test|rstest|test_case)\b"), re.compile(r"\bfn\s+(\w+)")),
    "c": (
        re.compile(r"^\[(?:Fact|Theory|Test|TestCase|TestMethod|DataTestMethod)\b|^/\*\*.*@test|^@Test\b"),
        re.compile(r"\b(?:void|Task|func)\s+(\w+)\s*\("),
    ),
}
_METHOD = {
    "python": re.compile(r"^(?:async\s+)?def\s+(\w+)"),
    "go": re.compile(r"^func\s+(?:\([^)]*\)\s*)?(\w+)"),
    "rust": re.compile(r"\bfn\s+(\w+)"),
    "java": re.compile(r"\b(?:void|fun|def)\s+(`[^`]+`|\w+)\s*\("),
    "c": re.compile(r"\b(?:void|Task|func|function)\s+(\w+)\s*\("),
    "hash": re.compile(r"^def\s+(\w+)"),
}
_QUOTES = re.compile(r"^['`]|['`]$")
_BETWEEN = 6
"""Annotations and modifiers that may stand between the mark and the method."""


@dataclass(frozen=True)
class Definition:
    """One test, where it starts."""

    name: str
    statement: Statement
    index: int
    """Among the statements of its side."""


def definitions(language: str, side: Sequence[Statement]) -> Iterator[Definition]:
    """The tests that a runner would find in these statements."""
    named, marked = _NAMED.get(language), _MARKED.get(language)
    for index, statement in enumerate(side):
        text = statement.bare
        if named and (match := named.search(text)):
            name = next(group for group in match.groups() if group)
            # A disabled googletest is the same test, and so is one in other quotes.
            yield Definition(_QUOTES.sub('"', name.replace("DISABLED_", "")), statement, index)
        elif marked and marked[0].search(text):
            for at in range(index, min(index + _BETWEEN, len(side))):
                if method := marked[1].search(side[at].bare):
                    yield Definition(method[1], side[at], at)
                    break


def methods(language: str, side: Sequence[Statement]) -> set[str]:
    """Names of all functions defined in these statements, tests or not."""
    pattern = _METHOD.get(language)
    return {match[1] for statement in side if pattern and (match := pattern.search(statement.bare))}


class Inventory:
    """The tests of a whole patch, before and after."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self._changes = tuple(changes)
        self._owners: dict[str, dict[int, Definition]] = {}

    @cached_property
    def old(self) -> dict[str, list[Definition]]:
        """Per path, the tests before."""
        return {
            change.path: list(definitions(change.language, change.old_statements)) for change in self._changes
        }

    @cached_property
    def new(self) -> dict[str, list[Definition]]:
        """Per path, the tests after."""
        return {
            change.path: list(definitions(change.language, change.new_statements)) for change in self._changes
        }

    @cached_property
    def gone(self) -> Counter[str]:
        """Names that are there less often than before, moves within the patch not counted."""
        return self._names(self.old) - self._names(self.new)

    @cached_property
    def come(self) -> Counter[str]:
        """Names that are there more often than before."""
        return self._names(self.new) - self._names(self.old)

    @staticmethod
    def _names(side: dict[str, list[Definition]]) -> Counter[str]:
        return Counter(definition.name for found in side.values() for definition in found)

    def owner(self, change: Change, number: int) -> Definition | None:
        """The test after the patch in which a line stands, or which the line decorates."""
        if change.path not in self._owners:
            own = next((one for one in self._changes if one.path == change.path), change)
            self._owners[change.path] = _owners(own.new_statements, self.new.get(change.path, ()))
        return self._owners[change.path].get(number)

    def is_new_test(self, change: Change, number: int) -> bool:
        """The line belongs to a test that this patch adds, so nothing is lost by it."""
        owner = self.owner(change, number)
        return owner is not None and owner.name in self.come and owner.statement.changed


def _owners(side: Sequence[Statement], found: Iterable[Definition]) -> dict[int, Definition]:
    """Per line, the innermost test it belongs to."""
    starts = {definition.index: definition for definition in found}
    owners: dict[int, Definition] = {}
    open_tests: list[Definition] = []
    for index, statement in enumerate(side):
        if statement.lines[0].first:
            open_tests = []
        closing = not statement.code.strip("})];, ")
        while open_tests and statement.indent <= open_tests[-1].statement.indent and not closing:
            open_tests.pop()
        if index in starts:
            open_tests.append(starts[index])
            for decorator in _decorators(side, index):
                owners.update((line.number, starts[index]) for line in decorator.lines)
        if open_tests:
            owners.update((line.number, open_tests[-1]) for line in statement.lines)
    return owners


def _decorators(side: Sequence[Statement], index: int) -> Iterator[Statement]:
    for before in reversed(side[max(index - _BETWEEN, 0) : index]):
        annotates = before.bare.startswith(("@", "#[", "[")) and not before.bare.endswith(";")
        if not annotates or side[index].lines[0].first:
            return
        yield before
        if before.lines[0].first:
            return


def inventory(case: Case) -> Inventory:
    """The tests of all test files of the patch, and of files that carry tests inside (Rust)."""
    return case.once("inventory", lambda: Inventory(case.test_code))
