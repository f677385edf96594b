"""Direct messages: who wants them gets each once, within quiet hours, mutes and their own rights."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from bot.authority import Authority
from bot.slack.direct import DirectMessages
from patchpilot.commands import Actor, Command, Medium, Verb
from patchpilot.source import Permission
from storage.decisions import decide
from storage.direct import choice_of
from tests.integration.bot.conftest import DIFF

BEN = Actor(medium=Medium.SLACK, name="ben")


@pytest.fixture
def direct(world):
    """The world with direct messages; permissions are asked anew each time."""
    world.direct = again(world)
    return world


def again(world) -> DirectMessages:
    """As after a restart of the bot."""
    return DirectMessages(
        world.db,
        Authority(world.permissions, cache_seconds=-1),
        world.people,
        lambda _: world.client,
        lambda: world.delivery,
    )


def say(world, who: str, line: str) -> str:
    count = len(world.slack.ephemerals(who))
    world.slack.slash(who, world.channel, f"/patchpilot {line}")
    world.until(lambda: len(world.slack.ephemerals(who)) > count)
    return world.slack.ephemerals(who)[-1].text


def told(world, who: str) -> list[str]:
    """What this person has been told alone."""
    world.direct._looked = float("-inf")
    world.direct.tick()
    return [message.text for message in alone(world, who)]


def alone(world, who: str):
    """The messages of the conversation with this person."""
    account = world.users[who]
    found = [one for one in world.slack.workspace.channels.values() if one.im_user == account]
    return [message for one in found for message in world.slack.messages(one.id)]


def hours_now() -> str:
    now = datetime.now(UTC)
    return f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=1):%H:%M}"


def proposed(world) -> tuple[int, str]:
    number, heal = world.fail()
    world.propose(heal)
    return number, heal


def test_nobody_is_told_who_did_not_ask(direct):
    proposed(direct)

    assert told(direct, "ana") == []


def test_who_may_approve_is_told_of_a_waiting_fix_once_whatever_restarts(direct):
    assert "a fix waits that you may approve" in say(direct, "ana", "dm approvals")
    say(direct, "ben", "dm approvals")
    number, _ = proposed(direct)

    (message,) = told(direct, "ana")
    assert message.startswith(f"A fix waits for you: PP-{number}")
    assert told(direct, "ben") == []
    direct.direct = again(direct)
    assert len(told(direct, "ana")) == 1
    assert told(direct, "cleo") == []


def test_who_may_not_approve_this_very_patch_is_not_told_that_it_waits(direct):
    say(direct, "ana", "dm approvals")
    _, heal = direct.fail()
    direct.propose(heal, diff=DIFF.replace("money.py", "pyproject.toml"))

    assert told(direct, "ana") == []


def test_what_was_decided_waits_for_nobody_any_more(direct):
    say(direct, "ana", "dm approvals")
    number, _ = proposed(direct)
    told(direct, "ana")

    assert "approved" in say(direct, "ana", f"approve PP-{number}")

    (message,) = told(direct, "ana")
    assert message.startswith("Nothing waits for you there any more")


@pytest.mark.parametrize("lost", ["permission", "link", "membership"])
def test_who_lost_access_since_is_not_told_how_it_went_on(direct, lost):
    say(direct, "ana", "dm approvals")
    number, _ = proposed(direct)
    told(direct, "ana")
    match lost:
        case "permission":
            direct.permissions.of["ana"] = Permission.NONE
        case "link":
            assert "Forgotten" in say(direct, "ana", "unlink")
        case "membership":
            direct.slack.workspace.users[direct.users["ana"]].is_guest = True
            direct.people._known.clear()
    decide(direct.db, Command(verb=Verb.REJECT, actor=BEN, incident=number, text="secret plan"))

    told(direct, "ana")

    (message,) = alone(direct, "ana")
    assert message.text == "Nothing waits for you there any more."
    shown = json.dumps(message.blocks)
    assert "ledger" not in shown
    assert f"PP-{number}" not in shown


def test_the_review_button_shows_the_proposal(direct):
    say(direct, "ana", "dm approvals")
    number, _ = proposed(direct)
    told(direct, "ana")
    (message,) = alone(direct, "ana")

    direct.slack.press("ana", message.channel, message.ts, "review")

    direct.until(lambda: any(f"PP-{number}" in one.text for one in direct.slack.ephemerals("ana")))


def test_the_review_button_shows_nothing_to_who_lost_access(direct):
    say(direct, "ana", "dm approvals")
    proposed(direct)
    told(direct, "ana")
    (message,) = alone(direct, "ana")
    direct.permissions.private.add("acme/ledger")
    direct.permissions.of["ana"] = Permission.NONE
    before = len(direct.slack.ephemerals("ana"))

    direct.slack.press("ana", message.channel, message.ts, "review")

    direct.until(lambda: len(direct.slack.ephemerals("ana")) > before)
    shown = direct.slack.ephemerals("ana")[-1]
    assert "private repository" in shown.text
    assert "money.py" not in json.dumps(shown.blocks)


def test_a_suspect_author_is_told_if_everything_of_theirs_is_wanted(direct):
    say(direct, "ana", "dm mine")
    say(direct, "ben", "dm mine")
    direct.permissions.of["ana"] = Permission.READ
    number, _ = proposed(direct)

    (message,) = told(direct, "ana")
    assert f"“Round at the end” is suspected: PP-{number}" in message
    assert told(direct, "ben") == []


@pytest.mark.parametrize(("wish", "mentioned"), [("off", False), ("mine", False), ("approvals", True)])
def test_a_suspect_author_who_wants_no_word_or_gets_it_directly_is_not_mentioned(direct, wish, mentioned):
    say(direct, "ana", f"dm {wish}")
    proposed(direct)
    direct.show()

    diagnosis = json.dumps(direct.items()["diagnosis"].blocks)
    assert "Suspect commit" in diagnosis
    assert (f"<@{direct.users['ana']}>" in diagnosis) is mentioned


def test_who_has_not_chosen_is_told_how_to_end_mentions(direct):
    assert "may mention you, once" in say(direct, "ana", "dm")
    say(direct, "ana", "dm off")
    assert "no thread mentions you" in say(direct, "ana", "dm")


def test_who_lost_access_is_told_nothing(direct):
    say(direct, "ana", "dm mine")
    direct.permissions.of["ana"] = Permission.NONE
    proposed(direct)

    assert told(direct, "ana") == []


def test_own_quiet_hours_hold_it_and_it_comes_after_them(direct):
    said = say(direct, "ana", f"dm approvals quiet:{hours_now()} tz:UTC")
    assert "it comes after that" in said
    proposed(direct)
    assert told(direct, "ana") == []

    say(direct, "ana", "dm approvals")

    assert len(told(direct, "ana")) == 1


def test_a_mute_holds_it_until_it_ends(direct):
    say(direct, "ana", "dm approvals")
    say(direct, "ben", "mute acme/ledger for:1d")
    proposed(direct)
    assert told(direct, "ana") == []

    with direct.db.transaction() as session:
        session.execute(text("UPDATE mutes SET until = now() - interval '1 second'"))

    assert len(told(direct, "ana")) == 1


def test_what_waited_before_one_asked_comes_no_more(direct):
    proposed(direct)
    say(direct, "ana", "dm mine")

    assert told(direct, "ana") == []


def test_a_post_whose_answer_was_lost_is_not_repeated(direct):
    say(direct, "ana", "dm approvals")
    direct.slack.inject("chat.postMessage", "post_then_500")
    proposed(direct)

    assert len(told(direct, "ana")) == 1
    direct.direct = again(direct)
    assert len(told(direct, "ana")) == 1


def test_a_post_that_slack_put_off_comes_later(direct):
    say(direct, "ana", "dm approvals")
    direct.slack.inject("chat.postMessage", "ratelimited", retry_after=1)
    proposed(direct)
    assert told(direct, "ana") == []

    direct.until(lambda: len(told(direct, "ana")) == 1)


def test_off_ends_it_and_what_was_sent_stays(direct):
    say(direct, "ana", "dm approvals")
    number, _ = proposed(direct)
    told(direct, "ana")
    assert "no direct messages" in say(direct, "ana", "dm off")
    direct.propose_anew(number)

    (message,) = told(direct, "ana")
    assert message.startswith("Nothing waits for you there any more")


def test_an_unlinked_person_and_a_guest_may_not_choose(direct):
    assert "not linked" in say(direct, "dan", "dm mine")
    direct.slack.workspace.users[direct.users["cleo"]].is_guest = True
    assert "a guest" in say(direct, "cleo", "dm mine")


def test_the_home_tab_offers_the_choice_and_shows_it(direct):
    say(direct, "ana", "dm approvals quiet:22:00-07:00 tz:UTC")
    direct.slack.open_home("ana", "A1")
    direct.until(lambda: direct.slack.home("ana") is not None)

    view = direct.slack.home("ana")
    direct.slack.press_in_view("ana", view.id, "home_dm", value="mine")

    direct.until(lambda: chosen(direct).level == "mine")
    assert str(chosen(direct).window) == "22:00-07:00"
    direct.until(lambda: selected(direct) == "mine")


def chosen(world):
    return choice_of(world.db, team=world.slack.team_id, account=world.users["ana"])


def selected(world) -> str:
    blocks = world.slack.home("ana").definition["blocks"]
    (menu,) = [one["accessory"] for one in blocks if one.get("block_id") == "home_dm"]
    return menu["initial_option"]["value"]
