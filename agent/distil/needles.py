"""Which literal strings a pattern can't match without.

Running five hundred regular expressions over every line would be slow, compiling them into one automaton
slow to start. So one scan for literals, which compile in no time, tells which few rules are worth trying on
which few lines (the idea of RE2's ``FilteredRE2``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from re import _parser as sre  # type: ignore[attr-defined]  # isort: skip  # the grammar of re has no public parser

SHORTEST = 2
"""A literal shorter than this occurs everywhere and filters nothing."""
_ENOUGH = 14
_TOO_MANY = 40


def needles(pattern: str) -> frozenset[str]:
    """Lower-case strings of which every text that matches ``pattern`` holds at least one.

    A string that starts with a newline stands at the start of a line. Empty if the pattern promises nothing.
    """
    best = _best(_of_sequence(sre.parse(pattern, re.MULTILINE)))
    return frozenset(best or ())


_Set = frozenset[str]


def _of_sequence(items: Iterable[tuple[Any, Any]]) -> list[_Set]:
    """All sets of literals of which the sequence requires one each."""
    found: list[_Set] = []
    run = ""
    for code, value in items:
        character = _character(code, value)
        if character is not None:
            run += character
        elif code is sre.AT and value is sre.AT_BEGINNING and not run:
            run = "\n"
        elif code is sre.AT:
            continue
        else:
            found += _literal(run)
            run = ""
            found += _of_item(code, value)
    return found + _literal(run)


def _character(code: Any, value: Any) -> str | None:
    """The one character, whatever its case, that an item stands for."""
    if code is sre.LITERAL:
        return chr(value).lower()
    if code is sre.IN:
        letters = {chr(member).lower() for kind, member in value if kind is sre.LITERAL}
        if len(letters) == 1 and all(kind is sre.LITERAL for kind, _ in value):
            return letters.pop()
    return None


def _of_item(code: Any, value: Any) -> list[_Set]:
    match code, value:
        case (sre.SUBPATTERN, (*_, body)):
            return _of_sequence(body)
        case (sre.MAX_REPEAT | sre.MIN_REPEAT, (int(least), _, body)) if least > 0:
            only = _character(*body[0]) if len(body) == 1 else None
            return _literal(only * min(least, _ENOUGH)) if only else _of_sequence(body)
        case (sre.BRANCH, (_, branches)):
            choices = [_best(_of_sequence(branch)) for branch in branches]
            if all(choices):
                return [frozenset().union(*(choice for choice in choices if choice))]
    return []


def _literal(run: str) -> list[_Set]:
    return [frozenset({run})] if run.strip("\n") and len(run.encode()) >= SHORTEST else []


def _best(sets: list[_Set]) -> _Set | None:
    """The set that filters best: long literals, few of them."""
    usable = [each for each in sets if len(each) <= _TOO_MANY]
    return max(
        usable,
        key=lambda each: (min(*(len(one.encode()) for one in each), _ENOUGH), -len(each)),
        default=None,
    )
