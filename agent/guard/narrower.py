"""Edited assertions of which the new one plainly asks for no less: a longer text, a difference, a report."""

from __future__ import annotations

import re

from agent.guard.brackets import split
from agent.guard.lines import plain_words


def is_narrower(old: str, new: str) -> bool:
    """The new assertion fails wherever the old one did, as their texts alone show."""
    return _wants_longer_text(old, new) or _wants_more_of_error(old, new) or _shows_difference(old, new)


_WANTED_TEXT = re.compile(
    r"(?P<how>\bmatch\s*=\s*|\.toThrow(?:Error)?\(\s*|\bErrorContains\(t, \w+, )[fr]{0,2}"
    r"(?:\"(?P<double>(?:[^\"\\]|\\.)+)\"|'(?P<single>(?:[^'\\]|\\.)+)')"
)
_PLAIN = re.compile(r"[^\\^$.|?*+()\[\]{}]+")
"""A text that a pattern for it is, too."""
_SURE = re.compile(r"\^?[^\\^$|?*+()\[\]{}]+\$?")
"""A pattern without other ways to match; a dot in it fits one character."""


def _wants_longer_text(old: str, new: str) -> bool:
    """The error has to say more, of which what it had to say is a part."""
    before, after = (_WANTED_TEXT.search(text) for text in (old, new))
    if before is None or after is None or _around(old, before) != _around(new, after):
        return False
    least, most = (match["double"] or match["single"] for match in (before, after))
    return least in most and _PLAIN.fullmatch(least) is not None and _SURE.fullmatch(most) is not None


def _around(text: str, match: re.Match[str]) -> tuple[str, ...]:
    return plain_words(f"{text[: match.start()]}{match['how']}{text[match.end() :]}")


_ANY = frozenset(("", "StandardError", "Exception"))
_SAID = r"(?:[a-z_]+\([^()]*\)|\"(?>(?:[^\"\\]|\\.)*)\"|'(?>(?:[^'\\]|\\.)*)'|/(?>(?:[^/\\]|\\.)+)/\w*)"
_ERROR = r"[A-Z]\w*(?:::[A-Z]\w*)*"
_WANTED_ERROR = re.compile(
    rf"\(\s*(?:(?P<named>{_ERROR})(?:\s*,\s*(?P<said>{_SAID}))?|(?P<text>{_SAID}))\s*\)"
    rf"(?:\.with_message\(\s*(?P<message>{_SAID})\s*\))?"
    rf"|(?P<bare>{_ERROR})(?:\s*,\s*(?P<bare_said>{_SAID}))?|(?P<bare_text>{_SAID})"
)
"""All that follows: nothing behind it may give the assertion another way to hold, or keep it from running."""


def _wants_more_of_error(old: str, new: str) -> bool:
    """Of RSpec: the error that is raised must be of a class, or say something, as well."""
    (head, raises, wanted), (new_head, _, more) = (text.partition("raise_error") for text in (old, new))
    if not raises or plain_words(head) != plain_words(new_head) or head.rstrip().endswith("not_to"):
        return False
    wanted = wanted.strip().removeprefix("(").removesuffix(")").strip()
    match = _WANTED_ERROR.fullmatch(more.strip())
    if match is None:
        return False
    named = match["named"] or match["bare"] or ""
    says = any(match[part] for part in ("said", "text", "message", "bare_said", "bare_text"))
    if wanted in _ANY:
        return named not in _ANY or says
    return named == wanted and says


_NO_DIFFERENCE = re.compile(
    r"^if (?P<name>\w+) := cmp\.Diff\((?P<values>.*)\); (?:(?P=name) != \"\"|len\((?P=name)\) (?:!=|>) 0) \{$"
)
_NOT_EQUAL = re.compile(
    r"^if !(?:reflect\.DeepEqual|cmp\.Equal|slices\.Equal|maps\.Equal)\((?P<values>.*)\) \{$"
)


def _shows_difference(old: str, new: str) -> bool:
    """Of Go: that two values differ is now told by the difference between them."""
    before, after = _NOT_EQUAL.match(old), _NO_DIFFERENCE.match(new)
    if before is None or after is None:
        return False
    sides = [split(plain_words(match["values"]), ",") for match in (before, after)]
    return len(sides[1]) == len({*sides[1]}) == 2 and sorted(sides[0]) == sorted(sides[1])  # noqa: PLR2004


# Of Go: the test fails where the run comes by, whatever is said.
_REPORT = re.compile(r"^(?P<owner>[tb])\.(?P<how>Error|Fatal)f?\(.*\)$")
_FAILS = re.compile(r"^(?P<owner>[tb])\.(?P<how>Fail|FailNow)\(\)$")
_AT_ONCE = frozenset(("Fatal", "FailNow"))


def is_report(text: str) -> bool:
    """A call by which a test of Go fails."""
    return bool(_REPORT.match(text) or _FAILS.match(text))


def reports_as_well(old: str, new: str) -> bool:
    """Two reports of a failure, which only say something else."""
    before, after = (_REPORT.match(text) or _FAILS.match(text) for text in (old, new))
    return (
        before is not None
        and after is not None
        and before["owner"] == after["owner"]
        and (before["how"] not in _AT_ONCE or after["how"] in _AT_ONCE)
    )
