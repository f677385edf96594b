"""What stands after a verb: words, options, targets. What can't be read raises :class:`BadValueError`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from patchpilot.grammar import values
from patchpilot.grammar.requests import Target
from patchpilot.grammar.tokens import Token
from patchpilot.grammar.values import BadValueError, quoted
from patchpilot.grammar.ways import VerbEntry, Way
from patchpilot.source import Repo

CLOSE: Final = 0.75
"""How like a known word must be what somebody wrote, to be taken for a slip of it."""
_LIKE_A_REPO: Final = re.compile(r"[\w.-]+/[\w./*-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What stands after the verb, and where it was said."""

    entry: VerbEntry
    way: Way
    incident: int | None
    text: str
    words: tuple[Token, ...]

    @property
    def is_placed(self) -> bool:
        """The place says which incident is meant, unless another one is named."""
        return self.incident is not None or self.way in {Way.COMMENT, Way.CHECK}

    def named(self, words: Sequence[Token]) -> int | None:
        """The incident that the first word names.

        A bare number does only where it is needed: elsewhere ``retry 3 times`` is a hint.
        """
        if not words:
            return None
        read = values.read_named_incident if self.is_placed else values.read_incident
        return read(words[0].value)

    def rest(self, first: int = 0) -> str:
        """From a word on, as it was written; without its quotes where all of it was quoted."""
        words = self.words[first:]
        if not words:
            return ""
        if len(words) == 1 and not words[0].bare:
            return words[0].value.strip()
        return self.text[words[0].start :].strip()

    def nothing_more(self, first: int) -> None:
        """Raise unless the words end there."""
        if len(self.words) > first:
            word = quoted(self.words[first].value)
            raise BadValueError(f"{word} is one word too many; the form is {form_of(self.entry)}.")


def split_options(said: Said, *, free_text: bool) -> tuple[list[Token], dict[str, str]]:
    """Words and options apart. In free text, only the verb's own options are options."""
    known = {option.key for option in said.entry.options}
    words: list[Token] = []
    options: dict[str, str] = {}
    for token in said.words:
        pair = token.option
        if pair is not None and pair[0] in known:
            key, value = pair
            if key in options:
                raise BadValueError(f"`{key}:` is there twice.")
            if token.open_quote:
                raise BadValueError(f"the quote that opens at {quoted(token.open_quote)} is never closed.")
            if not value.strip():
                example = next(option.example for option in said.entry.options if option.key == key)
                raise BadValueError(f"`{key}:` says nothing; write for instance `{example}`.")
            options[key] = value
            continue
        if pair is not None and token.bare and not (free_text and words):
            hint = did_you_mean(pair[0], known, sign=":")
            raise BadValueError(f"there is no option {quoted(pair[0] + ':')}.{hint}")
        words.append(token)
    return words, options


def repo_or_owner(said: Said, words: list[Token]) -> tuple[Repo | None, str]:
    """The one repository, or the owner of ``owner/*``, that has to be named."""
    if not words:
        raise BadValueError("say which repository, as `owner/repo`.")
    no_more(said, words[1:])
    word = words[0].value
    if values.is_owner_pattern(word):
        return None, word.removesuffix("/*")
    return values.read_repo(word), ""


def target_of(said: Said, token: Token) -> Target:
    """The incident or repository that a word names."""
    number = values.read_incident(token.value)
    if number is not None:
        return Target(incident=number)
    if not _LIKE_A_REPO.fullmatch(token.value):
        raise BadValueError(
            f"{quoted(token.value)} is neither an incident nor a repository; "
            f"the form is {form_of(said.entry)}."
        )
    return Target(repo=values.read_repo(token.value))


def leading_target(said: Said, words: list[Token]) -> tuple[Target, list[Token]]:
    """The target that the first word names, or the one that the place stands for."""
    here = said.is_placed
    if words and (said.named(words) is not None or _LIKE_A_REPO.fullmatch(words[0].value) or not here):
        return target_of(said, words[0]), words[1:]
    if not here:
        raise BadValueError(f"say what: the form is {form_of(said.entry)}.")
    return Target(incident=said.incident), words


def known_here(said: Said, number: int | None) -> int | None:
    """The number, which must be known unless the place says which incident is meant."""
    if number is None and said.way not in {Way.COMMENT, Way.CHECK}:
        raise BadValueError(f"which one? Write for instance `{said.entry.name} PP-12`.")
    return number


def no_more(said: Said, words: list[Token]) -> None:
    """Raise if words are left over."""
    if words:
        raise BadValueError(
            f"{quoted(words[0].value)} is one word too many; the form is {form_of(said.entry)}."
        )


def joined(said: Said, words: list[Token]) -> str:
    """Free text that options may have stood between."""
    if len(words) == 1 and not words[0].bare:
        return words[0].value.strip()
    return " ".join(said.text[word.start : word.end] for word in words)


def form_of(entry: VerbEntry) -> str:
    """How the verb is used, for a sentence."""
    return f"`{entry.usage}`"


def did_you_mean(word: str, known: Iterable[str], *, sign: str = "") -> str:
    """The known word that was probably meant, or all there are."""
    names = sorted(known)
    close = difflib.get_close_matches(word.lower(), names, n=1, cutoff=CLOSE)
    if close:
        return f" Did you mean `{close[0]}{sign}`?"
    listed = ", ".join(f"`{name}{sign}`" for name in names)
    return f" There are: {listed}." if names else " It has none."
