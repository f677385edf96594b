"""Rules about code that complains less: errors that become remarks, types that become anything."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from agent.guard import fallbacks
from agent.guard.case import Case, Change, Remark
from agent.guard.lines import Line, Statement

_RAISES = re.compile(
    r"^(?:raise\b|throw\b|panic!?\s*\(|abort\s*\(|assert\b|return\s+(?:nil,\s*)?(?:fmt\.Errorf|errors\.New))"
)
_REMARKS = re.compile(
    r"^(?:pass$|\.\.\.$|continue;?$|(?:warnings\.)?warn\s*\(|print(?:ln!?|f)?\s*\(|console\.\w+\s*\("
    r"|(?:\w+\.)*(?:log|logger|logging|LOG|LOGGER|log_)\w*(?:\.\w+)?\s*[(!]|eprintln!|fmt\.Print\w*\s*\(|System\.(?:out|err)\.print\w*\s*\()"
)
_FINALLY = re.compile(r"^\}?\s*(?:finally\s*[:{]|ensure$)")
_LEAVES = re.compile(r"^(?:return|break|continue)\b")
_EXIT_METHOD = re.compile(r"^(?:async\s+)?def\s+__a?exit__\s*\(")
_BROAD = re.compile(
    r"^\}?\s*(?:except(?:\s(?=[^:]*\b(?:Base)?Exception\b)[^:]*+|\s*):$"
    r"|catch\s*(?:\(\s*(?:final\s+)?(?:\w+|(?:Exception|Throwable|Error)\s+\w+)\s*\))?\s*\{?$|rescue(?:\s*=>\s*\w+)?$)"
)
_PLAIN = r"(?:-?\d[\w.]*|\"[^\"]*\"|'[^']*'|True|False|true|false|None|null|nil|\[\]|\{\}|\(\))"
_LITERAL = (
    rf"(?:{_PLAIN}|(?:new\s+)?[A-Z]\w*(?:\.\w+)?\(\s*{_PLAIN}?\s*\)"
    r"|(?:set|dict|list|tuple|frozenset|str|bytes|float|int)\(\))"
)
_CAST = r"(?:\s+as\s+(?:const\b|[\w.]+(?:<[^<>]*>)?(?:\[\])*))*"
_GIVES_LITERAL = re.compile(rf"^(?:return\s+|[\w.]+\s*=\s*)\(?{_LITERAL}{_CAST}\)?;?$")

_GIVES_GIVEN = re.compile(rf"{_GIVES_LITERAL.pattern}|^return\s+[a-z_]\w*;?$")


def softened(case: Case) -> Iterator[Remark]:
    """Errors that become remarks, and handlers put around code that failed."""
    for change in case.changes:
        if not change.is_code or change.same_code:
            continue
        yield from _only_reported(change)
        yield from _always_ok(change)
        yield from _given_instead(change)
        side = change.new_statements
        stood = {_done(statement) for statement in change.old_statements}
        for at, statement in enumerate(side):
            if statement.changed and _CATCHES.match(statement.code) and _answers_after(side, at, stood):
                yield Remark(
                    change.path, statement.number, "an error of code that was there gives a fixed answer"
                )
                continue
            following = next((one for one in side[at + 1 : at + 3] if one.code.strip() != "{"), None)
            if following is None or following.indent <= statement.indent:
                continue
            changed = statement.changed or following.changed
            if changed and _FINALLY.match(statement.code) and _LEAVES.match(following.code):
                yield Remark(
                    change.path, following.number, "leaving from here drops the error that is on its way"
                )
            elif changed and _EXIT_METHOD.match(statement.code) and following.code.strip() == "return True":
                yield Remark(change.path, following.number, "this context manager drops every error")
            elif _BROAD.match(statement.code) and statement.changed and _wraps(side, at, stood):
                body = _body(side, at)
                if len(body) == 1 and (
                    _GIVES_GIVEN.match(body[0].bare.strip()) or _gives_parts(statement, body[0])
                ):
                    yield Remark(
                        change.path, statement.number, "any error of code that was there gives a fixed answer"
                    )


_PARTS = re.compile(r"^return\s*\(?\s*(?:\{\s*[\w\"'].*\}|\[.+\]|\(.+\))\s*\)?;?$")
_CAUGHT_AS = re.compile(r"\bas\s+(\w+)|\bcatch\s*\(\s*(?:final\s+)?(?:\w+\s+)?(\w+)|=>\s*(\w+)")


def _gives_parts(handler: Statement, answer: Statement) -> bool:
    """The handler gives a list or an object that says nothing of the error, and calls nothing to make it."""
    caught = _CAUGHT_AS.search(handler.code)
    name = next((group for group in caught.groups() if group), "") if caught else ""
    is_made = re.search(r"\w\s*\(", answer.code.removeprefix("return"))
    return bool(_PARTS.match(answer.bare)) and not is_made and (not name or name not in answer.words)


_RAISED = re.compile(r"^(?:raise\s+[A-Z]\w*\(|throw\s+new\s+\w)")
_GIVEN = re.compile(r"^return\s+(?:-?\d[\w.]*|\"[^\"]+\"|'[^']+');?$")


def _given_instead(change: Change) -> Iterator[Remark]:
    """Where an error was raised, the same place gives a number or a text; or a fallback does."""
    if change.is_test:
        return
    for number, why in fallbacks.given(change):
        yield Remark(change.path, number, why)
    for hunk in change.diff.hunks:
        for before, after in pairwise(hunk.lines):
            swapped = before.sign == "-" and after.sign == "+"
            if swapped and _RAISED.match(before.text.strip()) and _GIVEN.match(after.text.strip()):
                yield Remark(
                    change.path, hunk.new_start, f"an error becomes an answer: {after.text.strip()[:60]}"
                )


_DEFAULTED = re.compile(r"\bOk\s*\(.*\.unwrap_or(?:_default|_else)?\s*\(")


def _always_ok(change: Change) -> Iterator[Remark]:
    """Rust: an error that was handed on becomes a value."""
    if change.language != "rust" or change.is_test:
        return
    old = "\n".join(line.code for line in change.removed)
    for line in change.added:
        if _DEFAULTED.search(line.code) and change.removed and "unwrap_or" not in old:
            yield Remark(change.path, line.number, "an error that was handed on becomes a fixed answer")


_CATCHES = re.compile(r"^\}?\s*(?:catch\s*\(.*\)\s*\{$|except\b[^:]*:$|rescue\b)")


def _answers_after(side: Sequence[Statement], at: int, stood: set[str]) -> bool:
    """The handler does nothing, and what follows gives a literal that was not given before."""
    body = _body(side, at)
    if any(not _NOTHING.match(one.code) for one in body):
        return False
    following = [one for one in side[at + 1 + len(body) : at + 4 + len(body)] if one.code.strip("} end;")]
    answer = following[0] if following else None
    return (
        answer is not None
        and answer.changed
        and answer.code.startswith("return")
        and bool(_GIVES_LITERAL.match(answer.bare.strip()))
        and _done(answer) not in stood
        and _wraps(side, at, stood)
    )


_NOTHING = re.compile(r"^(?:pass|\.\.\.|;|\})?$")


def _body(side: Sequence[Statement], at: int) -> list[Statement]:
    body: list[Statement] = []
    at += at + 1 < len(side) and side[at + 1].code.strip() == "{"  # the brace has a line of its own
    for later in side[at + 1 : at + 6]:
        if later.indent <= side[at].indent:
            break
        body.append(later)
    return body


_KEPT_AS = re.compile(r"^(?:return|(?:(?:const|let|var|final|auto)\s+)?[A-Za-z_]\w*\s*:?=(?!=))\s*")


def _done(statement: Statement) -> str:
    """What the statement does, whatever becomes of the result."""
    return "".join(_KEPT_AS.sub("", statement.code).split())


def _wraps(side: Sequence[Statement], at: int, stood: set[str]) -> bool:
    """The handler's try is new and holds a statement that was there before."""
    for before in range(at - 1, max(at - 40, -1), -1):
        if side[before].indent == side[at].indent and re.match(r"^(?:try|begin)\b", side[before].code):
            inside = side[before + 1 : at]
            return side[before].changed and any(_done(one) in stood for one in inside)
    return False


def _only_reported(change: Change) -> Iterator[Remark]:
    """In one hunk an error goes and a remark comes."""
    if change.is_test:
        return
    for hunk in change.diff.hunks:
        sides = ([line.text.strip() for line in hunk.lines if line.sign == sign] for sign in "-+")
        old, new = ([_count(pattern, side) for pattern in (_RAISES, _REMARKS)] for side in sides)
        if old[0] > new[0] and new[1] > old[1]:
            yield Remark(change.path, hunk.new_start, "an error that was raised is only remarked on now")


def _count(pattern: re.Pattern[str], texts: list[str]) -> int:
    return sum(bool(pattern.match(text)) for text in texts)


_ANY_TYPE = re.compile(
    r"\bcast\s*\(\s*[\"']?(?:typing\.|t\.)?Any\b|\bas\s+(?:any|never|unknown\s+as)\b|:\s*any\b|<any>"
    r"|(?:->|:)\s*(?:Optional\[)?(?:typing\.|t\.)?Any\b"
)


_ALIKE = 0.6
"""Share of a line's words that stood in the line before it."""


def loosened(case: Case) -> Iterator[Remark]:
    """Types that a checker knew, replaced by the one that fits everything."""
    for change in case.changes:
        yield from _typed_as_anything(case, change)
        if change.language not in {"python", "javascript"} or change.is_new:
            continue
        had = sum(len(_ANY_TYPE.findall(line.code)) for line in change.removed)
        loose = [line for line in change.added if _ANY_TYPE.search(line.code)]
        before = [(line.code, _words(line.code)) for line in change.removed[:_MOST_LINES]] if loose else []
        hits = [line for line in loose[:_MOST_LINES] if _replaces(line, before)]
        for line in hits[had:]:
            yield Remark(change.path, line.number, f"a type becomes anything: {line.text.strip()[:80]}")


_ANY_MODULE = re.compile(
    r"^\s*declare\s+module\s+[\"'](?!.*\.[A-Za-z]\w*[\"'])[^\"']*\*[\"']\s*(?:;|$|\{\s*\})"
)
_ANY_NAME = re.compile(r"^def\s+__getattr__\s*\(")
_MARKER = "py.typed"


def _typed_as_anything(case: Case, change: Change) -> Iterator[Remark]:
    """Declarations, new ones too, by which whatever is imported has any type."""
    name = change.path.rsplit("/", 1)[-1]
    if name == _MARKER and change.is_deleted:
        moved = any(one.diff.new_path.endswith(f"/{_MARKER}") and one.is_new for one in case.changes)
        if not moved:
            yield Remark(change.path, 0, "the types of the package no longer count")
    for line in change.added:
        is_module = change.language == "javascript" and _ANY_MODULE.match(line.bare)
        if is_module or (name.endswith(".pyi") and _ANY_NAME.match(line.code)):
            yield Remark(
                change.path, line.number, f"whatever is imported has any type: {line.text.strip()[:80]}"
            )


def _replaces(line: Line, before: list[tuple[str, set[str]]]) -> bool:
    """The line was there before, with another type or without the cast: new code may have loose types."""
    words = _words(_ANY_TYPE.sub("", line.code))
    least = max(1, len(words) * _ALIKE)
    alike = [code for code, old in before if len(words & old) >= least]
    return bool(alike) and not _annotates_only(line.code, alike)


_SIGNATURE = re.compile(r"^\s*(?:(?:async\s+)?def\b|\*{0,2}\w+\s*(?::[^=]*)?(?:=[^=]*)?,)|^\s*\)\s*->")
_OF_NAME = re.compile(r"(?:(\w+)\s*:|->)\s*(?:Optional\[)?(?:typing\.|t\.)?Any\b")


def _annotates_only(code: str, alike: list[str]) -> bool:
    """Python: parameters and results that had no type, and so could be anything already."""
    if not _SIGNATURE.match(code.rstrip()) or _ANY_TYPE.search(_OF_NAME.sub("", code)):
        return False
    marks = (rf"\b{match[1]}\s*:" if match[1] else "->" for match in _OF_NAME.finditer(code))
    return not any(re.search(mark, old) for mark in marks for old in alike)


def _words(code: str) -> set[str]:
    return set(re.findall(r"[A-Za-z_]\w+", code))


_MOST_LINES = 600
"""Lines of either side that are compared: with more, the patch is refused for its size."""
