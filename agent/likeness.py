"""Whether two logs tell of one failure: CI's and the sandbox's, or those of two commits.

Much in a log differs without being another failure: the reporter, the folders, what is named at all. Much is
alike that is another failure: without its database a sandbox is red too, in the same test even. So what both
name must be the same, at least one thing must be, and what only a sandbox lacks is never the failure of CI.
"""

from __future__ import annotations

import re
from typing import Final

from agent.distil import distil
from agent.distil.fingerprint import normalised
from patchpilot.failures import Category, DistilledFailure

_OF_THE_MACHINE: Final = frozenset({Category.INFRASTRUCTURE, Category.PERMISSION, Category.RESOURCE})
"""What the sandbox is another machine for: without services, as another user, with its own limits."""

_READ_ONLY: Final = re.compile(r"(?i)\bread-only file ?system\b|\bEROFS\b")
_DECORATION: Final = re.compile(r"\A(?:##\[error\]|E {2,8}|[\s*✕✗✖×●-])+")
_NO_REASON: Final = re.compile(
    r"(?i)-->|>|[$+] |run \S|[=_-]{3}|found \d|\d+ (?:failed|passed|errors?|problems?)\b|\S+:\d+(?::\d+)?:?$"
    r"|.{0,80}\bexit(?:ed)?(?: with)?(?: (?:code|status))?:? \d{1,3}\b|make(?:\[\d\])?: \*\*\*"
    r"|npm (?:ERR!|error)|error command failed|ELIFECYCLE|script returned exit code|\W*$"
)
"""Lines that stand with failures of all kinds: what ran, places, counts, code, and that it has failed."""
_SUMMARY: Final = " - "
"""Between a test and its reason, in pytest's summary."""
_PLACE: Final = re.compile(r" \([^()\s]{1,300}:\d{1,9}\)\Z")
"""What a cause ends in where the message itself names no place."""
_LEAST_REASON: Final = 8
_LEAST_QUOTE: Final = 16
"""Characters of a reason that is looked for within longer lines rather than as a line of its own."""


def same_failure(expected: DistilledFailure, seen: DistilledFailure) -> bool:
    """Whether both logs tell of one failure.

    The same fingerprint settles it. Otherwise what both name has to agree, and something has to: a test, a
    file, the reason, or the kind of failure with the tool. Where ``seen`` tells of what its machine lacks
    and ``expected`` does not, it is another failure, whatever else they share.
    """
    if expected.fingerprint and expected.fingerprint == seen.fingerprint:
        return True
    if seen.category is Category.DEPENDENCY and expected.category is not Category.DEPENDENCY:
        return False
    told = _told(expected, seen)
    if not told and _of_the_machine(seen) - _of_the_machine(expected):
        return False
    if expected.tests and seen.tests:
        return bool({_test(name) for name in expected.tests} & {_test(name) for name in seen.tests})
    return told or _alike(expected, seen)


def _alike(expected: DistilledFailure, seen: DistilledFailure) -> bool:
    """Whether two logs that give no reason in the same words name the same things."""
    kind = expected.category is seen.category
    if expected.files and seen.files:
        one_tool = not (expected.tool and seen.tool) or expected.tool == seen.tool
        return (kind or one_tool) and bool(_names(expected) & _names(seen))
    if expected.tool and seen.tool:
        return kind and expected.tool == seen.tool
    # Some commands only exit, wherever they run.
    return _says_nothing(expected) and _says_nothing(seen)


def _told(expected: DistilledFailure, seen: DistilledFailure) -> bool:
    """Whether one gives the reason of the other, in the same words as far as they don't change by the run."""
    named = [seen.cause, *(line.text for line in seen.evidence)]
    here = {text for line in (*named, *seen.text.splitlines()) for text in _parts(line)}
    there = {
        text for line in (expected.cause, *(one.text for one in expected.evidence)) for text in _parts(line)
    }
    return any(_is_in(reason, here) for reason in _reasons(expected)) or any(
        _is_in(reason, there) for reason in _reasons(seen)
    )


def _reasons(failure: DistilledFailure) -> list[str]:
    """What the log says is wrong, in plain words; empty where it only says that something is."""
    lines = [_PLACE.sub("", failure.cause), *(line.text for line in failure.evidence[:1])]
    told = [text for line in lines if not _NO_REASON.match(_bare(line)) for text in _parts(line)]
    return [reason for reason in told if len(reason) >= _LEAST_REASON]


def _is_in(reason: str, lines: set[str]) -> bool:
    return reason in lines or (len(reason) >= _LEAST_QUOTE and any(reason in line for line in lines))


def _parts(line: str) -> tuple[str, ...]:
    """The line, and what it says of a test without the test."""
    _, _, reason = line.partition(_SUMMARY)
    return (_plain(line), _plain(reason)) if reason else (_plain(line),)


def _plain(line: str) -> str:
    return normalised(_bare(line))


def _bare(line: str) -> str:
    return _DECORATION.sub("", line)


def _of_the_machine(failure: DistilledFailure) -> set[Category]:
    """What the log says of the machine that it ran on, in all or in the lines that tell most.

    A test without its database fails as a test; only its reason, read alone, tells of the database.
    """
    lines = [_bare(line) for line in _most_telling(failure)]
    kinds = {failure.category, *(distil([line.encode()]).category for line in lines)}
    if any(_READ_ONLY.search(line) for line in lines):
        kinds.add(Category.PERMISSION)
    return kinds & _OF_THE_MACHINE


def _most_telling(failure: DistilledFailure) -> list[str]:
    return [failure.cause, *(line.text for line in failure.evidence[:3])]


def _says_nothing(failure: DistilledFailure) -> bool:
    return not (failure.tests or failure.files or failure.tool or _reasons(failure))


def _names(failure: DistilledFailure) -> set[str]:
    return {place.path.rsplit("/", 1)[-1] for place in failure.files}


def _test(name: str) -> str:
    # RSpec's id ends in what the example is called; the line in front of it moves.
    name = name.rpartition(" # ")[2]
    return name.split("[", maxsplit=1)[0].rsplit("::", maxsplit=1)[-1].rsplit(".", maxsplit=1)[-1]
