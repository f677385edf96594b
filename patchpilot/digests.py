"""The weekly digest: what a channel's repositories went through, and what PatchPilot really achieved there.

Pure. Weeks begin and end at the channel's own midnight, so a change of clocks makes one an hour longer or
shorter and loses nothing.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from patchpilot.grammar.values import DigestTime
from patchpilot.source import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekFigures:
    """What happened in one week."""

    failures: int = 0
    signatures: int = 0
    """Different fingerprints among them."""
    diagnosed: int = 0
    verified: int = 0
    """Fixes that the sandbox has proved."""
    approved: int = 0
    """By people; what a policy lets through is nobody's approval."""
    rejected: int = 0
    landed: int = 0
    """Merged in that week, and the branch was green with it."""
    merged_red: int = 0
    reverted: int = 0
    """Taken back in that week, whenever it had landed."""
    dollars: Decimal = Decimal(0)
    """Of the heals that began in that week."""
    seconds_to_diagnosis: float | None = None
    """Median, from the red run."""
    seconds_to_green: float | None = None
    """Median, from the incident's first red run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFigures:
    """Incidents on one of the channel's days."""

    day: date
    new: int = 0
    fixed: int = 0
    flaky: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A proposal that waits for a decision."""

    incident: int
    repo: Repo
    title: str
    summary: str
    approval_id: str
    confidence: float
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlakyTest:
    """A test, or where none is named an incident's title, that was red and green at one commit."""

    repo: Repo
    name: str
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndingMute:
    """A mute that ends within the next week."""

    what: str
    author: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """One channel's week."""

    start: datetime
    end: datetime
    zone: str
    figures: WeekFigures
    before: WeekFigures
    """Of the week before."""
    days: tuple[DayFigures, ...] = ()
    pending: tuple[Pending, ...] = ()
    more_pending: int = 0
    flaky: tuple[FlakyTest, ...] = ()
    mutes: tuple[EndingMute, ...] = ()
    minutes_per_fix: int = 45
    """What a landed fix is taken to have saved; a setting, shown beside the result."""

    @property
    def nothing(self) -> bool:
        """Nothing happened and nothing waits."""
        busy = any((self.figures.failures, self.figures.verified, self.figures.landed, self.figures.reverted))
        return not (busy or self.pending or self.mutes or any(d.new + d.fixed + d.flaky for d in self.days))

    @property
    def held(self) -> int:
        """Fixes that landed and were not taken back."""
        return max(self.figures.landed - self.figures.reverted, 0)

    @property
    def hours_saved(self) -> float:
        """``held`` times ``minutes_per_fix``. An estimate: nobody measured the other way."""
        return self.held * self.minutes_per_fix / 60

    @property
    def dollars_per_landed(self) -> Decimal | None:
        """All that was spent, failures included, for each fix that landed."""
        return self.figures.dollars / self.figures.landed if self.figures.landed else None

    @property
    def name(self) -> str:
        """``23 Feb – 1 Mar 2026``."""
        zone = ZoneInfo(self.zone)
        first = self.start.astimezone(zone).date()
        last = (self.end.astimezone(zone) - timedelta(microseconds=1)).date()
        return f"{first.day} {first:%b} – {last.day} {last:%b %Y}"


class DigestEnd(enum.StrEnum):
    """What became of a digest that was due. The values are stored."""

    SENT = "sent"
    WITHDRAWN = "withdrawn"
    """Nobody wanted it any more when it was to be sent."""
    SUPERSEDED = "superseded"
    """The next one was due before it could be sent."""
    EMPTY = "empty"
    """No red run was known yet: there was nothing to tell about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDigest:
    """A channel's digest whose time has come."""

    team: str
    """Slack workspace; empty for the operator's own."""
    channel: str
    at: DigestTime
    day: date
    """The channel's day on which it came due: with ``at`` it names the week, whatever becomes of the zone."""
    due: datetime
    zone: str
    home: bool
    """The operator's channel, which is told about all repositories."""
    error: str = ""
    """Why it could not be sent so far."""


def zone_named(name: str) -> ZoneInfo:
    """The time zone of that name; UTC where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def last_due(at: DigestTime, zone: ZoneInfo, now: datetime) -> datetime:
    """The latest moment, not after ``now``, at which a digest was to come. In UTC.

    A time that the clocks skip comes right after the gap; one that they show twice comes the first time.
    """
    today = now.astimezone(zone).date()
    for days in range(8):
        day = today - timedelta(days=days)
        due = datetime.combine(day, at.at, tzinfo=zone).astimezone(UTC)
        if day.weekday() == at.weekday and due <= now:
            return due
    raise AssertionError("a week has all weekdays")


def week_before(due: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The seven whole days before the day of ``due``."""
    end = _midnight(due.astimezone(zone).date(), zone)
    return _midnight(due.astimezone(zone).date() - timedelta(days=7), zone), end


def week_so_far(now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Today and the six days before, up to now."""
    return _midnight(now.astimezone(zone).date() - timedelta(days=6), zone), now


def days_of(start: datetime, end: datetime, zone: ZoneInfo) -> list[date]:
    """The zone's days from ``start`` to ``end``, which itself counts no more."""
    first = start.astimezone(zone).date()
    last = (end.astimezone(zone) - timedelta(microseconds=1)).date()
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
