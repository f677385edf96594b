"""Digests are marked as due once per channel, time and week, whoever marks and whenever."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from patchpilot.digests import DigestEnd
from patchpilot.grammar.values import DigestTime, read_digest_time
from patchpilot.routing import Subscription
from storage.database import Database
from storage.due_digests import (
    end_digest,
    mark_due_digests,
    note_digest_error,
    plan_home_digest,
    unsent_digests,
)
from storage.subscriptions import subscribe, unsubscribe

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY_NINE = DigestTime(0, time(9))
NINE = datetime(2026, 3, 2, 9, tzinfo=BERLIN)
"""A Monday."""


def wanted(
    channel: str = "C1", *, digest: str = "mon@09:00", repo: str = "acme/a", zone: str = "Europe/Berlin"
):
    return Subscription(
        team="T1",
        channel=channel,
        private=False,
        host="github",
        repo=repo,
        digest=read_digest_time(digest) if digest else None,
        zone=zone,
    )


def asked(db: Database, moment: datetime) -> None:
    """Let everything have been asked for at that moment."""
    with db.transaction() as session:
        session.execute(text("UPDATE subscriptions SET digest_since = :at"), {"at": moment})
        session.execute(text("UPDATE home_digests SET since = :at"), {"at": moment})


@pytest.fixture
def db(world) -> Database:
    """A database that knows of a failure, in which everything was asked for in January."""
    world.red()
    return world.db


@pytest.fixture
def subscribed(db: Database) -> Database:
    subscribe(db, wanted())
    asked(db, datetime(2026, 1, 1, tzinfo=UTC))
    return db


def endings(db: Database) -> list[tuple[date, str]]:
    with db.transaction() as session:
        return [
            (day, end) for day, end in session.execute(text("SELECT day, ended FROM digests ORDER BY day"))
        ]


def test_before_its_time_nothing_is_due_but_last_week_s(subscribed):
    assert [due.day for due in mark_due_digests(subscribed, now=NINE)] == [date(2026, 3, 2)]
    before = NINE + timedelta(days=7, seconds=-1)

    assert mark_due_digests(subscribed, now=before) == []
    [due] = mark_due_digests(subscribed, now=NINE + timedelta(days=7))
    assert (due.due, due.zone, due.at) == (NINE + timedelta(days=7), "Europe/Berlin", MONDAY_NINE)


CLOCKS = ("00:00", "01:30", "02:15", "02:30", "23:59")


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", "2026-03-29"),  # no 02:00-03:00
        ("Europe/Berlin", "2026-10-25"),  # 02:00-03:00 twice
        ("America/New_York", "2026-03-08"),
        ("America/New_York", "2026-11-01"),
        ("Australia/Lord_Howe", "2026-10-04"),  # half an hour
        ("Australia/Lord_Howe", "2026-04-05"),
    ],
)
def test_on_a_day_on_which_clocks_change_one_comes_at_its_time(db, zone, day):
    for clock in CLOCKS:
        subscribe(db, wanted(f"C-{clock}", digest=f"sun@{clock}", zone=zone))
    start = datetime.fromisoformat(f"{day}T00:00Z") - timedelta(days=1)
    asked(db, start)

    seen = [
        (due, now)
        for half_hours in range(3 * 48)
        for now in [start + timedelta(minutes=30 * half_hours)]
        for due in mark_due_digests(db, now=now)
    ]

    assert sorted(str(due.at)[-5:] for due, _ in seen) == list(CLOCKS)
    for due, marked in seen:
        assert due.day == date.fromisoformat(day)
        assert timedelta() <= marked - due.due < timedelta(minutes=30)
        local = due.due.astimezone(ZoneInfo(zone))
        late = datetime.combine(local.date(), local.time()) - datetime.combine(due.day, due.at.at)
        # One that the clocks skip comes right after the gap.
        assert late in {timedelta(), timedelta(hours=1), timedelta(minutes=30)}


def test_of_the_weeks_in_which_everything_was_down_only_the_last_one_comes(subscribed):
    mark_due_digests(subscribed, now=NINE)

    late = mark_due_digests(subscribed, now=NINE + timedelta(days=33))

    assert [due.day for due in late] == [date(2026, 3, 30)]
    assert endings(subscribed) == [(date(2026, 3, 2), "superseded"), (date(2026, 3, 30), "")]


def test_what_was_due_before_it_was_asked_for_is_not_sent(db):
    subscribe(db, wanted())
    asked(db, NINE + timedelta(days=2))

    assert mark_due_digests(db, now=NINE + timedelta(days=2, minutes=1)) == []
    assert len(mark_due_digests(db, now=NINE + timedelta(days=7))) == 1


def test_a_new_digest_time_counts_from_now_and_a_new_zone_does_not_repeat_the_week(subscribed):
    assert len(mark_due_digests(subscribed, now=NINE)) == 1
    subscribe(subscribed, wanted(zone="America/New_York"))
    assert mark_due_digests(subscribed, now=NINE + timedelta(hours=12)) == []

    subscribe(subscribed, wanted(digest="tue@09:00"))

    # Of a week that lies before the moment at which it was asked for, which is when this test runs.
    assert mark_due_digests(subscribed, now=NINE + timedelta(days=3)) == []


def test_a_subscription_that_only_changes_in_other_ways_keeps_its_digest(subscribed):
    subscribe(subscribed, wanted(zone="America/New_York"))

    [due] = mark_due_digests(subscribed, now=NINE + timedelta(days=1))
    assert due.zone == "America/New_York"


def test_one_time_in_several_subscriptions_is_one_digest_and_two_times_are_two(db):
    subscribe(db, wanted(repo="acme/a", zone="UTC"))
    subscribe(db, wanted(repo="acme/b", zone="Europe/Berlin"))
    subscribe(db, wanted(repo="acme/c", digest="mon@08:00"))
    asked(db, datetime(2026, 1, 1, tzinfo=UTC))

    dues = mark_due_digests(db, now=NINE + timedelta(hours=3))

    assert [(str(due.at), due.zone) for due in dues] == [
        ("mon@08:00", "Europe/Berlin"),
        ("mon@09:00", "Europe/Berlin"),
    ]


def test_many_that_mark_at_once_mark_each_once(db):
    for number in range(12):
        subscribe(db, wanted(f"C{number}"))
    plan_home_digest(db, channel="#ci", at=MONDAY_NINE, zone="Europe/Berlin")
    asked(db, datetime(2026, 1, 1, tzinfo=UTC))

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: mark_due_digests(db, now=NINE), range(24)))

    assert sum(map(len, made)) == 13
    assert len(unsent_digests(db)) == 13


def test_the_home_channel_has_the_plan_that_the_bot_s_settings_name(db):
    plan_home_digest(db, channel="#ci", at=MONDAY_NINE, zone="UTC")
    asked(db, datetime(2026, 1, 1, tzinfo=UTC))
    plan_home_digest(db, channel="#ci", at=MONDAY_NINE, zone="Europe/Berlin")
    [due] = mark_due_digests(db, now=NINE)
    assert (due.home, due.team, due.channel, due.zone) == (True, "", "#ci", "Europe/Berlin")

    plan_home_digest(db, channel="#builds", at=MONDAY_NINE, zone="Europe/Berlin")
    assert mark_due_digests(db, now=NINE + timedelta(days=7)) == [], "asked for just now"
    asked(db, datetime(2026, 1, 1, tzinfo=UTC))
    assert [due.channel for due in mark_due_digests(db, now=NINE + timedelta(days=7))] == ["#builds"]

    plan_home_digest(db, channel="#builds", at=None, zone="UTC")
    assert mark_due_digests(db, now=NINE + timedelta(days=14)) == []


def test_without_any_failure_a_week_passes_without_a_digest(world):
    subscribe(world.db, wanted())
    asked(world.db, datetime(2026, 1, 1, tzinfo=UTC))
    mark_due_digests(world.db, now=NINE)
    world.red()

    assert mark_due_digests(world.db, now=NINE + timedelta(days=1)) == []
    assert unsent_digests(world.db) == []
    assert endings(world.db) == [(date(2026, 3, 2), "empty")]


def test_the_first_ending_stands(subscribed):
    [due] = mark_due_digests(subscribed, now=NINE)
    note_digest_error(subscribed, due, "archived")
    assert unsent_digests(subscribed)[0].error == "archived"

    end_digest(subscribed, due, DigestEnd.SENT)
    end_digest(subscribed, due, DigestEnd.WITHDRAWN)

    assert endings(subscribed) == [(date(2026, 3, 2), "sent")]
    assert mark_due_digests(subscribed, now=NINE + timedelta(hours=1)) == []


def test_who_unsubscribes_and_comes_back_does_not_get_the_week_twice(subscribed):
    [due] = mark_due_digests(subscribed, now=NINE)
    end_digest(subscribed, due, DigestEnd.SENT)
    unsubscribe(subscribed, team="T1", channel="C1", host="github", repo="acme/a")
    assert mark_due_digests(subscribed, now=NINE + timedelta(days=7)) == []

    subscribe(subscribed, wanted())
    asked(subscribed, datetime(2026, 1, 1, tzinfo=UTC))

    assert mark_due_digests(subscribed, now=NINE + timedelta(hours=1)) == []
