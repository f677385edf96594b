"""Who is told what and when, on the playground's Slack."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from bot.slack.announcer import Announcer
from bot.slack.audience import Audience
from patchpilot.failures import RunFinished
from patchpilot.grammar import Window
from patchpilot.noise import QuietHours
from patchpilot.routing import Fallback, Subscription
from patchpilot.source import RunRef, Sha
from storage.intake import record_failure
from storage.subscriptions import drop_quiet_hours, held_channels, set_quiet_hours, subscribe


@pytest.fixture
def told(world):
    """The world with routing, and a second channel that the bot is in."""
    team = world.slack.add_channel("team", members=list(world.users))
    world.slack.invite("team", world.parts_bot)
    world.announcer = Announcer(
        world.db,
        world.delivery,
        channel="#ci",
        audience=Audience(world.db, Fallback(channel="#ci"), resolve=world.delivery.channel_id),
    )
    world.team = team
    return world


def say(world, who: str, line: str, channel: str) -> str:
    count = len(world.slack.ephemerals(who))
    world.slack.slash(who, channel, f"/patchpilot {line}")
    world.until(lambda: len(world.slack.ephemerals(who)) > count)
    return world.slack.ephemerals(who)[-1].text


def cards(world, channel: str) -> list[str]:
    return [message.text for message in world.slack.messages(channel) if not message.is_reply]


def quiet_now(world, channel: str) -> None:
    now = datetime.now(UTC)
    window = Window(
        (now - timedelta(hours=1)).time().replace(second=0, microsecond=0),
        (now + timedelta(hours=1)).time().replace(second=0, microsecond=0),
    )
    set_quiet_hours(
        world.db, QuietHours(team=world.slack.team_id, channel=channel, window=window, zone="UTC", author="a")
    )


def look_again(world) -> None:
    world.announcer._looked_again = float("-inf")
    world.show()


def test_a_subscription_by_slash_command_brings_the_failures_to_its_channel(told):
    assert "Subscribed" in say(told, "ana", "subscribe acme/ledger", told.team)
    _, heal = told.fail()
    told.show()

    assert len(cards(told, told.team)) == 1
    assert cards(told, told.channel) == []
    told.propose(heal)
    told.show()
    assert "Needs approval" in cards(told, told.team)[0]


def test_two_channels_each_have_a_card_and_a_thread_and_one_decision(told):
    for channel in (told.team, told.channel):
        say(told, "ana", "subscribe acme/ledger", channel)
    _, heal = told.fail()
    told.propose(heal)
    told.show()
    threads = {}
    for channel in (told.team, told.channel):
        (card,) = [m for m in told.slack.messages(channel) if not m.is_reply]
        threads[channel] = [m for m in told.slack.thread(channel, card.ts) if "approve" in told.buttons(m)]
        assert len(threads[channel]) == 1

    message = threads[told.channel][0]
    assert told.slack.press("ana", told.channel, message.ts, "approve").ok
    told.until(lambda: "opening" in say(told, "ana", "status", told.channel).lower())
    told.show()

    for channel in (told.team, told.channel):
        (card,) = [m for m in told.slack.messages(channel) if not m.is_reply]
        assert not any("approve" in told.buttons(m) for m in told.slack.thread(channel, card.ts))


def test_a_pull_requests_failure_and_other_branches_do_not_reach_the_channel(told):
    told.fail(branch="topic")
    told.show()

    assert cards(told, told.channel) == []


def test_quiet_hours_hold_news_and_end_in_one_summary(told):
    say(told, "ana", "subscribe acme/ledger branch:*", told.team)
    quiet_now(told, told.team)
    told.fail()
    told.fail(branch="topic", workflow="Other")
    told.show()
    assert cards(told, told.team) == []

    drop_quiet_hours(told.db, team=told.slack.team_id, channel=told.team)
    look_again(told)

    (summary,) = cards(told, told.team)
    assert "While it was quiet here: 2 failures" in summary
    assert "PP-1" in summary
    assert "PP-2" in summary
    look_again(told)
    assert len(cards(told, told.team)) == 1


def test_quiet_hours_of_the_operators_own_channel_hold_what_nobody_routed(told):
    quiet_now(told, told.channel)
    told.fail()
    told.show()

    assert cards(told, told.channel) == []


def test_an_approval_on_the_default_branch_breaks_quiet_hours(told):
    quiet_now(told, told.channel)
    say(told, "ana", "subscribe acme/ledger", told.channel)
    _, heal = told.fail()
    told.show()
    assert cards(told, told.channel) == []

    told.propose(heal)
    told.show()

    assert "Needs approval" in cards(told, told.channel)[0]


def test_what_gets_its_card_before_the_summary_is_not_in_it_as_well(told):
    quiet_now(told, told.channel)
    _, heal = told.fail()
    told.fail(workflow="Other")
    told.show()
    assert cards(told, told.channel) == []

    drop_quiet_hours(told.db, team=told.slack.team_id, channel=told.channel)
    told.propose(heal)
    told.show()
    assert len(cards(told, told.channel)) == 1
    look_again(told)

    card, summary = cards(told, told.channel)
    assert "PP-1" in card
    assert "PP-1" not in summary
    assert "PP-2" in summary


def test_the_summary_leaves_out_what_was_told_is_muted_or_for_the_digest_only(told):
    quiet_now(told, told.channel)
    say(told, "ana", "subscribe acme/ledger branch:*", told.channel)
    _, waits = told.fail()
    flaky, _ = told.fail(branch="flaky", workflow="Flaky")
    muted, _ = told.fail(branch="muted", workflow="Muted")
    other, _ = told.fail(branch="other", workflow="Other")
    told.show()
    told.propose(waits)
    say(told, "ben", f"mute PP-{muted} for:1d known", told.channel)
    with told.db.transaction() as session:
        session.execute(text("UPDATE heals SET state = 'flaky' WHERE incident_id = :flaky"), {"flaky": flaky})
    told.show()
    assert len(cards(told, told.channel)) == 1

    drop_quiet_hours(told.db, team=told.slack.team_id, channel=told.channel)
    look_again(told)

    summary = cards(told, told.channel)[-1]
    assert summary.startswith("While it was quiet here: 1 failure")
    assert f"PP-{other} " in summary


def test_a_muted_repository_is_silent_until_its_mute_ends(told):
    assert "Muted" in say(told, "ben", "mute acme/ledger for:1d known", told.channel)
    told.fail()
    told.show()
    assert cards(told, told.channel) == []

    with told.db.transaction() as session:
        session.execute(text("UPDATE mutes SET until = now() - interval '1 second'"))
    look_again(told)

    assert len(cards(told, told.channel)) == 1


def test_a_mute_and_its_author_stand_on_the_cards_it_is_about(told):
    told.fail()
    told.show()

    say(told, "ben", "mute acme/ledger for:1d staging is down", told.channel)
    told.show()
    assert "by @ben: staging is down" in told.card().text

    say(told, "ben", "unmute acme/ledger", told.channel)
    told.show()
    assert "Muted" not in told.card().text


def silence(told, how: str) -> None:
    if how == "a mute":
        say(told, "ben", "mute PP-1 for:1d known", told.channel)
    else:
        quiet_now(told, told.channel)


@pytest.mark.parametrize("how", ["a mute", "quiet hours"])
def test_what_stands_in_the_thread_is_edited_also_in_silence(told, how):
    _, heal = told.fail()
    told.propose(heal)
    told.show()
    question, before = told.items()["approval"], set(told.items())

    silence(told, how)
    assert told.slack.press("ana", told.channel, question.ts, "approve").ok
    told.until(lambda: "opening" in say(told, "ana", "status", told.channel).lower())
    look_again(told)

    answered = told.items()["approval"]
    assert (answered.ts, told.buttons(answered)) == (question.ts, [])
    assert "Approved" in answered.text
    assert set(told.items()) == before


def test_a_failure_that_comes_back_is_noted_at_its_milestone_only(told):
    number, heal = told.fail()
    told.propose(heal)
    with told.db.transaction() as session:
        session.execute(text("UPDATE incidents SET failures = 6"))
    told.show()
    told.announcer.show(number)

    notes = [m for m in told.slack.thread(told.channel, told.card().ts) if "failed 5 times" in m.text]
    assert len(notes) == 1


def test_a_level_keeps_the_card_back_until_it_is_reached(told):
    say(told, "ana", "subscribe acme/ledger level:approval", told.channel)
    _, heal = told.fail()
    told.show()
    assert cards(told, told.channel) == []

    told.propose(heal)
    told.show()

    assert len(cards(told, told.channel)) == 1


def test_a_private_repository_never_reaches_a_public_channel_that_subscribed_before(told):
    say(told, "ana", "subscribe acme/ledger", told.team)
    record_failure(
        told.db,
        RunFinished(
            delivery_id="private",
            run=RunRef(provider="github_actions", repo=told.repo, run_id="9"),
            workflow="CI",
            branch="main",
            head_sha=Sha("9" * 40),
            succeeded=False,
            private=True,
        ),
    )
    told.show()

    assert cards(told, told.team) == []


@pytest.fixture
def closed(told):
    """The same, with a private channel that subscribed to a private repository."""
    told.closed = told.slack.add_channel("closed", members=list(told.users), private=True)
    told.slack.invite("closed", told.parts_bot)
    told.announcer = Announcer(
        told.db,
        told.delivery,
        channel="#ci",
        audience=Audience(
            told.db,
            Fallback(channel="#ci"),
            resolve=told.delivery.channel_id,
            is_private=lambda channel, team: told.delivery.is_private(channel, team=team),
        ),
    )
    rule = {"channel": told.closed, "host": "github", "repo": "acme/ledger", "private": True}
    subscribe(told.db, Subscription(team=told.slack.team_id, **rule))
    return told


def open_up(world) -> None:
    world.slack.workspace.channel("closed").private = False
    world.delivery._private.clear()


def test_a_channel_that_was_opened_since_hears_nothing_more_of_a_private_repository(closed):
    _, heal = closed.fail(private=True)
    closed.show()
    (card,) = cards(closed, closed.closed)
    assert cards(closed, closed.channel) == []

    open_up(closed)
    closed.propose(heal)
    closed.fail(branch="main", workflow="Other", private=True)
    closed.show()

    assert cards(closed, closed.closed) == [card]
    assert not [m for m in closed.slack.messages(closed.closed) if "approve" in closed.buttons(m)]
    # What nobody may be told elsewhere is the operator's.
    assert len(cards(closed, closed.channel)) == 1


def test_news_that_was_held_for_a_channel_stays_out_of_it_once_it_was_opened(closed):
    quiet_now(closed, closed.closed)
    closed.fail(private=True)
    closed.show()
    open_up(closed)

    drop_quiet_hours(closed.db, team=closed.slack.team_id, channel=closed.closed)
    look_again(closed)

    assert cards(closed, closed.closed) == []
    assert held_channels(closed.db) == []


def test_a_channel_that_takes_nothing_does_not_keep_the_news_from_another(told):
    say(told, "ana", "subscribe acme/ledger", told.channel)
    say(told, "ana", "subscribe acme/ledger", told.team)
    told.slack.workspace.channel(told.channel).members.remove(told.parts_bot)
    _, heal = told.fail()
    told.propose(heal)

    told.until(lambda: bool(told.announcer.tick() or cards(told, told.team)))

    assert "PP-1" in cards(told, told.team)[0]
    assert not [line for line in cards(told, told.channel) if "PP-1" in line]
