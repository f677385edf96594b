"""Single regular expressions that never backtrack (RE2), for text that strangers wrote."""

from __future__ import annotations

from functools import cache
from typing import Protocol, cast

import re2  # type: ignore[import-untyped]  # the package ships no types


class Match(Protocol):
    """The part of :class:`re.Match` that is used here."""

    def group(self, number: int, /) -> bytes: ...


class Pattern(Protocol):
    """The part of :class:`re.Pattern` that is used here."""

    def search(self, text: bytes, /) -> Match | None: ...


@cache
def compiled(pattern: str) -> Pattern:
    """Compile once. Text is searched as UTF-8 bytes, so classes may hold ASCII characters only."""
    return cast("Pattern", re2.compile(pattern.encode()))
