"""The weekly digest: counted in a real Postgres, posted with its picture, once per channel and week."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from PIL import Image

from bot.slack.digest import WeeklyDigest
from patchpilot.asking import Asked, Place
from patchpilot.commands import Actor, Medium
from patchpilot.grammar import Digest as DigestRequest
from patchpilot.grammar import Way
from patchpilot.grammar.values import DigestTime
from patchpilot.routing import RepoRules, Subscription
from patchpilot.source import Permission, Repo
from storage.due_digests import mark_due_digests, plan_home_digest, unsent_digests
from storage.mutes import add_mute
from storage.subscriptions import set_repo_rules, subscribe, unsubscribe
from storage.weekly import read_digest

NOW = datetime.now(UTC)
TODAY = DigestTime(NOW.weekday(), time(0, 0))


@pytest.fixture(autouse=True)
def as_late_as_it_is():
    """Files are read at the start of a run, and this one may be reached an hour or a day later."""
    global NOW, TODAY  # noqa: PLW0603
    NOW = datetime.now(UTC)
    TODAY = DigestTime(NOW.weekday(), time(0, 0))


@pytest.fixture
def digest(world):
    return WeeklyDigest(
        world.db, lambda: world.delivery, home="#ci", at=TODAY, zone="UTC", minutes_per_fix=45
    )


def week(world, *, days=0):
    start = NOW - timedelta(days=6)
    return read_digest(
        world.db, None, start=start, end=NOW + timedelta(hours=1 + 24 * days), zone="UTC", minutes_per_fix=45
    )


def mark(world, now):
    """What RQ's task does at that moment, for what was asked for six days ago."""
    from sqlalchemy import text

    plan_home_digest(world.db, channel="#ci", at=TODAY, zone="UTC")
    asked = {"asked": now - timedelta(days=6)}
    with world.db.transaction() as session:
        session.execute(text("UPDATE home_digests SET since = :asked"), asked)
        session.execute(text("UPDATE subscriptions SET digest_since = :asked"), asked)
    mark_due_digests(world.db, now=now)


def come(world, digest, now):
    """What RQ's task and the bot do at that moment."""
    mark(world, now)
    digest.tick(world.delivery)


def posted(world):
    return [m for m in world.slack.messages(world.channel) if m.metadata and "digest" in str(m.metadata)]


def asked(world, channel=None, *, home=True, now=False, private=False):
    return Asked(
        request=DigestRequest(now=now),
        actor=Actor(medium=Medium.SLACK, name=world.users["ana"]),
        way=Way.SLASH,
        place=Place(
            team=world.slack.team_id,
            channel=channel or world.channel,
            home=home,
            private=private,
            ephemeral=True,
        ),
    )


def age(world, days):
    """Make everything that was recorded so far some days older."""
    from sqlalchemy import text

    with world.db.transaction() as session:
        for table, column in (
            ("failures", "received_at"),
            ("incidents", "first_seen"),
            ("heals", "created_at"),
            ("heals", "diagnosed_at"),
            ("proposals", "created_at"),
            ("events", "at"),
            ("decisions", "at"),
        ):
            session.execute(text(f"UPDATE {table} SET {column} = {column} - make_interval(days => {days})"))


@pytest.fixture
def picture_takes(world):
    """Let Slack look at pictures for so many seconds."""
    pace = world.slack.pace

    def take(seconds):
        object.__setattr__(pace, "file_processing", seconds)

    yield take
    take(0.0)


def has_looked(world):
    """Slack is done with every picture that it looks at."""
    for file in world.slack.workspace.files.values():
        file.ready_at = 0.0


def test_the_figures_are_those_of_the_week(world):
    for branch in ("a", "b"):
        _, heal = world.fail(branch=branch)
        world.propose(heal, fingerprint=branch)
    age(world, 8)
    incident, heal = world.fail(branch="c")
    world.propose(heal, fingerprint="c")
    world.fail(branch="d")
    world.succeed(branch="d")

    found = week(world)

    assert (found.figures.failures, found.before.failures) == (2, 2)
    assert (found.figures.signatures, found.before.signatures) == (1, 2)
    assert (found.figures.verified, found.before.verified) == (1, 2)
    assert sum(day.new for day in found.days) == 2
    assert sum(day.fixed for day in found.days) == 1
    assert found.figures.seconds_to_green is not None
    assert len(found.pending) == 3
    assert found.pending[-1].incident == incident


def test_a_channels_digest_is_about_its_repositories(world):
    world.fail()
    end = NOW + timedelta(hours=1)
    week_long = {"start": end - timedelta(days=7), "end": end, "zone": "UTC", "minutes_per_fix": 45}

    assert read_digest(world.db, (("github", "acme/*"),), **week_long).figures.failures == 1
    assert read_digest(world.db, (("github", "ACME/Ledger"),), **week_long).figures.failures == 1
    assert read_digest(world.db, (("github", "acme/led"),), **week_long).figures.failures == 0
    assert read_digest(world.db, (("github", "acm_/*"),), **week_long).figures.failures == 0
    assert read_digest(world.db, (), **week_long).figures.failures == 0


def test_a_public_channel_hears_nothing_of_a_private_repository(world):
    from sqlalchemy import text

    world.fail()
    with world.db.transaction() as session:
        session.execute(text("UPDATE failures SET private = true"))
    end = NOW + timedelta(hours=1)
    week_long = {"start": end - timedelta(days=7), "end": end, "zone": "UTC", "minutes_per_fix": 45}
    ours = (("github", "acme/ledger"),)

    assert read_digest(world.db, ours, private=None, **week_long).figures.failures == 1
    assert read_digest(world.db, ours, private=ours, **week_long).figures.failures == 1
    assert read_digest(world.db, ours, private=(), **week_long).nothing
    set_repo_rules(world.db, Repo("github", "acme/ledger"), RepoRules(public=True), author="ana")
    assert read_digest(world.db, ours, private=(), **week_long).figures.failures == 1


def test_it_is_posted_once_with_its_picture_and_review_buttons(world, digest):
    _, heal = world.fail()
    world.propose(heal)
    age(world, 2)
    due = datetime.combine(NOW.date(), time(), tzinfo=UTC)

    for minutes in (1, 2, 600):
        come(world, digest, due + timedelta(minutes=minutes))

    assert len(posted(world)) == 1
    message = posted(world)[0]
    picture = next(block for block in message.blocks if block["type"] == "image")
    assert "1 new" in picture["alt_text"]
    file = world.slack.workspace.files[picture["slack_file"]["id"]]
    assert Image.open(io.BytesIO(file.content)).size == (1200, 520)
    assert "Waits for approval: PP-1" in message.text
    assert "hours saved 0.0 = 0 that held × 45 min" in json.dumps(message.blocks, ensure_ascii=False)


def test_a_picture_that_slack_still_looks_at_is_waited_for(world, digest, picture_takes):
    world.fail()
    age(world, 2)
    picture_takes(3_600.0)
    due = datetime.combine(NOW.date(), time(), tzinfo=UTC)

    for _ in range(3):
        come(world, digest, due)
        assert not posted(world)
    has_looked(world)
    come(world, digest, due)

    assert any(block["type"] == "image" for block in posted(world)[0].blocks)
    assert len(world.slack.workspace.files) == 1


def test_a_picture_that_never_comes_is_left_out_and_the_words_remain(world, digest, picture_takes):
    world.fail()
    age(world, 2)
    picture_takes(3_600.0)
    due = datetime.combine(NOW.date(), time(), tzinfo=UTC)

    for _ in range(17):
        come(world, digest, due)

    assert len(posted(world)) == 1
    assert not any(block["type"] == "image" for block in posted(world)[0].blocks)
    assert "Failures: 1" in posted(world)[0].text


def test_one_that_is_days_late_comes_once_and_so_does_the_next(world, digest):
    world.fail()
    due = datetime.combine(NOW.date(), time(), tzinfo=UTC)

    for late in (timedelta(days=4), timedelta(days=6), timedelta(days=7)):
        come(world, digest, due + late)
        come(world, digest, due + late)

    assert len(posted(world)) == 2
    assert unsent_digests(world.db) == []


def test_what_a_channel_could_not_take_gives_way_to_the_next(world, digest):
    world.fail()
    due = datetime.combine(NOW.date(), time(), tzinfo=UTC)
    world.slack.archive("ci")

    come(world, digest, due)
    come(world, digest, due + timedelta(days=7))

    [left] = unsent_digests(world.db)
    assert left.due == due + timedelta(days=7)
    assert "archived" in left.error


def test_who_does_not_want_it_any_more_is_sent_none(world):
    world.fail()
    ours = {"team": world.slack.team_id, "channel": world.channel, "host": "github", "repo": "acme/ledger"}
    subscribe(world.db, Subscription(**ours, private=False, digest=TODAY))
    off = WeeklyDigest(world.db, lambda: world.delivery, home="#ci", at=None, zone="UTC", minutes_per_fix=45)
    mark(world, NOW)
    assert len(unsent_digests(world.db)) == 2

    unsubscribe(world.db, **ours)
    off.tick(world.delivery)

    assert not posted(world)
    assert unsent_digests(world.db) == []
    assert mark_due_digests(world.db, now=NOW + timedelta(days=14)) == []


def test_before_the_first_failure_ever_there_is_nothing_to_tell(world, digest):
    come(world, digest, NOW)

    assert not posted(world)


def test_a_quiet_week_is_one_line(world, digest):
    world.fail()
    world.succeed()
    age(world, 30)

    come(world, digest, NOW)

    assert "all quiet" in posted(world)[0].text
    assert len(posted(world)[0].blocks) == 1


def test_a_channel_gets_its_digest_at_its_own_time(world, digest):
    other = world.slack.add_channel("other", members=["ana"])
    world.slack.invite("other", world.slack.workspace.apps["A1"].bot_user)
    subscribe(
        world.db,
        Subscription(
            team=world.slack.team_id,
            channel=other,
            private=False,
            host="github",
            repo="acme/ledger",
            digest=DigestTime(NOW.weekday(), time(12)),
            zone="Europe/Berlin",
        ),
    )
    world.fail()
    noon = datetime.combine(NOW.date(), time(12), tzinfo=UTC)

    come(world, digest, noon - timedelta(hours=4))
    assert not world.slack.messages(other)
    come(world, digest, noon)

    assert len(world.slack.messages(other)) == 1


def test_preview_says_it_and_now_posts_it(world, digest):
    world.fail()
    add_mute(
        world.db,
        Repo("github", "acme/ledger"),
        incident=None,
        test="test_*",
        why="known",
        author="ana",
        length=timedelta(days=2),
    )

    said = digest.preview(asked(world)).text
    assert "Failures: 1 (was 0)" in said
    assert "Mute of acme/ledger test_* by @ana" in said
    assert not posted(world)
    assert digest.post(asked(world, now=True)) == "The digest is posted."
    assert len(posted(world)) == 1
    assert "subscribed to nothing" in digest.preview(asked(world, "C0OTHER", home=False)).text


def previewed(world, digest):
    """What somebody sees who types it; Slack has it acknowledged before anything is uploaded."""
    world.parts.door.digests = digest
    world.fail()
    assert world.slack.slash("ana", world.channel, "/patchpilot digest preview").ok
    world.until(lambda: bool(world.slack.ephemerals("ana")))
    return world.slack.ephemerals("ana")[-1]


def pictures(message):
    return [block for block in message.blocks if block["type"] == "image"]


def test_a_typed_preview_shows_the_picture_with_its_words(world, digest, picture_takes):
    picture_takes(0.5)

    message = previewed(world, digest)

    (picture,) = pictures(message)
    file = world.slack.workspace.files[picture["slack_file"]["id"]]
    assert Image.open(io.BytesIO(file.content)).format == "PNG"
    assert not file.shared_in
    assert "1 new" in picture["alt_text"]
    assert "Failures: 1 (was 0)" in message.text
    assert "picture is missing" not in message.text
    assert not posted(world)


def test_a_preview_whose_picture_slack_does_not_take_says_so(world, digest):
    world.slack.inject("files.getUploadURLExternal", "500")

    message = previewed(world, digest)

    assert not pictures(message)
    assert "picture is missing" in message.text
    assert "Failures: 1 (was 0)" in message.text


def test_a_preview_whose_picture_is_never_ready_comes_in_words(world, digest, picture_takes, monkeypatch):
    monkeypatch.setattr("bot.slack.app._PICTURE_WAITS", (0.0, 0.0, 0.0))
    picture_takes(600)

    message = previewed(world, digest)

    assert not pictures(message)
    assert "picture is missing" in message.text
    assert "Failures: 1 (was 0)" in message.text


def test_what_is_asked_for_shows_no_more_than_what_comes_by_itself(world, digest):
    from sqlalchemy import text

    world.fail()
    with world.db.transaction() as session:
        session.execute(text("UPDATE failures SET private = true"))
    for channel, repo, private in (
        ("C0OWNER", "acme/*", True),
        ("C0NAMED", "acme/ledger", True),
        ("C0OPENED", "acme/ledger", True),
        ("C0CLOSED", "acme/ledger", False),
    ):
        subscribe(
            world.db,
            Subscription(
                team=world.slack.team_id, channel=channel, private=private, host="github", repo=repo
            ),
        )

    def said(channel, *, private):
        return digest.preview(asked(world, channel, home=False, private=private)).text

    owners = {"host": "github", "repo": "acme/*", "private": True}
    subscribe(world.db, Subscription(team=world.slack.team_id, channel="C0BOTH", **owners))
    subscribe(
        world.db, Subscription(team=world.slack.team_id, channel="C0BOTH", **owners | {"repo": "acme/ledger"})
    )

    assert "Failures: 1" in said("C0NAMED", private=True)
    # An owner's subscription beside it takes nothing away from what was subscribed to by its name.
    assert "Failures: 1" in said("C0BOTH", private=True)
    assert "Failures: 1" not in said("C0BOTH", private=False)
    for channel, private in (("C0OWNER", True), ("C0OPENED", False), ("C0CLOSED", True)):
        assert "Failures: 1" not in said(channel, private=private), channel


def test_a_digest_that_was_asked_for_waits_for_its_picture(world, digest, picture_takes):
    world.fail()
    picture_takes(3_600.0)

    assert digest.post(asked(world, now=True)) == "The digest is on its way."
    digest.post_asked(world.delivery)
    assert not posted(world)
    has_looked(world)
    digest.post_asked(world.delivery)

    assert any(block["type"] == "image" for block in posted(world)[0].blocks)


def test_review_shows_the_proposal_to_the_one_who_asks(world, digest):
    _, heal = world.fail()
    world.propose(heal)
    digest.post(asked(world, now=True))

    world.slack.press("ana", world.channel, posted(world)[0].ts, "review")
    world.until(lambda: bool(world.slack.ephemerals("ana")))

    shown = world.slack.ephemerals("ana")[-1]
    assert "needs approval" in shown.text
    assert world.buttons(shown) == ["approve", "retry", "reject", "escalate"]


def test_what_is_asked_for_is_of_the_channels_days_not_of_the_askers(world, digest):
    world.fail()
    subscribe(
        world.db,
        Subscription(
            team=world.slack.team_id,
            channel=world.channel,
            private=False,
            host="github",
            repo="acme/ledger",
            digest=TODAY,
            zone="Asia/Tokyo",
        ),
    )
    one = asked(world, home=False, now=True)
    traveller = replace(one, actor=replace(one.actor, zone="America/New_York"))

    assert digest.post(traveller) == "The digest is posted."

    assert "Days are those of Asia/Tokyo" in json.dumps(posted(world)[0].blocks)


def test_a_channel_that_was_opened_since_gets_its_digest_without_private_repositories(world, digest):
    closed = world.slack.add_channel("closed", members=["ana"], private=True)
    world.slack.invite("closed", world.parts_bot)
    rule = {"channel": closed, "host": "github", "repo": "acme/ledger", "private": True, "digest": TODAY}
    subscribe(world.db, Subscription(team=world.slack.team_id, **rule))
    world.fail(private=True)
    age(world, 2)
    due = datetime.combine(NOW.date(), time(), tzinfo=UTC)
    come(world, digest, due + timedelta(minutes=1))
    assert "Failures: 1" in world.slack.messages(closed)[0].text

    world.slack.workspace.channel("closed").private = False
    world.delivery._private.clear()
    world.fail(private=True, workflow="Other")
    come(world, digest, due + timedelta(days=7, minutes=1))

    assert "Failures: 1" not in world.slack.messages(closed)[1].text


@pytest.fixture
def copy(world, digest):
    """An approval card that only ana was shown, by Review."""
    _, heal = world.fail()
    world.propose(heal)
    digest.post(asked(world, now=True))
    world.slack.press("ana", world.channel, posted(world)[0].ts, "review")
    world.until(lambda: bool(world.slack.ephemerals("ana")))
    return world.slack.ephemerals("ana")[-1]


def test_a_press_on_a_copy_is_answered_and_the_copy_shows_what_came_of_it(world, copy):
    world.slack.press("ana", world.channel, copy.ts, "approve")

    world.until(lambda: "Approved by @ana" in copy.text)
    assert not world.buttons(copy)
    assert "PP-1 is approved" in world.slack.ephemerals("ana")[-1].text


def test_a_form_that_was_opened_from_a_copy_is_answered_there_too(world, copy):
    world.slack.press("ana", world.channel, copy.ts, "reject")
    world.until(lambda: world.slack.modal("ana") is not None)
    world.slack.submit_view("ana", world.slack.modal("ana").id, {"reason": "wrong_fix"})

    world.until(lambda: "Rejected by @ana" in copy.text)
    assert not world.buttons(copy)
    assert "PP-1 is rejected" in world.slack.ephemerals("ana")[-1].text


def test_a_copy_of_what_was_sent_back_offers_nothing_of_the_newer_proposal(world, copy):
    world.propose_anew(1)

    world.slack.press("ana", world.channel, copy.ts, "approve")

    world.until(lambda: "newer proposal" in copy.text)
    assert not world.buttons(copy)
    assert "outdated" in world.slack.ephemerals("ana")[-1].text


def test_a_refused_press_leaves_the_copy_as_it_is(world, copy):
    world.permissions.of["ana"] = Permission.READ

    world.slack.press("ana", world.channel, copy.ts, "approve")

    world.until(lambda: "may not approve" in world.slack.ephemerals("ana")[-1].text)
    assert world.buttons(copy) == ["approve", "retry", "reject", "escalate"]
