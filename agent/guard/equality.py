"""Assertions of one library that say what another's said: that two values are equal."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.guard.brackets import Words, at_top, enclosed, split
from agent.guard.lines import Statement

_LOOSE, _EQUAL, _STRICT, _SAME = range(4)
"""Converts types first; compares values; types as well; identity."""
_CALLS = {
    **dict.fromkeys(("equal", "deepEqual"), _LOOSE),
    **dict.fromkeys(
        ("assertEqual", "assertEquals", "assert_equal", "assert_eq", "Equal", "AreEqual"), _EQUAL
    ),
    **dict.fromkeys(("EXPECT_EQ", "ASSERT_EQ", "assertThat", "XCTAssertEqual"), _EQUAL),
    "deepStrictEqual": _STRICT,
    **dict.fromkeys(("assertSame", "assertIs", "strictEqual", "Same"), _SAME),
}
_FLUENT = {
    **dict.fromkeys(("toEqual", "isEqualTo", "isEqualByComparingTo", "equal", "eql", "eq"), _EQUAL),
    "toStrictEqual": _STRICT,
    **dict.fromkeys(("toBe", "isSameAs"), _SAME),
}
_LENGTHS = {"toHaveLength": (".", "length"), "hasSize": (".", "size", "(", ")")}
_TRUTHS = frozenset(
    ("assertTrue", "EXPECT_TRUE", "ASSERT_TRUE", "True", "assert", "XCTAssertTrue", "XCTAssert")
)
_MATCHERS = frozenset(("is", "equalTo", "eq"))
_SUBJECTS = frozenset(("expect", "assertThat"))
_OWNERS = frozenset(("self", "assert", "require", "Assert", "Assertions", "t", "$this", "-", ">"))
# What makes a condition say more, or less, than that two values are equal.
_JOINS = frozenset(("and", "or", "not", "in", "if", "else", "!", "&", "|", "lambda", "<", ">"))
_PRIMITIVE = re.compile(r"-?\d[\w.]*|\"[^\"]*\"|true|false|null|undefined")
_NUMBER_OF_JAVA = ("new", "BigDecimal", "(")


@dataclass(frozen=True)
class _Equality:
    left: Words
    right: Words
    grade: int
    is_fluent: bool = False

    @property
    def sides(self) -> frozenset[Words]:
        """What is equal, in either order."""
        return frozenset((_number(self.left), _number(self.right)))

    @property
    def is_of_primitive(self) -> bool:
        """One side is a literal for which Jest knows no difference between equal and same."""
        return any(_PRIMITIVE.fullmatch("".join(side)) for side in (self.left, self.right))


def says_the_same(old: Statement, new: Statement) -> bool:
    """Both say that the same two values are equal, the new one as strictly.

    So are ``assertEquals(b, a)``, ``assert a == b`` and ``assertThat(a).isEqualTo(b)``.
    """
    return words_say_the_same(old.words, new.words)


def words_say_the_same(old: Words, new: Words) -> bool:
    """The same of the tokens of two assertions."""
    before, after = _read(old), _read(new)
    if before is None or after is None or before.sides != after.sides or len(before.sides) == 1:
        return False
    is_jest = before.is_fluent and after.is_fluent and before.is_of_primitive
    return after.grade >= before.grade or is_jest


def _read(words: Words) -> _Equality | None:
    found = _operator(words) or _call(words) or _fluent(words)
    return found if found and found.left and found.right else None


def _number(words: Words) -> Words:
    """``new BigDecimal("15")`` and ``"15"`` are one number where numbers are compared."""
    if words[: len(_NUMBER_OF_JAVA)] == _NUMBER_OF_JAVA and words[-1] == ")":
        return words[len(_NUMBER_OF_JAVA) : -1]
    return words


def _operator(words: Words) -> _Equality | None:
    """``assert a == b`` of Python."""
    if words[:1] != ("assert",):
        return None
    parts = split(words[1:], ",")
    condition = parts[0] if parts else ()
    if len(parts) > 2 or any(condition[at] in _JOINS for at in at_top(condition)):  # noqa: PLR2004 - a message
        return None
    for at in at_top(condition):
        if condition[at : at + 2] == ("=", "="):
            return _Equality(condition[:at], condition[at + 2 :], _EQUAL)
        if condition[at] == "is":
            return _Equality(condition[:at], condition[at + 1 :], _SAME)
    return None


def _call(words: Words) -> _Equality | None:
    """``self.assertEqual(a, b)``, ``assert.Equal(t, a, b)`` or ``assertThat(a, is(b))``."""
    start = next((at for at, word in enumerate(words) if word == "("), 0)
    *owner, name = [word for word in words[:start] if word not in {".", "!"}] or [""]
    inside = enclosed(words, start)
    if name not in {*_CALLS, *_TRUTHS, "Len"} or not _OWNERS.issuperset(owner) or inside is None:
        return None
    parts = split(inside, ",")
    parts = parts[1:] if parts[0] == ("t",) else parts  # Go passes the test on
    if name in _TRUTHS and len(parts) == 1 and start + len(inside) + 2 == len(words):
        return _compared(inside)
    if len(parts) != 2 or start + len(inside) + 2 != len(words):  # noqa: PLR2004 - a third may be a tolerance
        return None
    if name == "Len":
        return _Equality(("len", "(", *parts[0], ")"), parts[1], _EQUAL)
    if name in _CALLS and name != "assertThat":
        return _Equality(parts[0], parts[1], _CALLS[name])
    value = enclosed(parts[1], 1) if parts[1] and parts[1][0] in _MATCHERS else None
    return _Equality(parts[0], value, _EQUAL) if value and len(value) + 3 == len(parts[1]) else None


def _compared(condition: Words) -> _Equality | None:
    """``a == b``, ``a === b`` or ``a.equals(b)`` inside an assertion that something is true."""
    places = list(at_top(condition))
    if any(condition[at] in _JOINS for at in places):
        return None
    for at in places:
        if condition[at : at + 2] == ("=", "="):
            end = at + 2 + (condition[at + 2 : at + 3] == ("=",))
            return _Equality(condition[:at], condition[end:], _EQUAL)
        if condition[at : at + 3] == (".", "equals", "("):
            value = enclosed(condition, at + 2)
            is_whole = value is not None and at + len(value) + 4 == len(condition)
            return _Equality(condition[:at], value, _EQUAL) if value and is_whole else None
    return None


def _fluent(words: Words) -> _Equality | None:
    """``expect(a).toBe(b)``, ``assertThat(a).isEqualTo(b)`` or ``expect(a).to eq(b)``."""
    is_awaited = words[:1] == ("await",)
    words = words[1:] if is_awaited else words
    subject = enclosed(words, 1) if words and words[0] in _SUBJECTS else None
    if subject is None:
        return None
    rest = words[len(subject) + 3 :]
    while rest and rest[0] in {".", "to", "be", "deep"}:
        rest = rest[1:]
    if is_awaited and rest[:2] == ("resolves", "."):
        is_awaited, subject, rest = False, ("await", *subject), rest[2:]
    if rest and rest[0] in _LENGTHS:
        subject, rest = (*subject, *_LENGTHS[rest[0]]), ("toBe", *rest[1:])
    value = enclosed(rest, 1) if rest and rest[0] in _FLUENT else None
    if is_awaited or value is None or len(value) + 3 != len(rest):
        return None
    return _Equality(subject, value, _FLUENT[rest[0]], is_fluent=True)
