"""What the rules look at: a patch with both sides of every file it touches."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar, cast

from agent.guard import formatting, inline, places
from agent.guard.diff import DiffError, FileDiff, Hunk
from agent.guard.lines import (
    END_OF_LINE,
    JUMPS,
    Line,
    Statement,
    cut,
    statements,
    without_last_commas,
    words_with_commas,
)
from patchpilot.fixes import GuardFinding, Severity

T = TypeVar("T")

MAX_CHANGED_LINES = 400
"""Added and removed lines together: beyond this nobody reads a patch well enough to approve it."""


ENORMOUS = 5_000
"""Changed lines, lock files included, beyond which only the rules about the tree are asked."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One file of the patch, with its text before and after as far as it is known."""

    diff: FileDiff
    before: tuple[Line, ...]
    after: tuple[Line, ...]
    old_text: str | None
    """The whole text before; ``None`` where only the hunks are known, or where there was no file."""
    new_text: str | None
    is_inline: bool = False
    """Only the tests that stand inside a file of other code."""

    @property
    def path(self) -> str:
        """Where a person looks for it."""
        return self.diff.path

    @cached_property
    def language(self) -> str:
        """As :func:`agent.guard.places.language` says."""
        return places.language(self.path)

    @cached_property
    def is_code(self) -> bool:
        """The rules about code know its language: no settings, no shell, no prose."""
        return places.is_code(self.path)

    @property
    def is_new(self) -> bool:
        """The patch creates the file."""
        return not self.diff.old_path

    @property
    def is_deleted(self) -> bool:
        """The patch deletes the file."""
        return not self.diff.new_path

    @property
    def is_unread(self) -> bool:
        """It comes or goes by a move or a copy, and neither the diff nor the base shows what is in it."""
        diff = self.diff
        if diff.moved_to:
            return self.old_text is None
        return bool(diff.moved_from or diff.copied_from) and self.new_text is None

    @cached_property
    def is_test(self) -> bool:
        """It tested something before, or does now."""
        return self.is_inline or any(
            places.is_test(path) for path in (self.diff.old_path, self.diff.new_path) if path
        )

    @cached_property
    def inline_tests(self) -> Change | None:
        """The tests inside a file of other code, as Rust has them; ``None`` where there are none."""
        if self.language != "rust" or self.is_test:
            return None
        before, after = (inline.inside(side, self.diff.hunks) for side in (self.before, self.after))
        if not before and not after:
            return None
        return replace(self, before=before, after=after, old_text=None, new_text=None, is_inline=True)

    @cached_property
    def outside_tests(self) -> Change:
        """The file without the tests inside it."""
        tests = self.inline_tests
        if tests is None:
            return self
        of_tests = {id(line) for line in (*tests.before, *tests.after)}
        before, after = (
            tuple(line for line in side if id(line) not in of_tests) for side in (self.before, self.after)
        )
        return replace(self, before=before, after=after, old_text=None, new_text=None)

    @cached_property
    def added(self) -> tuple[Line, ...]:
        """Lines that the patch writes."""
        return tuple(line for line in self.after if line.changed)

    @cached_property
    def removed(self) -> tuple[Line, ...]:
        """Lines that the patch takes away."""
        return tuple(line for line in self.before if line.changed)

    @cached_property
    def new_statements(self) -> tuple[Statement, ...]:
        """Everything known of the new side, as statements."""
        return tuple(statements(self.after, braces=self.language not in {"python", "hash", "text"}))

    @cached_property
    def old_statements(self) -> tuple[Statement, ...]:
        """Everything known of the old side, as statements."""
        return tuple(statements(self.before, braces=self.language not in {"python", "hash", "text"}))

    @cached_property
    def same_values(self) -> bool:
        """A file of settings in which only the layout differs; told only where the whole file is known."""
        if self.diff.old_path != self.diff.new_path or self.old_text is None or self.new_text is None:
            return False
        comments = (line.comment for line in (*self.added, *self.removed))
        return formatting.same_values(self.path, self.old_text, self.new_text, comments)

    @cached_property
    def same_code(self) -> bool:
        """Only formatting or comments differ, which no test can notice."""
        if self.is_unread:
            return False
        if any(_DIRECTIVE.search(line.comment) for line in (*self.added, *self.removed)):
            return False
        if self.language == "python" and self.old_text is not None and self.new_text is not None:
            try:
                return ast.dump(ast.parse(self.old_text)) == ast.dump(ast.parse(self.new_text))
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return False
        if self.language in _BRACED:
            old, new = (_stream(side, self.language) for side in (self.old_statements, self.new_statements))
            return old == new
        return self.language != "text" and _shape(self.old_statements) == _shape(self.new_statements)


# Comments that a compiler or a test runner obeys.
_DIRECTIVE = re.compile(r"^//go:|^// \+build|@(?:jest|vitest)-environment|^#\s*(?:type|cython|distutils):")


_BRACED = frozenset(("javascript", "go", "java", "rust", "c"))


def _shape(side: Iterable[Statement]) -> list[tuple[int, tuple[str, ...]]]:
    """Tokens and nesting, without what formatters change: widths, quotes, commas before a bracket."""
    return [(statement.indent, statement.words) for statement in side]


_LINES_END = frozenset(("javascript", "go"))
"""Languages in which the end of a line may end a statement."""
_GOES_ON = frozenset("([`+-*/&")
_COMPLETE = re.compile(r"[\w)\]\"'`]$")
_BARE_ARROW = re.compile(r"(?<=[(,=] )\( ([A-Za-z_$][\w$]*) \) (?== > )")


def _stream(side: Iterable[Statement], language: str) -> str:
    """All tokens, however they are spread over lines; a block may stand on one line or on several."""
    tokens: list[str] = []
    before: Statement | None = None
    for statement in side:
        words = words_with_commas(statement.bare)
        if before is not None and words and language in _LINES_END:
            told = before.code.rstrip().endswith(";") or not _COMPLETE.search(before.code.rstrip())
            jumps = before.words[-1:] and before.words[-1] in JUMPS and words[0] != "}"
            if jumps or (not told and words[0] in _GOES_ON):
                tokens.append(END_OF_LINE)
        tokens += words
        before = statement
    text = " ".join(without_last_commas(tuple(tokens)))
    return _BARE_ARROW.sub(r"\1 ", text) if language == "javascript" else text


_QUOTES = ('"', "`")


@dataclass(frozen=True, kw_only=True)
class Case:
    """The whole patch."""

    changes: tuple[Change, ...]
    failing: tuple[str, ...] = ()
    """Text of the failing tests, where known: their literals must not turn up in the cure."""
    max_changed_lines: int = MAX_CHANGED_LINES
    renamed: dict[str, str] = field(default_factory=dict)
    """Functions and classes that the patch renames where they are defined, old name to new."""
    members: dict[str, str] = field(default_factory=dict)
    """Methods and fields of which the patch changes the name and nothing else, old name to new."""
    reads: Callable[[str], str | None] = field(default=lambda _: None, repr=False, compare=False)
    """A file before the patch; ``None`` where it is not there or not known."""
    memo: dict[object, object] = field(default_factory=dict, repr=False, compare=False)

    @property
    def size(self) -> int:
        """Changed lines of all files."""
        return sum(change.diff.changed_lines for change in self.changes)

    @cached_property
    def test_code(self) -> tuple[Change, ...]:
        """Changes of test code, also of tests inside other files."""
        sides = (change if change.is_test else change.inline_tests for change in self.changes)
        return tuple(change for change in sides if change is not None)

    @property
    def tests(self) -> Iterator[Change]:
        """Changes of test code that are more than formatting."""
        return (change for change in self.test_code if not change.same_code)

    @property
    def sources(self) -> Iterator[Change]:
        """Changes of code that is under test."""
        return (change.outside_tests for change in self.changes if not change.is_test and change.is_code)

    def renamed_words(self, statement: Statement) -> tuple[str, ...]:
        """Its tokens, with the new names of what the patch renames in the code itself."""
        words, quoted = [], False
        for word in statement.words:
            quoted ^= word in _QUOTES
            # A text may be the name of a key that others read: a member's new name says nothing of it.
            words.append(self.renamed.get(word) or (not quoted and self.members.get(word)) or word)
        return tuple(words)

    def once(self, key: object, make: Callable[[], T]) -> T:
        """What ``make`` gives, computed once per patch: several rules need the same reading."""
        if key not in self.memo:
            self.memo[key] = make()
        return cast("T", self.memo[key])


@dataclass(frozen=True)
class Remark:
    """What a rule has to say; ``severity`` only where it differs from the rule's."""

    path: str
    line: int
    message: str
    severity: Severity | None = None


@dataclass(frozen=True)
class Rule:
    """One rule of the table."""

    id: str
    severity: Severity
    languages: str
    summary: str
    check: Callable[[Case], Iterable[Remark]]

    def findings(self, case: Case) -> Iterator[GuardFinding]:
        """What this rule holds against the patch."""
        for remark in self.check(case):
            yield GuardFinding(
                rule=self.id,
                path=remark.path,
                line=remark.line,
                message=remark.message,
                severity=remark.severity or self.severity,
            )


def open_case(
    diffs: Iterable[FileDiff],
    read_base: Callable[[str], str | None],
    *,
    failing: tuple[str, ...] = (),
    max_changed_lines: int = MAX_CHANGED_LINES,
) -> Case:
    """Put the patch together with the text it is meant for.

    Raises :class:`DiffError` where a hunk does not fit the text that ``read_base`` gives.
    """
    changes = tuple(_change(diff, read_base) for diff in diffs)
    case = Case(changes=changes, failing=failing, max_changed_lines=max_changed_lines, reads=read_base)
    if case.size > ENORMOUS:  # no rule asks for names then
        return case
    return replace(case, renamed=_renamed(changes), members=dict(_renamed_members(changes)))


def _change(diff: FileDiff, read_base: Callable[[str], str | None]) -> Change:
    language = places.language(diff.path)
    base = read_base(diff.source) if diff.source and not diff.binary else None
    if diff.source and base is None:
        before, after = (_fragments(diff.hunks, language, sign) for sign in "-+")
        change = Change(diff=diff, before=before, after=after, old_text=None, new_text=None)
        return _one_side(change)
    old_rows, new_rows = _applied(diff, (base or "").split("\n") if diff.source else [""])
    if diff.source and not (diff.old_path and diff.new_path):
        # All of it comes or goes, whatever of it the hunks show.
        old_rows, new_rows = (
            [(number, text, bool(text) or number < len(rows)) for number, text, _ in rows]
            for rows in (old_rows, new_rows)
        )
    change = Change(
        diff=diff,
        before=cut(old_rows, language, first=False),
        after=cut(new_rows, language, first=False),
        old_text=base if diff.old_path else None,
        new_text="\n".join(row[1] for row in new_rows) if diff.new_path else None,
    )
    return _one_side(change)


def _one_side(change: Change) -> Change:
    """Of a move that is read as two changes, and of a copy, only the side that there is."""
    if change.diff.moved_to:
        return replace(change, after=(), new_text=None)
    if change.diff.moved_from or change.diff.copied_from:
        return replace(change, before=(), old_text=None)
    return change


def _fragments(hunks: tuple[Hunk, ...], language: str, sign: str) -> tuple[Line, ...]:
    lines: list[Line] = []
    for hunk in hunks:
        number = hunk.old_start if sign == "-" else hunk.new_start
        kept = [line for line in hunk.lines if line.sign in {" ", sign}]
        lines += cut(((number + at, line.text, line.sign == sign) for at, line in enumerate(kept)), language)
    return tuple(lines)


_Rows = list[tuple[int, str, bool]]


def _applied(diff: FileDiff, base: list[str]) -> tuple[_Rows, _Rows]:
    """Both sides in full: (number, text, changed)."""
    old: _Rows = []
    new: _Rows = []
    at = 0
    for hunk in diff.hunks:
        start = _place(hunk, base, at, diff.path)
        for text in base[at:start]:
            old.append((len(old) + 1, text, False))
            new.append((len(new) + 1, text, False))
        at = start
        for line in hunk.lines:
            if line.sign != "+":
                old.append((len(old) + 1, base[at] if at < len(base) else "", line.sign == "-"))
                at += 1
            if line.sign != "-":
                new.append((len(new) + 1, line.text, line.sign == "+"))
    for text in base[at:]:
        old.append((len(old) + 1, text, False))
        new.append((len(new) + 1, text, False))
    return old, new


def _place(hunk: Hunk, base: list[str], least: int, path: str) -> int:
    """Index at which the hunk fits: where it says, else the only other place, as git would search."""
    wanted = [line.text.rstrip("\r") for line in hunk.lines if line.sign != "+"]
    if not wanted:
        return max(hunk.old_start, least) if hunk.old_start <= len(base) else len(base)
    have = [line.rstrip("\r") for line in base]
    stated = hunk.old_start - 1
    if stated >= least and have[stated : stated + len(wanted)] == wanted:
        return stated
    fits = [
        at
        for at in range(least, len(have) - len(wanted) + 1)
        if have[at] == wanted[0] and have[at : at + len(wanted)] == wanted
    ]
    if len(fits) != 1:
        why = "fits in several places" if fits else "does not fit"
        raise DiffError(f"the patch does not apply: its hunk at line {hunk.old_start} of {path!r} {why}")
    return fits[0]


_DEFINITION = re.compile(r"\b(?:def|class|function|func|fn|const|let|var|interface|struct|type|enum)\s+(\w+)")


def _renamed(changes: tuple[Change, ...]) -> dict[str, str]:
    renamed: dict[str, str] = {}
    for change in changes:
        if change.is_test:
            continue
        old = Counter(name for line in change.removed for name in _DEFINITION.findall(line.code))
        new = Counter(name for line in change.added for name in _DEFINITION.findall(line.code))
        gone, come = list((old - new).keys()), list((new - old).keys())
        if len(gone) == len(come):
            renamed.update(zip(gone, come, strict=True))
        renamed.update(_renamed_parameters(change))
    return renamed


# A line that declares a method or a field, as far as its name.
_MEMBER = {
    "java": re.compile(
        r"^\s*(?:@\w+\s+)*(?:(?:public|protected|private|static|final|abstract|override|open|internal|suspend)\s+)*"
        r"(?:[A-Za-z_][\w.<>\[\], ?]*\s+)(?P<name>[A-Za-z_]\w*)\s*(?=\([^;]*\{\s*$|[=;])"
    ),
    "javascript": re.compile(
        r"^\s*(?:(?:public|protected|private|static|readonly|async|get|set|override)\s+)*(?P<name>[A-Za-z_$][\w$]*)"
        r"(?=\([^;=]*\)\s*(?::[^;={]+)?\{\s*$|[?!]?\s*:\s*[\w<>\[\]| ]+;\s*$)"
    ),
    "go": re.compile(
        r"^func\s+\([^)]*\)\s*(?P<name>[A-Za-z_]\w*)(?=\()"
        r"|^\t+(?P<field>[A-Za-z_]\w*)(?=\s+(?:\*|\[\w*\])*(?:map\[\w+\])?(?:\w+\.)?\w+\s*(?:`[^`]*`)?\s*$)"
    ),
    "python": re.compile(r"^\s+(?P<name>[A-Za-z_]\w*)(?=\s*:\s*[A-Za-z][^()]*(?:=|$))"),
}
_NO_NAMES = frozenset(
    ("return", "if", "for", "while", "switch", "catch", "else", "new", "throw", "var", "case")
)


def _renamed_members(changes: tuple[Change, ...]) -> Iterator[tuple[str, str]]:
    """Methods and fields whose declaration changes its name only, and that nothing calls as before.

    The new name must be new to everything that the patch touches: else a test might be led to another thing.
    """
    sources = [change for change in changes if not change.is_test and change.language in _MEMBER]
    had = {word for change in changes for line in change.before for word in _WORD.findall(line.code)}
    has = {word for change in sources for line in change.after for word in _WORD.findall(line.code)}
    for change in sources:
        old, new = (_declared(side, change.language) for side in (change.removed, change.added))
        for rest, names in old.items():
            gone, come = names, new.get(rest, [])
            if len(gone) == len(come) == 1 and gone[0] not in has and come[0] not in had:
                yield gone[0], come[0]


_WORD = re.compile(r"[A-Za-z_$][\w$]*")


def _declared(side: Iterable[Line], language: str) -> dict[str, list[str]]:
    """Names of members by the line that declares them, without the name."""
    found: dict[str, list[str]] = {}
    for line in side:
        match = _MEMBER[language].match(line.code)
        name = next((word for word in match.groups() if word), "") if match else ""
        if match and name not in _NO_NAMES:
            rest = "".join(f"{line.code[: match.end() - len(name)]}?{line.code[match.end() :]}".split())
            found.setdefault(rest, []).append(name)
    return found


_SIGNATURE = re.compile(r"\b(?:def|function|func|fn)\s+(\w+)[^(]*\((.*)\)")
_PARAMETER = re.compile(r"^\s*\**(\w+)(.*)$")


def _renamed_parameters(change: Change) -> Iterator[tuple[str, str]]:
    """Parameters that keep their place, type and default and only change their name."""
    sides = (
        {match[1]: match[2].split(",") for s in side if s.changed and (match := _SIGNATURE.search(s.code))}
        for side in (change.old_statements, change.new_statements)
    )
    old, new = sides
    for name in old.keys() & new.keys():
        if len(old[name]) == len(new[name]):
            for before, after in zip(old[name], new[name], strict=True):
                a, b = _PARAMETER.match(before), _PARAMETER.match(after)
                if a and b and a[1] != b[1] and a[2].split() == b[2].split():
                    yield a[1], b[1]
