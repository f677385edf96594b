"""Unified differences in a log: what a formatter or ``git diff`` shows of a file is its text, no message.

``+ raise TimeoutError("timed out")`` is a line that somebody would write, not one that anything raised. A
hunk says how many lines it has, so what is printed after the difference is told from it:
https://www.gnu.org/software/diffutils/manual/html_node/Detailed-Unified.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent.distil.lines import Line
from agent.distil.places import relative

_HUNK = re.compile(r"( {0,12})@@ -\d{1,7}(?:,(\d{1,6}))? \+\d{1,7}(?:,(\d{1,6}))? @@")
_GIT = re.compile(r"diff --git a/\S{1,300} b/(\S{1,300})$")
_OLD = re.compile(r" {0,12}--- \S")
_NEW = re.compile(r" {0,12}\+\+\+ (?:b/)?([^\s:]{1,300})")
_RUSTFMT = re.compile(r"Diff in (\S{1,300}?\.rs)(?: at line |:)\d+:?$")
"""rustfmt gives a place and no count: https://rust-lang.github.io/rustfmt/"""
_NONE = "/dev/null"
_NOT_OF_IT = re.compile(r"--- (?:FAIL|PASS|SKIP)\b|\+ [a-z]")
"""What ``go test`` says of a test, and what a shell with ``-x`` is about to run."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What one file has otherwise."""

    path: str
    """Of the file as it should be; empty where no head names one."""
    row: int
    """Row of the line that names it, or of the first hunk."""
    body: tuple[int, ...]
    """Rows of the file's own text."""


def differences(lines: Sequence[Line]) -> tuple[Difference, ...]:
    """The differences that the lines show, in their order."""
    found: list[Difference] = []
    path, named = "", -1
    done = 0
    for row, line in enumerate(lines):
        text = line.core
        if row < done:
            continue
        if row and (new := _NEW.match(text)) and _OLD.match(lines[row - 1].core):
            old = lines[row - 1].core.split()[1].removeprefix("a/")
            path, named = relative(old if new[1] == _NONE else new[1]), row
        elif git := _GIT.match(text):
            path, named = git[1], row
        elif hunk := _HUNK.match(text):
            body = _counted(lines, row + 1, hunk)
            found.append(Difference(path, named if path else row, tuple(body)))
            done = row + 1 + len(body)
        elif rust := _RUSTFMT.match(text):
            body = _signed(lines, row + 1)
            found.append(Difference(relative(rust[1]), row, tuple(body)))
            done = row + 1 + len(body)
        elif text.strip() and not _OLD.match(text):
            path, named = "", -1
    return tuple(found)


def _counted(lines: Sequence[Line], first: int, hunk: re.Match[str]) -> range:
    """Rows of a hunk, as many as its head says of the file before and after."""
    depth = len(hunk[1])
    old, new = int(hunk[2] or 1), int(hunk[3] or 1)
    for row in range(first, len(lines)):
        text = lines[row].core
        sign = text[depth : depth + 1] or " "
        # Of a long log only parts are read.
        torn = not lines[row].job and lines[row].number > lines[row - 1].number + 1
        over = old <= 0 and new <= 0 and sign != "\\"
        if not torn and not over and (sign not in " +-\\" or text[:depth].strip()):
            return _before_others(lines, first, row, depth)
        if torn or over:
            return range(first, row)
        old -= sign in " -"
        new -= sign in " +"
    return range(first, len(lines))


def _before_others(lines: Sequence[Line], first: int, end: int, depth: int) -> range:
    """Rows of a hunk that was cut short, without what other programs printed below it."""
    for row in range(first, end):
        text = lines[row].core[depth:]
        if not text.strip() or _NOT_OF_IT.match(text):
            return range(first, row)
    return range(first, end)


def _signed(lines: Sequence[Line], first: int) -> range:
    """Rows that begin as the lines of a difference do, where nothing says how many they are."""
    for row in range(first, len(lines)):
        if lines[row].core[:1] not in {" ", "+", "-"}:
            return range(first, row)
    return range(first, len(lines))
