"""Who somebody is in Slack, asked of the playground's Slack by the real client."""

from __future__ import annotations

import pytest

from bot.slack.people import SlackPeople, _barred
from patchpilot.source import HostUser, Permission
from storage.links import link


@pytest.fixture
def people(world) -> SlackPeople:
    return world.people


def test_a_full_member_is_known_with_account_name_and_time_zone(world, people):
    actor = people.actor(world.slack.team_id, world.users["ana"])

    assert (actor.host_user.login, actor.called, actor.barred) == ("ana", "ana", "")
    assert actor.zone == "UTC"


def test_a_guest_may_not_act_though_the_account_has_the_right(world, people):
    guest = world.slack.add_user("gus", "Gus Guest", email="gus@else.test", is_guest=True)
    team = world.slack.team_id
    link(world.db, medium="slack", team=team, account=guest, user=HostUser(host="github", login="gus"))
    world.permissions.of["gus"] = Permission.ADMIN
    world.slack.invite("ci", guest)

    world.slack.slash(guest, world.channel, "/patchpilot mute acme/ledger for:1d")

    world.until(lambda: bool(world.slack.ephemerals(guest)))
    assert "You are a guest here" in world.slack.ephemerals(guest)[-1].text


def test_whom_slack_does_not_know_may_not_act(world, people):
    actor = people.actor(world.slack.team_id, "U0NOBODY")

    assert "can't look up" in actor.barred


def test_channels_are_told_apart_by_privacy_home_and_membership(world, people):
    secret = world.slack.add_channel("secret", members=[world.users["ana"]], private=True)
    world.slack.invite("secret", world.parts_bot)
    open_ = world.slack.add_channel("open", members=[world.users["ana"]])

    home = people.place(world.slack.team_id, world.channel, ephemeral=True)
    assert (home.home, home.private, home.bot_is_there) == (True, False, True)
    private = people.place(world.slack.team_id, secret, ephemeral=True)
    assert (private.home, private.private) == (False, True)
    assert not people.place(world.slack.team_id, open_, ephemeral=True).bot_is_there
    # What Slack won't describe counts as public, and the bot is not there.
    unseen = people.place(world.slack.team_id, "C0NOWHERE", ephemeral=True)
    assert (unseen.private, unseen.bot_is_there) == (False, False)


def test_who_subscribes_a_private_channel_before_the_bot_is_there_is_told_to_invite_it(world):
    secret = world.slack.add_channel("secret", members=[world.users["ana"]], private=True)

    def subscribed(words):
        world.slack.slash("ana", secret, "/patchpilot subscribe acme/ledger")
        world.until(lambda: any(words in message.text for message in world.slack.ephemerals("ana")))

    subscribed("I am not in this channel yet: invite me (`/invite`)")
    world.permissions.private.add("acme/ledger")
    world.parts.authority._cache_seconds = -1
    subscribed("I am not in this channel, so I can't tell who reads here: invite me")

    # What was not seen is not remembered.
    world.slack.invite("secret", world.parts_bot)
    world.permissions.of["ana"] = Permission.ADMIN
    subscribed("Changed: acme/ledger · default branch.")


@pytest.mark.parametrize(
    ("member", "why"),
    [
        ({"team_id": "T1"}, ""),
        ({"team_id": "T2"}, "a member of another organisation"),
        ({"team_id": "T1", "is_stranger": True}, "a member of another organisation"),
        ({"team_id": "E1", "enterprise_user": {"teams": ["T1"]}}, ""),
        ({"team_id": "T1", "is_restricted": True}, "a guest"),
        ({"team_id": "T1", "is_ultra_restricted": True}, "a guest"),
        ({"team_id": "T1", "is_bot": True}, "a bot"),
        ({"team_id": "T1", "deleted": True}, "a deactivated member"),
    ],
)
def test_only_full_members_of_the_workspace_may_act(member, why):
    assert _barred(member, "T1") == why


def test_a_repeated_event_is_answered_once(world):

    _, heal = world.fail()
    world.propose(heal)
    world.show()
    card = world.card()
    event = {
        "type": "app_mention",
        "user": world.users["ana"],
        "text": "<@U1> why did this start?",
        "channel": world.channel,
        "ts": "1.1",
        "thread_ts": card.ts,
    }
    body = {"team_id": world.slack.team_id, "event_id": "Ev1", "event": event}
    before = len(world.slack.thread(world.channel, card.ts))

    for _ in range(3):
        world.front._mentioned(event=event, body=body, client=world.client)

    answers = world.slack.thread(world.channel, card.ts)[before:]
    assert len(answers) == 1
    assert "An import that nothing uses" in answers[0].text
