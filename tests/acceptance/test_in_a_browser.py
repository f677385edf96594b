"""The whole conversation in a real browser, on real processes: from subscribing to the digest.

``SCREENSHOTS=folder`` keeps pictures of it; those in the documentation are made so (``make screenshots``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from patchpilot.heals import HealState
from playground.anthropic import ScriptedAnthropic, ToolCall, says, uses
from playground.samples import CHECKOUT
from playground.stage import Stage

pytestmark = [pytest.mark.acceptance, pytest.mark.browser]
SHOTS = os.environ.get("SCREENSHOTS", "")
PATIENCE = 45_000
"""How long an answer may take on a machine that is busy, in milliseconds."""


@pytest.fixture
def opened(browser: Browser, stage) -> Iterator[object]:
    """Opens the playground's page for one person; nothing may go wrong in it."""
    problems: list[str] = []
    contexts = []

    def open_page(person: str) -> Page:
        context = browser.new_context(viewport={"width": 1360, "height": 860}, locale="en-GB")
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(stage.town.url)
        page.get_by_role("status").get_by_text("live").wait_for()
        page.get_by_label("Acting as").select_option(label=person)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def shot(page: Page, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.mouse.move(0, 0)
        page.screenshot(path=f"{SHOTS}/{name}.png", animations="disabled")


def channel(page: Page) -> Locator:
    return page.get_by_role("region", name="Channel")


def thread(page: Page) -> Locator:
    return page.get_by_role("complementary", name="Thread")


def type_command(page: Page, text: str) -> None:
    box = page.get_by_role("textbox", name="Message ci")
    box.fill(text)
    box.press("Enter")


def whispers(page: Page, text: str | re.Pattern[str]) -> Locator:
    return page.get_by_role("article").filter(has_text="Only visible to you").filter(has_text=text).last


def open_thread(page: Page, card: Locator) -> None:
    card.get_by_role("link", name=re.compile("repl(y|ies)")).click()
    expect(thread(page)).to_be_visible()


class Story:
    """One repository's red main, as Ana and Ben live through it."""

    def __init__(self, stage, sample, ana: Page) -> None:
        self.stage, self.sample, self.ana, self.github = stage, sample, ana, stage.town.github
        self.red = ""

    def card(self, page: Page) -> Locator:
        title = f"CI failing · {self.sample.full_name} · main"
        return channel(page).get_by_role("article").filter(has_text=title).first

    def proposal(self, *, after: str = ""):
        """The approval card's message, of a later attempt than ``after``; and the incident's name."""
        job = self.stage.reach(self.red, HealState.AWAITING_APPROVAL)
        found = self.stage.wait(
            lambda: next((one for one in [self.stage.approval(job)] if one.ts != after), None),
            "the proposal",
        )
        return found.ts, job["incident"]

    def subscribe(self) -> None:
        repo = self.sample.full_name
        # A private repository comes to a public channel only if its admins say so.
        type_command(self.ana, f"/patchpilot subscribe {repo} digest:mon@09:00")
        expect(whispers(self.ana, "is private and this channel is not")).to_be_visible(timeout=PATIENCE)
        type_command(self.ana, f"/patchpilot settings {repo} public:on")
        expect(whispers(self.ana, "it may be shown in public channels")).to_be_visible(timeout=PATIENCE)
        type_command(self.ana, f"/patchpilot subscribe {repo} digest:mon@09:00")
        expect(whispers(self.ana, "Subscribed: ")).to_be_visible(timeout=PATIENCE)
        shot(self.ana, "subscribe")

    def fail(self) -> None:
        broken = self.sample.breakage
        self.red = self.github.push(
            self.sample.full_name, "main", author=broken.author, message=broken.message, files=broken.files
        )
        assert self.github.wait_for_ci(self.sample.full_name, self.red) == "failure"
        self.proposal()
        expect(self.card(self.ana).get_by_text("Needs approval")).to_be_visible(timeout=PATIENCE)
        open_thread(self.ana, self.card(self.ana))
        shot(self.ana, "card-and-thread")

    def retry(self, hint: str) -> None:
        first, name = self.proposal()
        thread(self.ana).get_by_role("button", name=re.compile(f"^Retry fix {name}")).click()
        form = self.ana.get_by_role("dialog")
        form.get_by_label("Hint for the next attempt").fill(hint)
        shot(self.ana, "retry-with-a-hint")
        form.get_by_role("button", name="Retry", exact=True).click()
        expect(thread(self.ana).get_by_text(hint).first).to_be_visible(timeout=PATIENCE)
        self.proposal(after=first)

    def approve_twice(self, ben: Page) -> None:
        """Ben has been asked whether he is sure when Ana answers; then he says yes."""
        _, name = self.proposal()
        open_thread(ben, self.card(ben))
        thread(ben).get_by_role("button", name=re.compile(f"^Approve fix {name}")).last.click()
        sure = ben.get_by_role("dialog").get_by_role("button", name="Approve", exact=True)
        expect(sure).to_be_visible()
        thread(self.ana).get_by_role("button", name=re.compile(f"^Approve fix {name}")).last.click()
        self.ana.get_by_role("dialog").get_by_role("button", name="Approve", exact=True).click()
        approved = thread(self.ana).get_by_text(re.compile("Approved.*by @.*ana")).first
        expect(approved).to_be_visible(timeout=PATIENCE)
        expect(thread(ben).get_by_text(re.compile("Approved.*by @.*ana")).first).to_be_visible(
            timeout=PATIENCE
        )
        sure.click()
        # The day stands before the hour once it is yesterday's.
        at = "(?:[0-9-]{10} )?[0-9]{2}:[0-9]{2}"
        refusal = whispers(ben, re.compile(f"{name} was already approved by @ana at {at} UTC"))
        expect(refusal).to_be_visible(timeout=PATIENCE)
        refusal.scroll_into_view_if_needed()
        shot(ben, "second-approval")

    def ask_on_the_pull_request(self) -> None:
        job = self.stage.reach(self.red, HealState.PR_OPEN)
        repos = {one.full_name: one for one in self.github.snapshot()}
        [pull] = [one for one in repos[self.sample.full_name].pulls if one.head.startswith("patchpilot/")]
        expect(self.card(self.ana).get_by_text(f"PR #{pull.number}").first).to_be_visible(timeout=PATIENCE)
        assert job["state"] == HealState.PR_OPEN
        self.ana.get_by_role("navigation", name="Where").get_by_role("link", name="GitHub").click()
        self.ana.get_by_role("link").filter(has_text=pull.title).first.click()
        self.ana.get_by_role("textbox", name="Comment").fill("@patchpilot explain")
        self.ana.get_by_role("button", name="Comment").click()
        expect(self.ana.get_by_text(re.compile("Cause:")).first).to_be_visible(timeout=PATIENCE)
        self.ana.get_by_text("@patchpilot explain").last.scroll_into_view_if_needed()
        shot(self.ana, "pull-request")

    def look_at_the_dashboard(self, name: str) -> None:
        """The repository is private: signed out one sees nothing of it, signed in as Ana its evidence."""
        page = self.ana.context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(self.stage.town.bot_url)
        page.get_by_text("live", exact=True).wait_for()
        expect(page.get_by_role("button", name=name)).to_have_count(0)
        page.get_by_role("button", name="Sign in with GitHub").click()
        page.get_by_role("button", name="Go on to GitHub").click()
        page.get_by_role("button", name="Sign in as ana").click()
        page.get_by_role("button", name=name).click()
        expect(page.get_by_role("link", name="View pull request")).to_be_visible()
        # A cent and a half is the same sum wherever it is read.
        cost = "$0.02, 5,500 tokens"
        expect(page.get_by_text(f"cost {cost}")).to_be_visible()
        expect(self.ana.get_by_role("cell", name=cost)).to_be_visible()
        shot(page, "dashboard")
        page.close()

    def read_the_digest(self, ben: Page) -> None:
        type_command(ben, "/patchpilot digest now")
        picture = channel(ben).get_by_role("img", name=re.compile("Stacked bars of incidents per day")).last
        expect(picture).to_be_visible(timeout=PATIENCE)
        expect(picture).to_have_js_property("naturalWidth", 1200, timeout=PATIENCE)
        picture.scroll_into_view_if_needed()
        shot(ben, "digest")


FOUND = (
    '{"category": "test", "blame": "this change", "root_cause": "A basket of exactly 100.00 earns 5 %, as '
    'the threshold itself is left out.", "explanation": "The comparison is > where the tiers begin at the '
    'threshold.", "disproof": "With >= the test stays red.", "evidence": ["E       assert 5 == 10"], '
    '"suspect_files": [{"path": "checkout/discounts.py", "line": 14}]}'
)


def edit(new: str) -> ToolCall:
    return ToolCall("edit", {"path": "checkout/discounts.py", "old": "subtotal > threshold", "new": new})


SCRIPT = [
    says(FOUND),
    uses(edit("subtotal >= threshold")),
    says("Let a tier begin at its threshold."),
    uses(edit("threshold <= subtotal")),
    says("Let a tier begin at its threshold, which stands first as it does elsewhere."),
]


@pytest.fixture
def stage(start) -> Iterator[Stage]:
    """An installation of its own, whose model answers by :data:`SCRIPT`."""
    with (
        ScriptedAnthropic(SCRIPT) as claude,
        start(
            ANTHROPIC_API_KEY="sk-ant-test-0123456789",
            ANTHROPIC_BASE_URL=claude.base_url,
        ) as home,
    ):
        yield Stage(town=home.town, scenario="browser", tell=lambda note: None, auto=True)


def test_from_subscribing_to_the_digest(opened, stage):
    green = CHECKOUT.create(stage.town.github)
    assert stage.town.github.wait_for_ci(CHECKOUT.full_name, green) == "success"
    story = Story(stage, CHECKOUT, opened("Ana Ruiz"))

    story.subscribe()
    story.fail()
    story.retry("Put the threshold first, as elsewhere")
    ben = opened("Ben Okafor")
    story.approve_twice(ben)
    story.read_the_digest(ben)
    story.ask_on_the_pull_request()
    story.look_at_the_dashboard("PP-1")
