"""Edited assertions that demand at least what they demanded before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.guard.brackets import Words
from agent.guard.equality import says_the_same, words_say_the_same
from agent.guard.lines import Statement, plain_words
from agent.guard.narrower import is_narrower

# The stricter twin of an assertion's name.
_STRICTER = {
    "equal": {"strictEqual", "deepStrictEqual"},
    "notEqual": {"notStrictEqual"},
    "deepEqual": {"deepStrictEqual"},
    "toEqual": {"toStrictEqual"},
    "toMatchObject": {"toEqual", "toStrictEqual"},
    "toBeTruthy": {"toBeTrue"},
    "assertEquals": {"assertSame", "assertEqual"},
    "assertEqual": {"assertListEqual", "assertDictEqual", "assertMultiLineEqual", "assertIs"},
    "assertItemsEqual": {"assertCountEqual"},
    "assertRegexpMatches": {"assertRegex"},
    "assertRaisesRegexp": {"assertRaisesRegex"},
    "assertNotEquals": {"assertNotEqual"},
    "assertAlmostEquals": {"assertAlmostEqual"},
    "assert_": {"assertTrue"},
    # Of testify: the second stops the test at once.
    "assert": {"require"},
    "EXPECT_EQ": {"ASSERT_EQ"},
    "EXPECT_TRUE": {"ASSERT_TRUE"},
    "EXPECT_FALSE": {"ASSERT_FALSE"},
    "eq": {"eql"},
    # Of Go: the second stops the test at once.
    "Errorf": {"Fatalf"},
    "Error": {"Fatal"},
}
_MESSAGE = re.compile(
    r",\s*(?:msg\s*=\s*|message\s*=\s*)?[fr]{0,2}(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`)\s*(?P<close>\)?;?)$"
)
_MATCH = re.compile(
    r",\s*match\s*=\s*[fr]{0,2}(?:\"(?:[^\"\\]|\\.)+\"|'(?:[^'\\]|\\.)+'|re\.escape\([^()]*\))\s*(?=[,)])"
)
# Errors of Go are compared through what wraps them.
_ERRORS_IS = re.compile(r"(!)?errors\.Is\(([\w.]+),\s*([\w.]+)\)")
_NON_NULL = re.compile(r"(?<=[\w\])])!(?=[.\[)\];,])")
"""TypeScript: the value is not null, says the author; at run time nothing differs."""
# Of Testing Library: the one waits for what the other looks for at once, and both fail without it.
_FINDS = re.compile(r"\bawait\s+([\w.]*)find(All)?By")
# The assertion is tried again until it holds, and fails the test when it never does.
_WAITS = re.compile(r"await\s+(?:vi\.)?waitFor\(\s*(?:async\s*)?\(\)\s*=>\s*(?!\{)(.*?)\)\s*;?$")
_OTHER_WORDS = (
    (_NON_NULL, ""),
    (_FINDS, r"\g<1>get\g<2>By"),
    (re.compile(r"\b(?:slices|maps|cmp|bytes)\.Equal\("), "reflect.DeepEqual("),
    (re.compile(r"\)\s+as\s+\w+\s*:$"), "):"),
    # Of all that counts as true or false, only the one value is right now.
    (re.compile(r"(?<!\.not)\.(?:toBe|toEqual|toStrictEqual)\(true\)"), ".toBeTruthy()"),
    (re.compile(r"(?<!\.not)\.(?:toBe|toEqual|toStrictEqual)\(false\)"), ".toBeFalsy()"),
    (re.compile(r"(?<=\.to )(?:eq|be|eql|equal)[ (]true\)?$"), "be_truthy"),
    (re.compile(r"(?<=\.to )(?:eq|be|eql|equal)[ (]false\)?$"), "be_falsey"),
    (re.compile(r"^assert ([\w.]+(?:\([^()]*\))?) is True$"), r"assert \1"),
    (re.compile(r"\bassertIs\(([\w.]+(?:\([^()]*\))?), True\)$"), r"assertTrue(\1)"),
)
# What the assertion gives, such as the error that it caught, has got a name.
_BOUND = re.compile(
    r"(?:(?:const|let|var|val|final)\s+){0,2}(?:[A-Z][\w.]*(?:<\?>)?\s+)?[A-Za-z_]\w*\s*:?=\s*(?=(?:\w+\.)?assert\w*\()"
)
_ENCODING = re.compile(r"(?:,\s*)?\bencoding\s*=\s*(?:\"[\w-]+\"|'[\w-]+')")
_DISTANCE = re.compile(r"\b(?:abs|fabs|Abs|math\.fabs|np\.abs|linalg\.norm)\s*\(|\.abs\(\)")
_NUMBER = re.compile(r"\d[\w.]*(?:[eE]-?\d+)?")
_ASSIGNED = re.compile(
    r"^(?:const\s+|let\s+|var\s+|final\s+|auto\s+)?(?:[A-Z][\w.]*(?:<[\w<>, ?]*>)?(?:\[\])?\s+)?"
    r"(?P<name>[A-Za-z_]\w*)(?:\s*,\s*(?:err|ok|_))?\s*:?=(?!=)\s*(?P<value>[^;]+);?$"
    r"|^let!?\(:(?P<let>\w+)\)\s*(?:\{|do)\s*(?P<given>.*?)\s*(?:\}|end)$"
)
_MEMBER = re.compile(r"[\"'`]")


def demands_as_much(old: Statement, new: Statement, before: Sequence[Statement]) -> bool:
    """The new assertion holds only where the old one held.

    ``before`` are the new statements in front of it, for values that have got a name.
    """
    wanted = (old.words, *_corrected(old))
    for one in _readings(old, new, before):
        if any(_same_or_stricter(words, one) for words in wanted) or words_say_the_same(old.words, one):
            return True
    return (
        is_narrower(old.bare, new.bare)
        or _is_nearer(old, new)
        or says_the_same(old, new)
        or _names_error(old, new)
    )


def _readings(old: Statement, new: Statement, before: Sequence[Statement]) -> Iterator[tuple[str, ...]]:
    """The new assertion without what only adds to it."""
    yield new.words
    yield from _said_otherwise(new)
    if (message := _MESSAGE.search(new.bare)) and _is_message(new.bare[: message.start()]):
        yield plain_words(_MESSAGE.sub(r"\g<close>", new.bare))
    if _ADDS_MESSAGE.match(new.bare) and (shorter := _without_last(old.words, new.words)):
        yield shorter
    if (bound := _BOUND.match(new.bare)) and not _BOUND.match(old.bare):
        yield plain_words(new.bare[bound.end() :])
    if "encoding" not in old.code:
        yield plain_words(_ENCODING.sub("", new.bare))
    if "match" not in old.code:
        yield plain_words(_MATCH.sub("", new.bare))
    between: set[str] = set()
    for earlier in reversed(before[-3:]):
        match = _ASSIGNED.match(earlier.bare) if earlier.changed else None
        name, value = (match["name"] or match["let"], match["value"] or match["given"]) if match else ("", "")
        # A name that the next lines use may hold something else by now.
        is_last = bool(name) and name not in between
        between.update(earlier.words)
        if is_last and not _MEMBER.search(new.code.partition(name)[0][-1:]):
            yield plain_words(re.sub(rf"(?<![\w.]){name}\b", value.replace("\\", r"\\"), new.bare))


# Of these, what follows the operands is a message.
_ADDS_MESSAGE = re.compile(
    r"assert\s|self\.assert(?:(?:Not)?Equals?|True|False|(?:Not)?In|Is(?:Not)?|IsNone|IsNotNone|(?:List|Dict|Set)Equal)\("
    r"|(?:assert|require)\.(?:(?:Not)?Equal|NoError|Error|ErrorIs|True|False|(?:Not)?Nil|Len|Contains|(?:Not)?Empty)\(t,"
)


def _without_last(old: Words, new: Words) -> Words | None:
    """The new tokens without what they have more than the old ones, behind a comma at the end."""
    is_statement = old[:1] == ("assert",) and old[1:2] != (".",)
    kept = old if is_statement else old[:-1]
    appended = new[: len(kept)] == kept and new[len(kept) : len(kept) + 1] == (",",)
    return old if appended else None


_NOT_FIRST = re.compile(r"\bassert not ([^()]+|[\w.]+\([^()]*\)) (in|is) (.+)$")
_NEVER_ASSERTS = re.compile(r"^assert ([\w.]+)\.((?:not_)?called\w*|has_calls|any_call)(\(.*\))$")


def _corrected(old: Statement) -> Iterator[tuple[str, ...]]:
    """What was meant: ``x not in y`` for ``not x in y``, and mocks really asked."""
    if match := _NOT_FIRST.search(old.bare):
        negated = "not in" if match[2] == "in" else "is not"
        yield plain_words(f"assert {match[1]} {negated} {match[3]}")
    if match := _NEVER_ASSERTS.match(old.bare):
        yield plain_words(f"{match[1]}.assert_{match[2]}{match[3]}")


def _said_otherwise(new: Statement) -> Iterator[tuple[str, ...]]:
    """The new assertion in the words that it might have had before."""
    if waited := _WAITS.match(new.bare):
        yield plain_words(waited[1])
    if "errors.Is(" in new.code:
        yield plain_words(_ERRORS_IS.sub(lambda match: f"{match[2]} {match[1] or '='}= {match[3]}", new.bare))
    for pattern, replacement in _OTHER_WORDS:
        if pattern.search(new.bare):
            yield plain_words(pattern.sub(replacement, new.bare))


_CALL = re.compile(
    r"^[$\w.>-]*?(?:assert|Assert|require|EXPECT_|ASSERT_|[a-z]\.(?:Equal|True|Is))\w*!?(?:\.\w+)?\("
)


def _is_message(before: str) -> bool:
    """What stands before the text is a whole assertion, not the arguments of a call inside it."""
    depth = sum(char in "([{" for char in before) - sum(char in ")]}" for char in before)
    if before.startswith("assert "):
        return depth == 0
    return depth == 1 and bool(_CALL.match(before)) and not re.search(r"(?i)raises|throws", before)


def _same_or_stricter(old: tuple[str, ...], new: tuple[str, ...]) -> bool:
    return len(old) == len(new) and all(
        a == b or b in _STRICTER.get(a, ()) for a, b in zip(old, new, strict=True)
    )


_RAISES = re.compile(r"(?i)\b(?:\w*raises?\w*|\w*throws?\w*|\w*exception\w*|catch)\b")
_ANY_ERROR = frozenset(
    ("Exception", "BaseException", "Throwable", "Error", "StandardError", "RuntimeException")
)
_SAID = re.compile(r"\(\s*(?:\"[^\"]+\"|'[^']+'|`[^`]+`|/[^/]+/\w*|[A-Z]\w*(?:Error|Exception))\s*\)\s*;?$")


def _names_error(old: Statement, new: Statement) -> bool:
    """Any error was right, and now only the named one is, or the one that says the text."""
    if not _RAISES.search(old.code):
        return False
    if _ANY_ERROR.isdisjoint(old.words):
        bare = re.sub(r"\(\s*\)\s*;?$", "", old.bare)
        return bare != old.bare and _SAID.sub("", new.bare) == bare
    return any(
        len(old.words) == len(words)
        and all(a == b or (a in _ANY_ERROR and _is_named(b)) for a, b in zip(old.words, words, strict=True))
        for words in (new.words, plain_words(_MATCH.sub("", new.bare)))
    )


def _is_named(word: str) -> bool:
    return word not in _ANY_ERROR and re.fullmatch(r"[A-Z]\w+", word) is not None


def _is_nearer(old: Statement, new: Statement) -> bool:
    """Only the bound of a distance differs, and it is smaller."""
    if not (_DISTANCE.search(old.code) and _DISTANCE.search(new.code)):
        return False
    sides = (re.split(r"(<=?)", statement.code) for statement in (old, new))
    before, after = sides
    if len(before) != 3 or len(after) != 3 or before[:2] != after[:2]:  # noqa: PLR2004 - one comparison
        return False
    bounds = [_NUMBER.match(side[2].strip()) for side in (before, after)]
    if bounds[0] is None or bounds[1] is None:
        return False
    try:
        return 0 < float(bounds[1].group()) <= float(bounds[0].group())
    except ValueError:
        return False
