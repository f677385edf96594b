"""What remarks that switch a check off cover, to compare those that a patch adds with those it removes."""

from __future__ import annotations

import re
from dataclasses import dataclass

_IN_BRACKETS = re.compile(r"\s*\[([^\]]*)\]")
_AFTER_COLON = re.compile(r"\s*:\s*((?:[A-Za-z]+\d*\b(?:\s*,\s*|\s+(?=[A-Z]+\d))?)+)")
_LISTED = re.compile(
    r"\s*[:=(]?\s*((?:[\"'{]*[\w@][\w@/.:*-]*[\"'}]*\s*,\s*)*[\"'{]*[\w@][\w@/.:*-]*[\"'}]*)"
)
_CODE = re.compile(r"[A-Za-z@][\w@/.:*-]*")
_WITH_BRACKETS = re.compile(r"(?:type|pyright|basedpyright|ty|pyrefly|mypy):\s*ignore|pyre-")
_WITH_COLON = re.compile(r"noqa|nolint")
_WITH_LIST = re.compile(
    r"disable|todo|nosec|lint:(?:file-)?ignore|noinspection|biome-ignore|phpcs|psalm-suppress|phpstan-ignore"
    r"|hadolint|tfsec|checkov|suppress|allow\s*\(|expect\s*\(|ignored|reek:|revive:|warning"
)
_ONE_LINE = re.compile(r"-(?:next-)?line\b")
_WHOLE_FILE = re.compile(r"-(?:all|file|start)\b")
_BY_PLACE = re.compile(r"type: ignore|pylint|nolint|rubocop")
"""Behind code they are for its line, on a line of their own for what follows."""


@dataclass(frozen=True)
class Mark:
    """One such remark."""

    kind: str
    """The words that make it one, lower case."""
    is_narrow: bool
    """For one line, where the same words elsewhere are for a file or a block."""
    codes: frozenset[str]
    """The rules that it names; none where it is for all."""

    def covers(self, other: Mark) -> bool:
        """What ``other`` switches off, this one did already."""
        if self.kind != other.kind or (self.is_narrow and not other.is_narrow):
            return False
        return not self.codes or (bool(other.codes) and other.codes <= self.codes)


def read_mark(found: re.Match[str], text: str, *, behind_code: bool) -> Mark:
    """The mark at which a pattern has hit, with the rules that ``text`` names behind it."""
    kind = re.sub(r"\s+", " ", found.group().lower()).strip()
    rest = text[found.end() :]
    suffix = re.match(r"[\w-]*", rest)
    tail = suffix.group() if suffix else ""
    if _BY_PLACE.search(kind):
        is_narrow = behind_code
    else:
        is_narrow = bool(_ONE_LINE.match(tail)) or (kind.endswith("ignore") and not _WHOLE_FILE.match(tail))
    codes = _codes(kind, rest[len(tail) :].split("--")[0])
    return Mark(kind, is_narrow, frozenset() if "all" in codes else codes)


def _codes(kind: str, rest: str) -> frozenset[str]:
    named: re.Match[str] | None = None
    if _WITH_BRACKETS.search(kind):
        named = _IN_BRACKETS.match(rest)
    elif _WITH_COLON.search(kind):
        named = _AFTER_COLON.match(rest) or re.match(r"\(([^)]*)\)", rest)
    elif _WITH_LIST.search(kind):
        named = _LISTED.match(rest)
    return frozenset(_CODE.findall(named[1])) if named else frozenset()
