"""Rules about what a reader of the diff does not see, or should not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from agent.guard import places
from agent.guard.case import Case, Remark
from agent.guard.lines import LONGEST_LINE
from patchpilot.redaction import Redactor

# Direction marks (CVE-2021-42574, https://trojansource.codes), zero-width and filler characters, tags.
_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_JOINERS = "\u200c\u200d"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u2028\u2029]|\r(?!$)")
_WORD = re.compile(r"[^\W\d_]{2,}")


def secrets(case: Case) -> Iterator[Remark]:
    """Keys, tokens and passwords in added lines."""
    redactor = Redactor()
    for change in case.changes:
        text = "\n".join(line.text for line in change.added)
        for start, end, kind in redactor.secrets(text):
            if kind == "password in address" and _EXAMPLE.fullmatch(text[start:end]):
                continue
            line = change.added[text.count("\n", 0, start)]
            yield Remark(change.path, line.number, f"this looks like a secret ({kind})")


_EXAMPLE = re.compile(r"[a-z]{1,12}|\W*|[A-Z_]+")
"""A password in an address that is a plain word is an example: ``postgresql://user:password@host``."""


def hidden_text(case: Case) -> Iterator[Remark]:
    """Characters that hide or reorder text, and words that mix alphabets to look like others."""
    for change in case.changes:
        for line in change.added:
            if len(line.text) > LONGEST_LINE and not places.is_lock(change.path):
                yield Remark(
                    change.path, line.number, f"a line of {len(line.text)} characters, which nobody reads"
                )
            if why := _hides(line.text, line.number):
                yield Remark(change.path, line.number, why)


def _hides(text: str, number: int) -> str:
    if text.isascii() and not _CONTROL.search(text):
        return ""
    for match in _HIDDEN.finditer(text):
        char, at = match.group(), match.start()
        # Emoji and some scripts need joiners; between plain letters they only hide.
        joined = char in _JOINERS and at and not text[at - 1].isascii()
        byte_order_mark = char == "\ufeff" and number == 1 and at == 0
        if not joined and not byte_order_mark:
            return f"an invisible character, U+{ord(char):04X}"
    if control := _CONTROL.search(text):
        return f"a control character, U+{ord(control.group()):04X}"
    for match in _WORD.finditer(text):
        word = match.group()
        if not word.isascii() and len(_alphabets(word)) > 1:
            return f"the word {word[:40]!r} mixes {' and '.join(sorted(_alphabets(word)))} letters"
    return ""


def _alphabets(word: str) -> set[str]:
    names = {unicodedata.name(char, "").partition(" ")[0] for char in word}
    return names & {"LATIN", "CYRILLIC", "ARMENIAN", "CHEROKEE", "MATHEMATICAL", "FULLWIDTH"}
