"""The bot's own messages, forms, digest and Home tab in a real browser, pressed by people of the playground.

``CONVERSATION_SHOTS=folder`` keeps pictures of what is seen.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect

from bot.slack.digest import WeeklyDigest
from patchpilot.asking import Asked, Place
from patchpilot.commands import Actor, Medium
from patchpilot.fixes import GuardFinding, Severity
from patchpilot.grammar import Digest, Way
from patchpilot.heals import HealState
from playground.serving import free_port, served
from playground.web.github_view import NoGitHub
from playground.web.page import router
from storage.incidents import snapshot

pytestmark = pytest.mark.browser
SHOTS = os.environ.get("CONVERSATION_SHOTS", "")
RISK = GuardFinding(
    rule="lockfile-changed", path="uv.lock", line=3, message="pins move", severity=Severity.OVERRIDE
)
LONG = "".join(f"+line {number}\n" for number in range(90))
DIFF = f"diff --git a/money.py b/money.py\n--- a/money.py\n+++ b/money.py\n@@ -1 +1,91 @@\n import os\n{LONG}"


@pytest.fixture
def page(browser: Browser, world) -> Iterator[Page]:
    """The playground's page, opened by Ana; nothing may go wrong in it."""
    app, port = FastAPI(), free_port()
    app.include_router(router(world.slack, NoGitHub()))
    with served(app, port=port):
        context = browser.new_context(viewport={"width": 1440, "height": 1400}, locale="en-GB")
        opened = context.new_page()
        opened.set_default_timeout(30_000)
        problems: list[str] = []
        opened.on("pageerror", lambda error: problems.append(str(error)))
        opened.goto(f"http://127.0.0.1:{port}/")
        opened.get_by_role("status").get_by_text("live").wait_for()
        yield opened
        context.close()
        assert problems == []


def shot(page: Page, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SHOTS}/{name}.png")


def open_thread(page: Page):
    channel = page.get_by_role("region", name="Channel")
    card = channel.get_by_role("article").filter(has_text="CI failing · acme/ledger · main").first
    card.get_by_role("link", name=re.compile("repl(y|ies)")).click()
    return page.get_by_role("complementary", name="Thread")


def test_a_risky_patch_is_approved_with_a_second_look(page, world):
    incident, heal = world.fail()
    world.propose(heal, diff=DIFF, findings=(RISK,))
    world.show()
    thread = open_thread(page)
    expect(thread.get_by_text("fix.patch").first).to_be_visible()
    expect(thread.get_by_text("Risk").first).to_be_visible()
    shot(page, "thread")

    thread.get_by_role("button", name="Approve fix PP-1").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("With your approval you override them")).to_be_visible()
    shot(page, "approve-form")
    dialog.get_by_label("Base branch").fill("release")
    dialog.get_by_label("Reviewers (optional)", exact=True).select_option(label="Ben (@ben)")
    dialog.get_by_label("Reviewers by login").fill("cleo")
    dialog.get_by_role("button", name="Approve", exact=True).click()

    world.until(lambda: snapshot(world.db, incident).heal.state is HealState.OPENING_PR)
    assert snapshot(world.db, incident).heal.decisions[0].options == {
        "draft": "yes",
        "base": "release",
        "reviewers": "ben,cleo",
    }
    world.show()
    expect(thread.get_by_text(re.compile("Approved.*by @.*ana")).first).to_be_visible()


def test_the_cards_menu_and_the_reasons_for_a_rejection(page, world):
    incident, heal = world.fail()
    world.propose(heal)
    world.show()
    channel = page.get_by_role("region", name="Channel")
    card = channel.get_by_role("article").filter(has_text="CI failing · acme/ledger · main").first
    card.get_by_role("button", name="I'm on it (PP-1)").click()
    world.until(lambda: bool(world.show() or "is on it" in world.card().text))
    expect(card.get_by_role("button", name="Hand back PP-1")).to_be_visible()
    card.get_by_role("button", name="More actions").click()
    expect(card.get_by_role("menuitem", name="Mute…")).to_be_visible()
    shot(page, "card-menu")

    card.get_by_role("menuitem", name="Not a bug…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Why?")).to_have_value("not_a_bug")
    dialog.get_by_label("Note").fill("meant to fail")
    shot(page, "reject-form")
    dialog.get_by_role("button", name="Reject", exact=True).click()

    world.until(lambda: snapshot(world.db, incident).heal.state is HealState.REJECTED)
    assert "meant to fail" in snapshot(world.db, incident).heal.decisions[0].text


def test_the_digest_shows_its_picture_and_review_opens_the_proposal(page, world):
    for branch in ("main", "a", "b"):
        _, heal = world.fail(branch=branch)
        world.propose(heal, fingerprint=branch)
    digest = WeeklyDigest(
        world.db, lambda: world.delivery, home="#ci", at=None, zone="UTC", minutes_per_fix=45
    )
    digest.post(
        Asked(
            request=Digest(now=True),
            actor=Actor(medium=Medium.SLACK, name=world.users["ana"]),
            way=Way.SLASH,
            place=Place(team=world.slack.team_id, channel=world.channel, home=True),
        )
    )

    picture = page.get_by_role("img", name=re.compile("Stacked bars of incidents per day"))
    expect(picture).to_be_visible()
    expect(picture).to_have_js_property("naturalWidth", 1200)
    shot(page, "digest")
    page.get_by_role("button", name="Review fix PP-1").click()

    expect(page.get_by_text("Confidence: high").first).to_be_visible()
    shot(page, "review")


def test_the_home_tab_lists_what_waits(page, world):
    _, heal = world.fail()
    world.propose(heal)
    world.slack.open_home("ana", "A1")
    world.until(lambda: world.slack.home("ana") is not None)
    page.get_by_role("navigation").get_by_text("patchpilot", exact=False).first.click()

    expect(page.get_by_text("Waits for your approval").first).to_be_visible()
    expect(page.get_by_role("button", name="Review fix PP-1").first).to_be_visible()
    shot(page, "home")
