"""Linking an account: from an unlinked click through GitHub's sign-in and back, in a browser's steps."""

from __future__ import annotations

import hashlib
import hmac
import json
import re

import httpx
import pytest
from sqlalchemy import text

from patchpilot.heals import HealState
from patchpilot.source import Permission
from storage.incidents import snapshot
from storage.links import linked


@pytest.fixture
def sign_in(github_to_sign_in_at):
    return github_to_sign_in_at


def offered(world, who: str) -> str:
    """The address on the button that only this person sees."""
    world.until(lambda: bool(world.slack.ephemerals(who)))
    message = world.slack.ephemerals(who)[-1]
    buttons = [e for b in message.blocks if b["type"] == "actions" for e in b["elements"]]
    assert buttons[0]["accessibility_label"] == "Link my account with the code host"
    return buttons[0]["url"]


def dans(world):
    return linked(world.db, medium="slack", team=world.slack.team_id, account=world.users["dan"])


def test_an_unlinked_approve_goes_on_after_the_sign_in(world, go_through):
    world.permissions.of["dan"] = Permission.WRITE
    incident, heal = world.fail()
    world.propose(heal)
    world.show()
    world.slack.press("dan", world.channel, world.items()["approval"].ts, "approve")

    page = go_through(offered(world, "dan"), "dan")

    assert "You are <b>@dan</b>" in page.text
    assert "is approved" in page.text
    assert (dans(world).login, dans(world).id is not None) == ("dan", True)
    found = snapshot(world.db, incident).heal
    assert found.state is HealState.OPENING_PR
    assert [(one.verb, one.actor) for one in found.decisions] == [("approve", "dan")]


def test_what_goes_on_is_authorised_then(world, go_through):
    incident, heal = world.fail()
    world.propose(heal)
    world.show()
    world.slack.press("dan", world.channel, world.items()["approval"].ts, "approve")

    page = go_through(offered(world, "dan"), "eva")

    assert "@eva may not approve" in page.text
    assert snapshot(world.db, incident).heal.state is HealState.AWAITING_APPROVAL


def test_a_typed_approve_goes_on_after_the_sign_in_for_what_waited_then(world, go_through):
    world.permissions.of["dan"] = Permission.WRITE
    incident, heal = world.fail()
    world.propose(heal)
    world.slack.slash("dan", world.channel, f"/patchpilot approve PP-{incident}")

    assert "is approved" in go_through(offered(world, "dan"), "dan").text
    assert snapshot(world.db, incident).heal.state is HealState.OPENING_PR


def test_a_typed_approve_approves_nothing_that_was_proposed_during_the_sign_in(world, go_through):
    world.permissions.of["dan"] = Permission.WRITE
    incident, heal = world.fail()
    world.propose(heal)
    world.slack.slash("dan", world.channel, f"/patchpilot approve PP-{incident}")
    url = offered(world, "dan")
    newer = world.propose_anew(incident)

    assert "has another proposal now" in go_through(url, "dan").text
    found = snapshot(world.db, incident).heal
    assert (found.state, found.approval_id) == (HealState.AWAITING_APPROVAL, newer)


def test_a_typed_approve_of_nothing_approves_no_first_proposal_either(world, go_through):
    world.permissions.of["dan"] = Permission.WRITE
    incident, heal = world.fail()
    world.slack.slash("dan", world.channel, f"/patchpilot approve PP-{incident}")
    url = offered(world, "dan")
    world.propose(heal)

    assert "has another proposal now" in go_through(url, "dan").text
    assert snapshot(world.db, incident).heal.state is HealState.AWAITING_APPROVAL


def test_a_link_works_once_and_a_new_one_can_be_had_at_any_time(world, go_through):
    world.slack.slash("dan", world.channel, "/patchpilot link")
    url = offered(world, "dan")

    assert go_through(url, "dan").status_code == 200
    assert go_through(url, "eva").status_code == 410
    world.slack.slash("dan", world.channel, "/patchpilot link")
    world.until(lambda: len(world.slack.ephemerals("dan")) == 2)
    assert go_through(offered(world, "dan"), "eva").status_code == 200
    assert dans(world).login == "eva"


def test_a_link_is_too_old_after_ten_minutes(world, go_through):
    world.slack.slash("dan", world.channel, "/patchpilot link")
    url = offered(world, "dan")
    with world.db.transaction() as session:
        session.execute(text("UPDATE link_requests SET created_at = now() - interval '11 minutes'"))

    assert go_through(url, "dan").status_code == 410
    assert dans(world) is None


def test_a_link_that_was_sent_to_somebody_else_links_nothing_without_their_click(world):
    """Whoever follows GitHub's own address, or comes from another site's form, was never asked."""
    world.slack.slash("dan", world.channel, "/patchpilot link")
    url = offered(world, "dan")
    page = httpx.get(url)
    state = re.search(r'name="state" value="([^"]+)"', page.text)[1]
    assert "<b>dan</b>" in page.text

    # Another site's form brings no cookie of ours.
    assert httpx.post(url.partition("?")[0], data={"state": state}).status_code == 410
    # The address that dan was led on to, sent to eva: her browser never pressed the button.
    with httpx.Client() as dans_browser:
        dans_browser.get(url)
        onward = dans_browser.post(url.partition("?")[0], data={"state": state}).headers["location"]
    with httpx.Client(follow_redirects=True) as evas_browser:
        consent = evas_browser.get(onward)
        fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', consent.text))
        end = evas_browser.post(str(consent.url.copy_with(query=None)), data=fields | {"login": "eva"})

    assert end.status_code == 403
    assert dans(world) is None


@pytest.mark.browser
def test_the_whole_way_in_a_browser(world, browser):
    world.permissions.of["dan"] = Permission.WRITE
    incident, heal = world.fail()
    world.propose(heal)
    world.show()
    world.slack.press("dan", world.channel, world.items()["approval"].ts, "approve")
    page = browser.new_page()

    page.goto(offered(world, "dan"))
    assert "links the Slack account dan" in page.inner_text("body")
    page.get_by_role("button", name="I am dan").click()
    page.get_by_role("button", name="Sign in as dan").click()
    page.get_by_role("heading", name="Linked").wait_for()

    assert "is approved" in page.inner_text("body")
    assert dans(world).login == "dan"
    assert snapshot(world.db, incident).heal.state is HealState.OPENING_PR
    page.close()


def test_a_cancelled_sign_in_links_nothing(world, go_through):
    world.slack.slash("dan", world.channel, "/patchpilot link")

    assert "access_denied" in go_through(offered(world, "dan"), "").text
    assert dans(world) is None


def test_whoami_and_unlink(world):
    for line in ("whoami", "unlink", "whoami"):
        count = len(world.slack.ephemerals("ana"))
        world.slack.slash("ana", world.channel, f"/patchpilot {line}")
        world.until(lambda count=count: len(world.slack.ephemerals("ana")) > count)

    told = [message.text for message in world.slack.ephemerals("ana")]
    assert "You are @ana on GitHub" in told[0]
    assert "Forgotten" in told[1]
    assert "not linked" in told[2]


def push_by(world, address: str, login: str) -> None:
    """GitHub says, in a signed webhook, whose commits carry an address."""
    repository = {"id": 1, "full_name": "acme/ledger", "default_branch": "main", "private": False}
    body = json.dumps(
        {
            "ref": "refs/heads/main",
            "commits": [{"message": "Work", "author": {"name": "x", "email": address, "username": login}}],
            "repository": repository,
            "sender": {"login": login, "id": 9, "type": "User"},
        }
    ).encode()
    signature = hmac.new(b"webhook-secret", body, hashlib.sha256).hexdigest()
    headers = {
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": hashlib.sha256(body).hexdigest()[:32],
        "X-Hub-Signature-256": f"sha256={signature}",
    }
    assert httpx.post(f"{world.url}/api/webhooks/github", content=body, headers=headers).status_code == 202


def told(world, who: str, line: str) -> str:
    count = len(world.slack.ephemerals(who))
    world.slack.slash(who, world.channel, f"/patchpilot {line}")
    world.until(lambda: len(world.slack.ephemerals(who)) > count)
    return world.slack.ephemerals(who)[-1].text


def test_an_address_of_commits_suggests_the_account_and_links_nothing(world, go_through):
    world.permissions.of["dans-account"] = Permission.WRITE
    incident, heal = world.fail()
    world.propose(heal)
    assert "Commits with your e-mail address" not in told(world, "dan", "link")
    push_by(world, "Dan@acme.test", "dans-account")

    refused = told(world, "dan", f"approve PP-{incident}")

    assert "Commits with your e-mail address are @dans-account's" in refused
    assert "not linked" in refused
    assert "@dans-account" in told(world, "dan", "link")
    assert snapshot(world.db, incident).heal.state is HealState.AWAITING_APPROVAL
    assert dans(world) is None
    # Whom they sign in as decides, whatever was suggested.
    go_through(offered(world, "dan"), "eva")
    assert dans(world).login == "eva"
    assert "@dans-account" not in told(world, "dan", "link")


def test_the_home_tab_suggests_it_too(world):
    push_by(world, "dan@acme.test", "dans-account")
    world.slack.open_home("dan", "A1")
    world.until(lambda: world.slack.home("dan") is not None)

    assert "@dans-account" in json.dumps(world.slack.home("dan").definition)


def test_an_opened_home_tab_shows_the_new_link(world, go_through):
    world.slack.open_home("dan", "A1")
    world.until(lambda: world.slack.home("dan") is not None)
    world.slack.slash("dan", world.channel, "/patchpilot link")

    go_through(offered(world, "dan"), "dan")

    world.until(lambda: "as @dan on" in json.dumps(world.slack.home("dan").definition))


def test_a_guest_is_refused_and_nothing_is_suggested_to_them(world):
    push_by(world, "dan@acme.test", "dans-account")
    world.slack.workspace.users[world.users["dan"]].is_guest = True

    said = told(world, "dan", "link")

    assert "You are a guest here" in said
    assert "dans-account" not in said


def test_no_address_lies_in_the_database(world):
    push_by(world, "dan@acme.test", "dans-account")
    push_by(world, "7+dan@users.noreply.github.com", "dan")
    push_by(world, "dan@acme.test", "not a login")

    with world.db.transaction() as session:
        (row,) = session.execute(text("SELECT address_sha256, login FROM known_addresses")).all()
    assert row.login == "dans-account"
    assert "acme" not in row.address_sha256
