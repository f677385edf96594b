"""The small values that options hold, each with its one spelling for people.

Every reader takes what somebody wrote and raises :class:`BadValueError`, whose text quotes the bad part and
shows a good one.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from patchpilot.errors import MalformedPayloadError
from patchpilot.source import Repo
from patchpilot.text import one_line

SHORTEST_MUTE: Final = timedelta(minutes=5)
LONGEST_MUTE: Final = timedelta(days=30)
"""A mute that nobody remembers hides a red branch; longer ones are given again."""
MOST_PATTERNS: Final = 20
PATTERN_CHARACTERS: Final = 120
MOST_REVIEWERS: Final = 15
"""GitHub asks no more people for one review: https://docs.github.com/en/rest/pulls/review-requests"""
LOGIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98}[A-Za-z0-9])?")
HOST: Final = "github"
"""Where repositories named in a chat live."""

_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY_LETTERS: Final = 3
_CLOCK: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_DURATION: Final = re.compile(r"([0-9]{1,4})(m|h|d|w)")
_UNITS: Final = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
}
_NAMED: Final = re.compile(r"\bPP-([1-9][0-9]{0,8})\b", re.IGNORECASE)
_STORM: Final = re.compile(r"S-([1-9][0-9]{0,8})", re.IGNORECASE)
_INCIDENT: Final = re.compile(r"(?:PP-)?([1-9][0-9]{0,8})", re.IGNORECASE)
_BRANCH: Final = re.compile(r"[\w@+#][\w.@+#-]*(?:/[\w@+#][\w.@+#-]*)*")
_BRANCH_CHARACTERS: Final = 200
_OWNER_ALL: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}/\*")


class BadValueError(ValueError):
    """Somebody wrote what can't be read; the text says what and shows a good one."""


def quoted(text: str) -> str:
    """What somebody wrote, cut and without its backticks, ready to be shown in a sentence."""
    return f"`{one_line(text, 40).replace('`', 'ʼ')}`"


class Level(enum.StrEnum):
    """How much of an incident a channel is told."""

    ALL = "all"
    DIAGNOSED = "diagnosed"
    """Only once the cause is known."""
    APPROVAL = "approval"
    """Only once somebody has to decide."""


class DirectLevel(enum.StrEnum):
    """What a person is told in messages to them alone."""

    OFF = "off"
    APPROVALS = "approvals"
    """Fixes that wait and that they may approve."""
    MINE = "mine"
    """That, and failures that their commit is suspected of."""


class TwoPersonRule(enum.StrEnum):
    """Who may approve on a repository, beside having the permission."""

    OFF = "off"
    OTHER = "other"
    """Somebody else than who wrote, pushed or merged the failing commit, or asked for the retry."""
    TWO = "two"
    """Two people, one after the other."""


@dataclass(frozen=True, slots=True, order=True)
class DigestTime:
    """When the weekly digest comes, in the channel's time zone; ``weekday`` 0 is Monday."""

    weekday: int
    at: time

    def __str__(self) -> str:
        return f"{_DAYS[self.weekday][:_DAY_LETTERS]}@{self.at:%H:%M}"


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of every day, over midnight where it ends before it begins."""

    start: time
    end: time

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"

    def holds(self, moment: time) -> bool:
        """Whether ``moment`` lies in it; its start does, its end does not."""
        if self.start <= self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


def read_incident(word: str) -> int | None:
    """``PP-142``, ``pp-142`` or ``142``."""
    found = _INCIDENT.fullmatch(word)
    return int(found[1]) if found else None


def read_named_incident(word: str) -> int | None:
    """``PP-142`` or ``pp-142``, but no bare number."""
    found = _NAMED.fullmatch(word)
    return int(found[1]) if found else None


def read_storm(word: str) -> int | None:
    """``S-3`` or ``s-3``, as a storm's card names it."""
    found = _STORM.fullmatch(word)
    return int(found[1]) if found else None


def incidents_in(text: str) -> set[int]:
    """The incidents that a sentence names, as ``PP-142``."""
    return {int(number) for number in _NAMED.findall(text)}


def read_repo(word: str) -> Repo:
    """``owner/repo``."""
    try:
        return Repo(HOST, word)
    except MalformedPayloadError:
        raise BadValueError(f"{quoted(word)} is not a repository; write it as `owner/repo`.") from None


def is_owner_pattern(word: str) -> bool:
    """``owner/*``: all repositories of one owner."""
    return _OWNER_ALL.fullmatch(word) is not None


def read_level(word: str) -> Level:
    """``all``, ``diagnosed`` or ``approval``."""
    try:
        return Level(word.lower())
    except ValueError:
        raise BadValueError(
            f"{quoted(word)} is not a level; write `level:all`, `level:diagnosed` or `level:approval`."
        ) from None


def read_rule(word: str) -> TwoPersonRule:
    """``off``, ``other`` or ``two``."""
    try:
        return TwoPersonRule(word.lower())
    except ValueError:
        raise BadValueError(
            f"{quoted(word)} is not a two-person rule; write `two-person:off`, `two-person:other` (not the "
            "author nor who asked for the retry) or `two-person:two` (two people)."
        ) from None


def read_switch(word: str) -> bool:
    """``on`` or ``off``."""
    if word.lower() not in {"on", "off"}:
        raise BadValueError(f"{quoted(word)} is neither `on` nor `off`.")
    return word.lower() == "on"


def read_yes(word: str) -> bool:
    """``yes`` or ``no``."""
    if word.lower() not in {"yes", "no"}:
        raise BadValueError(f"{quoted(word)} is neither `yes` nor `no`.")
    return word.lower() == "yes"


def read_branch(word: str) -> str:
    """The name of one branch."""
    wrong = len(word) > _BRANCH_CHARACTERS or ".." in word or word.endswith((".", ".lock"))
    if wrong or not _BRANCH.fullmatch(word):
        raise BadValueError(f"{quoted(word)} is no name of a branch; write for instance `base:main`.")
    return word


def read_logins(word: str) -> tuple[str, ...]:
    """Logins on the code host, parted by commas, each with or without its ``@``: ``ana,ben``."""
    once: dict[str, str] = {}
    for part in filter(None, (part.strip().removeprefix("@") for part in word.split(","))):
        if not LOGIN.fullmatch(part):
            raise BadValueError(f"{quoted(part)} is no login; write for instance `reviewers:ana,ben`.")
        once.setdefault(part.lower(), part)
    if not once:
        raise BadValueError("say whom by their logins on the code host, for instance `reviewers:ana,ben`.")
    if len(once) > MOST_REVIEWERS:
        raise BadValueError(f"{len(once)} reviewers are too many; at most {MOST_REVIEWERS}.")
    return tuple(once.values())


def read_patterns(word: str) -> tuple[str, ...]:
    """Names with ``*``, parted by commas: ``main,rel/*``."""
    patterns = tuple(dict.fromkeys(part.strip() for part in word.split(",") if part.strip()))
    if not patterns:
        raise BadValueError("a list of patterns is empty; write for instance `branch:main,rel/*`.")
    if len(patterns) > MOST_PATTERNS:
        raise BadValueError(f"{len(patterns)} patterns are too many; at most {MOST_PATTERNS}.")
    for pattern in patterns:
        if len(pattern) > PATTERN_CHARACTERS:
            raise BadValueError(f"{quoted(pattern)} is too long; at most {PATTERN_CHARACTERS} characters.")
    return patterns


def read_name(word: str) -> str:
    """A name or pattern that may hold spaces and commas."""
    name = " ".join(word.split())
    if not name:
        raise BadValueError("a name is empty.")
    if len(name) > PATTERN_CHARACTERS:
        raise BadValueError(f"{quoted(name)} is too long; at most {PATTERN_CHARACTERS} characters.")
    return name


def read_duration(word: str) -> timedelta:
    """``30m``, ``12h``, ``3d`` or ``2w``, within the limits of a mute."""
    found = _DURATION.fullmatch(word.lower())
    if not found:
        raise BadValueError(f"{quoted(word)} is not a duration; write for instance `for:3d`, `for:12h`.")
    length = int(found[1]) * _UNITS[found[2]]
    if not SHORTEST_MUTE <= length <= LONGEST_MUTE:
        raise BadValueError(f"{quoted(word)} is not between 5 minutes and 30 days, which a mute may last.")
    return length


def write_duration(length: timedelta) -> str:
    """The shortest spelling that :func:`read_duration` reads back."""
    for letter, unit in _UNITS.items():
        if length >= unit and length % unit == timedelta():
            return f"{length // unit}{letter}"
    return f"{round(length / _UNITS['m'])}m"


def read_digest_time(word: str) -> DigestTime:
    """``mon@09:00``."""
    day, _, clock = word.lower().partition("@")
    found = _CLOCK.fullmatch(clock)
    days = [name for name in _DAYS if len(day) >= _DAY_LETTERS and name.startswith(day)]
    if not days or not found:
        raise BadValueError(f"{quoted(word)} is no time for a digest; write for instance `digest:mon@09:00`.")
    return DigestTime(_DAYS.index(days[0]), time(int(found[1]), int(found[2])))


def read_window(word: str) -> Window:
    """``22:00-07:00``."""
    start, _, end = word.replace("–", "-").partition("-")
    first, last = _CLOCK.fullmatch(start), _CLOCK.fullmatch(end)
    if not first or not last:
        raise BadValueError(f"{quoted(word)} is no span of hours; write for instance `quiet 22:00-07:00`.")
    window = Window(time(int(first[1]), int(first[2])), time(int(last[1]), int(last[2])))
    if window.start == window.end:
        raise BadValueError(f"{quoted(word)} begins when it ends; to hear nothing at all, `unsubscribe`.")
    return window


def read_zone(word: str) -> str:
    """An IANA time zone, ``Europe/Vienna``."""
    try:
        return ZoneInfo(word).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadValueError(
            f"{quoted(word)} is not a time zone; write for instance `tz:Europe/Vienna`."
        ) from None
