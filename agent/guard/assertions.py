"""Rules about tests that still run, but demand less."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from agent.guard import callbacks, changed_data, doctests, places
from agent.guard.case import Case, Change, Remark
from agent.guard.equality import says_the_same
from agent.guard.inventory import Definition, inventory
from agent.guard.kept import demands_as_much
from agent.guard.left_open import put_out_of_code
from agent.guard.lines import Statement, plain_words
from agent.guard.narrower import is_narrower, is_report, reports_as_well
from agent.guard.own_folders import put_in_own_folder
from agent.guard.rewritten import replaced_pauses, told_by_raising
from agent.guard.rows import told_by_rows
from agent.guard.standins import is_stand_in
from patchpilot.fixes import Severity

_ASSERTION = re.compile(
    r"^assert\b|\bassert[A-Z_]\w*|\bassert_\w+|\bexpect\s*[.(]|\bassert\s*[.(]|\bshould\b"
    r"|\.to(?:Be|Equal|Have|Throw|Match|Strict)\w*"
    r"|\bpytest\.(?:raises|warns|fail|approx)\b|\bself\.fail\s*\(|\b(?:require|assert|is|qt|c"
    r"|g)\.(?:Equal|NoError|Error|True|"
    r"False|Nil|NotNil|Len|Contains|Zero|InDelta|Eventually|Panics|ElementsMatch|JSONEq|Assert"
    r"|Expect)\w*\s*\("
    r"|\bt\.(?:Error|Errorf|Fatal|Fatalf|Fail|FailNow)\s*\(|\bassert(?:_eq|_ne|_matches)?!"
    r"|\bAssert\.\w+|\bAssertions?\.\w+"
    r"|\b(?:EXPECT|ASSERT|REQUIRE|CHECK)(?:_[A-Z]+)*\s*\(|\bverify\s*\(|\bfail\s*\("
    r"|\bthrow\s+new\s+AssertionError"
    r"|^\[\[?\s.*\s(?:=|==|!=|=~|-\w{1,2})\s.*\]\]?$|^Then\s"
    r"|\bExpect(?:WithOffset)?\s*\(|\b(?:Eventually|Consistently)\s*\(|\bXCT(?:Assert|Fail|Unwrap)\w*"
    r"|\bshould(?:Be|Not|Equal|Contain|Have|Throw)\w*|\b(?:must|wont)_(?:be|equal|include|match|raise)\w*"
    r"|\b(?:TEST_ASSERT|BOOST_CHECK|BOOST_REQUIRE|ck_assert)\w*\s*\(|\bQ(?:COMPARE|VERIFY)\s*\(|\bexpect_\w+\s*\("
    r"|\bexpect\s*\{|\bexpect\s+do\b|\braise_error\b|\bexpectException\w*\s*\("
    r"|\braise\s+AssertionError|\bpanic!|\bunreachable!|\bis_expected\b|\brefute\b|\bt\.(?:is"
    r"|deepEqual|equal|truthy|throws)\s*\("
)
_NUMBER = re.compile(r"^[\d][\w.]*$")
_LITERAL = re.compile(
    r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`|(?<![\w.])\d[\w.]*|\b(?:True|False|None"
    r"|true|false|null|nil|undefined)\b"
)
_TOLERANCE = re.compile(
    r"\b(rel|abs|rtol|atol|delta|tol|tolerance|rel_tol|abs_tol|eps|epsilon|places|decimal"
    r"|decimals|precision|digits|numDigits|maxUlps|"
    r"significant|within|threshold|margin|max_diff|maxDiffPixels|maxDiffPixelRatio"
    r"|check_less_precise)\w*\s*[=:]\s*([\d.eE+-]+)"
)
_CLOSE_TO = re.compile(
    r"\b(?:approx|isclose|allclose|assertAlmostEqual|assert_allclose|assert_almost_equal"
    r"|assert_approx_equal|toBeCloseTo|closeTo|InDelta|"
    r"InEpsilon|isCloseTo|round|NEAR|be_within|assert_abs_diff_eq|assert_relative_eq"
    r"|almost_equal|isclose)\b"
)
_MORE_IS_TIGHTER = {"places", "decimal", "decimals", "precision", "digits", "numDigits", "significant"}
# What an assertion demands, strongest first: exact, then structural or one-sided, then hardly anything.
_STRENGTH = (
    (
        0,
        re.compile(
            r"\bor\s+True\b|\|\|\s*true\b|^assert\s+True\b|assertTrue\(\s*[Tt]rue\s*[,)]"
            r"|expect\(\s*true\s*\)|^assert\s+(?:1|\"\S*\")\s*(?:,|$)|\bnot\s+False\b|assert!\(\s*true"
        ),
    ),
    (
        3,
        re.compile(
            r"==|\bis\s+(?:True|False|None)\b|assert_?(?:[Ee]quals?|[Ii]s\b|eq\b|_eq)|assertEqual"
            r"|assertIs\(|assert(?:List|Dict|Set|Tuple|Count|Sequence|MultiLine)Equal|\.to(?:Be|Equal"
            r"|StrictEqual|Eql)\(|\.toMatch(?:Inline)?Snapshot|\b(?:Equal|EqualValues|JSONEq"
            r"|ElementsMatch|Same|Exactly|deepEqual|deepStrictEqual|strictEqual|isEqualTo|assertSame"
            r"|AreEqual|assertArrayEquals|containsExactly)\b|_EQ\b|\beql?\b|\bEqualError\b"
            r"|\bXCTAssertEqual\b|\bshouldBe\b|\bmust_equal\b|\bTEST_ASSERT_EQUAL|\bBOOST_(?:CHECK|REQUIRE)_EQUAL"
            r"|\bQCOMPARE\b|\bexpect_(?:equal|identical)\b|\bck_assert_\w+_eq\b"
            r"|\bassert_array_equal|assert_frame_equal|assert_series_equal|toHaveBeenCalledWith"
            r"|toThrow\(\s*[\"'`/\w]|called_once_with|call_args"
        ),
    ),
    (
        2,
        re.compile(
            r"\bnot\s+in\b|\bin\b|[<>]=?|!=|[Cc]ontains?\b|\.toHaveLength|\.toMatch|\.toContain|\bLen\b"
            r"|assertIn\b|[Gg]reater|[Ll]ess|startswith|isinstance|is\s+not\b|assertRegex|\bmatch\b"
            r"|\.match\(|approx|[Cc]lose|InDelta|toThrow|raises|assertRaises|Error\b|called_once"
            r"|toHaveBeenCalledTimes|isinstance|toBeInstanceOf|assertIsInstance|NotEqual"
        ),
    ),
    (1, re.compile(r"")),
)
_BROAD_ERROR = re.compile(
    r"(?:raises|assertRaises\w*|toThrow\w*|assertThrows"
    r"|expectThrows)\s*\(\s*\(?\s*(?:Base)?(?:Exception|Throwable|Error)\b(?:\.class)?"
    r"|\.toThrow(?:Error)?\(\s*\)"
    # RSpec, PHPUnit, xUnit and Kotlin, AssertJ
    r"|(?<!not_)(?<!not\.)to\s+raise_error(?:\s*(?:\{|do\b)|\s*\(\s*(?:StandardError|Exception)\s*\)|\s+(?:StandardError|Exception))?$"
    r"|\bexpectException\(\s*\\?(?:Throwable|Exception|Error)::class"
    r"|\b(?:Throws\w*|assertThrows|assertFailsWith)\s*<\s*(?:System\.)?(?:Exception|Throwable)\s*>"
    r"|\bisInstanceOf\(\s*(?:Exception|Throwable|RuntimeException)\.class"
)


_ALIKE = 0.4
"""Share of equal tokens; below it two assertions have only the word assert in common."""
_MOST_PAIRS = 2_500
"""Comparisons per file: beyond it an edited assertion counts as removed, which is refused as well."""


@dataclass(frozen=True)
class Pairing:
    """What became of the assertions that a patch touches in one file."""

    lost: tuple[Statement, ...]
    edited: tuple[tuple[Statement, Statement], ...]
    reindented: tuple[tuple[Statement, Statement], ...]
    """The same assertion, in other words perhaps, but deeper inside something."""
    reworded: tuple[tuple[Statement, Statement], ...]
    """Reports of a failure that say something else."""


def pairing(case: Case, change: Change) -> Pairing:
    """Match the assertions that the patch removes with those that it adds, formatting and renames aside."""
    return case.once(("pairing", change.path), lambda: _pair(case, change))


def _pair(case: Case, change: Change) -> Pairing:
    told = {number for numbers in told_by_rows(case, change).values() for number in numbers}
    told |= told_by_raising(change)
    removed = [s for s in change.old_statements if s.changed and is_assertion(s) and id(s) not in told]
    added = [s for s in change.new_statements if s.changed and is_assertion(s)]
    twins: dict[tuple[str, ...], list[Statement]] = {}
    for new in reversed(added):
        twins.setdefault(new.words, []).append(new)
    kept = [(old, twins[key].pop()) for old in removed if twins.get(key := case.renamed_words(old))]
    reworded = _other_reports(change, removed, added)
    matched = {id(statement) for pair in (*kept, *reworded) for statement in pair}
    removed = [s for s in removed if id(s) not in matched]
    added = [s for s in added if id(s) not in matched]
    edited = []
    few = len(removed) * len(added) <= _MOST_PAIRS
    for old in list(removed) if few else ():
        if twin := next((new for new in added if _is_twin(old, new)), None):
            edited.append((old, twin))
            removed.remove(old)
            added.remove(twin)
    for old in list(removed) if few else ():
        best = max(added, key=lambda new: _likeness(old, new), default=None)
        if best is not None and _likeness(old, best) > _ALIKE:
            edited.append((old, best))
            removed.remove(old)
            added.remove(best)
    same = (*kept, *reworded, *(pair for pair in edited if demands_as_much(*pair, ())))
    deeper = tuple((old, new) for old, new in same if new.indent > old.indent)
    return Pairing(tuple(removed), tuple(edited), deeper, tuple(reworded))


def _is_twin(old: Statement, new: Statement) -> bool:
    return says_the_same(old, new) or is_narrower(old.bare, new.bare)


def _other_reports(
    change: Change, removed: list[Statement], added: list[Statement]
) -> list[tuple[Statement, Statement]]:
    """Reports of Go that say something else now, in the same function."""
    if change.language != "go":
        return []
    found: list[tuple[Statement, Statement]] = []
    used: set[int] = set()
    reports = [s for s in added if is_report(s.bare)]
    homes = [_functions(side) for side in (change.old_statements, change.new_statements)]
    for old in (s for s in removed if is_report(s.bare)):
        for new in reports:
            is_free = id(new) not in used and homes[0][id(old)] == homes[1][id(new)]
            if is_free and reports_as_well(old.bare, new.bare) and old.words != new.words:
                found.append((old, new))
                used.add(id(new))
                break
    return found


def _functions(side: Iterable[Statement]) -> dict[int, str]:
    """The function in which each statement stands, or the fragment of which the function is out of sight."""
    homes: dict[int, str] = {}
    home = ""
    for statement in side:
        if statement.code.startswith("func ") or statement.lines[0].first:
            home = statement.code
        homes[id(statement)] = home
    return homes


# Go has no assert: ``if got != want {`` in front of ``t.Errorf`` is one.
_COMPARING_IF = re.compile(r"^if\b.*(?:!=|==|[<>]|!\w).*\{$")


def is_assertion(statement: Statement) -> bool:
    """The statement can fail a test."""
    if _COMPARING_IF.search(statement.code):
        return True
    if statement.code.startswith(("#expect(", "#require(")):  # of Swift
        return True
    return bool(_ASSERTION.search(statement.code)) and not statement.code.startswith(
        ("import ", "from ", "def ", "@", "#")
    )


def _names_assertion(text: str) -> bool:
    return _ASSERTION.search(text) is not None


def _likeness(old: Statement, new: Statement) -> float:
    return SequenceMatcher(None, old.words, new.words, autojunk=False).ratio()


def removed(case: Case) -> Iterator[Remark]:
    """Assertions taken out of tests that stay."""
    tests = inventory(case)
    for change in case.tests:
        if change.is_deleted:
            yield from _gone_with_their_file(case, change)
            continue
        come = case.once("come to tests", lambda: Counter(w for c in case.changes for w in _come(c)))
        elsewhere = come - Counter(_come(change))
        yield from put_out_of_code(change, _names_assertion)
        gone = [d for d in tests.old.get(change.path, ()) if d.name in tests.gone]
        for statement in pairing(case, change).lost:
            if elsewhere[statement.words] or _inside(change, statement, gone):
                continue
            yield Remark(change.path, statement.number, f"an assertion is removed: {statement.bare[:80]}")


def _come(change: Change) -> Iterator[tuple[str, ...]]:
    """Words of the assertions that the patch adds to a file of tests."""
    if change.is_test:
        yield from (s.words for s in change.new_statements if s.changed and is_assertion(s))


def _gone_with_their_file(case: Case, change: Change) -> Iterator[Remark]:
    """Assertions of a file that tests share, or that a runner loads around them, when the file goes."""
    if places.is_collected(change.path):
        return
    loaded = places.is_loaded(change.path)
    if change.is_unread:
        what = f"what tests share goes to {change.diff.moved_to}, and its assertions aren't known here"
        yield Remark(change.path, 0, what, Severity.OVERRIDE)
        return
    kept = case.once("assertions that come", lambda: _assertions_that_come(case))
    for statement in change.old_statements:
        if not (statement.changed and _ASSERTION.search(statement.code) and is_assertion(statement)):
            continue
        counts = loaded or bool(_AROUND_EACH.search(statement.code))
        if statement.words in kept and (kept[statement.words] or not counts):
            continue
        # Nothing breaks when what a runner loads by itself is gone; a helper that is used is missed.
        severity = None if counts and statement.words not in kept else Severity.OVERRIDE
        what = f"an assertion goes with the file: {statement.bare[:80]}"
        yield Remark(change.path, statement.number, what, severity)
        return


def _assertions_that_come(case: Case) -> dict[tuple[str, ...], bool]:
    """Assertions that the patch adds anywhere, and whether a runner comes to their file by itself."""
    found: dict[tuple[str, ...], bool] = {}
    for change in case.changes:
        by_itself = places.is_loaded(change.path) or places.is_collected(change.path)
        for statement in change.new_statements if change.is_code else ():
            if statement.changed and is_assertion(statement):
                found[statement.words] = found.get(statement.words, False) or by_itself
    return found


_AROUND_EACH = re.compile(r"\b(?:before|after)(?:Each|All)?\s*\(")


def _inside(change: Change, statement: Statement, gone: list[Definition]) -> bool:
    """It went together with its whole test, which another rule reports."""
    start = max((d.statement.number for d in gone if d.statement.number <= statement.number), default=0)
    between = [s for s in change.old_statements if start < s.number < statement.number]
    return bool(start) and all(s.indent > 0 or not s.code.strip("})]; ") for s in between)


def weakened(case: Case) -> Iterator[Remark]:
    """Assertions that still stand, but would accept more than before."""
    for change in case.tests:
        for old, new in pairing(case, change).edited:
            if not _says_as_much(old, new) and (why := _weaker(old, new)):
                yield Remark(change.path, new.number, f"{why}: {new.bare[:80]}")
        yield from callbacks.dropped(change)


def _says_as_much(old: Statement, new: Statement) -> bool:
    return says_the_same(old, new) or demands_as_much(old, new, ())


def _weaker(old: Statement, new: Statement) -> str:
    before, after = _strength(old.code), _strength(new.code)
    if after < before:
        return "this assertion accepts more than before" if after else "this assertion is always true"
    if "debug_assert" in new.code and "debug_assert" not in old.code:
        return "this assertion is left out of release builds"
    if _BROAD_ERROR.search(new.code) and not _BROAD_ERROR.search(old.code):
        return "this accepts any error"
    words_old, words_new = Counter(plain_words(old.code)), Counter(plain_words(new.code))
    if any(words_new[word] > words_old[word] for word in _OTHER_WAYS):
        return "this assertion has a second way to hold"
    turned = words_new["not"] != words_old["not"] or words_new["!"] != words_old["!"]
    if turned and not _names_false(old.bare, new.bare):
        return "this assertion is turned round"
    return ""


_OTHER_WAYS = ("or", "||", "ANY", "anything", "Any", "any", "Or", "SatisfyAny", "anyOf", "either")


def _names_false(old: str, new: str) -> bool:
    """``assert not x`` becomes ``assert x is False``, which fewer answers satisfy."""
    match = re.fullmatch(r"assert not ([\w.]+(?:\([^()]*\))?)", old)
    return match is not None and new == f"assert {match[1]} is False"


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
            fresh = dict(_TOLERANCE.findall(after.bare)).keys() - dict(_TOLERANCE.findall(before.bare)).keys()
            if _loses_its_name(before, after):
                yield Remark(
                    change.path, after.number, f"the tolerance has no name any more: {after.bare[:80]}"
                )
            if fresh - _MORE_IS_TIGHTER:
                what = f"the tolerance {min(fresh)} is added: {after.bare[:80]}"
                yield Remark(change.path, after.number, what)
            if len(_CLOSE_TO.findall(after.code)) > len(_CLOSE_TO.findall(before.code)):
                yield Remark(
                    change.path, after.number, f"an exact assertion becomes approximate: {after.bare[:80]}"
                )
            elif _CLOSE_TO.search(before.code) and _looser_position(before, after):
                yield Remark(change.path, after.number, f"the tolerance is wider: {after.bare[:80]}")


def _loses_its_name(before: Statement, after: Statement) -> bool:
    """``assertAlmostEqual(a, b, places=4)`` becomes ``assertAlmostEqual(a, b, 0)``."""
    old, new = (dict(_TOLERANCE.findall(statement.bare)) for statement in (before, after))
    numbers = [sum(bool(_NUMBER.match(word)) for word in statement.words) for statement in (before, after)]
    return bool(old.keys() - new.keys()) and bool(_CLOSE_TO.search(after.code)) and numbers[1] >= numbers[0]


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
            is_awaited = [word for word in new.words if word != "await"] == list(old.words)
            is_awaited = is_awaited or _names_false(old.bare, new.bare)
            if not (is_awaited or _weaker(old, new) or _widens(old, new)) and not _kept(
                case, change, old, new
            ):
                told.add(new.number)
                yield Remark(change.path, new.number, f"an existing assertion is changed: {new.bare[:80]}")
        yield from _other_cases(change)
        yield from _one_by_one(change)
        yield from changed_data.changed(case, change)
        touched = {id(s) for pair in (*pairs.edited, *pairs.reworded) for s in pair} | {
            id(s) for s in pairs.lost
        }
        touched.update(*told_by_rows(case, change).values(), told_by_raising(change), replaced_pauses(change))
        yield from _inputs(case, change, touched)
    yield from doctests.changed(case)


def _kept(case: Case, change: Change, old: Statement, new: Statement) -> bool:
    """The edited assertion demands as much, with the patch's new names put in."""
    before = [s for s in change.new_statements if s.number < new.number]
    renamed = Statement(old.lines, " ".join(case.renamed_words(old)), old.code)
    if put_in_own_folder(old, new, change.old_statements, change.new_statements):
        return True
    return demands_as_much(old, new, before) or demands_as_much(renamed, new, before)


_LOOP = re.compile(r"^(?:for|foreach|while)\b|\.(?:forEach|each)\b")


def _other_cases(change: Change) -> Iterator[Remark]:
    """A loop around assertions goes over something else."""
    sides = (
        [s for s in side if s.changed and _LOOP.search(s.code)]
        for side in (change.old_statements, change.new_statements)
    )
    old, new = sides
    for before, after in zip(old, new, strict=True) if len(old) == len(new) else ():
        inner = [s for s in change.new_statements if after.number < s.number <= after.number + _NEAR]
        if before.words != after.words and any(is_assertion(s) for s in inner):
            yield Remark(change.path, after.number, f"a test goes over other cases: {after.bare[:80]}")


_AT_ONCE = re.compile(
    r"^go\s+(?:func\b|\w[\w.]*\()|\b(?:Thread|Process)PoolExecutor\b|\basyncio\.gather\s*\(|\bPromise\.all\w*\s*\("
    r"|\bthread::spawn\b|\bnewFixedThreadPool\b"
)


def _one_by_one(change: Change) -> Iterator[Remark]:
    """What a test did at the same time, it does one after the other."""
    old = [s for s in change.old_statements if s.changed and _AT_ONCE.search(s.code)]
    if old and not any(_AT_ONCE.search(s.code) for s in change.new_statements):
        yield Remark(change.path, old[0].number, f"a test no longer does things at once: {old[0].bare[:80]}")


_NEAR = 15
"""Lines below a loop's head that are looked through for assertions."""


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
    moved = case.once("moved", lambda: _moved(case))
    found = _found_otherwise(change)
    pairs = pairing(case, change).edited
    led = {p for a, b in pairs for p in put_in_own_folder(a, b, change.old_statements, change.new_statements)}
    for statement in old:
        hits = (
            value
            for value in _literals(statement)
            if lost[value] > 0 and value.strip("\"'`") not in moved | led and not found(value)
        )
        if hit := next(hits, None):
            yield Remark(change.path, statement.number, f"{hit[:40]} is taken out of an existing test")
            return


_BESIDE = re.compile(
    r"\b(?:__file__|__dirname|import\.meta\.(?:url|dirname)|runtime\.Caller)\b|\bgetResource\w*\("
)


_OF_ALL = re.compile(r"[\"'`](?:/var)?/tmp/")
_OWN_FOLDER = re.compile(
    r"\b(?:tmp_path\w*|tmpdir|TempDir|MkdirTemp|mkdtemp\w*|TemporaryDirectory|createTempDirectory|tempfile|NamedTemporaryFile"
    r"|mktmpdir)\b"
)


def _found_otherwise(change: Change) -> Callable[[str], bool]:
    """Tells of a path that went whether its file is still read.

    It is found from the place of the test now, no longer from where the run starts; or it stands in a folder
    of the test's own, no longer in the one that all programs share.
    """
    new = [s for s in change.new_statements if s.changed]
    own_folder = any(_OWN_FOLDER.search(s.code) for s in new)
    beside = new if any(_BESIDE.search(s.code) for s in new) else []
    names = {literal.strip("\"'`").rpartition("/")[2] for s in beside for literal in _literals(s)}

    def found(value: str) -> bool:
        folder, _, name = value.strip("\"'`").rpartition("/")
        return (bool(folder) and "." in name and name in names) or (own_folder and bool(_OF_ALL.match(value)))

    return found


def _moved(case: Case) -> set[str]:
    """Parts of the paths of files that are only moved, which tests name to find them."""
    moves = [
        (change.diff.old_path or change.diff.moved_from, change.diff.new_path)
        for change in case.changes
        if (change.diff.old_path or change.diff.moved_from)
        and change.diff.new_path
        and change.diff.old_path != change.diff.new_path
        and not change.diff.changed_lines
        and not change.is_test
    ]
    gone: set[str] = set()
    for before, after in moves:
        old, new = before.split("/"), after.split("/")
        gone |= {part for part in old if part not in new}
        gone |= {"/".join(old[at:]) for at in range(len(old)) if old[at:] != new[-len(old[at:]) :]}
    return gone


def _idle(statement: Statement) -> bool:
    return (
        (
            statement.code.startswith(
                ("import ", "from ", "package ", "using ", "@", "#", "require(", "const {")
            )
            and not ("parametrize" in statement.code or "case" in statement.code.lower())
        )
        or is_stand_in(statement.code)
        or bool(_TOLERANCE.search(statement.bare))
    )


def _literals(statement: Statement) -> list[str]:
    return [value.replace("'", '"') for value in _LITERAL.findall(statement.bare)]


def expectations(case: Case) -> Iterator[Remark]:
    """Snapshots, golden files and recorded answers that change or go."""
    for change in case.changes:
        if not places.is_expectation(change.path) or change.is_test:
            continue
        diff = change.diff
        if change.is_deleted and (diff.moved_to or diff.changed_lines):
            what = f"is moved away, to {diff.moved_to}" if diff.moved_to else "is deleted"
        elif change.is_new and (diff.moved_from or diff.copied_from):
            if places.is_expectation(diff.source):
                continue
            what = f"is put here from {diff.source}"
        elif not change.is_new and diff.changed_lines:
            what = "is changed"
        else:
            continue
        yield Remark(change.path, 0, f"a file that tests compare with {what}")
