"""What goes wrong between us and Slack: each message once, the last state wins, an admin is told."""

from __future__ import annotations

import re
import time

import httpx
import pytest

from bot.slack.calls import BrokenPlaceError
from patchpilot.errors import TemporaryError
from playground.serving import free_port
from storage.database import Database
from storage.troubles import broken_places


def posts(world, method="chat.postMessage"):
    return world.slack.calls(method)


def done(world, method="chat.postMessage"):
    return [call for call in posts(world, method) if call.status == 200 and call.answer.get("ok")]


def said(world, words):
    """Messages anywhere with these words."""
    return [m for line in world.slack.workspace.messages.values() for m in line.values() if words in m.text]


def places(world):
    return {row.place: row.code for row in broken_places(world.db)}


def show_once(world):
    """One round of the announcer, without waiting for what it puts off."""
    for subject in list(world.announcer._waiting.due):
        world.announcer._waiting.due[subject] = 0
    world.announcer.tick()


def test_a_429_storm_ends_in_one_card_with_the_last_state(world):
    world.slack.inject("chat.postMessage", "ratelimited", times=4, retry_after=1)
    world.fail()
    world.show()
    world.slack.inject("chat.update", "ratelimited", times=3, retry_after=1)
    for _ in range(5):
        world.fail()
        world.announcer.tick()
    world.succeed()
    world.show()

    assert len([m for m in world.slack.messages(world.channel) if "PP-1:" in m.text]) == 1
    assert "Green again" in world.slack.messages(world.channel)[0].text
    updates = [
        call
        for call in done(world, "chat.update")
        if call.args["ts"] == world.slack.messages(world.channel)[0].ts
    ]
    assert len(updates) <= 2, "edits in between are left out"


def test_a_channel_that_has_to_wait_does_not_hold_up_another(world):
    other = world.slack.add_channel("other", members=["ana"])
    world.slack.invite("other", world.slack.workspace.apps["A1"].bot_user)
    from bot.slack.blocks import Message, section
    from bot.slack.delivery import Place, Post

    message = Message.of("PP-1 says", [section("PP-1 says")])
    world.slack.inject("chat.postMessage", "ratelimited", retry_after=30)
    with pytest.raises(TemporaryError):
        world.delivery.put(Post("slack:test:1", message, Place(world.channel), incident=None, known=None))
    with pytest.raises(TemporaryError) as waits:
        world.delivery.put(Post("slack:test:2", message, Place(world.channel), incident=None, known=None))
    assert waits.value.retry_after > 20

    world.delivery.put(Post("slack:test:3", message, Place(other), incident=None, known=None))

    assert len(world.slack.messages(other)) == 1
    assert len(posts(world)) == 2


@pytest.mark.parametrize("fault", ["post_then_500", "timeout", "500"])
def test_a_lost_answer_is_looked_up_before_anything_is_posted_again(world, monkeypatch, fault):
    monkeypatch.setattr("bot.slack.delivery.CALL_SECONDS", 0.5)
    monkeypatch.setattr("bot.slack.calls.CALL_SECONDS", 0.5)
    world.slack.inject("chat.postMessage", fault)
    _, heal = world.fail()

    world.show()
    world.propose(heal)
    world.show()

    assert len([m for m in world.slack.messages(world.channel) if not m.is_reply]) == 1
    assert "Needs approval" in world.card().text
    assert posts(world, "conversations.history")


@pytest.mark.parametrize("fault", ["post_then_500", "timeout"])
def test_a_lost_answer_after_a_429_is_looked_up_all_the_same(world, monkeypatch, fault):
    monkeypatch.setattr("bot.slack.delivery.CALL_SECONDS", 0.5)
    monkeypatch.setattr("bot.slack.calls.CALL_SECONDS", 0.5)
    world.slack.inject("chat.postMessage", "ratelimited", retry_after=1)
    world.fail()
    world.announcer.tick()
    world.slack.inject("chat.postMessage", fault)

    world.show()

    assert world.card()


def test_an_archived_channel_is_seen_by_the_admin_and_caught_up_with_later(world):
    _, heal = world.fail()
    world.show()
    world.slack.archive("ci")
    world.until(lambda: world.channel in places(world))
    world.propose(heal)
    show_once(world)
    _, _ = world.fail(branch="other")
    show_once(world)

    assert places(world)[world.channel] in {"is_archived", "is_inactive"}
    ready = httpx.get(f"{world.url}/ready").json()
    assert not ready["checks"]["slack"]["ok"]
    assert "unarchive" in ready["checks"]["slack"]["detail"]

    world.slack.workspace.channel("ci").archived = False
    world.until(lambda: world.announcer.tick() or not places(world))
    world.show()

    cards = [m for m in world.slack.messages(world.channel) if not m.is_reply]
    assert len(cards) == 2
    assert "Needs approval" in cards[0].text
    assert httpx.get(f"{world.url}/ready").json()["checks"]["slack"]["ok"]


def test_the_admin_hears_of_an_archived_channel_before_anything_is_posted_there(world):
    world.slack.archive("ci")
    world.until(lambda: world.channel in places(world))

    told = f"Channel {world.channel} can't be reached: is_archived"
    world.until(lambda: world.announcer.tick() or bool(said(world, told)))

    (message,) = said(world, told)
    assert "unarchive it" in message.text


def test_what_a_delivery_without_an_admin_finds_first_is_told_by_the_one_with(world):
    from bot.slack.blocks import Message, section
    from bot.slack.delivery import Delivery, Place, Post
    from patchpilot.metrics import Metrics

    other = world.slack.add_channel("other", members=["ana"])
    digests = Delivery(world.db, world.client, Metrics(), per_second=1000)
    with pytest.raises(BrokenPlaceError):
        digests.put(
            Post("k", Message.of("t", [section("t")]), Place(other), incident=None, known=None),
        )
    assert not said(world, "can't be reached")

    world.until(lambda: world.announcer.tick() or bool(said(world, f"Channel {other} can't be reached")))

    show_once(world)
    assert len(said(world, "can't be reached")) == 1


def test_a_bot_that_was_removed_tells_the_admin_and_recovers_when_invited_again(world):
    bot = world.slack.workspace.apps["A1"].bot_user
    world.slack.workspace.channel("ci").members.remove(bot)
    world.fail()
    world.until(lambda: bool(show_once(world) or places(world)))

    assert places(world) == {"#ci": "not_in_channel"}
    told = [
        m
        for line in world.slack.workspace.messages.values()
        for m in line.values()
        if "can't be reached" in m.text
    ]
    assert len(told) == 1
    assert "Invite the bot" in told[0].text

    world.slack.invite("ci", bot)
    world.until(lambda: world.announcer.tick() or not places(world))
    world.show()

    assert "New" in world.card().text
    said = [
        m
        for line in world.slack.workspace.messages.values()
        for m in line.values()
        if "reached again" in m.text
    ]
    assert len(said) == 1


def test_a_broken_channel_is_not_asked_for_every_incident(world):
    world.delivery._troubles._first = 60
    world.slack.workspace.channel("ci").members.remove(world.slack.workspace.apps["A1"].bot_user)
    for branch in "abcdef":
        world.fail(branch=branch)
    world.until(lambda: bool(show_once(world) or places(world)))
    show_once(world)

    refused = [call for call in posts(world) if call.args.get("channel") == "#ci"]
    assert len(refused) == 1


def test_an_unknown_channel_is_named_with_what_to_do(world):
    from bot.slack.blocks import Message, section
    from bot.slack.delivery import Place, Post

    with pytest.raises(BrokenPlaceError, match="Invite the bot"):
        world.delivery.put(
            Post(
                "slack:test:1",
                Message.of("PP-1 says", [section("x")]),
                Place("#nowhere"),
                incident=None,
                known=None,
            )
        )

    assert places(world) == {"#nowhere": "channel_not_found"}


def test_a_revoked_token_is_a_trouble_of_the_whole_workspace_until_it_works_again(world):
    app = world.slack.workspace.apps["A1"]
    app.revoked = True
    world.fail()
    world.until(lambda: bool(show_once(world) or places(world)))

    assert places(world) == {"": "token_revoked"}
    assert "install the App again" in httpx.get(f"{world.url}/ready").json()["checks"]["slack"]["detail"]

    app.revoked = False
    world.until(lambda: world.announcer.tick() or not places(world))
    world.show()
    assert "New" in world.card().text


def test_an_uninstalled_app_is_seen_at_once(world):
    world.slack.uninstall_app("A1")

    world.until(lambda: "" in places(world))

    assert places(world)[""] in {"token_revoked", "account_inactive"}


def test_a_restart_forgets_no_trouble_and_nothing_that_happened_meanwhile(world):
    from bot.slack.announcer import Announcer

    bot = world.slack.workspace.apps["A1"].bot_user
    world.slack.workspace.channel("ci").members.remove(bot)
    world.fail()
    world.until(lambda: bool(show_once(world) or places(world)))
    world.announcer._waiting.due.clear()
    world.announcer._events.save()

    world.slack.invite("ci", bot)
    world.announcer = Announcer(world.db, world.delivery, channel="#ci")
    world.until(lambda: world.announcer.tick() or not places(world))
    world.show()

    assert "New" in world.card().text


def test_a_person_who_deleted_a_card_does_not_get_it_again(world):
    _, heal = world.fail()
    world.show()
    ts = world.card().ts
    del world.slack.workspace.messages[world.channel][ts]
    world.propose(heal)

    show_once(world)
    show_once(world)

    assert not [m for m in world.slack.messages(world.channel) if m.ts != ts and not m.is_reply]
    assert not places(world)


def test_progress_is_edited_at_most_once_in_three_seconds(world):
    from patchpilot.heals import HealState
    from storage.budget import BudgetLimits
    from storage.heals import take_heal

    _, heal = world.fail()
    limits = BudgetLimits(
        heal_max_dollars=1, heal_max_tokens=1000, repo_day_max_dollars=1, repo_day_max_tokens=100_000
    )
    journal = take_heal(world.db, heal, owner="test", seconds=60, budget=limits)
    journal.move(HealState.INGESTING)
    end = time.monotonic() + 4
    number = 0
    while time.monotonic() < end:
        number += 1
        with journal.step("ingest", f"part {number}"):
            world.announcer.tick()
        time.sleep(0.1)
    world.show()

    progress = world.items()["progress"]
    edits = [call for call in done(world, "chat.update") if call.args["ts"] == progress.ts]
    assert len(edits) <= 3
    assert f"part {number} (done)" in progress.text


@pytest.fixture
def database_away(world, monkeypatch):
    """Cuts the bot off from Postgres: nobody listens there any more."""

    def cut() -> None:
        nowhere = Database(f"postgresql://nobody@127.0.0.1:{free_port()}/none")
        monkeypatch.setattr(world.db, "_engine", nowhere._engine)

    yield cut
    # What is still being answered would meet the database again.
    monkeypatch.undo()


def told_what_to_do(message):
    assert "the database is away" in message.text
    assert "again in a minute" in message.text
    assert "`patchpilot doctor`" in message.text
    assert re.search(r"reference [0-9a-f]{8}", message.text)


def test_with_the_database_away_a_command_is_answered(world, database_away):
    database_away()

    world.slack.slash("ana", world.channel, "/patchpilot status")

    world.until(lambda: any("database" in message.text for message in world.slack.ephemerals("ana")))
    told_what_to_do(world.slack.ephemerals("ana")[-1])


@pytest.mark.parametrize("button", ["approve", "retry", "more"])
def test_with_the_database_away_a_press_is_answered_and_the_message_stays(world, database_away, button):
    _, heal = world.fail()
    world.propose(heal)
    world.show()
    message = world.card() if button == "more" else world.items()["approval"]
    before = list(message.blocks)
    database_away()

    value = {"value": "mute:1"} if button == "more" else {}
    world.slack.press("ana", world.channel, message.ts, button, **value)

    world.until(lambda: bool(world.slack.ephemerals("ana")))
    told_what_to_do(world.slack.ephemerals("ana")[-1])
    assert message.blocks == before


def test_with_the_database_away_a_mention_is_answered(world, database_away):
    database_away()

    world.slack.say("ana", world.channel, "@patchpilot status")

    world.until(lambda: bool(world.slack.ephemerals("ana")))
    told_what_to_do(world.slack.ephemerals("ana")[-1])


def test_who_presses_too_long_ago_for_a_form_is_told_to_press_again(world, monkeypatch):
    _, heal = world.fail()
    world.propose(heal)
    world.show()
    made = world.slack.workspace.new_trigger
    monkeypatch.setattr(
        world.slack.workspace,
        "new_trigger",
        lambda *args, **options: made(*args, **options | {"seconds": -1}),
    )

    world.slack.press("ana", world.channel, world.items()["approval"].ts, "retry")

    world.until(lambda: bool(world.slack.ephemerals("ana")))
    assert "press again" in world.slack.ephemerals("ana")[-1].text
    assert world.slack.modal("ana") is None


def test_who_presses_too_long_ago_in_the_home_tab_is_told_by_direct_message(world, monkeypatch):
    world.slack.open_home("dan", "A1")
    world.until(lambda: world.slack.home("dan") is not None)
    made = world.slack.workspace.new_trigger
    monkeypatch.setattr(
        world.slack.workspace,
        "new_trigger",
        lambda *args, **options: made(*args, **options | {"seconds": -1}),
    )

    world.slack.press_in_view("dan", world.slack.home("dan").id, "home_link")

    world.until(lambda: bool(said(world, "press again")))
