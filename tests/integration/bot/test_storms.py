"""One cause in many repositories, as Slack shows it: one card for those that have none yet."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from bot.slack.announcer import Announcer
from bot.slack.audience import Audience
from patchpilot.failures import Category, DistilledFailure, RunFinished
from patchpilot.grammar import Window
from patchpilot.heals import HealState
from patchpilot.noise import QuietHours
from patchpilot.routing import Fallback, Subscription
from patchpilot.source import Repo, RunRef, Sha
from storage.budget import BudgetLimits
from storage.heals import escalate, take_heal
from storage.incidents import snapshot
from storage.intake import record_failure, record_success
from storage.mutes import add_mute, end_mutes
from storage.subscriptions import set_quiet_hours, subscribe


@pytest.fixture
def stormy(world):
    """The world with an announcer that knows of storms."""
    world.announcer = Announcer(world.db, world.delivery, channel="#ci", storm_places=3)
    return world


@pytest.fixture
def routed(stormy):
    """The same with routing, and a second channel that the bot is in."""
    stormy.team = stormy.slack.add_channel("team", members=list(stormy.users))
    stormy.slack.invite("team", stormy.parts_bot)
    stormy.announcer = Announcer(
        stormy.db,
        stormy.delivery,
        channel="#ci",
        storm_places=3,
        audience=Audience(stormy.db, Fallback(channel="#ci"), resolve=stormy.delivery.channel_id),
    )
    return stormy


def run(world, repo: str, *, succeeded: bool = False, pull_request: int | None = None) -> RunFinished:
    world.made += 1
    return RunFinished(
        delivery_id=f"delivery-{world.made}",
        run=RunRef(
            provider="github_actions",
            repo=Repo("github", f"acme/{repo}"),
            run_id=str(1000 + world.made),
            url=f"https://github.test/acme/{repo}/actions/runs/{1000 + world.made}",
        ),
        workflow="CI",
        branch="main",
        head_sha=Sha(f"{world.made:040x}"),
        succeeded=succeeded,
        author="ana",
        pull_request=pull_request,
    )


def fail_in(world, repo: str, *, pull_request: int | None = None) -> tuple[int, str]:
    recorded = record_failure(world.db, run(world, repo, pull_request=pull_request))
    return recorded.incident, recorded.heal


def cards(world, channel: str = "") -> dict[str, object]:
    """What stands in the channel, by its key."""
    return {
        m.metadata["event_payload"]["key"]: m
        for m in world.slack.messages(channel or world.channel)
        if m.metadata and not m.is_reply
    }


def subscribed(world, repo: str, channel: str, **wish: object) -> None:
    facts = {"team": world.slack.team_id, "channel": channel, "host": "github", "private": False}
    subscribe(world.db, Subscription(**facts, repo=f"acme/{repo}", **wish))


def read_only(world, heal: str) -> None:
    """The worker has read the log and is still at work: nobody is asked for anything."""
    budget = BudgetLimits(
        heal_max_dollars=1, heal_max_tokens=1000, repo_day_max_dollars=1, repo_day_max_tokens=100_000
    )
    journal = take_heal(world.db, heal, owner="test", seconds=30, budget=budget)
    journal.move(HealState.INGESTING)
    failure = DistilledFailure(text="F401", category=Category.LINT, cause="F401", fingerprint="f" * 16)
    journal.settle(failure)
    journal.move(HealState.DIAGNOSING)
    journal.move(HealState.REPAIRING)
    journal.release()


def muted(world, repo: str) -> None:
    about = {"incident": None, "test": "", "why": "known", "author": "ben", "length": timedelta(days=1)}
    add_mute(world.db, Repo("github", f"acme/{repo}"), **about)


def under(world, message) -> dict[str, object]:
    thread = world.slack.thread(world.channel, message.ts)
    return {m.metadata["event_payload"]["key"]: m for m in thread if m.metadata}


def called(thread: dict[str, object]) -> list[str]:
    """The kinds of the thread's messages that are shown in the channel too."""
    return [key.rsplit(":", 2)[0] for key, message in thread.items() if message.broadcast]


def long_ago(world) -> None:
    """All that came so far came before what comes now: there is no burst."""
    with world.db.transaction() as session:
        session.execute(text("UPDATE incidents SET first_seen = first_seen - interval '5 minutes'"))


def a_storm_of_three(world) -> list[str]:
    """With its card and no others, and everybody still at work."""
    heals = [fail_in(world, f"r{number}")[1] for number in range(3)]
    for heal in heals:
        read_only(world, heal)
    world.show()
    long_ago(world)
    assert set(cards(world)) == {"slack:storm:1"}
    return heals


def test_twelve_repositories_with_one_cause_are_one_storm_card(stormy):
    heals = [fail_in(stormy, f"r{number}")[1] for number in range(12)]
    stormy.announcer.tick()
    assert set(cards(stormy)) == {"slack:card:1", "slack:card:2"}, "a burst waits for its logs"

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(stormy.propose, heals))
    stormy.show()

    found = cards(stormy)
    assert set(found) == {"slack:card:1", "slack:card:2", "slack:storm:1"}
    storm = found["slack:storm:1"]
    assert "same failure in 12 places" in storm.text
    assert "12 Needs approval" in storm.text
    assert "storm S-1" in str(found["slack:card:1"].blocks)
    approvals = [key for key in under(stormy, storm) if key.startswith("slack:approval:")]
    assert len(approvals) == 10
    for key in ("slack:card:1", "slack:card:2"):
        assert any(item.startswith("slack:approval:") for item in under(stormy, found[key]))


def test_a_burst_waits_for_its_logs_although_those_of_the_first_are_read(stormy):
    for number in range(2):
        stormy.propose(fail_in(stormy, f"r{number}")[1])
    stormy.show()
    for number in range(2, 4):
        heal = fail_in(stormy, f"r{number}")[1]
        stormy.announcer.tick()
        assert f"slack:card:{number + 1}" not in cards(stormy), (
            "only its log tells whether it belongs to the others"
        )
        stormy.propose(heal)
        stormy.show()

    assert set(cards(stormy)) == {"slack:card:1", "slack:card:2", "slack:storm:1"}


def test_a_storm_calls_people_once(stormy):
    heals = [fail_in(stormy, f"r{number}")[1] for number in range(6)]
    for heal in heals:
        stormy.propose(heal)
    stormy.show()

    # All were read before anything was shown, so the storm has the only card.
    assert set(cards(stormy)) == {"slack:storm:1"}
    thread = under(stormy, cards(stormy)["slack:storm:1"]).values()
    assert len([message for message in thread if message.broadcast]) == 1
    assert "not each is called out here" in str(cards(stormy)["slack:storm:1"].blocks)
    assert all(message.text.startswith("PP-") for message in thread)


def test_an_approval_under_the_storm_decides_its_own_incident_only(stormy):
    pairs = [fail_in(stormy, f"r{number}") for number in range(4)]
    for _, heal in pairs:
        stormy.propose(heal)
    stormy.show()
    incident, heal = pairs[2]
    message = under(stormy, cards(stormy)["slack:storm:1"])[f"slack:approval:{heal}:1"]

    assert stormy.slack.press("ana", stormy.channel, message.ts, "approve").ok

    stormy.until(lambda: snapshot(stormy.db, incident).heal.state is HealState.OPENING_PR)
    stormy.show()
    states = [snapshot(stormy.db, number).heal.state for number, _ in pairs]
    assert states.count(HealState.AWAITING_APPROVAL) == 3
    assert "1 Opening pull request" in cards(stormy)["slack:storm:1"].text


def test_a_mention_under_the_storm_must_say_which_incident(stormy):
    pairs = [fail_in(stormy, f"r{number}") for number in range(3)]
    for _, heal in pairs:
        stormy.propose(heal)
    stormy.show()
    storm = cards(stormy)["slack:storm:1"]

    stormy.slack.say("ben", stormy.channel, "@patchpilot reject wrong", thread_ts=storm.ts)
    stormy.until(lambda: any("which one?" in m.text for m in stormy.slack.thread(stormy.channel, storm.ts)))
    stormy.slack.say("ben", stormy.channel, "@patchpilot reject PP-2 wrong", thread_ts=storm.ts)

    stormy.until(lambda: snapshot(stormy.db, 2).heal.state is HealState.REJECTED)
    assert snapshot(stormy.db, 1).heal.state is HealState.AWAITING_APPROVAL


def test_quiet_hours_hold_a_storm_until_somebody_must_decide(stormy):
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    window = Window((now - timedelta(hours=1)).time(), (now + timedelta(hours=1)).time())
    hours = QuietHours(team="T", channel=stormy.channel, window=window, zone="UTC")
    set_quiet_hours(stormy.db, hours)
    stormy.announcer = Announcer(
        stormy.db,
        stormy.delivery,
        channel="#ci",
        storm_places=3,
        audience=Audience(stormy.db, Fallback(channel="#ci"), resolve=stormy.delivery.channel_id),
    )
    heals = [fail_in(stormy, f"r{number}")[1] for number in range(4)]
    stormy.announcer.tick()
    assert cards(stormy) == {}

    for heal in heals:
        stormy.propose(heal)
    stormy.show()

    assert "slack:storm:1" in cards(stormy)


def test_when_all_are_over_the_card_says_so(stormy):
    for number in range(3):
        stormy.propose(fail_in(stormy, f"r{number}")[1])
    stormy.show()

    for number in range(3):
        record_success(stormy.db, run(stormy, f"r{number}", succeeded=True))
    stormy.show()

    assert "CI storm over" in cards(stormy)["slack:storm:1"].text
    assert "3 Green again" in cards(stormy)["slack:storm:1"].text


def test_cards_that_were_there_first_stay_and_name_the_storm(stormy):
    for number in range(4):
        stormy.propose(fail_in(stormy, f"r{number}")[1])
        stormy.show()

    found = cards(stormy)
    assert set(found) == {"slack:card:1", "slack:card:2", "slack:storm:1"}
    assert all("storm S-1" in str(found[f"slack:card:{number}"].blocks) for number in (1, 2))
    assert "PP-1" in found["slack:storm:1"].text


def test_different_failures_in_a_burst_each_get_their_card_once_read(stormy):
    heals = [fail_in(stormy, f"r{number}")[1] for number in range(4)]
    stormy.announcer.tick()
    assert len(cards(stormy)) == 2

    for number, heal in enumerate(heals):
        stormy.propose(heal, fingerprint=f"f{number}")
    stormy.show()

    assert set(cards(stormy)) == {f"slack:card:{number}" for number in range(1, 5)}


def test_a_card_does_not_wait_for_ever_to_be_read(stormy, monkeypatch):
    monkeypatch.setattr("bot.slack.announcer.HOLD_SECONDS", 1.0)
    for number in range(5):
        fail_in(stormy, f"r{number}")

    stormy.show()

    assert len(cards(stormy)) == 5


def test_where_a_storm_stands_a_card_waits_for_its_log_and_joins_it(stormy):
    a_storm_of_three(stormy)

    for number in range(3, 6):
        heal = fail_in(stormy, f"r{number}")[1]
        stormy.announcer.tick()
        stormy.propose(heal)
        stormy.show()
        long_ago(stormy)

    found = cards(stormy)
    assert set(found) == {"slack:storm:1"}
    assert "same failure in 6 places" in found["slack:storm:1"].text
    assert called(under(stormy, found["slack:storm:1"])) == ["slack:approval"]


def test_another_failure_gets_its_card_as_soon_as_it_is_read_though_a_storm_stands(stormy):
    a_storm_of_three(stormy)

    heal = fail_in(stormy, "r9")[1]
    stormy.announcer.tick()
    assert "slack:card:4" not in cards(stormy)
    stormy.propose(heal, fingerprint="another")
    stormy.show()

    assert called(under(stormy, cards(stormy)["slack:card:4"])) == ["slack:approval"]


def test_a_card_that_could_not_wait_names_its_storm_and_calls_nobody_again(stormy, monkeypatch):
    first = a_storm_of_three(stormy)
    stormy.propose(first[0])
    stormy.show()
    assert called(under(stormy, cards(stormy)["slack:storm:1"])) == ["slack:approval"]
    monkeypatch.setattr("bot.slack.announcer.HOLD_SECONDS", 0.1)
    heal = fail_in(stormy, "r9")[1]
    stormy.show()
    assert "storm S-1" not in str(cards(stormy)["slack:card:4"].blocks)

    stormy.propose(heal)
    stormy.show()

    card = cards(stormy)["slack:card:4"]
    assert "storm S-1" in str(card.blocks)
    assert f"slack:approval:{heal}:1" in under(stormy, card)
    assert called(under(stormy, card)) == []


def test_a_storms_first_approval_is_heard_whoever_asks_first(stormy):
    heals = a_storm_of_three(stormy)

    for heal in (heals[2], heals[1], heals[0]):
        stormy.propose(heal)
        stormy.show()

    thread = under(stormy, cards(stormy)["slack:storm:1"])
    assert thread[f"slack:approval:{heals[2]}:1"].broadcast
    assert called(thread) == ["slack:approval"]


def test_a_storm_that_gave_up_somewhere_is_still_heard_when_it_asks_for_approval(stormy):
    heals = a_storm_of_three(stormy)
    escalate(stormy.db, heals[0], reason="no fix was found")
    stormy.show()

    for heal in heals[1:]:
        stormy.propose(heal)
    stormy.show()

    assert called(under(stormy, cards(stormy)["slack:storm:1"])) == ["slack:escalated", "slack:approval"]


def test_who_joins_much_later_is_heard_again(stormy, monkeypatch):
    heals = a_storm_of_three(stormy)
    stormy.propose(heals[0])
    stormy.show()
    monkeypatch.setattr("bot.slack.storm_calls.CALL_AGAIN", timedelta(0))

    stormy.propose(heals[1])
    stormy.show()

    assert called(under(stormy, cards(stormy)["slack:storm:1"])) == ["slack:approval"] * 2


def test_what_was_fixed_before_the_storm_is_not_relabelled(stormy):
    stormy.propose(fail_in(stormy, "r0")[1])
    stormy.show()
    record_success(stormy.db, run(stormy, "r0", succeeded=True))
    stormy.show()
    before = str(cards(stormy)["slack:card:1"].blocks)

    for number in (1, 2):
        stormy.propose(fail_in(stormy, f"r{number}")[1])
    stormy.show()
    stormy.announcer.show(1)

    assert snapshot(stormy.db, 1).storm is not None
    assert "slack:storm:1" in cards(stormy)
    assert str(cards(stormy)["slack:card:1"].blocks) == before


def test_a_storm_is_named_only_where_its_card_stands(routed):
    for number in range(2):
        subscribed(routed, f"r{number}", routed.team)
        subscribed(routed, f"r{number}", routed.channel)
    subscribed(routed, "r2", routed.team)
    for number in range(3):
        routed.propose(fail_in(routed, f"r{number}")[1])
    routed.show()

    assert snapshot(routed.db, 1).storm is not None
    shown = [*cards(routed).values(), *cards(routed, routed.team).values()]
    assert len(shown) == 5
    assert not [card for card in shown if "S-1" in str(card.blocks)], "two of three are no storm here"

    routed.propose(fail_in(routed, "r3")[1])
    routed.show()

    home = cards(routed)
    assert "slack:storm:1" in home
    assert all("storm S-1" in str(card.blocks) for key, card in home.items() if ":card:" in key)
    assert not [card for card in cards(routed, routed.team).values() if "S-1" in str(card.blocks)]


def test_another_announcer_goes_on_with_the_same_storm_card(stormy):
    for number in range(3):
        stormy.propose(fail_in(stormy, f"r{number}")[1])
    stormy.show()
    stormy.announcer = Announcer(stormy.db, stormy.delivery, channel="#ci", storm_places=3)

    stormy.propose(fail_in(stormy, "r9")[1])
    stormy.show()

    assert set(cards(stormy)) == {"slack:storm:1"}
    assert "same failure in 4 places" in cards(stormy)["slack:storm:1"].text


def test_pull_requests_failures_alone_are_no_storm_in_the_operators_channel(routed):
    for number in range(5):
        routed.propose(fail_in(routed, f"r{number}", pull_request=number + 1)[1])
    routed.show()

    assert snapshot(routed.db, 1).storm is not None
    assert cards(routed) == {}


def test_what_is_not_told_there_neither_counts_nor_is_named_on_a_storms_card(routed):
    muted(routed, "r0")
    subscribed(routed, "r1", routed.team)
    for number in range(4):
        routed.propose(fail_in(routed, f"r{number}")[1])
    routed.propose(fail_in(routed, "r4", pull_request=7)[1])
    routed.show()

    # Two of five are told there, and two are no storm.
    assert set(cards(routed)) == {"slack:card:3", "slack:card:4"}

    routed.propose(fail_in(routed, "r5")[1])
    routed.show()

    storm = cards(routed)["slack:storm:1"]
    assert "same failure in 3 places" in storm.text
    assert not [name for name in ("PP-1 ", "PP-2 ", "PP-5 ") if name in storm.text]
    assert called(under(routed, storm)) == ["slack:approval"], (
        "what its own cards asked does not keep the storm's thread unheard"
    )
    assert set(cards(routed, routed.team)) == {"slack:card:2"}


def test_whoever_subscribed_gets_a_storms_incident_as_its_own_card(routed):
    for channel in (routed.team, routed.channel):
        subscribed(routed, "r0", channel)
    subscribed(routed, "r1", routed.team)
    heals = [fail_in(routed, f"r{number}")[1] for number in range(5)]
    for heal in heals:
        read_only(routed, heal)
    routed.show()

    assert set(cards(routed)) == {"slack:storm:1"}
    assert "same failure in 4 places" in cards(routed)["slack:storm:1"].text
    ours = cards(routed, routed.team)
    assert set(ours) == {f"slack:card:1@{routed.team}", "slack:card:2"}

    for heal in heals:
        routed.propose(heal)
    routed.show()

    ours = cards(routed, routed.team)
    assert len(ours) == 2
    for number, message in zip((0, 1), ours.values(), strict=True):
        thread = routed.slack.thread(routed.team, message.ts)
        assert any(heals[number] in str(m.metadata) and "approve" in routed.buttons(m) for m in thread)
    approvals = [key for key in under(routed, cards(routed)["slack:storm:1"]) if "approval" in key]
    assert len(approvals) == 4


def test_a_mute_that_ends_brings_its_incident_onto_the_storms_card(routed):
    muted(routed, "r0")
    for number in range(4):
        routed.propose(fail_in(routed, f"r{number}")[1])
    routed.show()
    assert "same failure in 3 places" in cards(routed)["slack:storm:1"].text

    end_mutes(routed.db, Repo("github", "acme/r0"), incident=None, test="")
    routed.announcer._looked_again = float("-inf")
    routed.show()

    assert set(cards(routed)) == {"slack:storm:1"}
    assert "same failure in 4 places" in cards(routed)["slack:storm:1"].text


def test_what_a_storms_card_has_named_stays_on_it_though_it_is_muted_later(routed):
    heals = [fail_in(routed, f"r{number}")[1] for number in range(3)]
    for heal in heals:
        routed.propose(heal)
    routed.show()
    muted(routed, "r0")

    record_success(routed.db, run(routed, "r0", succeeded=True))
    routed.show()

    assert "PP-1 acme/r0: Green again" in cards(routed)["slack:storm:1"].text
