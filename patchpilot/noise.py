"""When to say nothing. Pure policy: what is muted, what waits for the end of quiet hours, which repeats are
worth a word, and what belongs into the weekly digest only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Final
from zoneinfo import ZoneInfo

from patchpilot.grammar.values import Window
from patchpilot.heals import HealState
from patchpilot.incidents import IncidentSnapshot
from patchpilot.routing import on_default_branch
from patchpilot.source import Repo

MILESTONES: Final = (5, 20, 100)
"""So many failures are worth a word in the thread; others only raise the card's counter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """Silence that somebody asked for. It always ends and names its author."""

    id: int = 0
    repo: Repo
    incident: int | None = None
    """``None`` for the repository, or for one of its tests."""
    test: str = ""
    why: str = ""
    author: str
    until: datetime

    @property
    def said(self) -> str:
        """For people: until when, by whom and why."""
        why = f": {self.why}" if self.why else ""
        return f"until {self.until:%Y-%m-%d %H:%M} UTC, by @{self.author}{why}"

    def covers(self, incident: IncidentSnapshot, now: datetime) -> bool:
        """Whether it silences ``incident`` at ``now``."""
        if self.until <= now or self.repo != incident.repo:
            return False
        if self.incident is not None and self.incident != incident.id:
            return False
        return not self.test or _all_match(incident, self.test)


def mute_of(incident: IncidentSnapshot, mutes: Iterable[Mute], now: datetime) -> Mute | None:
    """The mute that silences ``incident`` longest, if any."""
    covering = [mute for mute in mutes if mute.covers(incident, now)]
    return max(covering, key=lambda mute: mute.until, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """When a channel hears only of approvals on the default branch."""

    team: str
    channel: str
    window: Window
    zone: str
    author: str = ""

    def now_quiet(self, now: datetime) -> bool:
        """Whether ``now`` lies in the hours, by the channel's clock."""
        return self.window.holds(now.astimezone(ZoneInfo(self.zone)).time().replace(tzinfo=None))


def held_by_quiet_hours(incident: IncidentSnapshot, hours: QuietHours | None, now: datetime) -> bool:
    """Whether the channel is told only when its quiet hours are over."""
    if hours is None or not hours.now_quiet(now):
        return False
    waits_for_approval = incident.heal.state is HealState.AWAITING_APPROVAL
    return not (waits_for_approval and on_default_branch(incident))


def milestone(failures: int) -> int:
    """The highest milestone that ``failures`` has reached; 0 for none."""
    return max((mark for mark in MILESTONES if failures >= mark), default=0)


def digest_only(incident: IncidentSnapshot) -> bool:
    """It ended as flaky or as infrastructure's fault: nothing for anybody to do now, so it gets no card."""
    return incident.heal.state in {HealState.FLAKY, HealState.INFRASTRUCTURE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hush:
    """Why nothing is said now. ``until`` is when to look again, ``None`` for never by itself."""

    why: str
    until: datetime | None = None


def hush(
    incident: IncidentSnapshot,
    *,
    mutes: Sequence[Mute],
    hours: QuietHours | None,
    now: datetime | None = None,
) -> Hush | None:
    """Why a channel that has no card of ``incident`` yet gets none now; ``None`` to post it."""
    now = now or datetime.now(UTC)
    mute = mute_of(incident, mutes, now)
    if mute is not None:
        reason = f": {mute.why}" if mute.why else ""
        return Hush(why=f"muted by {mute.author}{reason}", until=mute.until)
    if digest_only(incident):
        return Hush(why=f"{incident.heal.state}: only in the weekly digest")
    if held_by_quiet_hours(incident, hours, now):
        assert hours is not None
        return Hush(why=f"quiet hours {hours.window}")
    return None


def _all_match(incident: IncidentSnapshot, pattern: str) -> bool:
    """A mute of one test must not hide that others fail too."""
    distilled = incident.heal.distilled
    tests = distilled.tests if distilled else ()
    return bool(tests) and all(fnmatchcase(test, pattern) for test in tests)
