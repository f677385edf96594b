"""The Home tab: what waits for the one who looks, kept up to date against Slack's hash."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest

from patchpilot.commands import Actor, Command, Medium, Verb
from patchpilot.grammar import TwoPersonRule
from patchpilot.routing import RepoRules, Subscription
from patchpilot.source import Permission, Repo
from storage.decisions import decide
from storage.first_approvals import approve_first
from storage.incidents import snapshot
from storage.mutes import add_mute
from storage.subscriptions import set_repo_rules, subscribe
from tests.integration.bot.conftest import DIFF


def opened(world, who):
    world.slack.open_home(who, "A1")
    world.until(lambda: world.slack.home(who) is not None)
    return shown(world, who)


def shown(world, who):
    return json.dumps(world.slack.home(who).definition, ensure_ascii=False)


def test_it_shows_what_waits_for_those_who_may_approve(world):
    incident, heal = world.fail()
    world.propose(heal)

    assert f"PP-{incident}" in opened(world, "ana")
    assert "Nothing waits for you" in opened(world, "ben")


def test_who_is_not_linked_gets_a_way_to_link(world):
    page = opened(world, "dan")

    assert "not linked" in page
    assert "home_link" in page
    assert "PP-" not in page
    view = world.slack.home("dan")
    world.slack.press_in_view("dan", view.id, "home_link")
    world.until(lambda: world.slack.modal("dan") is not None)


def test_it_lists_what_its_owner_asked_for_and_nothing_of_others(world):
    for author, repo in (("ana", "acme/ledger"), ("ben", "acme/secret")):
        subscribe(
            world.db,
            Subscription(
                team=world.slack.team_id,
                channel=world.channel,
                private=False,
                host="github",
                repo=repo,
                author=author,
            ),
        )
    repo = Repo("github", "acme/ledger")
    add_mute(world.db, repo, incident=None, test="test_*", why="", author="ana", length=timedelta(days=1))

    page = opened(world, "ana")

    assert f"<#{world.channel}> hears of acme/ledger" in page
    assert "Muted: acme/ledger test" in page
    assert "acme/secret" not in page


def test_news_reaches_an_opened_tab_once(world):
    opened(world, "ana")
    incident, heal = world.fail()
    world.propose(heal)

    world.home.tick()

    assert f"PP-{incident}" in shown(world, "ana")
    calls = len(world.slack.calls("views.publish"))
    world.home.tick()
    world.fail(branch="other")
    world.home.tick()
    assert len(world.slack.calls("views.publish")) == calls


def test_a_decided_proposal_leaves_the_tab(world):
    _, heal = world.fail()
    world.propose(heal)
    world.show()
    assert "PP-1" in opened(world, "ana")

    world.slack.press("ana", world.channel, world.items()["approval"].ts, "approve")
    world.until(lambda: bool(world.home.tick() or "Nothing waits for you" in shown(world, "ana")))


def test_a_lost_permission_hides_what_waits(world):
    _, heal = world.fail()
    world.propose(heal)
    world.permissions.of["ana"] = Permission.READ

    assert "Nothing waits for you" in opened(world, "ana")


def test_what_takes_more_than_write_access_waits_for_maintainers_only(world):
    _, heal = world.fail()
    world.propose(heal, diff=DIFF.replace("money.py", "pyproject.toml"))
    assert "Nothing waits for you" in opened(world, "ana")

    world.permissions.of["ben"] = Permission.MAINTAIN
    assert "PP-1" in opened(world, "ben")


@pytest.mark.parametrize("rule", [TwoPersonRule.OTHER, TwoPersonRule.TWO])
def test_who_may_not_approve_as_a_second_person_has_nothing_waiting(world, rule):
    repo = Repo("github", "acme/ledger")
    set_repo_rules(world.db, repo, RepoRules(two_person=rule), author="cleo")
    _, heal = world.fail()
    world.propose(heal)
    if rule is TwoPersonRule.TWO:
        approve_first(world.db, snapshot(world.db, 1).heal.approval_id, "ana")
    world.permissions.of["ben"] = Permission.WRITE

    # The failing commit is ana's.
    assert "Nothing waits for you" in opened(world, "ana")
    assert "PP-1" in opened(world, "ben")


def test_an_outdated_proposal_waits_for_nobodys_approval(world, proposed):
    proposed(1, moved=True)

    assert "Nothing waits for you" in opened(world, "ana")


def test_an_older_page_is_not_put_over_a_newer_one(world):
    opened(world, "ana")
    ours = world.slack.home("ana")
    ours.hash = "newer"
    _, heal = world.fail()
    world.propose(heal)

    world.home.tick()
    assert world.slack.calls("views.publish")[-1].answer["error"] == "hash_conflict"

    # Opening tells the hash of what is there, so the tab gets up to date.
    world.slack.open_home("ana", "A1")
    world.until(lambda: "PP-1" in shown(world, "ana"))


def test_review_from_the_tab_shows_the_proposal_in_a_direct_message(world):
    _, heal = world.fail()
    world.propose(heal)
    opened(world, "ana")

    world.slack.press_in_view("ana", world.slack.home("ana").id, "review")

    def told():
        lines = world.slack.workspace.messages.values()
        return [m for line in lines for m in line.values() if "needs approval" in m.text]

    world.until(lambda: bool(told()))
    assert "approve" in world.buttons(told()[0])


def test_what_somebody_asks_for_reaches_their_opened_tab_and_nobody_elses(world):
    incident, _ = world.fail()
    opened(world, "ana")
    before = opened(world, "ben")
    steps = {
        f"mute PP-{incident} for:1d": f"Muted: PP-{incident}",
        "subscribe acme/ledger": "hears of acme/ledger",
        "quiet 22:00-07:00": "Quiet hours in",
        "dm mine quiet:22:00-07:00": "Not from 22:00-07:00",
    }

    for typed, words in steps.items():
        world.slack.slash("ana", world.channel, f"/patchpilot {typed}")
        world.until(lambda words=words: words in shown(world, "ana"))
    world.slack.slash("ana", world.channel, f"/patchpilot unmute PP-{incident}")
    world.until(lambda: "Muted:" not in shown(world, "ana"))
    world.slack.slash("ana", world.channel, "/patchpilot unlink")
    world.until(lambda: "not linked" in shown(world, "ana"))

    assert shown(world, "ben") == before


def test_a_tab_that_was_never_opened_is_not_published(world):
    opened(world, "ana")

    world.slack.slash("ben", world.channel, "/patchpilot dm mine")
    world.until(lambda: bool(world.slack.ephemerals("ben")))
    # The one worker takes turns, so ben's is over when ana's has come.
    world.slack.slash("ana", world.channel, "/patchpilot dm mine")
    world.until(lambda: "Everything of mine" in initial(world, "ana"))

    assert world.slack.home("ben") is None


def test_much_asked_at_once_is_published_once(world):
    opened(world, "ana")
    begun, going_on = threading.Event(), threading.Event()
    publish, turns = world.home.publish, []

    def held(*arguments, **options):
        turns.append(arguments)
        begun.set()
        assert going_on.wait(90)
        publish(*arguments, **options)

    world.home.publish = held
    team, ana = world.slack.team_id, world.users["ana"]
    world.home.refresh(team, ana)
    assert begun.wait(90)
    repo = Repo("github", "acme/ledger")
    for number in range(20):
        length = timedelta(days=1)
        add_mute(world.db, repo, incident=None, test=f"t{number}", why="", author="ana", length=length)
        world.home.refresh(team, ana)
    going_on.set()

    world.until(lambda: "t19" in shown(world, "ana"))
    world.home._worker.shutdown()
    assert len(turns) == 2


def initial(world, who):
    menus = [
        block["accessory"] for block in world.slack.home(who).definition["blocks"] if "accessory" in block
    ]
    return json.dumps([menu.get("initial_option") for menu in menus])


def told(world, words):
    lines = world.slack.workspace.messages.values()
    return [m for line in lines for m in line.values() if words in m.text and not m.only_for]


def test_review_of_what_is_decided_by_now_says_so_in_a_direct_message(world):
    _, heal = world.fail()
    world.propose(heal)
    opened(world, "ana")
    actor = Actor(medium=Medium.SLACK, name="ben")
    decide(world.db, Command(verb=Verb.REJECT, actor=actor, incident=1, key="k"))

    world.slack.press_in_view("ana", world.slack.home("ana").id, "review")

    world.until(lambda: bool(told(world, "nothing waits there")))


def test_a_press_on_a_proposal_in_a_direct_message_is_answered_there(world):
    _, heal = world.fail()
    world.propose(heal)
    opened(world, "ana")
    world.slack.press_in_view("ana", world.slack.home("ana").id, "review")
    world.until(lambda: bool(told(world, "needs approval")))
    (copy,) = told(world, "needs approval")

    world.slack.press("ana", copy.channel, copy.ts, "approve")

    world.until(lambda: "Approved by @ana" in copy.text)
    assert not world.buttons(copy)
    world.until(lambda: any("PP-1 is approved" in m.text for m in world.slack.ephemerals("ana")))
