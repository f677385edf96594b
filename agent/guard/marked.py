"""Marks without which a runner passes a test by: imports of Java, attributes of PHP and C#."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.guard.case import Change, Remark
from agent.guard.lines import Line


def unmarked(change: Change) -> Iterator[Remark]:
    """Existing tests that have lost what their runner knows them by."""
    if change.is_new or change.is_deleted:
        return
    if change.language == "java":
        yield from _of_other_runner(change)
    elif change.path.endswith(".php"):
        yield from _without_mark(change)
    elif change.path.endswith(".cs"):
        yield from _of_hidden_class(change)


_IMPORT = re.compile(r"^import\s+(?P<package>[\w.]+)\.(?P<name>\w+|\*)\s*;?$")
_MARK = re.compile(r"^(?:Test|ParameterizedTest|RepeatedTest|TestFactory)$")
_OWN_MARK = re.compile(
    r"(?:@interface|\bannotation\s+class)\s+(?:Test|ParameterizedTest|RepeatedTest|TestFactory)\b"
)
_RUNNERS = ("org.junit.jupiter", "org.testng", "org.junit")


def _of_other_runner(change: Change) -> Iterator[Remark]:
    """``@Test`` is that of another runner than the rest of the file is for, or of none."""
    for line in change.added:
        if _OWN_MARK.search(line.code):
            yield Remark(change.path, line.number, "no runner looks for a mark of this name")
            return
    old, new = (
        [(s, match) for s in side if (match := _IMPORT.match(s.code))]
        for side in (change.old_statements, change.new_statements)
    )
    gone = [match for s, match in old if s.changed and _MARK.match(match["name"])]
    come = {match["name"]: (s, match) for s, match in new if s.changed and _MARK.match(match["name"])}
    runners = {_runner(match["package"]) for s, match in new if not _MARK.match(match["name"])}
    is_wild = any(match["name"] == "*" and _runner(match["package"]) for _, match in new)
    for match in gone:
        runner = _runner(match["package"])
        if runner is None or is_wild:
            continue
        if match["name"] in come:
            statement, now = come[match["name"]]
            if runner in runners and _runner(now["package"]) not in {runner, None}:
                what = f"the runner of this file does not look for {now['package']}.{now['name']}"
                yield Remark(change.path, statement.number, what)
        elif any(s.code.startswith(f"@{match['name']}") for s in change.new_statements):
            number = change.added[0].number if change.added else 1
            yield Remark(change.path, number, f"@{match['name']} is no longer that of {runner}")


def _runner(package: str) -> str | None:
    return next((one for one in _RUNNERS if package == one or package.startswith(f"{one}.")), None)


_PHP_MARK = re.compile(r"@test\b")
_PHP_ATTRIBUTE = re.compile(r"^\s*#\[(?:[\w\\]+,\s*)*(?:[\w\\]*\\)?Test\b")
_PHP_METHOD = re.compile(r"\bfunction\s+(?P<name>\w+)\s*\(")


def _without_mark(change: Change) -> Iterator[Remark]:
    """A method that ``@test`` or ``#[Test]`` made a test, and whose name does not."""
    gone, come = ([line for line in side if _is_marked(line)] for side in (change.removed, change.added))
    old, new = (
        [match["name"] for line in side if (match := _PHP_METHOD.search(line.code))]
        for side in (change.removed, change.added)
    )
    tests_come = sum(name.startswith("test") for name in new) - sum(name.startswith("test") for name in old)
    methods_gone = max(len(old) - len(new), 0)
    if len(gone) - len(come) > max(tests_come, 0) + methods_gone:
        yield Remark(change.path, _after(change, gone[-1]), "a method is no longer marked as a test")


def _is_marked(line: Line) -> bool:
    return bool(_PHP_MARK.search(line.comment) or _PHP_ATTRIBUTE.match(line.code))


def _after(change: Change, line: Line) -> int:
    """Where the line stood, or would stand now."""
    return min(line.number, change.after[-1].number if change.after else 1)


_PHP_GROUP = re.compile(r"@(?:group|requires|depends\w*)\s+\S")
_PHP_GROUP_ATTRIBUTE = re.compile(r"^\s*#\[(?:[\w\\]+,\s*)*(?:[\w\\]*\\)?(?:Group|Requires\w*|Depends\w*)\(")
_PHP_HEAD = re.compile(r"\b(?:function|class)\s+\w+")


def grouped(change: Change) -> Iterator[Remark]:
    """PHPUnit: existing tests in a group that settings leave out, or that run under a condition."""
    if change.is_new or change.is_deleted or not change.path.endswith(".php"):
        return
    had = {"".join(line.text.split()).strip("/*") for line in change.removed}
    waiting: Line | None = None
    for line in change.after:
        if line.first or _PHP_HEAD.search(line.code):
            if waiting is not None and not line.changed and not line.first:
                what = f"an existing test has: {waiting.text.strip(' /*')[:80]}"
                yield Remark(change.path, waiting.number, what)
            waiting = None
        is_mark = _PHP_GROUP.search(line.comment) or _PHP_GROUP_ATTRIBUTE.match(line.bare)
        if line.changed and is_mark and "".join(line.text.split()).strip("/*") not in had:
            waiting = line


_CLASS = re.compile(r"^(?P<before>(?:\w+\s+)*)class\s+(?P<name>\w+)")
_OF_TESTS = re.compile(r"(?:Tests?|TestCase|Spec|Specs|Fixture)$|^Test")
_CLASS_MARK = re.compile(r"^\[\s*(?:\w+\s*,\s*)*TestClass\b")
_LEAVES_MSTEST = re.compile(r"\[TestMethod\b|\bMicrosoft\.VisualStudio\.TestTools\b")


def _of_hidden_class(change: Change) -> Iterator[Remark]:
    """The class of tests is not public any more, or MSTest does not know it."""
    old = _classes(change.removed)
    for name, line in _classes(change.added).items():
        before = old.get(name)
        was_public = before is not None and "public" in before.code.split("class")[0].split()
        if was_public and "public" not in line.code.split("class")[0].split() and _OF_TESTS.search(name):
            yield Remark(change.path, line.number, f"no runner looks into {name}, which is not public")
    gone, come = (
        [x for x in side if _CLASS_MARK.match(x.code.strip())] for side in (change.removed, change.added)
    )
    is_left = any(_LEAVES_MSTEST.search(line.code) for line in change.removed)
    if len(gone) > len(come) + len(old.keys() - _classes(change.added).keys()) and not is_left:
        yield Remark(change.path, _after(change, gone[-1]), "a class is no longer marked as one of tests")


def _classes(side: Sequence[Line]) -> dict[str, Line]:
    return {match["name"]: line for line in side if (match := _CLASS.match(line.code.strip()))}
