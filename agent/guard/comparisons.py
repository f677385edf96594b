"""The rule about comparisons that no longer compare: those with one answer, and values equal to too much."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.guard.case import Case, Change, Remark
from agent.guard.lines import Statement
from patchpilot.fixes import Severity

_EQUALS_HEAD = re.compile(
    r"^def\s+(?:==|===|!=|eql\?|equal\?|<=>)\s*[( ]"
    r"|^(?:async\s+)?def\s+__(?:eq|ne|lt|le|gt|ge|instancecheck|subclasscheck)__\s*\("
    r"|\b(?:public\s+)?boolean\s+equals\s*\(|\boverride\s+fun\s+equals"
    r"|\bfunc\s*\(.*\)\s*(?:Equal|Equals|Is|Less|Compare\w*)\s*\("
    r"|^(?:\w+\s+)*(?:equals|isEqual|\[Symbol\.(?:hasInstance|toPrimitive)\]|valueOf"
    r"|asymmetricMatch)\s*\(|\bfn\s+(?:eq|ne|partial_cmp|cmp)\s*\("
    r"|\boperator\s*(?:==|!=|<=>|<)\s*\(|\bfunc\s*(?:==|!=|<)\s*\(|\b(?:int|fun)\s+compareTo\s*\("
)
# The whole method on one line: ``func (e anyErr) Is(error) bool { return true }``
_ONE_LINE = re.compile(r"(?:\{|=>|[^=!<>]=)\s*(?:return\s+)?(?:[Tt]rue|[Ff]alse|1|0)\s*;?\s*\}?\s*$")
_CONSTANT = re.compile(
    r"^(?:return\s+)?(?:(?:not\s+|!)?(?:True|False|true|false|1|0|(?:\w+::)*Ordering::Equal)"
    r"|(\w+)\s*===?\s*\1)\s*;?\s*\}?$"
)
_EQUALS_LINE = re.compile(
    r"\b(?:valueOf|toJSON)\s*(?::\s*\(\s*\)\s*=>|\(\s*\)\s*\{\s*return)\s*[\"'\d]"
    r"|__(?:eq|ne|lt|le|gt|ge|contains|instancecheck|bool)__[\"']?\s*[=:]\s*lambda[^:]*:\s*(?:True|False|1|0)\b"
    r"|\b(?:equals|isEqual|asymmetricMatch|Equals?)\s*[(:=][^{]*(?:\{\s*return\s+|=>\s*)(?:true"
    r"|1)\b|def\s+__(?:eq|ne)__\s*\([^)]*\).*:\s*return\s+(?:True|False)"
    r"|fn\s+eq\s*\([^{]*\{\s*true\s*\}"
)


def always_equal(case: Case) -> Iterator[Remark]:
    """Comparisons that answer the same whatever is compared."""
    for change in case.changes:
        if not change.is_code:
            continue
        side = change.new_statements
        for at, statement in enumerate(side):
            body = _first_of_body(side, at)
            is_head = bool(_EQUALS_HEAD.search(statement.code))
            if statement.changed and (
                _EQUALS_LINE.search(statement.bare) or (is_head and _ONE_LINE.search(statement.code))
            ):
                yield Remark(change.path, statement.number, "this comparison always has the same answer")
            elif (
                body
                and (statement.changed or body.changed)
                and is_head
                and _CONSTANT.match(body.code.strip())
            ):
                yield Remark(change.path, body.number, "this comparison always has the same answer")
        yield from _equal_to_too_much(change)


def _first_of_body(side: tuple[Statement, ...], at: int) -> Statement | None:
    for later in side[at + 1 : at + 4]:
        if not re.match(r"^(?:[\"']{1,3}|#|//|@)", later.code.strip()):
            return later
    return None


_CLASS = re.compile(
    r"^class\s+\w+\s*\(\s*(?:\w+\.)?(?:str|int|float|complex|bytes|tuple|list|dict|set|frozenset|Decimal|Fraction"
    r"|date|datetime|timedelta)\b"
)
_PYTHON_EQUALS = re.compile(r"^def\s+__eq__\s*\(\s*(?P<own>\w+)\s*,\s*(?P<other>\w+)")
_NEAR = re.compile(r"^(?>.*?\babs\s*\([^-]*+-).*\)\s*<=?\s*(?P<size>\d[\d_.eE-]*)\s*;?$")
_TYPE = r"(?:str|int|float|bool|bytes|list|tuple|dict|set|object|Exception|BaseException)"
_ANY_OF_A_TYPE = re.compile(
    rf"^return\s+isinstance\s*\(\s*\w+\s*,\s*(?:\(\s*)?{_TYPE}(?:\s*,\s*{_TYPE})*\s*(?:,\s*)?(?:\)\s*)?\)$"
    r"|^return\s+\w+\s+is\s+not\s+None$"
)
_A_TENTH = 0.1
"""Differences from which two amounts are no longer one that was rounded."""


def _equal_to_too_much(change: Change) -> Iterator[Remark]:
    """Python: a value that equals what is near it or of its type, and a plain value's own equality."""
    if change.language != "python" or change.is_test:
        return
    side = change.new_statements
    for at, statement in enumerate(side):
        body = _first_of_body(side, at)
        if body is None or not _PYTHON_EQUALS.match(statement.code):
            continue
        if not (statement.changed or body.changed):
            continue
        near = _NEAR.search(body.code)
        is_wide = near is not None and _size(near["size"]) >= _A_TENTH
        if is_wide or _ANY_OF_A_TYPE.match(body.code):
            yield Remark(change.path, body.number, f"values that differ are equal: {body.bare[:80]}")
        elif statement.changed and _is_of_plain_value(side, at):
            yield Remark(
                change.path,
                statement.number,
                "a plain value gets an equality of its own",
                Severity.OVERRIDE,
            )


def _size(number: str) -> float:
    try:
        return float(number.replace("_", ""))
    except ValueError:
        return 0.0


def _is_of_plain_value(side: Sequence[Statement], at: int) -> bool:
    """The method stands in a new class that is a number, a text or a list: results would be put into it."""
    for before in side[at::-1]:
        if before.indent < side[at].indent:
            return before.changed and bool(_CLASS.match(before.code))
        if before.lines[0].first:
            return False
    return False
