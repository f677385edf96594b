"""Rules about tests that would not run any more."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from agent.guard import places
from agent.guard.case import Case, Change, Remark
from agent.guard.inventory import Inventory, inventory, methods
from agent.guard.lines import Statement, plain_words
from patchpilot.fixes import Severity

_ANY_SKIP = {
    "python": re.compile(
        r"@(?:\w+\.)*mark\.(?:skip|skipif|xfail)\b|\bpytest\.(?:skip|xfail|exit)\s*\("
        r"|\bmark\.(?:skip|skipif|xfail)\b"
        r"|@(?:\w+\.)*(?:skip|skipIf|skipUnless|expectedFailure)\b|\.skipTest\s*\("
        r"|\braise\s+(?:\w+\.)*SkipTest\b"
        r"|\bpytest\.importorskip\s*\(|\bpytest\.param\(.*\bmarks\s*="
        r"|^(?:from|import)\b.*\bexpectedFailure\b|\b(?:add_marker)\s*\("
    ),
    "javascript": re.compile(
        r"\b(?:it|test|describe|context|suite|specify|bench)\s*\.\s*(?:\w+\s*\.\s*)*(?:skip|todo"
        r"|failing|fails|skipIf|runIf|fixme|fail)\b"
        r"|(?<![\w.])(?:xit|xtest|xdescribe|xcontext|xspecify)\s*[.(]|\bthis\.skip\s*\("
        r"|\bt\.skip\s*\(|\bpending\s*\(\s*[\"'`)]"
        r"|\b(?:ctx|context)\.skip\s*\("
    ),
    "go": re.compile(r"\b\w+\.Skip(?:f|Now)?\s*\("),
    "java": re.compile(
        r"@(?:\w+\.)*(?:Ignore|Disabled\w*|Enabled(?:If|On)\w*|PendingFeature|IgnoreRest|IgnoreIf)\b"
        r"|\bassume(?:True|False|That|NotNull|NoException)\s*\(|\bAssumptions?\.|\benabled\s*=\s*false\b"
        r"|\bthrow\s+new\s+(?:\w+\.)*(?:SkipException|TestAbortedException)\b"
    ),
    "rust": re.compile(r"#\[(?:ignore|should_panic)\b|#\[cfg\(\s*(?:any\(\)|not\(test\)|FALSE)"),
    "c": re.compile(
        r"\bDISABLED_\w+|\bGTEST_SKIP\b|\bSkip\s*=\s*\"|^\[Ignore\b|\bmarkTest(?:Skipped"
        r"|Incomplete)\s*\(|\bXCTSkip|\bAssert\.Ignore\b"
        r"|\bskip\s*:\s*(?:true|['\"])"
    ),
    "hash": re.compile(
        r"^(?:xit|xdescribe|xcontext|xspecify)\b|^(?:it|describe|context|test)\b.*\bskip\b"
        r"|^@(?:module|describe)?tag\s*:?\s*skip|^skip\b"
        r"|^pending\b"
    ),
}
_FOCUS = {
    "javascript": re.compile(
        r"\b(?:it|test|describe|context|suite)\s*\.\s*(?:\w+\s*\.\s*)*only\b|(?<![\w.])(?:fit"
        r"|fdescribe|fcontext)\s*\("
    ),
    "hash": re.compile(
        r"^(?:fit|fdescribe|fcontext)\b|^(?:it|describe|context)\b.*(?::focus\b|focus:\s*true)"
    ),
    "c": re.compile(r"--gtest_filter"),
}
_UNCOLLECT = re.compile(
    r"\b__test__\s*=\s*(?:False|0|None)|^del\s+(?:\w+\.)?[Tt]est\w+"
    r"|^(?:\w+\.)?test_\w+\s*=\s*(?:None|lambda|pass|0|False)"
    r"|^(?:\w+\.)?Test\w+\s*=\s*(?:None|object|0|False)|\bdelattr\s*\(.*test|^def\s+load_tests\b"
    r"|^(?://go:build|// \+build)\s+(?:ignore|never|\w*disabled\w*|integration|manual)"
)
_NARROW = re.compile(
    r"\bcollect_ignore(?:_glob)?\b|--(?:ignore(?:-glob)?|deselect|exclude-test"
    r"|testPathIgnorePatterns|exclude-files)\b"
    r"|\bnorecursedirs\b|\bpytest_ignore_collect\b|--(?:collect-only|co)\b|--passWithNoTests\b"
    r"|\bpassWithNoTests\b"
    r"|(?:pytest|py\.test|addopts|PYTEST_ADDOPTS)\b.*\s(?:-k|-m|--maxfail|--lf|--last-failed|--sw)\b"
    r"|\btestPathIgnorePatterns\b|\bmodulePathIgnorePatterns\b"
    r"|\bgo\s+test\b.*\s-(?:run|skip|short)\b|\b-D(?:skipTests|maven\.test\.skip|test=)|<skipTests>\s*true"
    r"|<maven\.test\.skip>\s*true|\btestFailureIgnore\b|\bignoreFailures\s*=?\s*true"
    r"|\bgradle\b.*-x\s+test\b"
    r"|\bcargo\s+test\b.*--\s.*--skip\b|--no-run\b|\b-p\s+no:|\bGOFLAGS=.*-run"
)


def deleted(case: Case) -> Iterator[Remark]:
    """Test files and test functions that the patch takes away without putting them elsewhere."""
    tests = inventory(case)
    for change in case.tests:
        names = _lost(case, change, tests)
        if change.is_deleted and (names or (places.is_collected(change.path) and not tests.old[change.path])):
            yield Remark(change.path, 0, "a test file is deleted")
        elif not change.is_deleted:
            for name, number in names.items():
                if not _still_defined(case, change, name):
                    yield Remark(change.path, number, f"the test {name} is deleted")


def uncollected(case: Case) -> Iterator[Remark]:
    """Tests that stay in the text, but that no runner would find any more."""
    tests = inventory(case)
    for diff in (change.diff for change in case.changes):
        if diff.new_path and places.is_collected(diff.old_path) and not places.is_collected(diff.new_path):
            yield Remark(diff.new_path, 0, f"{diff.old_path} is renamed so that its tests are not collected")
    for change in case.tests:
        if not change.is_deleted:
            for name, number in _lost(case, change, tests).items():
                if _still_defined(case, change, name):
                    yield Remark(
                        change.path, number, f"the test {name} is renamed so that it is not collected"
                    )
        yield from _hidden_from_runner(change, tests)


def _hidden_from_runner(change: Change, tests: Inventory) -> Iterator[Remark]:
    for line in change.added:
        if _UNCOLLECT.search(line.bare.strip()) or _UNCOLLECT.search(line.comment):
            yield Remark(change.path, line.number, "this keeps a test from being collected")
    if change.language != "python":
        return
    seen: dict[tuple[str, int], int] = {}
    scope = 0
    for definition in tests.new.get(change.path, ()):
        statement = definition.statement
        if statement.bare.startswith("class") or statement.lines[0].first:
            scope += 1
        key = definition.name, scope if statement.indent else -1
        twice = key in seen and (statement.changed or seen[key])
        if twice and definition.name in tests.come:
            yield Remark(change.path, statement.number, f"a second {definition.name} hides the first")
        seen[key] = statement.changed
    klass = ""
    for statement in change.new_statements:
        if statement.bare.startswith("class "):
            klass = statement.bare
        if (
            statement.changed
            and klass.startswith("class Test")
            and re.match(r"def __(?:init|new)__\(", statement.bare)
        ):
            yield Remark(change.path, statement.number, "pytest does not collect a class with a constructor")


def _lost(case: Case, change: Change, tests: Inventory) -> dict[str, int]:
    """Tests of this file that are gone and have no renamed successor: name to old line."""
    return case.once(("lost", change.path), lambda: _without_successor(change, tests))


def _without_successor(change: Change, tests: Inventory) -> dict[str, int]:
    old = [test for test in tests.old.get(change.path, ()) if test.name in tests.gone]
    new = [
        test for test in tests.new.get(change.path, ()) if test.name in tests.come and test.statement.changed
    ]
    # A renamed test keeps its body; only then nothing is lost.
    bodies = Counter(_body(change.new_statements, test.index) for test in new)
    lost: dict[str, int] = {}
    for test in old:
        body = _body(change.old_statements, test.index)
        if bodies[body] > 0:
            bodies[body] -= 1
        else:
            lost[test.name] = test.statement.number
    return lost


_NAME_OF_TEST = re.compile(
    r"(?<=def )\w+|(?<=class )\w+|(?<=void )\w+|(?<=fun )\w+|(?<=fn )\w+|(?<=func )\w+"
    r"|([\"'`]).*?\1"
)
_LONGEST_BODY = 200
"""Statements of a test that are compared."""


def _body(side: Sequence[Statement], start: int) -> tuple[str, ...]:
    head = _NAME_OF_TEST.sub("test", side[start].bare)
    body = ["".join(head.split())]
    for statement in side[start + 1 : start + 1 + _LONGEST_BODY]:
        if statement.indent <= side[start].indent or statement.lines[0].first:
            break
        body.append(" ".join(statement.bare.split()))
    return tuple(body)


_SHORTEST_STEM = 3
"""Letters of a test's name that tell it; shorter ones are in every name."""


def _still_defined(case: Case, change: Change, name: str) -> bool:
    """A function or class that carries the test's name, or its stem, is still there or newly there."""
    defined = case.once(("defined", change.path), lambda: _defined(change))
    stem = re.sub(r"(?i)^_*(?:test|benchmark)_?|_?test$", "", name.strip("\"'`")) or name
    if len(stem) < _SHORTEST_STEM:
        return name in defined
    return name in defined or any(stem.lower() in other.lower() and other not in name for other in defined)


def _defined(change: Change) -> set[str]:
    side = [s for s in change.new_statements if s.changed or change.language != "python"]
    return methods(change.language, side) | {m[1] for s in side if (m := re.match(r"class\s+(\w+)", s.bare))}


def skipped(case: Case) -> Iterator[Remark]:
    """Marks and calls that skip tests that ran before, or expect them to fail."""
    tests = inventory(case)
    for change in case.changes:
        pattern = _ANY_SKIP.get(change.language)
        if not pattern or not (change.is_test or change.language in {"rust", "python"}) or change.same_code:
            continue
        before = sum(bool(pattern.search(line.code.strip())) for line in change.removed)
        hits = [
            line
            for line in change.added
            if pattern.search(line.code.strip()) or pattern.search(_unstringed(line.bare).strip())
        ]
        if len(hits) <= before and before and _same_marks(change, pattern):
            continue
        for line in hits:
            shared = change.path.endswith(("__init__.py", "conftest.py"))
            new = tests.is_new_test(change, line.number) or (change.is_new and not tests.gone and not shared)
            severity = Severity.NOTE if new else None
            what = (
                "a new test that is skipped"
                if new
                else "a test that ran before is skipped or expected to fail"
            )
            yield Remark(change.path, line.number, what, severity)


def _unstringed(text: str) -> str:
    return text if re.match(r"\s*@?(?:module|describe)?tag|\s*\[|.*\bSkip\s*=|.*\bpending\s*\(", text) else ""


def _same_marks(change: Change, pattern: re.Pattern[str]) -> bool:
    old = sorted("".join(line.bare.split()) for line in change.removed if pattern.search(line.code.strip()))
    new = sorted("".join(line.bare.split()) for line in change.added if pattern.search(line.code.strip()))
    return old == new


_ANY_RETRY = re.compile(r"flaky|retry|rerun|repeat", re.IGNORECASE)
_ANY_STAND_IN = re.compile(r"patch|mock", re.IGNORECASE)
_TYPES = re.compile(r"->[^:]*(?=:)|:\s*[A-Z][\w\[\], .|]*(?=[,)=])")


def headed(case: Case) -> Iterator[Remark]:
    """Existing tests whose signature, decorators or annotations change: they may run otherwise, or never."""
    tests = inventory(case)
    for change in case.tests:
        reported = _ANY_SKIP.get(change.language), _FOCUS.get(change.language), _ANY_RETRY, _ANY_STAND_IN
        old = {test.name: test for test in tests.old.get(change.path, ())}
        for test in tests.new.get(change.path, ()):
            before = old.get(test.name)
            if before is None or test.name in tests.come:
                continue
            heads = [_head(change.old_statements, before.index), _head(change.new_statements, test.index)]
            added = heads[1] - heads[0]
            for head in sorted(added):
                if any(known and known.search(head) for known in reported):
                    continue
                yield Remark(change.path, test.statement.number, f"the test {test.name} has: {head[:80]}")


def _head(side: Sequence[Statement], index: int) -> set[str]:
    """The definition and what decorates it, types and formatting aside."""
    heads = {" ".join(plain_words(_TYPES.sub("", side[index].bare)))}
    for before in reversed(side[max(index - 5, 0) : index]):
        if not before.bare.startswith(("@", "#[", "[")) or before.lines[0].first:
            break
        heads.add(before.bare if "parametrize" not in before.bare else "parametrize")
    return heads


def focused(case: Case) -> Iterator[Remark]:
    """One test singled out, so that the others do not run."""
    for change in case.tests:
        pattern = _FOCUS.get(change.language)
        for line in change.added:
            if pattern and pattern.search(line.bare.strip()):
                yield Remark(change.path, line.number, "only this test would run")


def narrowed(case: Case) -> Iterator[Remark]:
    """Options that leave tests out of the run."""
    for change in case.changes:
        if places.is_pipeline(change.path) or (change.language == "text" and not _holds_options(change.path)):
            continue
        source = not (change.is_test or _holds_options(change.path))
        for line in change.added:
            if not source and _NARROW.search(line.bare) and not _was_there(change, line.bare):
                yield Remark(change.path, line.number, "this leaves tests out of the run")


def _holds_options(path: str) -> bool:
    return any(
        kind(path) for kind in (places.is_quality, places.is_mixed, places.is_script)
    ) or path.endswith(".env")


def _was_there(change: Change, text: str) -> bool:
    squeezed = "".join(text.split())
    return any("".join(line.bare.split()) == squeezed for line in change.removed)
