"""When a digest comes, which days it is about, and what it counts as saved."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from patchpilot.digests import Digest, WeekFigures, days_of, last_due, week_before, week_so_far
from patchpilot.grammar.values import DigestTime

BERLIN, SYDNEY, NEW_YORK = map(ZoneInfo, ("Europe/Berlin", "Australia/Sydney", "America/New_York"))
MONDAY_NINE = DigestTime(0, time(9))


def at(zone, *when):
    return datetime(*when, tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize("zone", [BERLIN, SYDNEY, NEW_YORK, ZoneInfo("Asia/Kathmandu")])
def test_a_digest_comes_at_its_local_time_in_summer_and_in_winter(zone):
    for month in range(1, 13):
        due = last_due(MONDAY_NINE, zone, at(zone, 2026, month, 28, 12))
        local = due.astimezone(zone)
        assert (local.weekday(), local.hour, local.minute) == (0, 9, 0)


def test_before_its_time_the_last_one_is_a_week_ago():
    assert last_due(MONDAY_NINE, BERLIN, at(BERLIN, 2026, 3, 2, 8, 59)) == at(BERLIN, 2026, 2, 23, 9)
    assert last_due(MONDAY_NINE, BERLIN, at(BERLIN, 2026, 3, 2, 9)) == at(BERLIN, 2026, 3, 2, 9)


def test_every_week_has_one_digest_over_both_changes_of_the_clocks():
    for hour in (0, 2, 3, 9, 23):
        wanted = DigestTime(6, time(hour, 30))  # Sunday, the day on which clocks change
        moment = at(BERLIN, 2026, 1, 5)
        seen = set()
        while moment < at(BERLIN, 2027, 1, 4):
            seen.add(last_due(wanted, BERLIN, moment))
            moment += timedelta(minutes=30)
        assert len([due for due in seen if due >= at(BERLIN, 2026, 1, 5)]) == 52


def test_a_week_is_seven_local_days_even_when_one_has_25_hours():
    due = at(BERLIN, 2026, 10, 26, 9)  # the Monday after the clocks went back

    start, end = week_before(due, BERLIN)

    assert end - start == timedelta(days=7, hours=1)
    assert days_of(start, end, BERLIN) == [date(2026, 10, 19) + timedelta(days=n) for n in range(7)]


def test_weeks_follow_each_other_without_a_gap():
    start, _ = week_before(at(SYDNEY, 2026, 4, 6, 9), SYDNEY)
    _, end = week_before(at(SYDNEY, 2026, 3, 30, 9), SYDNEY)

    assert start == end


def test_a_preview_ends_now():
    now = at(NEW_YORK, 2026, 3, 4, 15)

    start, end = week_so_far(now, NEW_YORK)

    assert end == now
    assert len(days_of(start, end, NEW_YORK)) == 7


DIGEST = Digest(
    start=at(BERLIN, 2026, 2, 23),
    end=at(BERLIN, 2026, 3, 2),
    zone="Europe/Berlin",
    figures=WeekFigures(landed=4, reverted=1, dollars=Decimal("2.00")),
    before=WeekFigures(),
    minutes_per_fix=40,
)


def test_what_was_taken_back_saved_nothing():
    assert DIGEST.held == 3
    assert DIGEST.hours_saved == pytest.approx(2.0)
    assert DIGEST.dollars_per_landed == Decimal("0.50")
    assert replace(DIGEST, figures=WeekFigures(dollars=Decimal(3))).dollars_per_landed is None


def test_a_digest_is_named_by_its_days():
    assert DIGEST.name == "23 Feb – 1 Mar 2026"


def test_nothing_is_nothing():
    assert replace(DIGEST, figures=WeekFigures()).nothing
    assert not DIGEST.nothing
