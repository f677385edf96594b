"""One cause in many repositories, as Slack shows it: one card for those that have none yet."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from bot.slack.announcer import Announcer
from bot.slack.audience import Audience
from patchpilot.failures import RunFinished
from patchpilot.grammar import Window
from patchpilot.heals import HealState
from patchpilot.noise import QuietHours
from patchpilot.routing import Fallback
from patchpilot.source import Repo, RunRef, Sha
from storage.incidents import snapshot
from storage.intake import record_failure, record_success
from storage.subscriptions import set_quiet_hours


@pytest.fixture
def stormy(world):
    """The world with an announcer that knows of storms."""
    world.announcer = Announcer(world.db, world.delivery, channel="#ci", storm_places=3)
    return world


def run(world, repo: str, *, succeeded: bool = False) -> RunFinished:
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
    )


def fail_in(world, repo: str) -> tuple[int, str]:
    recorded = record_failure(world.db, run(world, repo))
    return recorded.incident, recorded.heal


def cards(world) -> dict[str, object]:
    """What stands in the channel, by its key."""
    return {
        m.metadata["event_payload"]["key"]: m
        for m in world.slack.messages(world.channel)
        if m.metadata and not m.is_reply
    }


def under(world, message) -> dict[str, object]:
    thread = world.slack.thread(world.channel, message.ts)
    return {m.metadata["event_payload"]["key"]: m for m in thread if m.metadata}


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


def test_a_storm_calls_people_once(stormy):
    heals = [fail_in(stormy, f"r{number}")[1] for number in range(6)]
    for heal in heals:
        stormy.propose(heal)
    stormy.show()

    # All were read before anything was shown, so the storm has the only card.
    assert set(cards(stormy)) == {"slack:storm:1"}
    thread = under(stormy, cards(stormy)["slack:storm:1"]).values()
    assert len([message for message in thread if message.broadcast]) == 1
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


def test_another_announcer_goes_on_with_the_same_storm_card(stormy):
    for number in range(3):
        stormy.propose(fail_in(stormy, f"r{number}")[1])
    stormy.show()
    stormy.announcer = Announcer(stormy.db, stormy.delivery, channel="#ci", storm_places=3)

    stormy.propose(fail_in(stormy, "r9")[1])
    stormy.show()

    assert set(cards(stormy)) == {"slack:storm:1"}
    assert "same failure in 4 places" in cards(stormy)["slack:storm:1"].text
