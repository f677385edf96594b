"""A patch as suggestions on somebody's pull request, where all of it lies inside that one's diff. Pure.

A suggestion replaces a range of lines of the new side of a file, and only lines that the pull request's diff
shows can be commented on.
https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/reviewing-changes-in-pull-requests/commenting-on-a-pull-request
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

MOST: Final = 5
"""More than so many single clicks are more work than one pull request."""
_HUNK: Final = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_OTHER: Final = re.compile(
    r"^(?:new file|deleted file|rename |copy |similarity |old mode|new mode|GIT binary|Binary files)"
)
_BACKTICKS: Final = re.compile("`+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Lines ``first`` to ``last`` of ``path`` become ``text``."""

    path: str
    first: int
    last: int
    text: str
    """Without its last line break; empty to delete the lines."""

    @property
    def body(self) -> str:
        """As a comment: the fence is longer than any run of backticks inside.

        https://docs.github.com/en/rest/pulls/comments
        """
        longest = max(map(len, _BACKTICKS.findall(self.text)), default=0)
        fence = "`" * max(3, longest + 1)
        text = f"{self.text}\n" if self.text else ""
        return f"{fence}suggestion\n{text}{fence}"


@dataclass(slots=True)
class _Hunk:
    path: str
    old: int
    new: int
    lines: list[str] = field(default_factory=list)


def suggestions(patch: str, pull_diff: str) -> tuple[Suggestion, ...]:
    """The patch as suggestions, none where it can't be given whole as at most :data:`MOST` of them.

    ``patch`` is against the head of the pull request whose diff ``pull_diff`` is.
    """
    if any(_OTHER.match(line) for line in _headers(patch)):
        return ()
    shown = [
        (hunk.path, hunk.new, hunk.new + sum(not line.startswith(("-", "\\")) for line in hunk.lines) - 1)
        for hunk in _hunks(pull_diff)
    ]
    made = [_suggestion(hunk) for hunk in _hunks(patch)]
    found = tuple(one for one in made if one is not None)
    whole = 0 < len(found) == len(made) <= MOST
    inside = all(
        any(path == one.path and low <= one.first and one.last <= high for path, low, high in shown)
        for one in found
    )
    return found if whole and inside else ()


def applied(patch: str, change: str) -> bool:
    """Whether ``change``, between two later commits, holds all that ``patch`` takes out and puts in."""
    wanted, there = _edits(patch), _edits(change)
    return bool(wanted) and wanted <= there


def _edits(diff: str) -> set[tuple[str, str]]:
    return {(hunk.path, line) for hunk in _hunks(diff) for line in hunk.lines if line.startswith(("+", "-"))}


def _suggestion(hunk: _Hunk) -> Suggestion | None:
    """From the first changed line to the last; what is only put in takes a neighbour along as its anchor."""
    changed = [index for index, line in enumerate(hunk.lines) if line.startswith(("+", "-"))]
    if not changed or any(line.startswith("\\") for line in hunk.lines):
        return None  # A missing line break at a file's end can't be suggested.
    first, last = changed[0], changed[-1]
    if not any(line.startswith(("-", " ")) for line in hunk.lines[first : last + 1]):
        if first > 0:
            first -= 1
        elif last + 1 < len(hunk.lines):
            last += 1
        else:
            return None
    before = sum(not line.startswith("+") for line in hunk.lines[:first])
    block = hunk.lines[first : last + 1]
    start = hunk.old + before
    count = sum(not line.startswith("+") for line in block)
    text = "\n".join(line[1:] for line in block if not line.startswith("-"))
    if not text and any(line.startswith(("+", " ")) for line in block):
        return None  # A single empty line would read as a deletion.
    return Suggestion(path=hunk.path, first=start, last=start + count - 1, text=text)


def _headers(diff: str) -> Iterator[str]:
    for line, inside in _lines(diff):
        if not inside:
            yield line


def _hunks(diff: str) -> list[_Hunk]:
    hunks: list[_Hunk] = []
    path = ""
    for line, inside in _lines(diff):
        if inside:
            # What comes before the first hunk belongs to none: a diff of GitHub's has nothing there.
            if hunks:
                hunks[-1].lines.append(line or " ")
        elif line.startswith("+++ "):
            path = line[4:].split("\t")[0].removeprefix("b/")
        elif found := _HUNK.match(line):
            hunks.append(_Hunk(path, int(found[1]), int(found[3])))
    return hunks


def _lines(diff: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it is content of a hunk: a removed line may well read ``-- a/x``."""
    old = new = 0
    for line in diff.split("\n"):
        if old <= 0 and new <= 0 and not line.startswith("\\"):
            counts = _HUNK.match(line)
            if counts:
                old, new = int(counts[2] or 1), int(counts[4] or 1)
            yield line, False
            continue
        old -= not line.startswith(("+", "\\"))
        new -= not line.startswith(("-", "\\"))
        yield line, bool(line) or old >= 0
