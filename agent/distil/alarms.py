"""Which lines of a block speak of a failure, and how plainly, at a cost that a gigabyte can bear.

Hyperscan finds the lines that hold a word of failure, or a form or literal that tools print when they fail.
Few of them are new: lines that differ in digits only are known after the first. New ones are read by the
rules, which know a test named ``TestError`` that passed from one that failed. Lines of one kind are read a
few times only, and a budget that grows with the log bounds the whole; beyond it the kind of the hit decides.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import compress
from operator import not_
from typing import NamedTuple

from agent.distil.findings import find
from agent.distil.lines import RawLine, cut, read
from agent.distil.matcher import Matcher
from agent.distil.needle_table import literals_of
from agent.distil.rules import RULES, Role, Rule

TELLING = 60.0
"""A line that scores this much tells what failed; a mere word never does."""
HITS_PER_BLOCK = 4000
WORDS_PER_BLOCK, TELLING_WORDS_PER_BLOCK = 250, 2000
"""New lines of a block that are looked at for a word alone: a flood of them tells nothing."""
REPEATS = 3
"""So many lines that differ in digits only are an alarm."""
TEMPLATES = 20_000
LIKE_READINGS = 12
"""Lines of one kind, by their punctuation and what was found in them, that are read."""
READINGS = 600
"""Lines read by the rules at the start of a log, and saved up at most."""
READINGS_PER_BLOCK = 2
FLOOD = 300
"""Lines of a block with a hit; with more, those that came too often are passed over before the search."""
TOO_OFTEN = 200
"""Lines that differ in digits and letters of hexadecimal numbers only: the next tell nothing more."""

_LOUD = frozenset({Role.CAUSE, Role.LIST, Role.OUTCOME, Role.DETAIL})
_QUIET = frozenset({Role.NOISE, Role.MUTE, Role.CLEARED, Role.TOOL, Role.SECTION})

# Loose on purpose: stamps may stand before, colours between. The rules decide what a hit means.
_WORDS = (
    "error|fail|exception|traceback|panic|fatal|assert|not ok |exit(?:ed)? (?:with |code|status)|killed"
    "|denied|refused|rejected|time(?:d )?[ -]?out|cannot|can't|could not|unable to|undefined|no such "
    "|not found|abort|segmentation|core dumped|violation|offense|would (?:be )?reformat|invalid|unexpected"
    "|mismatch|conflict|no space left|out of memory|cancell?ed|✕|✗|✖|✘|×|●|❌"
)
_TELLING_WORDS = (
    r"\b(?:ERROR|FATAL|FAIL|FAILED|FAILURE|PANIC|CRITICAL)\b|(?:Error|Exception|[Ff]atal)\b ?[:!]"
)
_COLOUR = r"(?:\x1b\[[0-9;]*m)*"
_FORMS = (
    # file.c:3:7, file.ts(3,7), file.go:3: and the like.
    rf"\.[A-Za-z]\w*{_COLOUR}[:(]{_COLOUR}\d+{_COLOUR}(?:[:,]{_COLOUR}\d+\b|: )",
    r"--- FAIL: ",
    r"<<< (?:FAILURE|ERROR)!",
    r"\b(?:[Ee]rror|ERROR)(?:: |\[)",
    r"Traceback \(most recent",
    r"\bpanic: |panicked at ",
    r"\bFAILED\b",
    r"\bFAIL\t",
    r"\bnot ok \d",
    r"##\[error\]",
    r"[Ff]ailed to ",
    r"[\sm]E   ",
    r"\[warn\] \S|\[\*\] ",
    r"\b(?:SC|DL|MD)\d{3,4}\b",
    r"\*{5,} Module ",
)
_COMMON = frozenset(
    {
        *(" example", " from lock file", " is not installed", " warning", "* checking ", "because "),
        *("certificate ", "checksum ", "component ", "configuration", "connection ", "container "),
        *("dockerfile", "executed ", "found ", "information", "is not available", "makefile:", "manifest "),
        *("package `", "performance", "portability", "reading ", "remote: ", "repository", "status: "),
        *("tests run: ", "unknown ", "warning: ", "━━━", "└─", "├─"),
    }
)
"""Literals of rules that stand in many a line of a log of success."""
_LONG, _LONG_WORD = 8, 11

_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
_ECHO = b"\x1b[36;1m"
"""GitHub's runner prints a step's script in this colour before it runs."""
# A test that passed, a command that is printed before it runs, a message of no weight.
_HARMLESS = (
    r"--- (?:PASS|SKIP): |=== (?:RUN|PAUSE|CONT|NAME) |^ok  \t|[Z ]ok  \t|\bPASS(?:ED)?\b",
    r"[ \t](?:ok|OK|passed)\r?\n|\[ {1,7}(?:OK|RUN) {1,6}\]|✓|✔|√|^ok \d|Z +ok \d",
    r"\b(?:INFO|DEBUG|TRACE)\b|\[command\]|##\[(?:group|debug)\]|^\++ \S|Z \++ \S",
    r"(?:^|[Z \]/])(?:gcc|g\+\+|cc|c\+\+|clang|clang\+\+|javac|rustc|go|ar|ld) -",
)
_LEAST, _LEAST_TELLING = 0.3, 0.5
_MERE_WORD, _TELLING_WORD, _FORM = 20.0, 46.0, 40.0
_A_WORD, _A_TELLING_WORD = 1, 2
"""Bits of a row's hits; the higher ones stand for the forms and literals."""
_DIGITS = b"0123456789"
_HEXADECIMAL = b"0123456789abcdefABCDEF"
_LONGEST = 400
"""Bytes of a line by which it is compared with others."""
_WORDLY = bytes(code for code in range(256) if chr(code).isalnum() or code >= 128)  # noqa: PLR2004 - UTF-8


@dataclass(slots=True)
class _Like:
    """What is known of lines that differ in digits only."""

    score: float
    kind: int
    """By what they were recognised; rarer kinds tell more."""
    count: int = 0


@dataclass(slots=True)
class _Kind:
    """What was read in lines of the same punctuation in which the same was found."""

    best: _Like
    readings: int = 0


@dataclass(frozen=True, slots=True)
class _Fresh:
    """A line like none before."""

    key: int
    kind: int
    hits: int
    line: bytes


class Alarm(NamedTuple):
    """A line worth keeping."""

    row: int
    score: float
    tells: bool
    """Whether it tells what failed, however often the like of it came."""


class Alarms:
    """Finds the lines worth keeping, block after block of one log."""

    def __init__(self) -> None:
        self._known: dict[int, _Like] = {}
        self._kinds: dict[int, _Kind] = {}
        self._scored: Counter[int] = Counter()
        self._readings = READINGS
        self._flood = _Flood()

    def of(self, block: bytes, lines: Sequence[bytes]) -> list[Alarm]:
        """The alarms among the lines of a block, which ends in a newline."""
        fresh: dict[int, tuple[int, bytes]] = {}
        rows: list[tuple[int, int]] = []
        for row, hits in self._flood.hits(block, lines).items():
            key = hash(lines[row][:_LONGEST].translate(None, _DIGITS))
            like = self._known.get(key)
            if like is None:
                fresh.setdefault(key, (hits, lines[row]))
                rows.append((row, key))
            elif like.score > 0 and like.count < REPEATS:
                rows.append((row, key))
        self._learn(list(_without_floods(fresh)))
        return [alarm for row, key in rows if (alarm := self._alarm(row, key))]

    def _learn(self, fresh: Sequence[_Fresh]) -> None:
        """Judge lines that are like none before."""
        if len(self._known) > TEMPLATES:
            self._known.clear()
        if len(self._kinds) > TEMPLATES:
            self._kinds.clear()
        harmless = _harmless(fresh)
        to_read: list[_Fresh] = []
        # What looks like a tool's message is read before what only holds a word.
        for each in sorted(fresh, key=lambda each: -min(each.hits, _A_TELLING_WORD + 1)):
            kind = self._kinds.setdefault(each.kind, _Kind(_Like(0.0, 0)))
            if each.key in harmless:
                self._known[each.key] = _Like(0.0, 0)
            elif kind.readings < LIKE_READINGS and len(to_read) < self._readings:
                kind.readings += 1
                to_read.append(each)
            else:
                self._known[each.key] = self._guess(each)
        self._readings = min(self._readings - len(to_read) + READINGS_PER_BLOCK, READINGS)
        for each, like in zip(to_read, _read_by_rules([each.line for each in to_read]), strict=True):
            self._known[each.key] = like
            if like.score > self._kinds[each.kind].best.score:
                self._kinds[each.kind].best = like

    def _guess(self, fresh: _Fresh) -> _Like:
        """Without the rules: as lines of this kind were read before, else by what was found."""
        kind = self._kinds[fresh.kind]
        if kind.readings:
            return _Like(kind.best.score, kind.best.kind)
        if fresh.hits & _A_TELLING_WORD:
            return _Like(_TELLING_WORD, fresh.kind)
        return _Like(_FORM if fresh.hits > _A_TELLING_WORD else _MERE_WORD, fresh.kind)

    def _alarm(self, row: int, key: int) -> Alarm | None:
        like = self._known.get(key)
        if like is None or like.score <= 0 or like.count >= REPEATS:
            return None
        if len(self._scored) > TEMPLATES:
            self._scored.clear()
        self._scored[like.kind] += 1
        tells = like.score >= TELLING
        fading = 0.98 ** self._scored[like.kind] * 0.85**like.count
        like.count += 1
        return Alarm(row, like.score * max(_LEAST_TELLING if tells else _LEAST, fading), tells)


class _Flood:
    """Keeps a flood of hits cheap: lines whose like came too often are taken out before the search."""

    def __init__(self) -> None:
        self._is_on = False
        self._seen: Counter[bytes] = Counter()
        self._dull: set[bytes] = set()

    def hits(self, block: bytes, lines: Sequence[bytes]) -> dict[int, int]:
        """For each row of the block with a hit that may be news, what was found there."""
        if not self._is_on:
            hits = _hits(block)
            self._is_on = len(hits) > FLOOD
            return hits
        likes = block.translate(None, _HEXADECIMAL).split(b"\n")
        rows = list(compress(range(len(likes) - 1), map(not_, map(self._dull.__contains__, likes))))
        found = _hits(b"\n".join([*(lines[row] for row in rows), b""]))
        hits = {rows[index]: bits for index, bits in found.items()}
        self._is_on = len(hits) + len(likes) - len(rows) > FLOOD
        self._count(likes[row] for row in hits)
        return hits

    def _count(self, likes: Iterable[bytes]) -> None:
        if len(self._seen) > TEMPLATES:
            self._seen.clear()
        if len(self._dull) > TEMPLATES:
            self._dull.clear()
        came = Counter(like for like in likes if len(like) <= _LONGEST)
        self._seen.update(came)
        self._dull.update(like for like in came if self._seen[like] > TOO_OFTEN)


def _hits(block: bytes) -> dict[int, int]:
    """For each row with a hit, in order, what was found there, as bits."""
    forms, _flooded = _forms().scan(block, limit=HITS_PER_BLOCK)
    literals, _flooded = _literals().scan(block, limit=HITS_PER_BLOCK)
    # Mere words, the first pattern, are found at the newline after them.
    found = [(end, index) if index else (end - 1, index) for end, index in forms]
    past = len(_FORMS) + 2
    found += [(end, index + past) for end, index in literals]
    found.sort()
    hits: dict[int, int] = {}
    for row, index in _rows(block, found):
        hits[row] = hits.get(row, 0) | 1 << index
    return hits


def _rows(block: bytes, found: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    position = row = 0
    for end, index in found:
        row += block.count(b"\n", position, end)
        position = end
        yield row, index


def _without_floods(fresh: dict[int, tuple[int, bytes]]) -> Iterator[_Fresh]:
    """Those worth a look, without escapes."""
    left = {_A_WORD: WORDS_PER_BLOCK, _A_TELLING_WORD: TELLING_WORDS_PER_BLOCK}
    for key, (hits, raw) in fresh.items():
        if hits <= _A_WORD | _A_TELLING_WORD:
            plainest = hits & _A_TELLING_WORD or _A_WORD
            left[plainest] -= 1
            if left[plainest] < 0 or _ECHO in raw:
                continue
        line = cut(raw)
        if b"\x1b" in line:
            line = _ESCAPES.sub(b"", line)
        yield _Fresh(key, hash((line[:200].translate(None, _WORDLY), hits)), hits, line)


def _harmless(fresh: Sequence[_Fresh]) -> set[int]:
    """Keys of the lines on which a word means nothing."""
    wordy = [each for each in fresh if each.hits <= _A_WORD | _A_TELLING_WORD]
    block = b"\n".join(each.line for each in wordy) + b"\n"
    found, _flooded = _harmless_forms().scan(block, limit=HITS_PER_BLOCK)
    return {wordy[row].key for row, _ in _rows(block, [(end - 1, index) for end, index in found])}


def _read_by_rules(lines: Sequence[bytes]) -> list[_Like]:
    rows = [RawLine(number, line) for number, line in enumerate(lines)]
    readable = read(rows)
    rules: dict[int, list[Rule]] = {}
    for finding in find(readable):
        rules.setdefault(readable[finding.row].number, []).append(finding.rule)
    return [_judged(rules.get(number, [])) for number in range(len(lines))]


def _judged(rules: Sequence[Rule]) -> _Like:
    """The best reason to keep a line on which these rules hold."""
    if any(rule.role is Role.MUTE for rule in rules):
        return _Like(0.0, 0)
    quiet = any(rule.role in _QUIET for rule in rules)
    counted = [rule for rule in rules if rule.role not in _QUIET and not (quiet and rule.role is Role.SIGN)]
    best = max(counted, key=lambda rule: rule.worth, default=None)
    return _Like(float(best.worth), id(best)) if best else _Like(0.0, 0)


@cache
def _forms() -> Matcher:
    # Words to the end of the line, so that a line is reported once however many it holds.
    return Matcher([rf"(?i)(?:{_WORDS})[^\n]*\n", _TELLING_WORDS, *_FORMS])


@cache
def _harmless_forms() -> Matcher:
    return Matcher(_HARMLESS)


@cache
def _literals() -> Matcher:
    """Of the rules whose lines tell what failed, the literals that hardly any other line holds.

    Those with a word of failure are left out: the word finds them, and compiling takes time.
    """
    a_word = re.compile(_WORDS)
    rare = {
        text
        for rule, literals in zip(RULES, literals_of([rule.pattern for rule in RULES]), strict=True)
        if rule.role in _LOUD and rule.worth >= TELLING
        for literal in literals
        if _is_rare(text := literal.strip("\n")) and not a_word.search(text)
    }
    # One that holds another is found with it.
    shortest: list[str] = []
    for literal in sorted(rare, key=lambda literal: (len(literal), literal)):
        if not any(other in literal for other in shortest):
            shortest.append(literal)
    return Matcher(shortest, literal=True)


def _is_rare(literal: str) -> bool:
    least = _LONG_WORD if literal.isalpha() else _LONG
    return len(literal) >= least and literal not in _COMMON
