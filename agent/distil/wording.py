"""A failure in words: the line that says what went wrong, which need not be the line that names what failed.

``--- FAIL: TestTotal`` names a test; ``total_test.go:18: got 3, want 4`` below it, or above it in a verbose
run, says what is wrong with it, and ``Not equal:`` is followed by lines with the values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile

from agent.distil.chains import captured
from agent.distil.linear import compiled
from agent.distil.places import places, relative, without_roots
from agent.distil.rules import Rule
from agent.distil.story import Story
from agent.distil.titles import hung
from patchpilot.text import shorten

LENGTH = 300
"""Greatest length of a cause in characters."""
REACH = 30
"""How many lines below a name are searched for what is said of it."""
OPENED_REACH = 400
JOINED = 8
"""So many lines of a message are put into one sentence at most."""
_NAME = 120
_ARROW = re.compile(r"\s{0,8}--> (\S+:\d+:\d+)\s*$")
_UNFORMATTED = (
    ("Prettier", re.compile(r"\[warn\] (\S+\.\w{1,8})$")),
    ("Biome", re.compile(r"(\S+) format ━{3,}$")),
    ("rustfmt", re.compile(r"Diff in (\S+?\.rs)(?: at line |:)(\d+):?$")),
    ("PHP CS Fixer", re.compile(r"\d{1,4}\) (\S+\.php)(?: \([\w, ]+\))?$")),
    ("gofmt", re.compile(r"diff (?:-u )?\S+\.go\.orig (\S+\.go)$")),
)
"""How formatters name a file that they would write otherwise: the file, the line where it is told."""
_SUPERFLUOUS = re.compile(
    # Maven's goal and its pointer to help, the frame of Ruby's library that raised, a panicking thread, an
    # object of urllib3 in what pip says when it gives up.
    r"^Failed to execute goal (?:on project \S+: |\S+(?: \([\w.-]+\))? on project \S+: )(?=\S)"
    r"| -> \[Help \d+\]$"
    r"|^\S+\.rb:\d+:in [`'][^'\n]{1,120}': (?=\S)"
    r"|^WARNING: Retrying \(Retry\([^()\n]*\)\) after connection broken by '\w+\(['\"]<[^<>\n]*>: (?=\S)"
    r"|^thread '[^'\n]+' (?:\(\d+\) )?panicked at (?='|\S+:\d+:\d+: \S)"
)
_SYMBOL = re.compile(r"\s*(?:\[ERROR\] )?\s*symbol: {1,3}(\S.*)$")
"""javac says below ``cannot find symbol`` which."""
_SYMBOL_REACH = 4
_LINE_FIRST = re.compile(r":?(\d{1,6}) (?:\| (?:ERROR|WARNING) {0,4}\| (?:\[[ x]\] )?)?(?=\S)")
"""PHPStan and PHP_CodeSniffer print the line in front and the file in a heading."""
_LEVEL = re.compile(r"^\[(?:ERROR|error|info)\]|^\[WARNING\] (?=[\w.$]+\.\w+$)|^#(?= )")
_CHECKED_FILE = re.compile(r"[\w@+./-]{1,200}\.(?:php\d?|inc|phtml|module|js|css)")
_PANICKED = re.compile(r"thread '([^'\n]+)' (?:\(\d+\) )?panicked at (\S+?:\d+):\d+: (?=\S)")
_METHOD_FIRST = re.compile(r"(\w+)\(((?:\w+\.)+[\w$]+)\)")
_CAUSED_BY = re.compile(r"\s{0,8}Caused by: (\S.*)")
_FRAME = re.compile(r"\s{1,12}(?:at \S+\(|\.\.\. \d+ (?:more|common frames))|\s{0,8}Suppressed: ")
_ADDRESSES = re.compile(r" at 0x[0-9a-f]{6,16}(?= by goroutine)| by goroutine \d+(?=:)| \+0x[0-9a-f]{1,8}\b")
"""Where Go's race detector found what it tells; they differ in each run."""
_OUTER = 110
"""Greatest length of what the first exception of a chain says, beside the last."""
_TITLE = re.compile(r"\s{0,8}\d{1,4}\) (?!Failure:|Error:)(\S.*)")
"""RSpec numbers the examples that failed, and says below what is wrong with each."""

_DECORATION = re.compile(
    r"^(?:> |\#\#\[error\]|E {3}|\[ERROR\]|INTERNALERROR> |(?:FAILED|ERROR) (?=\S+\.py\b)|\s"
    r"|[*>✕✗✖×●!-](?= )|# (?=\w*Error\b)|# {2,}(?=got:)|[│├] "
    r"|Line {3,}|FILE: |\^-*\^? (?=SC\d)|\| (?=The (?:term|specified module) )"
    r"|\[(?:error|info)\] |==\d+== |\[ant:checkstyle\] "
    r"|\[WARNING\] (?=[\w.$]+\.\w+$)|➤ YN\d{4}: (?:│ )?|#\d+ ERROR: |\[xUnit\.net [\d:.]+\]\s*|# (?=[(`]))+"
)
_REWORDED = (
    (re.compile(r"\d+/\d+ Test {1,4}#\d+: (\S+) [. ]*\*\*\*(\S.*?)(?: {1,9}[\d.]+ sec)?"), r"\1: \2"),
    (re.compile(r"\d+ - (\S+) \((\w[\w ]*)\)(?: {1,9}\S.*)?"), r"\1: \2"),
)
"""CTest's own lines on a test, whose output it shows only if it is asked to."""
_BRANCH = re.compile(r"^\s*[├╰]─▶ ")
_XUNIT = re.compile(r"^\[xUnit\.net [\d:.]+\]\s*")
_HEADING = re.compile(r"\s*\* What went wrong:\s*")
_FAILED_TASK = re.compile(
    r"Execution failed for task |(?:> )?Could not resolve all |A problem occurred |\* Try:"
)
_CONSEQUENCE = re.compile(
    r"\s*(?:error: )?['\"]?(?:\d+ subtests? failed|test failed)['\"]?\s*"
    r"|\s*testing\.go:\d+: race detected during execution of test\s*"
)
"""What a runner says of a suite whose tests failed, or of a file that it could not run."""
_RULED = re.compile(r"\s+(?:FIXABLE\s+)?[━═─]{3,}$")
_RULED_TITLE = re.compile(r"([_=!*])\1{2,} (.*?) \1{3,}")
"""A line set in a rule, as pytest prints its titles and totals."""
_VERSIONS = re.compile(r"\(from versions: ([^\s,()]+), [^()]{60,}?, ([^\s,()]+)\)")
_BLOCK_SCALAR = re.compile(r"\s*\w+: [|>][-+]?\s*")
"""A key of YAML whose text stands on the lines below."""
_NPM = re.compile(r"^npm (?:ERR!|error) (?=\S)|^[├╰]─▶ ")
_CAUSE_BEGINS = re.compile(r"\s+cause: \S|\s*[├╰]─▶ \S")
_PIPENV_BEGINS = re.compile(r"Your Pipfile\.lock\b")
_MYPY_BEGINS = re.compile(r"\S+\.pyi?:\d+(?::\d+){0,3}: (?:error|note): ")
_MYPY_ENDS = re.compile(r"  \[[\w-]+\]$")
_SCALA_BEGINS = re.compile(r"(?:\[error\] )?\S+\.scala:\d+(?::\d+)?: .*;$")
_SCALA_VALUE = re.compile(r"(?:\[error\] )?\s{1,4}((?:found|required) *: \S.*)")
_LABEL = re.compile(r"\s*(?:error|Error|message|cause):\s+")
_MESSAGE_ENDS = re.compile(
    r"\s*(?:at \S.*:\d|at async |❯ |stack backtrace|stack: |note: |code: '|name: '|generatedMessage"
    r"|Test: |Messages: |> *\d+ +\||\d+ *\||\.\.\.$|---$|⎯|[Gg]oroutine \d|testing\.|=== |--- |##\["
    r"|diff --git |#\d+ ERROR|section_(?:start|end):|[-=]{5}|(?:\[ERROR\] )?\s*(?:@@ \S|-> \[Help)|# \S+:\d"
    r"|\[(?:INFO|WARNING)\] |\[Pipeline\] |\S+\.py:\d+: \w+$)"
)
_VALUE = re.compile(
    r"\s*(?:# {2,8}|\[xUnit\.net [\d:.]+\]\s+)?(?:code|[Ee]xpected|[Rr]eceived|[Aa]ctual|left|right"
    r"|[Ww]ant(?:ed)?|[Gg]ot|But was)\b[^:]{0,40}:"
)
_DIFFERENCE = re.compile(r"\s*[-+] {0,3}\S")
_TELLS_VALUES = re.compile(r"(?i)\bexpected\b.*\b(?:to|but|got)\b")


@dataclass(frozen=True, slots=True)
class Wording:
    """What the log says of one cause."""

    sentence: str
    rows: tuple[int, ...]
    """Rows that say it, the first of them most; empty where the log only names what failed."""


def word(story: Story, row: int) -> Wording:
    """Put the cause at ``row`` into one sentence: which test, what is wrong, where."""
    if text := _unformatted(story.lines[row].core):
        return Wording(text, (row,))
    rule = _naming(story, row)
    spoken = said(story, row)
    if test := hung(story, row):
        return Wording(f"{test}: timed out", (row,))
    if spoken is None:
        text = _clean(story, story.lines[row].core)
        announced = _announced(story, row, rule.opened) if rule and rule.opened and not rule.test else ""
        return Wording(f"{announced}: {text}" if announced else text, ())
    rows = told(story, row)
    values = (_LEVEL.sub("", without_roots(story.lines[near].core, story.roots)) for near in rows[1:])
    values = (_BRANCH.sub("", _XUNIT.sub("", value)) for value in values)
    text = " ".join(" ".join([_clean(story, story.placed(spoken)), *values]).split())
    text = _ADDRESSES.sub("", text)
    symbol, deepest = _symbol(story, spoken), _deepest(story, spoken)
    text = f"{text}: {symbol}" if symbol else text
    text = f"{shorten(text, _OUTER)} Caused by: {deepest}" if deepest else text
    text = _with_first(story, spoken, text)
    where = ""
    if panicked := _PANICKED.match(text):
        # Threads of tests bear the names of the tests.
        thread = f"{panicked[1]}: " if rule is None and "::" in panicked[1] else ""
        text, where = thread + text[panicked.end() :], f" ({relative(panicked[2])})"
    if rule is None:
        where = where or _pointed(story, rows[-1], text)
        if name := _path_above(story, row):
            text = f"{name[:_NAME]}: {text}"
        return Wording(text[: LENGTH - len(where)] + where, tuple(rows))
    text = _NPM.sub("", text)
    text = _LABEL.sub("", text, count=1) if _LABEL.match(text) else text
    if text[:1] == text[-1:] == "'":
        text = text[1:-1]
    name = _name(story, row, rule)
    if _CHECKED_FILE.fullmatch(name) and (line := _LINE_FIRST.match(text)):
        text = f"{name}:{line[1]}: {text[line.end() :]}"
    text = f"{name[:_NAME]}: {text}" if name and name not in text else text
    where = where or _where(story, row, rule, text)
    return Wording(text[: LENGTH - len(where)] + where, tuple(rows))


def said(story: Story, row: int) -> int | None:
    """Row of the line that says what went wrong; None where the line at ``row`` only names what did."""
    if _HEADING.fullmatch(story.lines[row].core):
        return _below_heading(story, row)
    rule = _naming(story, row)
    if rule is None:
        return _last_raised(story, row)
    found = _first(story, _block(story, row, rule), rule.says)
    found = _first(story, _opened(story, row, rule), rule.says) if found is None else found
    return None if found is None else _last_raised(story, found)


def told(story: Story, row: int) -> list[int]:
    """Rows that say it, with the values that the first of them announces; empty for a mere name."""
    spoken = said(story, row)
    return [] if spoken is None else _message(story, spoken, _naming(story, row))


def details(story: Story, row: int) -> tuple[str, ...]:
    """What tells one failure from another below a line that says the same of both."""
    last = _last_raised(story, row)
    earlier = story.chains[last].rows[:-1] if last in story.chains else ()
    raised = (story.lines[each].core for each in earlier)
    return tuple(
        filter(
            None,
            (
                _symbol(story, row),
                _deepest(story, row),
                captured(story.lines, row),
                *raised,
                *_mismatch(story, row),
            ),
        )
    )


def is_name(story: Story, row: int) -> bool:
    """Whether the line only names what failed."""
    return _naming(story, row) is not None


def _below_heading(story: Story, row: int) -> int:
    """A heading such as Gradle's ``* What went wrong:`` says it further down."""
    below = [
        near
        for near in range(row + 1, min(row + 6, len(story.lines)))
        if story.lines[near].core.strip() and not _FAILED_TASK.match(story.lines[near].core)
    ]
    return below[0] if below else row


def _naming(story: Story, row: int) -> Rule | None:
    """The rule by which the line at ``row`` names what failed and says no more."""
    return next((rule for rule in story.by_row.get(row, ()) if rule.says), None)


def _name(story: Story, row: int, rule: Rule) -> str:
    if not rule.test and rule.opened and (announced := _announced(story, row, rule.opened)):
        return announced
    if not rule.test:
        title = _TITLE.match(story.lines[row - 1].core) if row else None
        return title[1] if title else _clean(story, story.lines[row].core).rstrip(".:")
    match = compiled(rule.test).search(story.lines[row].core.encode())
    return test_id(match.group(1).decode("utf-8", "replace")) if match else ""


def _path_above(story: Story, row: int) -> str:
    """The suites and the test above a message, each on a line of its own, as Mocha prints them."""
    names: list[str] = []
    for near in range(row - 1, max(-1, row - JOINED), -1):
        text = story.lines[near].core
        if not text.strip() and not names:
            continue
        if not names and not text.endswith(":"):
            return ""
        if title := _TITLE.match(text):
            return " ".join([title[1], *reversed(names)]).removesuffix(":") if names else ""
        if not text.startswith("     "):
            return ""
        names.append(text.strip())
    return ""


def test_id(name: str) -> str:
    """The test's name with its class in front; JUnit 4 puts the method first."""
    return _METHOD_FIRST.sub(r"\2.\1", name.strip())


def _announced(story: Story, row: int, opening: str) -> str:
    """The test whose beginning was announced last above the row."""
    pattern = compiled(opening)
    above = (story.lines[near].core for near in range(row - 1, max(-1, row - OPENED_REACH), -1))
    return next((text.split()[-1] for text in above if pattern.search(text.encode())), "")


def _block(story: Story, row: int, rule: Rule) -> list[int]:
    """Filled rows below the name that belong to it."""
    stop = compiled(rule.stop) if rule.stop else None
    rows: list[int] = []
    for near in range(row + 1, min(row + max(REACH, rule.after) + 1, len(story.lines))):
        text = story.lines[near].core
        if stop and text.strip() and stop.search(text.encode()):
            break
        if text.strip():
            rows.append(near)
    return rows


def _opened(story: Story, row: int, rule: Rule) -> list[int]:
    """Filled rows between the line that announced the test and the one that names it as failed."""
    name = _name(story, row, rule)
    if not rule.opened or not name:
        return []
    opening = compiled(rule.opened)
    rows: list[int] = []
    for near in range(row - 1, max(-1, row - OPENED_REACH), -1):
        text = story.lines[near].core
        if opening.search(text.encode()):
            if text.split()[-1:] == [name]:
                return rows[::-1]
            rows.clear()
        elif text.strip():
            rows.append(near)
    return []


def _first(story: Story, rows: Iterable[int], says: tuple[str, ...]) -> int | None:
    """The first row of the most telling form that any has."""
    filled = list(rows)
    for pattern in map(compiled, says):
        for place, near in enumerate(filled):
            text = story.lines[near].core
            if _CONSEQUENCE.fullmatch(text) or not pattern.search(text.encode()):
                continue
            if not _BLOCK_SCALAR.fullmatch(text):
                return near
            if place + 1 < len(filled):
                return filled[place + 1]
    return None


def _message(story: Story, spoken: int, rule: Rule | None) -> list[int]:
    """The rows of the sentence: the one that says it, and the values that it announces."""
    first = story.lines[spoken].core.rstrip()
    stop = compiled(rule.stop) if rule is not None and rule.stop else None
    rows = [spoken, *_wrapped(story, spoken)]
    # Gomega ends the line with "Expected" and no colon.
    opened = first.endswith((":", " Expected")) or first.startswith("@@ ")
    ends = next(
        (each.body[-1] + 1 for each in story.differences if spoken + 1 in each.body), len(story.lines)
    )
    for near in range(rows[-1] + 1, min(rows[-1] + 2 * JOINED, ends)):
        text = story.lines[near].core
        if not text.strip():
            if rule is None and (len(rows) > 1 or not opened):
                break
            continue
        if len(rows) > JOINED or _MESSAGE_ENDS.match(text) or (stop and stop.search(text.encode())):
            break
        differs = _DIFFERENCE.match(text) is not None
        if differs and rule is not None and len(rows) == 1 and not _TELLS_VALUES.search(first):
            opened = True
        # Jest prints a value below its label.
        labelled = len(rows) > 1 and story.lines[rows[-1]].core.rstrip().endswith(":")
        if not opened and not labelled and not _VALUE.match(text):
            break
        rows.append(near)
    return rows


def _mismatch(story: Story, row: int) -> tuple[str, ...]:
    """What the Scala compiler found and what it required, below a message that ends in a semicolon."""
    if not _SCALA_BEGINS.match(story.lines[row].core):
        return ()
    below = (line.core for line in story.lines[row + 1 : row + JOINED])
    return tuple(
        match[1] for text in takewhile(_SCALA_VALUE.match, below) if (match := _SCALA_VALUE.match(text))
    )


def _wrapped(story: Story, row: int) -> list[int]:
    """Rows that carry on the sentence begun at ``row``, where its tool wraps what is too wide."""
    first = story.lines[row].core
    below = [line.core.rstrip() for line in story.lines[row + 1 : row + JOINED]]
    count = len(_mismatch(story, row))
    if _CAUSE_BEGINS.match(first):
        depth = len(first) - len(first.lstrip())
        deeper = takewhile(lambda text: len(text) - len(text.lstrip()) > depth, below)
        count = len(list(deeper))
    elif _PIPENV_BEGINS.match(first):
        count = next((n for n, text in enumerate([first, *below]) if text.endswith(").")), 0)
    elif row and story.lines[row - 1].core.startswith("CMake Error"):
        count = len(list(takewhile(lambda text: text.startswith("  "), below)))
    elif _MYPY_BEGINS.match(first) and not _MYPY_ENDS.search(first):
        # Below the sentence stands the line of code, set in.
        flush = list(takewhile(lambda text: text[:1].strip() and not _MYPY_BEGINS.match(text), below))
        count = next((n for n, text in enumerate(flush, 1) if _MYPY_ENDS.search(text)), 0)
    return list(range(row + 1, row + 1 + count))


def _pointed(story: Story, row: int, text: str) -> str:
    """Where an arrow below the message points, as compilers draw it; empty if the message names a place."""
    if row + 1 == len(story.lines) or any(place.line for place in places([text])):
        return ""
    arrow = _ARROW.match(story.lines[row + 1].core)
    found = places([arrow[1]]) if arrow else ()
    return f" ({found[0].path}:{found[0].line})" if found else ""


def _where(story: Story, row: int, rule: Rule, text: str) -> str:
    """The first line of a file that the message names, unless the sentence has one already."""
    if any(place.line for place in places([text])):
        return ""
    own = [row] if rule.opened and not rule.test else []
    around = [*own, *([row - 1] if row else []), *_block(story, row, rule), *_opened(story, row, rule)]
    found = places((story.lines[near].core for near in around), roots=story.roots)
    return next((f" ({place.path}:{place.line})" for place in found if place.line), "")


def _deepest(story: Story, row: int) -> str:
    """What the last exception of a chain of Java's says, where it began; empty where there is none."""
    deepest = ""
    for line in story.lines[row + 1 : row + 1 + OPENED_REACH]:
        if cause := _CAUSED_BY.match(line.core):
            deepest = cause[1].strip()
        elif not _FRAME.match(line.core):
            break
    return deepest


def _last_raised(story: Story, row: int) -> int:
    """The row of the exception that ended the program, where the row given tells of one that led to it."""
    return story.chains[row].rows[-1] if row in story.chains else row


def _with_first(story: Story, row: int, text: str) -> str:
    """What the last exception of a chain says, and the first one, with which it began."""
    if row not in story.chains:
        inner = captured(story.lines, row)
        return (
            f"{shorten(text, LENGTH - len(inner[:_OUTER]) - 12)} Caused by: {inner[:_OUTER]}"
            if inner
            else text
        )
    chain = story.chains[row]
    first = _clean(story, story.lines[chain.rows[0]].core)
    end = f"{'Caused by' if chain.direct else 'While handling'}: {shorten(first, _OUTER)}"
    return f"{shorten(text, LENGTH - len(end) - 1)} {end}"


def _symbol(story: Story, row: int) -> str:
    if not story.lines[row].core.rstrip().endswith("cannot find symbol"):
        return ""
    below = (line.core for line in story.lines[row + 1 : row + 1 + _SYMBOL_REACH])
    return next((match[1].strip() for text in below if (match := _SYMBOL.match(text))), "")


def _unformatted(text: str) -> str:
    """Formatters show the difference, which is no sentence."""
    for tool, pattern in _UNFORMATTED:
        if match := pattern.match(text.strip()):
            place = ":".join(part for part in match.groups() if part)
            return f"{relative(place)}: {tool} would format it otherwise"
    return ""


def _escaped(text: str) -> str:
    """What GitHub's commands escape, as it was: https://docs.github.com/actions/reference/workflow-commands."""
    return text.replace("%0D", "").replace("%0A", " ").replace("%25", "%")


def _clean(story: Story, text: str) -> str:
    if title := _RULED_TITLE.fullmatch(text.strip()):
        return title[2][:LENGTH]
    text = _VERSIONS.sub(r"(from versions: \1, …, \2)", _RULED.sub("", without_roots(text, story.roots)))
    text = _escaped(text) if text.startswith("##[error]") else text
    cleaned = _DECORATION.sub("", text).strip()
    for pattern, words in _REWORDED:
        if match := pattern.fullmatch(cleaned):
            cleaned = match.expand(words)
    return (_SUPERFLUOUS.sub("", cleaned).strip() or cleaned or text.strip())[:LENGTH]
