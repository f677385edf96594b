"""Tokens taken apart by their brackets."""

from __future__ import annotations

from collections.abc import Iterator

Words = tuple[str, ...]


def enclosed(words: Words, at: int) -> Words | None:
    """What stands between the bracket at that place and its partner."""
    if words[at : at + 1] not in {("(",), ("[",), ("{",)}:
        return None
    depth, quoted = 0, False
    for index in range(at, len(words)):
        quoted ^= words[index] == '"'
        if not quoted:
            depth += (words[index] in "([{") - (words[index] in ")]}")
        if depth == 0:
            return words[at + 1 : index]
    return None


def at_top(words: Words) -> Iterator[int]:
    """Places that are inside no bracket and no text."""
    depth, quoted = 0, False
    for at, word in enumerate(words):
        if word == '"':
            quoted = not quoted
        elif not quoted:
            depth += (word in "([{") - (word in ")]}")
            if depth == 0:
                yield at


def split(words: Words, separator: str) -> list[Words]:
    """The parts between separators at the top."""
    cuts = [at for at in at_top(words) if words[at] == separator]
    starts, ends = [0, *(at + 1 for at in cuts)], [*cuts, len(words)]
    return [words[start:end] for start, end in zip(starts, ends, strict=True)]
