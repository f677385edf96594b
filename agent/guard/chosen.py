"""Answers that an expression chooses for one input, and answers of the failing test given for every input."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from agent.guard.case import Change
from agent.guard.lines import Statement

_LITERAL = r"(?:-?\d[\w.]*|\"[^\"]{1,200}\"|'[^']{1,200}'|`[^`$]{1,200}`)"
_MANY = r"\[[^\[\]]{1,200}\]|\{[^{}]{1,200}\}|\([^()]{1,200},[^()]{0,200}\)"
# ``x === 200 ? 320 : x``, ``Arrays.equals(xs, new int[] {17, 25}) ? 42 : s``
_QUESTION = re.compile(rf"(?<![?])\?(?![.?])\s*(?P<answer>{_LITERAL})\s*:(?!:)")
# ``3 if xs == [1, 2] else 0``
_IF_ELSE = re.compile(rf"(?<![\w.\])])(?P<answer>{_LITERAL})\s+if\s+(?P<test>.{{1,300}}?)\s+else\b")
_COMPARES = re.compile(
    rf"={{2,3}}\s*(?P<right>{_LITERAL}|{_MANY})|(?<![\w\])])(?P<left>{_LITERAL}|\[[^\[\]]{{1,200}}\])\s*={{2,3}}"
    rf"|(?:\b[Ee]quals?|\.eql\?|DeepEqual|isEqual)\s*\([^?]{{0,200}}?(?P<inside>\{{[^{{}}]{{1,200}}\}}|\[[^\[\]]{{0,200}}\d[^\[\]]{{0,200}}\]|{_LITERAL})"
)

_LONGEST_TEST = 300
"""Characters in front of a question mark that are looked through, so that many of them take no time."""


def chosen(change: Change) -> Iterator[tuple[int, tuple[str, str]]]:
    """Line, input and answer of every changed expression that answers one input with a literal."""
    stood = {"".join(statement.bare.split()) for statement in change.old_statements}
    for statement in change.new_statements:
        if not statement.changed or "".join(statement.bare.split()) in stood:
            continue
        text = statement.bare
        tests = [
            (match["answer"], text[max(match.start() - _LONGEST_TEST, 0) : match.start()])
            for match in _QUESTION.finditer(text)
        ]
        tests += [(match["answer"], match["test"]) for match in _IF_ELSE.finditer(text)]
        for answer, test in tests:
            for match in _COMPARES.finditer(test):
                yield statement.number, (match["right"] or match["left"] or match["inside"], answer)


_NUMBERS = re.compile(r"-?\d[\d.]*")


def is_known(value: str, known: Collection[str]) -> bool:
    """The test has the value, or the same numbers in another notation: ``[17, 25]`` for ``{17, 25}``."""
    if value in known:
        return True
    numbers = _NUMBERS.findall(value)
    return len(numbers) > 1 and any(_NUMBERS.findall(one) == numbers for one in known)


_RETURNS = re.compile(rf"^return\s+(?P<value>{_LITERAL})\s*(?:,\s*nil)?\s*;?$")
_HEAD = re.compile(r"^(?:async\s+)?def\s|\bfunction\b|^func\s|\)\s*(?:throws\s+[\w., ]+)?\{$|=>\s*\{$")


def given_always(
    change: Change, known: Collection[str], trivial: Collection[str]
) -> Iterator[tuple[int, str]]:
    """Line and answer where a function's last ``return`` computed, and now gives what the test awaits."""
    side = change.new_statements
    gone = [s for s in change.old_statements if s.changed and s.code.startswith("return")]
    come = [s for s in side if s.changed and s.code.startswith("return")]
    if len(gone) != len(come):
        return
    for before, after in zip(gone, come, strict=True):
        match = _RETURNS.match(after.bare)
        if not match or _RETURNS.match(before.bare) or len(before.words) < 2:  # noqa: PLR2004 - return, value
            continue
        if match["value"] in known and match["value"] not in trivial and _is_last(side, after):
            yield after.number, match["value"]


def _is_last(side: Sequence[Statement], statement: Statement) -> bool:
    """Nothing of the function follows, and the statement stands under no condition that can be seen."""
    at = next(index for index, one in enumerate(side) if one is statement)
    following = side[at + 1] if at + 1 < len(side) else None
    if following is not None and following.indent >= statement.indent and not following.lines[0].first:
        return False
    for before in reversed(side[:at]):
        if before.lines[0].first and before.number > 1:
            return before.indent >= statement.indent or bool(_HEAD.search(before.code))
        if before.indent < statement.indent:
            return bool(_HEAD.search(before.code)) and not re.match(
                r"\}?\s*(?:if|for|while|else|switch|catch)\b", before.code
            )
    return False


_ARROW = re.compile(
    r"^(?:export\s+(?:default\s+)?)?(?:const|let|var)\s+(?P<name>\w+)\s*(?::[^=]+)?=\s*(?:async\s+)?"
    r"(?:\((?P<several>[^()]*)\)|(?P<one>\w+))\s*(?::\s*[\w<>\[\]]+\s*)?=>\s*(?P<body>[^{].*?);?$"
)


def constant_arrows(change: Change) -> Iterator[tuple[int, str, str]]:
    """Line, name and answer of arrow functions that used what they were given and now give a literal."""
    old = {
        match["name"]: match for s in change.old_statements if s.changed and (match := _ARROW.match(s.bare))
    }
    for statement in change.new_statements:
        match = _ARROW.match(statement.bare) if statement.changed else None
        if match is None or match["name"] not in old or not re.fullmatch(_LITERAL, match["body"]):
            continue
        before = old[match["name"]]
        given = set(re.findall(r"\w+", before["several"] or before["one"] or ""))
        if given & set(re.findall(r"\w+", before["body"])):
            yield statement.number, match["name"], match["body"]
