"""GitHub's expression language, by its grammar: what an expression is worth, as far as it can be known.

What depends on earlier steps becomes a shell test for the sandbox (:mod:`sandbox.sequence`); what only GitHub
knows is unknown, unless the rest decides: the condition ``always() || github.ref == 'x'`` holds.
https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeGuard

_TOKEN = re.compile(
    r"\s*(?:('(?:[^']|'')*')|(-?\d+(?:\.\d+)?\b)|(&&|\|\||==|!=|[!(),])|([A-Za-z_][\w-]*(?:\.[A-Za-z_0-9][\w-]*)*))"
)
_STEP = re.compile(r"steps\.([\w-]+)\.(?:outputs\.([\w-]+)|(outcome|conclusion))")
_WRAPPED = re.compile(r"\s*\$\{\{(.*)\}\}\s*", re.DOTALL)
_NOT = "{ ! "
_MAX_LENGTH = 2_000
_MAX_DEPTH = 40


class UnknownExpressionError(Exception):
    """An expression that only the runner can evaluate; the message is its text."""


@dataclass(frozen=True, slots=True)
class Late:
    """A text that only a run tells, or a test of one: shell text."""

    shell: str
    is_test: bool = False


class _Unknown:
    """Only GitHub knows it."""


_UNKNOWN = _Unknown()
_Value = str | float | bool | Late | _Unknown
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_PLACE = re.compile(r"\{(\d{1,2})\}|\{\{|\}\}")
_Known = Callable[[str], str | float | bool | Late]


def _format(pattern: str, *values: str) -> str:
    return _PLACE.sub(lambda found: values[int(found[1])] if found[1] else found[0][0], pattern)


# Those of texts compare them without regard to case.
_FUNCTIONS: dict[str, Callable[..., str | bool]] = {
    # The failing step was reached, so no earlier one had failed before it.
    "success": lambda: True,
    "always": lambda: True,
    "failure": lambda: False,
    "cancelled": lambda: False,
    "contains": lambda text, part: part.lower() in text.lower(),
    "startswith": lambda text, part: text.lower().startswith(part.lower()),
    "endswith": lambda text, part: text.lower().endswith(part.lower()),
    "format": _format,
}


def holds(condition: str, *, known: _Known, steps: frozenset[str]) -> bool | str:
    """Whether a step's ``if:`` holds: true, false, or a shell test.

    ``known`` gives the value of a name (``matrix.os``) or raises ``UnknownExpressionError``; ``steps`` are
    those whose outputs the sandbox will have. Raises ``UnknownExpressionError`` for what can't be known.
    """
    wrapped = _WRAPPED.fullmatch(condition)
    text = wrapped[1] if wrapped else condition
    value = _truth(_Reader(text, known, steps).whole())
    if isinstance(value, _Unknown):
        raise UnknownExpressionError(text.strip())
    return value.shell if isinstance(value, Late) else value


def evaluated(expression: str, *, known: _Known) -> str:
    """What stands in the place of ``${{ expression }}``; raises ``UnknownExpressionError``."""
    value = _Reader(expression, known, frozenset(), values=True).whole()
    if isinstance(value, _Unknown | Late):
        raise UnknownExpressionError(expression.strip())
    return _text(value)


class _Reader:
    """Reads one expression; ``values`` where not only its truth is asked for."""

    def __init__(self, text: str, known: _Known, steps: frozenset[str], *, values: bool = False) -> None:
        self._text = text.strip()
        self._known = known
        self._steps = steps
        self._values = values
        self._words = list(self._split())
        self._depth = 0

    def whole(self) -> _Value:
        value = self._any_of()
        if self._words:
            raise UnknownExpressionError(self._text)
        return value

    def _split(self) -> list[str]:
        words, at = [], 0
        while at < len(self._text):
            found = _TOKEN.match(self._text, at)
            if found is None or len(self._text) > _MAX_LENGTH:
                raise UnknownExpressionError(self._text)
            words.append(found[0].strip())
            at = found.end()
        return words

    def _next(self, *wanted: str) -> str:
        """The next word if it is one of ``wanted``, or whatever it is; else an empty text."""
        if self._words and (not wanted or self._words[0] in wanted):
            return self._words.pop(0)
        return ""

    def _any_of(self) -> _Value:
        value = self._all_of()
        while self._next("||"):
            other, truth = self._all_of(), _truth(value)
            if isinstance(truth, bool):
                value = value if truth else other
            else:
                value = _UNKNOWN if self._values else _either(truth, _truth(other))
        return value

    def _all_of(self) -> _Value:
        value = self._compared()
        while self._next("&&"):
            other, truth = self._compared(), _truth(value)
            if isinstance(truth, bool):
                value = other if truth else value
            else:
                value = _UNKNOWN if self._values else _not(_either(_not(truth), _not(_truth(other))))
        return value

    def _compared(self) -> _Value:
        value = self._single()
        while operator := self._next("==", "!="):
            equal = _equal(value, self._single())
            value = equal if operator == "==" else _not(equal)
        return value

    def _single(self) -> _Value:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise UnknownExpressionError(self._text)
        try:
            return self._operand(self._next())
        finally:
            self._depth -= 1

    def _operand(self, word: str) -> _Value:
        if word == "!":
            return _not(_truth(self._single()))
        if word == "(":
            value = self._any_of()
            if not self._next(")"):
                raise UnknownExpressionError(self._text)
            return value
        if word.startswith("'"):
            return word[1:-1].replace("''", "'")
        if word.lower() in {"true", "false"}:
            return word.lower() == "true"
        if _NUMBER.fullmatch(word):
            return float(word)
        if not re.match(r"[A-Za-z_]", word):
            raise UnknownExpressionError(self._text)
        return self._call(word.lower()) if self._next("(") else self._named(word)

    def _call(self, name: str) -> _Value:
        arguments: list[_Value] = []
        while not self._next(")"):
            arguments.append(self._any_of())
            if not self._next(",") and (not self._words or self._words[0] != ")"):
                raise UnknownExpressionError(self._text)
        function = _FUNCTIONS.get(name)
        numbers_too = [_text(one) if _is_number(one) else one for one in arguments]
        texts = [one for one in numbers_too if isinstance(one, str)]
        if function is None or len(texts) != len(arguments):
            return _UNKNOWN
        try:
            return function(*texts)
        except (TypeError, IndexError):  # another number of arguments than it takes
            return _UNKNOWN

    def _named(self, name: str) -> _Value:
        if found := _STEP.fullmatch(name):
            if found[1] not in self._steps:
                return _UNKNOWN
            call = ("output", found[1], found[2]) if found[2] else ("outcome", found[1])
            return Late(f'"$({shlex.join(call)})"')
        try:
            return self._known(name)
        except UnknownExpressionError:
            return _UNKNOWN


def _truth(value: _Value) -> bool | Late | _Unknown:
    match value:
        case bool():
            return value
        case str():
            # Only the empty text is false: '0' and 'false' in quotation marks hold.
            return bool(value)
        case int() | float():
            return value != 0
        case Late(is_test=False, shell=shell):
            return Late(f"[ -n {shell} ]", is_test=True)
        case _:
            return value


def _not(value: bool | Late | _Unknown) -> bool | Late | _Unknown:  # noqa: FBT001 - the value of an expression
    match value:
        case bool():
            return not value
        case Late(shell=shell):
            if shell.startswith(_NOT):
                return Late(shell.removeprefix(_NOT).removesuffix("; }"), is_test=True)
            return Late(f"{_NOT}{shell}; }}", is_test=True)
        case _:
            return value


def _either(one: bool | Late | _Unknown, other: bool | Late | _Unknown) -> bool | Late | _Unknown:  # noqa: FBT001 - see above
    if one is True or other is True:
        return True
    if one is False:
        return other
    if other is False:
        return one
    if isinstance(one, Late) and isinstance(other, Late):
        return Late(f"{{ {one.shell} || {other.shell}; }}", is_test=True)
    return _UNKNOWN


def _equal(one: _Value, other: _Value) -> bool | Late | _Unknown:
    if isinstance(one, _Unknown) or isinstance(other, _Unknown):
        return _UNKNOWN
    if isinstance(one, Late) or isinstance(other, Late):
        sides = [side.shell if isinstance(side, Late) else shlex.quote(_text(side)) for side in (one, other)]
        # A text never equals true on GitHub; a test has no text to compare.
        if any(isinstance(side, bool) or (isinstance(side, Late) and side.is_test) for side in (one, other)):
            return _UNKNOWN
        return Late(f"same {' '.join(sides)}", is_test=True)
    if isinstance(one, bool) != isinstance(other, bool):
        return _UNKNOWN
    if _is_number(one) or _is_number(other):
        # What is compared with a number becomes one; a text that is none is equal to nothing.
        return _number(one) == _number(other)
    return _text(one).lower() == _text(other).lower()


def _is_number(value: _Value) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: str | float) -> float:
    """https://docs.github.com/en/actions/reference/workflows-and-actions/expressions#operators"""
    if not isinstance(value, str):
        return value
    text = value.strip()
    return float(text) if _NUMBER.fullmatch(text) else math.nan if text else 0.0


def _text(value: str | float | bool) -> str:  # noqa: FBT001 - the value of an expression
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else f"{value:.15g}"
