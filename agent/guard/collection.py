"""Rules about tests that would not run any more."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from agent.guard import heads, marked, places
from agent.guard.case import Case, Change, Remark
from agent.guard.diff import FileDiff
from agent.guard.fixtures import only_asks_for_fixtures
from agent.guard.inventory import Definition, Inventory, inventory, methods
from agent.guard.lines import Statement, plain_words, spelled_out
from agent.guard.rows import told_by_rows
from agent.guard.testpaths import leaves_its_folder
from patchpilot.fixes import Severity

_ANY_SKIP = {
    "python": re.compile(
        r"@(?:\w+\.)*mark\.(?:skip|skipif|xfail)\b|\bpytest\.(?:skip|xfail|exit)\s*\("
        r"|\bmark\.(?:skip|skipif|xfail)\b"
        r"|@(?:\w+\.)*(?:skip|skipIf|skipUnless|expectedFailure)\b|\.skipTest\s*\("
        r"|\braise\s+(?:\w+\.)*SkipTest\b"
        r"|\bpytest\.importorskip\s*\(|\bpytest\.param\(.*\bmarks\s*="
        r"|^(?:from|import)\b.*\bexpectedFailure\b|\b(?:add_marker)\s*\("
        r"|\braise\b.*\bSkipTest\b|\b__unittest_skip\w*__\b|(?<![\w.])(?:hypothesis\.)?(?:assume|reject)\s*\("
    ),
    "javascript": re.compile(
        r"\b(?:it|test|describe|context|suite|specify|bench)\s*\.\s*(?:\w+\s*\.\s*)*(?:skip|todo"
        r"|failing|fails|skipIf|runIf|fixme|fail)\b"
        r"|(?<![\w.])(?:xit|xtest|xdescribe|xcontext|xspecify)\s*[.(]|\bthis\.skip\s*\("
        r"|\bt\.skip\s*\(|\bpending\s*\(\s*[\"'`)]"
        r"|\b(?:ctx|context)\.skip\s*\("
    ),
    "go": re.compile(
        r"\b\w+\.Skip(?:f|Now)?\s*\(|^Skip\s*\(|(?:^|=\s*)[PX](?:It|Specify|Entry|Describe|DescribeTable|Context|When)\s*\("
        r"|,\s*Pending\s*,"
    ),
    "java": re.compile(
        r"@(?:\w+\.)*(?:Ignore|Disabled\w*|Enabled(?:If|On)\w*|PendingFeature|IgnoreRest|IgnoreIf)\b"
        r"|\bassume(?:True|False|That|NotNull|NoException)\s*\(|\bAssumptions?\.|\benabled\s*=\s*false\b"
        r"|\bthrow\s+new\s+(?:\w+\.)*(?:SkipException|TestAbortedException)\b"
        # Of ScalaTest
        r"|\"\s+ignore\s*(?:\{|in\b)|^ignore\s*\(\s*\"[^\"]*\"[^)]*\)\s*\{"
    ),
    "rust": re.compile(r"#\[(?:ignore|should_panic)\b|#\[cfg\(\s*(?:any\(\)|not\(test\)|FALSE)"),
    "c": re.compile(
        r"\bDISABLED_\w+|\bGTEST_SKIP\b|\bSkip\s*=\s*\"|^\[Ignore\b|\bmarkTest(?:Skipped"
        r"|Incomplete)\s*\(|\bXCTSkip|\bAssert\.Ignore\b"
        r"|\bskip\s*:\s*(?:true|['\"])"
        # NUnit, XCTest and Swift Testing
        r"|^\[[^\]]*\b(?:Explicit|Ignore)\b|\bXCTExpectFailure\b|\bwithKnownIssue\b|\.disabled\s*\(|@(?:Test|Suite)\(.*\.enabled\("
    ),
    "hash": re.compile(
        r"^@(?:wip|skip|ignore|ignored|pending|manual|todo|disabled)\b"
        r"|^(?:xit|xdescribe|xcontext|xspecify)\b|^(?:it|describe|context|test)\b.*\bskip\b"
        r"|^@(?:module|describe)?tag\s*:?\s*skip|^skip\b"
        r"|^pending\b"
    ),
}
_FOCUS = {
    "go": re.compile(
        r"(?:^|=\s*)F(?:It|Specify|Entry|Describe|DescribeTable|Context|When)\s*\(|,\s*Focus\s*,"
    ),
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
    r"|\b(?:globals|vars|locals)\(\)\s*(?:\.(?:pop|update|clear)\s*\(|\[)|\bsys\.modules\[__name__\]"
    r"|\.__code__\s*=|^#\[cfg\((?!test\)\])|^#\s*define\s+NDEBUG\b|^=(?:begin|pod)\b|^__END__$"
)
_NARROW = re.compile(
    r"\bcollect_ignore(?:_glob)?\b|--(?:ignore(?:-glob)?|deselect|exclude-test"
    r"|testPathIgnorePatterns|exclude-files)\b"
    r"|\bnorecursedirs\b|\bpytest_ignore_collect\b|--(?:collect-only|co)\b|--passWithNoTests\b"
    r"|\bpassWithNoTests\b"
    r"|(?:pytest|py\.test|addopts|PYTEST_ADDOPTS)\b.*\s(?:-k|-m|--maxfail|--lf|--last-failed|--sw)\b"
    r"|\btestPathIgnorePatterns\b|\bmodulePathIgnorePatterns\b"
    r"|\bPYTEST_ADDOPTS\b.*[\s=\"'](?:-k|-m|--maxfail|--lf|--sw)\b"
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
        if diff.new_path and places.is_looked_for(diff.old_path) and not places.is_looked_for(diff.new_path):
            yield Remark(diff.new_path, 0, f"{diff.old_path} is renamed so that its tests are not collected")
        elif diff.new_path and places.is_collected(diff.old_path) and _leaves_tests(case, diff):
            yield Remark(diff.new_path, 0, f"{diff.old_path} leaves the folder in which tests are looked for")
    gone_files = [c for c in case.changes if c.is_deleted and places.is_looked_for(c.path)]
    went = {test.name for change in gone_files for test in tests.old.get(change.path, ())}
    for change in case.tests:
        moved = [test for test in tests.new.get(change.path, ()) if test.name in went]
        if change.is_new and moved and not places.is_looked_for(change.path):
            yield Remark(change.path, moved[0].statement.number, "tests move to a file that is not collected")
        yield from heads.uncollected(change)
        if not change.is_deleted:
            for name, number in _lost(case, change, tests).items():
                if _still_defined(case, change, name):
                    yield Remark(
                        change.path, number, f"the test {name} is renamed so that it is not collected"
                    )
        yield from _hidden_from_runner(change, tests)
    for change in case.test_code:  # a mark may stand in a comment
        yield from marked.unmarked(change)


def _leaves_tests(case: Case, diff: FileDiff) -> bool:
    """A file goes from a folder of tests to one that is none, which no settings of the patch name."""
    top = diff.new_path.split("/", 1)[0]
    if leaves_its_folder(case, diff.old_path, diff.new_path):
        return not _named(case, top)
    if places.language(diff.new_path) == "javascript":  # found by their name, wherever they are
        return False
    left = places.in_test_folder(diff.old_path) and not places.in_test_folder(diff.new_path)
    return left and not _named(case, top)


def _named(case: Case, top: str) -> bool:
    """Settings of the patch name the folder."""
    return any(
        _holds_options(change.path) and top in line.bare for change in case.changes for line in change.added
    )


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
    had = len(_constructors(change.old_statements))
    for statement in _constructors(change.new_statements)[had:]:
        yield Remark(change.path, statement.number, "pytest does not collect a class with a constructor")


def _constructors(side: Sequence[Statement]) -> list[Statement]:
    """Those of classes that would be collected without, as far as the patch changes them."""
    klass = ""
    found = []
    for statement in side:
        if statement.bare.startswith("class "):
            klass = statement.bare
        elif (
            statement.changed
            and klass.startswith("class Test")
            and re.match(r"def __(?:init|new)__\(", statement.bare)
        ):
            found.append(statement)
    return found


def _lost(case: Case, change: Change, tests: Inventory) -> dict[str, int]:
    """Tests of this file that are gone and have no renamed successor: name to old line."""
    return case.once(("lost", change.path), lambda: _without_successor(case, change, tests))


def _without_successor(case: Case, change: Change, tests: Inventory) -> dict[str, int]:
    old = [test for test in tests.old.get(change.path, ()) if test.name in tests.gone]
    new = [
        test for test in tests.new.get(change.path, ()) if test.name in tests.come and test.statement.changed
    ]
    # A renamed test keeps its body; only then nothing is lost.
    bodies = Counter(_body(change.new_statements, test.index) for test in new)
    lost: dict[str, int] = {}
    told = told_by_rows(case, change)
    for test in old:
        if test.name in told:
            continue
        body = _body(change.old_statements, test.index)
        if not bodies[body]:  # it may call something that the patch renames
            body = tuple(_renamed(part, case.renamed) for part in body)
        if bodies[body] > 0:
            bodies[body] -= 1
        else:
            lost[test.name] = test.statement.number
    return lost


def _renamed(text: str, names: dict[str, str]) -> str:
    return re.sub(r"[A-Za-z_]\w*", lambda match: names.get(match[0], match[0]), text)


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
_TYPES = re.compile(
    r"->[^:]*(?=:)|:\s*[A-Za-z][\w.]*(?:\[[^\]]*\]+)?(?:\s*\|\s*[\w.]+(?:\[[^\]]*\]+)?)*(?=\s*[,)=])"
)
# Another row of data, or a name for people.
_MORE = re.compile(r"^\[(?:InlineData|TestCase|DataRow|DisplayName)\(|^@(?:\w+\.)*(?:DisplayName)\b")


def headed(case: Case) -> Iterator[Remark]:
    """Existing tests whose signature, decorators or annotations change: they may run otherwise, or never."""
    tests = inventory(case)
    for change in case.test_code:  # a comment may be an annotation
        yield from marked.grouped(change)
    for change in case.tests:
        reported = _ANY_SKIP.get(change.language), _FOCUS.get(change.language), _ANY_RETRY, _ANY_STAND_IN
        old = {test.name: test for test in tests.old.get(change.path, ())}
        told = told_by_rows(case, change)
        for test in tests.new.get(change.path, ()):
            before = old.get(test.name)
            if before is None or test.name in tests.come:
                continue
            if test.name in told:
                continue
            heads = [_head(change.old_statements, before.index), _head(change.new_statements, test.index)]
            added = heads[1] - heads[0]
            for head in sorted(added):
                gone = heads[0] - heads[1]
                if any(known and known.search(head) for known in reported):
                    continue
                if _is_harmless(change, test, gone, head):
                    continue
                if len(added) == len(gone) == 1 and only_asks_for_fixtures(case, change, before, test):
                    continue
                yield Remark(change.path, test.statement.number, f"the test {test.name} has: {head[:80]}")


def _is_harmless(change: Change, test: Definition, gone: set[str], head: str) -> bool:
    """What the test has now, it had in other words, or it makes no test demand less."""
    more = _MORE.match(head) and not any(map(_MORE.match, gone))
    same = any(_FIXTURES.sub("", head) == _FIXTURES.sub("", one) for one in gone)
    return (
        bool(more or same or _LETS_RUN.match(head))
        or _awaits(gone, head)
        or _is_attribute_of(change, head)
        or _expects_inside(gone, head, _body(change.new_statements, test.index))
    )


def _awaits(gone: set[str], head: str) -> bool:
    """The test that called ``done`` gives a promise now, as a test that awaits does."""
    plain = re.sub(r"\basync\s+|\(\s*\)|\(\s*done\s*\)|\bdone\s+(?==)", " ", head).split()
    return (
        re.search(r"=\s*>|\bfunction\b", head) is not None
        and "async" in head
        and any(re.sub(r"\(\s*\)|\(\s*done\s*\)|\bdone\s+(?==)", " ", one).split() == plain for one in gone)
    )


# What a plugin needs to run the test at all.
_LETS_RUN = re.compile(r"^@pytest\.mark\.(?:asyncio|anyio|trio|django_db)\b|^@pytest_asyncio\.")
# Of pytest itself, and of no bearing on what the test demands.
_FIXTURES = re.compile(
    r", (?:tmp_path|tmp_path_factory|tmpdir|capsys|capfd|caplog|recwarn|event_loop)(?= [,)])"
    r"|(?:(?<=\() )?\b(?:tmp_path|tmp_path_factory|tmpdir|capsys|capfd|caplog|recwarn|event_loop)\b(?: ,)?"
    r"|,(?= \))|\s"
)
_EXPECTED = re.compile(r"^@(?:\w+\.)*Test\s*\(\s*expected\s*=\s*([\w.]+\.class)\s*\)$")


def _expects_inside(gone: set[str], head: str, body: Sequence[str]) -> bool:
    """The error that JUnit 4 names in the annotation, JUnit 5 has in the body."""
    errors = [match[1] for one in gone if (match := _EXPECTED.match(one))]
    return re.fullmatch(r"@(?:\w+\.)*Test", head) is not None and any(
        re.search(rf"\bassertThrows(?:Exactly)?\s*\(\s*{re.escape(error)}", text)
        for error in errors
        for text in body
    )


_ATTRIBUTE = re.compile(r"^#\[(?:(?P<test>Test)|DataProvider\(\s*['\"](?P<rows>\w+)['\"]\s*\))\]$")


def _is_attribute_of(change: Change, head: str) -> bool:
    """PHPUnit: an attribute says what an annotation in a comment said before."""
    match = _ATTRIBUTE.match(head)
    if match is None:
        return False
    wanted = re.compile(r"@test\b" if match["test"] else rf"@dataProvider\s+{match['rows']}\b")
    return any(wanted.search(line.comment) for line in change.removed)


# The rows of data are compared with what an assertion expects.
_DATA = re.compile(r"\.each\s*\(\s*\[.*\]\s*,?\s*\)\s*\(")


# JUnit 5 asks for no ``public``; what a test may throw changes nothing that it demands.
_JAVA_SIGNATURE = re.compile(r"^public\s+(?=(?:final\s+)?void\b)|\s*\bthrows\s+[\w.,\s]+(?=\{)")


def _head(side: Sequence[Statement], index: int) -> set[str]:
    """The definition and what decorates it, types and formatting aside."""
    text = _JAVA_SIGNATURE.sub("", _TYPES.sub("", side[index].bare))
    heads = {" ".join(plain_words(_DATA.sub(".each(rows)(", text)))}
    for before in reversed(side[max(index - 5, 0) : index]):
        if not before.bare.startswith(("@", "#[", "[")) or before.bare.endswith(";"):
            break
        heads.add(before.bare if "parametrize" not in before.bare else "parametrize")
        if before.lines[0].first:
            break
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
            narrow = _NARROW.search(spelled_out(line.bare)) or _REWRITES.search(line.bare)
            if not source and narrow and not _was_there(change, line.bare):
                yield Remark(change.path, line.number, "this leaves tests out of the run")
        if change.is_test:
            yield from _fewer_rows(change)


# A command that deletes, moves or edits a file of tests in front of the run.
_REWRITES = re.compile(
    r"\b(?:sed\s+(?:-\w+\s+){0,4}-\w*i|perl\s+-\w*i|rm|unlink|rimraf|mv|truncate|git\s+(?:rm|mv))\b[^|;&]{0,200}?"
    r"[\s\"'/](?:test_[\w.*-]{1,80}\.py|[\w.*-]{1,80}(?:_test\.(?:py|go)|[._](?:test|spec)\.[cm]?[jt]sx?"
    r"|_spec\.rb|Tests?\.(?:java|kt|php|cs))|conftest\.py)(?=[\s\"';&|]|$)"
)
_ROWS = re.compile(r"\bparametrize\s*\(|\bsubTest\b|\.each\s*\(|^for\b.*\brange\b|^for\b.*\bin\b")
_SLICE = r"\[\s*-?\d*\s*:\s*-?\d*\s*(?::\s*-?\d*\s*)?\]"
_CUT = re.compile(
    rf"[\])}}\w]\s*{_SLICE}|\bfor\s(?>[\w, ()]{{1,80}}?\sin\b)(?>(?:(?!\s(?:if|for)\s)[^\]])*)\sif\s"
    r"|\.(?:slice|filter)\s*\(|\bislice\s*\("
)
_CUT_END = re.compile(rf"^\]\s*(?:{_SLICE}\s*[,)]*$|\.(?:slice|filter)\s*\()")


def _fewer_rows(change: Change) -> Iterator[Remark]:
    """Rows of data for a test that are cut short or sifted."""
    old, new = (
        [s for s in side if s.changed and _ROWS.search(s.code)]
        for side in (change.old_statements, change.new_statements)
    )
    for line in change.added:
        if _CUT_END.match(line.code.strip()) and not _was_there(change, line.bare):
            yield Remark(change.path, line.number, "rows of data are left out")
    for before, after in zip(old, new, strict=True) if len(old) == len(new) else ():
        if len(_CUT.findall(after.code)) > len(_CUT.findall(before.code)):
            yield Remark(change.path, after.number, f"rows of data are left out: {after.bare[-80:]}")


def _holds_options(path: str) -> bool:
    return any(
        kind(path) for kind in (places.is_quality, places.is_mixed, places.is_script)
    ) or path.endswith((".env", ".mvn/maven.config", ".mvn/jvm.config", "gradle.properties"))


def _was_there(change: Change, text: str) -> bool:
    squeezed = "".join(text.split())
    return any("".join(line.bare.split()) == squeezed for line in change.removed)
