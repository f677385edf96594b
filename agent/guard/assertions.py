"""Rules about tests that still run, but demand less."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from agent.guard import places
from agent.guard.case import Case, Change, Remark
from agent.guard.inventory import Definition, inventory
from agent.guard.lines import Statement, plain_words

_ASSERTION = re.compile(
    r"^assert\b|\bassert[A-Z_]\w*|\bassert_\w+|\bexpect\s*[.(]|\bassert\s*[.(]|\bshould\b|\.to(?:Be|Equal|Have|Throw|Match|Strict)\w*"
    r"|\bpytest\.(?:raises|warns|fail|approx)\b|\bself\.fail\s*\(|\b(?:require|assert|is|qt|c|g)\.(?:Equal|NoError|Error|True|"
    r"False|Nil|NotNil|Len|Contains|Zero|InDelta|Eventually|Panics|ElementsMatch|JSONEq|Assert|Expect)\w*\s*\("
    r"|\bt\.(?:Error|Errorf|Fatal|Fatalf|Fail|FailNow)\s*\(|\bassert(?:_eq|_ne|_matches)?!|\bAssert\.\w+|\bAssertions?\.\w+"
    r"|\b(?:EXPECT|ASSERT|REQUIRE|CHECK)(?:_[A-Z]+)*\s*\(|\bverify\s*\(|\bfail\s*\(|\bthrow\s+new\s+AssertionError"
    r"|\braise\s+AssertionError|\bpanic!|\bunreachable!|\bis_expected\b|\brefute\b|\bt\.(?:is|deepEqual|equal|truthy|throws)\s*\("
)
_NUMBER = re.compile(r"^[\d][\w.]*$")
_LITERAL = re.compile(
    r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`|(?<![\w.])\d[\w.]*|\b(?:True|False|None|true|false|null|nil|undefined)\b"
)
_TOLERANCE = re.compile(
    r"\b(rel|abs|rtol|atol|delta|tol|tolerance|rel_tol|abs_tol|eps|epsilon|places|decimal|decimals|precision|digits|numDigits|maxUlps|"
    r"significant|within|threshold|margin|max_diff|maxDiffPixels|maxDiffPixelRatio|check_less_precise)\w*\s*[=:]\s*([\d.eE+-]+)"
)
_CLOSE_TO = re.compile(
    r"\b(?:approx|isclose|allclose|assertAlmostEqual|assert_allclose|assert_almost_equal|assert_approx_equal|toBeCloseTo|closeTo|InDelta|"
    r"InEpsilon|isCloseTo|round|NEAR|be_within|assert_abs_diff_eq|assert_relative_eq|almost_equal|isclose)\b"
)
_MORE_IS_TIGHTER = {"places", "decimal", "decimals", "precision", "digits", "numDigits", "significant"}
# What an assertion demands, strongest first: exact, then structural or one-sided, then hardly anything.
_STRENGTH = (
    (0, re.compile(r"\bor\s+True\b|\|\|\s*true\b|^assert\s+True\b|assertTrue\(\s*[Tt]rue\s*[,)]|expect\(\s*true\s*\)|^assert\s+(?:1|\"\S*\")\s*(?:,|$)|\bnot\s+False\b|assert!\(\s*true")),
    (3, re.compile(r"==|\bis\s+(?:True|False|None)\b|assert_?(?:[Ee]quals?|[Ii]s\b|eq\b|_eq)|assertEqual|assertIs\(|assert(?:List|Dict|Set|Tuple|Count|Sequence|MultiLine)Equal|\.to(?:Be|Equal|StrictEqual|Eql)\(|\.toMatch(?:Inline)?Snapshot|\b(?:Equal|EqualValues|JSONEq|ElementsMatch|Same|Exactly|deepEqual|deepStrictEqual|strictEqual|isEqualTo|assertSame|AreEqual|assertArrayEquals|containsExactly)\b|_EQ\b|\beql?\b|\bEqualError\b|\bassert_array_equal|assert_frame_equal|assert_series_equal|toHaveBeenCalledWith|toThrow\(\s*[\"'`/\w]|called_once_with|call_args")),
    (2, re.compile(r"\bnot\s+in\b|\bin\b|[<>]=?|!=|[Cc]ontains?\b|\.toHaveLength|\.toMatch|\.toContain|\bLen\b|assertIn\b|[Gg]reater|[Ll]ess|startswith|isinstance|is\s+not\b|assertRegex|\bmatch\b|\.match\(|approx|[Cc]lose|InDelta|toThrow|raises|assertRaises|Error\b|called_once|toHaveBeenCalledTimes|isinstance|toBeInstanceOf|assertIsInstance|NotEqual")),
    (1, re.compile(r"")),
)  # fmt: skip
_BROAD_ERROR = re.compile(
    r"(?:raises|assertRaises\w*|toThrow\w*|assertThrows|expectThrows)\s*\(\s*\(?\s*(?:Base)?(?:Exception|Throwable|Error)\b(?:\.class)?|\.toThrow(?:Error)?\(\s*\)"
)


_MOST_PAIRS = 2_500
"""Comparisons per file: beyond it an edited assertion counts as removed, which is refused as well."""


@dataclass(frozen=True)
class Pairing:
    """What became of the assertions that a patch touches in one file."""

    lost: tuple[Statement, ...]
    edited: tuple[tuple[Statement, Statement], ...]
    reindented: tuple[tuple[Statement, Statement], ...]
    """The same assertion, but deeper inside something."""


def pairing(case: Case, change: Change) -> Pairing:
    """Match the assertions that the patch removes with those that it adds, formatting and renames aside."""
    return case.once(("pairing", change.path), lambda: _pair(case, change))


def _pair(case: Case, change: Change) -> Pairing:
    removed = [s for s in change.old_statements if s.changed and is_assertion(s)]
    added = [s for s in change.new_statements if s.changed and is_assertion(s)]
    twins: dict[tuple[str, ...], list[Statement]] = {}
    for new in reversed(added):
        twins.setdefault(new.words, []).append(new)
    kept = [(old, twins[key].pop()) for old in removed if twins.get(key := case.renamed_words(old))]
    matched = {id(statement) for pair in kept for statement in pair}
    removed = [s for s in removed if id(s) not in matched]
    added = [s for s in added if id(s) not in matched]
    edited = []
    for old in list(removed) if len(removed) * len(added) <= _MOST_PAIRS else ():
        best = max(added, key=lambda new: _likeness(old, new), default=None)
        if best is not None and _likeness(old, best) > 0.4:  # noqa: PLR2004 - below that they share only the word assert
            edited.append((old, best))
            removed.remove(old)
            added.remove(best)
    deeper = tuple((old, new) for old, new in kept if new.indent > old.indent)
    return Pairing(tuple(removed), tuple(edited), deeper)


def is_assertion(statement: Statement) -> bool:
    """The statement can fail a test."""
    return bool(_ASSERTION.search(statement.code)) and not statement.code.startswith(
        ("import ", "from ", "def ", "@", "#")
    )


def _likeness(old: Statement, new: Statement) -> float:
    return SequenceMatcher(None, old.words, new.words, autojunk=False).ratio()


def removed(case: Case) -> Iterator[Remark]:
    """Assertions taken out of tests that stay."""
    tests = inventory(case)
    for change in case.tests:
        if change.is_deleted:
            continue
        elsewhere = Counter(
            s.words
            for other in case.changes
            if other.is_test and other is not change
            for s in other.new_statements
            if s.changed and is_assertion(s)
        )
        gone = [d for d in tests.old.get(change.path, ()) if d.name in tests.gone]
        for statement in pairing(case, change).lost:
            if elsewhere[statement.words] or _inside(change, statement, gone):
                continue
            yield Remark(change.path, statement.number, f"an assertion is removed: {statement.bare[:80]}")


def _inside(change: Change, statement: Statement, gone: list[Definition]) -> bool:
    """It went together with its whole test, which another rule reports."""
    start = max((d.statement.number for d in gone if d.statement.number <= statement.number), default=0)
    between = [s for s in change.old_statements if start < s.number < statement.number]
    return bool(start) and all(s.indent > 0 or not s.code.strip("})]; ") for s in between)


def weakened(case: Case) -> Iterator[Remark]:
    """Assertions that still stand, but would accept more than before."""
    for change in case.tests:
        for old, new in pairing(case, change).edited:
            if why := _weaker(old, new):
                yield Remark(change.path, new.number, f"{why}: {new.bare[:80]}")


def _weaker(old: Statement, new: Statement) -> str:
    before, after = _strength(old.code), _strength(new.code)
    if after < before:
        return "this assertion accepts more than before" if after else "this assertion is always true"
    if _BROAD_ERROR.search(new.code) and not _BROAD_ERROR.search(old.code):
        return "this accepts any error"
    words_old, words_new = Counter(plain_words(old.code)), Counter(plain_words(new.code))
    if any(words_new[word] > words_old[word] for word in ("or", "||", "ANY", "anything", "Any", "any")):
        return "this assertion has a second way to hold"
    if words_new["not"] != words_old["not"] or words_new["!"] != words_old["!"]:
        return "this assertion is turned round"
    return ""


def _strength(code: str) -> int:
    return next(strength for strength, pattern in _STRENGTH if pattern.search(code))


def widened(case: Case) -> Iterator[Remark]:
    """Tolerances, in assertions or beside them, that grow."""
    for change in case.tests:
        old_lines, new_lines = (
            "\n".join(line.bare for line in side) for side in (change.removed, change.added)
        )
        old, new = (dict(_TOLERANCE.findall(text)) for text in (old_lines, new_lines))
        number = change.added[0].number if change.added else 0
        for name in old.keys() & new.keys():
            if _value(old[name]) != _value(new[name]):
                grows = _value(new[name]) > _value(old[name])
                if grows != (name in _MORE_IS_TIGHTER):
                    yield Remark(
                        change.path, number, f"the tolerance {name} goes from {old[name]} to {new[name]}"
                    )
        for before, after in pairing(case, change).edited:
            if len(_CLOSE_TO.findall(after.code)) > len(_CLOSE_TO.findall(before.code)):
                yield Remark(
                    change.path, after.number, f"an exact assertion becomes approximate: {after.bare[:80]}"
                )
            elif _CLOSE_TO.search(before.code) and _looser_position(before, after):
                yield Remark(change.path, after.number, f"the tolerance is wider: {after.bare[:80]}")


def _value(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _looser_position(before: Statement, after: Statement) -> bool:
    """The last number of a call such as InDelta(a, b, 0.1) differs and nothing else does."""
    old, new = before.words, after.words
    differing = [(a, b) for a, b in zip(old, new, strict=False) if a != b]
    if len(old) != len(new) or len(differing) != 1:
        return False
    last = [word for word in old if _NUMBER.match(word)][-1:]
    return bool(last) and differing[0][0] == last[0] and not _TOLERANCE.search(before.bare)


def edited(case: Case) -> Iterator[Remark]:
    """Expected values and inputs of existing tests that change."""
    for change in case.tests:
        if change.is_deleted or change.is_new:
            continue
        pairs = pairing(case, change)
        told = set()
        for old, new in pairs.edited:
            if not (_weaker(old, new) or _widens(old, new)):
                told.add(new.number)
                yield Remark(change.path, new.number, f"an existing assertion is changed: {new.bare[:80]}")
        touched = {id(s) for pair in pairs.edited for s in pair} | {id(s) for s in pairs.lost}
        yield from _inputs(case, change, touched)


def _widens(old: Statement, new: Statement) -> bool:
    closer = len(_CLOSE_TO.findall(new.code)) > len(_CLOSE_TO.findall(old.code))
    tolerance = _TOLERANCE.findall(old.bare) != _TOLERANCE.findall(new.bare)
    return closer or tolerance or (bool(_CLOSE_TO.search(old.code)) and _looser_position(old, new))


def _inputs(case: Case, change: Change, touched: set[int]) -> Iterator[Remark]:
    """Literals that vanish from the lines of a test file without standing elsewhere in it."""
    tests = inventory(case)
    gone = {d.statement.number for d in tests.old.get(change.path, ()) if d.name in tests.gone}
    if gone:
        return
    old = [s for s in change.old_statements if s.changed and id(s) not in touched and not _idle(s)]
    new = [s for s in change.new_statements if s.changed and id(s) not in touched]
    lost = Counter(v for s in old for v in _literals(s)) - Counter(v for s in new for v in _literals(s))
    for statement in old:
        if hit := next((value for value in _literals(statement) if lost[value] > 0), None):
            yield Remark(change.path, statement.number, f"{hit[:40]} is taken out of an existing test")
            return


def _idle(statement: Statement) -> bool:
    return (
        (
            statement.code.startswith(
                ("import ", "from ", "package ", "using ", "@", "#", "require(", "const {")
            )
            and not ("parametrize" in statement.code or "case" in statement.code.lower())
        )
        or is_mock(statement.code)
        or bool(_TOLERANCE.search(statement.bare))
    )


def _literals(statement: Statement) -> list[str]:
    return [value.replace("'", '"') for value in _LITERAL.findall(statement.bare)]


def expectations(case: Case) -> Iterator[Remark]:
    """Snapshots, golden files and recorded answers that change or go."""
    for change in case.changes:
        if (
            places.is_expectation(change.path)
            and not change.is_new
            and change.diff.changed_lines
            and not change.is_test
        ):
            what = "is deleted" if change.is_deleted else "is changed"
            yield Remark(change.path, 0, f"a file that tests compare with {what}")


_BLOCK = re.compile(
    r"^(?:if|elif|else|try|while|for|with\s+(?:\w+\.)*(?:suppress|raises)|except|catch|unless|begin|switch|match)\b|^\}?\s*(?:else|catch)\b"
)
_LEAVE = re.compile(
    r"^(?:return|break|continue)\b[^(]*$|^return\s+(?:None|true|false|nil|0)?;?$|^t\.SkipNow\(\)|^raise\s+\w*Exit"
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


def _inner(side: tuple[Statement, ...], at: int) -> Iterator[Statement]:
    for later in side[at + 1 : at + 1 + _LONGEST_BLOCK]:
        if later.indent <= side[at].indent or later.lines[0].first:
            return
        yield later


def _cuts_short(side: tuple[Statement, ...], at: int) -> bool:
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


_MOCK = re.compile(
    r"\bmock\.patch\b|@patch\b|(?<![\w.])patch(?:\.object|\.dict|\.multiple)?\s*\(|\bmonkeypatch\.(?:setattr|setitem|delattr)\b|\bmocker\.\w+"
    r"|\b(?:jest|vi)\.(?:mock|doMock|spyOn|fn)\b|\bsinon\.(?:stub|mock|fake|replace)\b|\bproxyquire\b|\btd\.replace\b|\bnock\s*\("
    r"|\bMockito\.|\bmock(?:Static)?\s*\(|@(?:Mock|MockBean|Spy|InjectMocks)\b|\bwhen\s*\(.*\.thenReturn|\bdoReturn\s*\("
    r"|\bgomonkey\.|\bmonkey\.Patch|\bstub_const\b|\ballow\(.*\)\.to\s+receive|\bMagicMock\s*\(|\bcreate_autospec\s*\(|\bflexmock\b"
    r"|\bmockReturnValue|\bmockImplementation|\bmockResolvedValue"
)
_REPLACE = re.compile(
    r"^(\w+)\.(\w+)\s*=\s*(?:lambda\b|\w*Mock\b|\(.*\)\s*=>|async\b|function\b|\w*fake\w*|\w*stub\w*)"
)


def is_mock(code: str) -> bool:
    """The line replaces something by a stand-in."""
    return bool(_MOCK.search(code) or _REPLACE.search(code.strip()))


def mocked(case: Case) -> Iterator[Remark]:
    """Stand-ins put into tests that ran on the real thing before."""
    tests = inventory(case)
    for change in case.tests:
        if change.is_new and not change.path.endswith("conftest.py"):
            continue
        had = sum(is_mock(line.code) for line in change.removed)
        hits = [
            line for line in change.added if is_mock(line.code) and not tests.is_new_test(change, line.number)
        ]
        for line in hits[had:]:
            yield Remark(
                change.path, line.number, f"an existing test now runs on a stand-in: {line.text.strip()[:80]}"
            )
