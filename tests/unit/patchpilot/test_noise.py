"""When nothing is said."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from patchpilot.grammar import Window
from patchpilot.heals import HealState
from patchpilot.noise import Mute, QuietHours, held_by_quiet_hours, hush, milestone, mute_of
from patchpilot.source import Repo

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
REPO = Repo("github", "acme/widget")


def mute(**facts) -> Mute:
    return Mute(**({"repo": REPO, "author": "ana", "until": NOW + timedelta(hours=1)} | facts))


@pytest.mark.parametrize(
    ("facts", "silent"),
    [
        ({}, True),
        ({"until": NOW}, False),
        ({"repo": Repo("github", "acme/other")}, False),
        ({"incident": 7}, True),
        ({"incident": 8}, False),
        ({"test": "tests/e2e/*"}, True),
        ({"test": "tests/unit/*"}, False),
    ],
)
def test_a_mute_silences_what_it_names_until_it_ends(incident, facts, silent):
    assert (mute_of(incident(tests=("tests/e2e/test_a",)), [mute(**facts)], NOW) is not None) is silent


def test_a_muted_test_does_not_hide_that_another_fails(incident):
    both = incident(tests=("tests/e2e/test_a", "tests/unit/test_b"))

    assert mute_of(both, [mute(test="tests/e2e/*")], NOW) is None
    assert mute_of(incident(), [mute(test="*")], NOW) is None


def test_of_several_mutes_the_longest_counts(incident):
    short, long = mute(), mute(until=NOW + timedelta(days=2), author="ben")

    assert mute_of(incident(), [short, long], NOW) is long


@pytest.mark.parametrize(
    ("window", "zone", "at", "quiet"),
    [
        ("22:00-07:00", "UTC", "21:59", False),
        ("22:00-07:00", "UTC", "22:00", True),
        ("22:00-07:00", "UTC", "06:59", True),
        ("22:00-07:00", "UTC", "07:00", False),
        ("12:00-13:00", "UTC", "12:30", True),
        ("12:00-13:00", "UTC", "13:00", False),
        ("22:00-07:00", "America/New_York", "03:30", True),
        ("22:00-07:00", "America/New_York", "13:00", False),
        # Vienna is an hour ahead in winter.
        ("22:00-07:00", "Europe/Vienna", "21:30", True),
        ("22:00-07:00", "Europe/Vienna", "06:30", False),
    ],
)
def test_quiet_hours_go_by_the_channels_own_clock(window, zone, at, quiet):
    start, end = (time.fromisoformat(part) for part in window.split("-"))
    hours = QuietHours(team="T", channel="C", window=Window(start, end), zone=zone)
    clock = time.fromisoformat(at)

    assert hours.now_quiet(NOW.replace(hour=clock.hour, minute=clock.minute)) is quiet


def test_summer_time_moves_the_quiet_hours_with_the_clock_on_the_wall():
    hours = QuietHours(team="T", channel="C", window=Window(time(22), time(7)), zone="Europe/Vienna")

    assert not hours.now_quiet(datetime(2026, 7, 1, 5, 30, tzinfo=UTC))
    assert hours.now_quiet(datetime(2026, 1, 1, 5, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("facts", "held"),
    [
        ({}, True),
        ({"state": HealState.AWAITING_APPROVAL}, False),
        ({"state": HealState.AWAITING_APPROVAL, "branch": "topic"}, True),
        ({"state": HealState.ESCALATED}, True),
    ],
)
def test_only_approvals_on_the_default_branch_break_quiet_hours(incident, facts, held):
    hours = QuietHours(team="T", channel="C", window=Window(time(11), time(13)), zone="UTC")

    assert held_by_quiet_hours(incident(**facts), hours, NOW) is held
    assert not held_by_quiet_hours(incident(**facts), None, NOW)


@pytest.mark.parametrize(
    ("failures", "mark"), [(1, 0), (4, 0), (5, 5), (19, 5), (20, 20), (99, 20), (100, 100), (5_000, 100)]
)
def test_repeats_are_noted_at_milestones(failures, mark):
    assert milestone(failures) == mark


@pytest.mark.parametrize("state", [HealState.FLAKY, HealState.INFRASTRUCTURE])
def test_flaky_and_infrastructure_wait_for_the_digest(incident, state):
    assert "digest" in hush(incident(state=state), mutes=[], hours=None, now=NOW).why


def test_silence_names_who_asked_for_it_and_why(incident):
    silence = hush(incident(), mutes=[mute(why="staging is down")], hours=None, now=NOW)

    assert (silence.why, silence.until) == ("muted by ana: staging is down", NOW + timedelta(hours=1))
    assert hush(incident(), mutes=[], hours=None, now=NOW) is None
