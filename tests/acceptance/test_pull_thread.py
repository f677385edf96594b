"""The conversation on a pull request, from its red CI on, on real processes."""

from __future__ import annotations

import dataclasses
import os

import pytest
from playwright.sync_api import expect

from patchpilot.heals import HealState
from playground.samples import LEDGER

pytestmark = pytest.mark.acceptance
READER = "lars"
SHOTS = os.environ.get("CONVERSATION_SHOTS", "")
COMMENT = "<!-- patchpilot:pull -->"


@pytest.fixture
def pull(stage, renamed, request):
    """A pull request whose CI is red, the heal of which waits for approval."""
    github = stage.town.github
    sample = renamed(LEDGER, f"ledger-{len(request.node.name)}")
    sample = dataclasses.replace(sample, people={**sample.people, READER: "read"})
    green = sample.create(github)
    assert github.wait_for_ci(sample.full_name, green) == "success"
    red = github.push(
        sample.full_name,
        "rounding",
        author=sample.breakage.author,
        message=sample.breakage.message,
        files=sample.breakage.files,
    )
    number = github.open_pull_request(
        sample.full_name, head="rounding", base="main", title="Round at the end", by=sample.breakage.author
    )
    assert github.wait_for_ci(sample.full_name, red) == "failure"
    stage.reach(red, HealState.AWAITING_APPROVAL)
    return Pull(stage, sample.full_name, number, red)


class Pull:
    def __init__(self, stage, repo, number, sha):
        self.stage, self.github, self.repo, self.number, self.sha = (
            stage,
            stage.town.github,
            repo,
            number,
            sha,
        )

    def card(self):
        repos = {one.full_name: one for one in self.github.snapshot()}
        return next(one for one in repos[self.repo].pulls if one.number == self.number)

    def says(self, by, body):
        """Write a comment; returns its id."""
        return self.github.comment(self.repo, self.number, by=by, body=body)

    def reactions(self, comment):
        found = next(one for one in self.card().comments if one.id == comment)
        return {name for name, _ in found.reactions}

    def ours(self):
        return [one.body for one in self.card().comments if one.bot]

    def sticky(self):
        return "\n".join(body for body in self.ours() if COMMENT in body)

    def check(self):
        return next((one for one in self.card().checks if one.name == "PatchPilot"), None)

    def until(self, look, what):
        return self.stage.wait(look, what)


def test_people_and_patchpilot_talk_on_the_pull_request(pull):
    pull.until(lambda: "Needs approval" in pull.sticky(), "the comment")
    assert len(pull.ours()) == 1
    pull.until(lambda: pull.check() and pull.check().state == "neutral", "the check run")
    assert [identifier for identifier, _, _ in pull.check().actions] == ["retry", "escalate"]

    asked = pull.says("ana", "Hm.\n\n@patchpilot explain")
    pull.until(lambda: pull.reactions(asked) == {"rocket"}, "the answer's reaction")
    answers = [body for body in pull.ours() if COMMENT not in body]
    assert len(answers) == 1
    assert "Cause:" in answers[0]

    quoted = pull.says("ana", "> @patchpilot approve\nis what Ben wrote; `@patchpilot approve` is how")
    stranger = pull.says(READER, "@patchpilot approve")
    pull.until(lambda: pull.reactions(stranger) == {"-1"}, "the refusal")
    assert f"👎 `{READER}` asked for `approve`" in pull.sticky()
    assert "People with write access" in pull.sticky()
    assert pull.reactions(quoted) == set()
    assert pull.stage.job(pull.sha)["state"] == HealState.AWAITING_APPROVAL

    pull.github.request_action(pull.repo, pull.check().id, "retry", by="ana")
    pull.until(lambda: pull.stage.job(pull.sha)["decisions"], "the retry")
    decision = pull.stage.job(pull.sha)["decisions"][-1]
    assert (decision["verb"], decision["actor"], decision["medium"]) == ("retry", "ana", "pull request")
    pull.until(lambda: "🚀 `ana` asked for `retry`" in pull.sticky(), "the retry's end")
    assert len(pull.ours()) == 2


@pytest.mark.browser
def test_people_do_the_same_in_a_browser(pull, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 1500}, locale="en-GB")
    page.set_default_timeout(60_000)
    page.goto(f"{pull.stage.town.url}/{pull.repo}/pull/{pull.number}")
    ours = page.locator("section.comment").filter(has_text="You can type, at the start of a line")
    expect(ours).to_contain_text("Needs approval")
    ours.get_by_text("Patch", exact=True).click()
    expect(ours).to_contain_text("diff --git")

    page.get_by_role("textbox", name="Comment").fill("@patchpilot explain")
    page.get_by_role("button", name="Comment", exact=True).click()
    asked = page.locator("section.comment").filter(has_text="@patchpilot explain").filter(has_text="🚀")
    expect(asked.first).to_be_visible()
    expect(page.locator("section.comment").filter(has_text="Evidence from the log:")).to_be_visible()
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/pull-request.png")

    checks = page.locator("section.checks .check").filter(has_text="PatchPilot")
    checks.get_by_role("button", name="Escalate").click()
    expect(ours).to_contain_text("asked for escalate")
    expect(page.locator("section.comment").filter(has_text="Needs a human")).to_be_visible()
    expect(checks.get_by_role("button", name="Propose fix")).to_be_visible()
    page.close()


def test_an_approval_in_a_comment_hands_the_fix_over_on_the_pull_request(pull):
    approved = pull.says("ana", "Looks right.\n\n@patchpilot approve")
    pull.until(lambda: pull.reactions(approved) == {"eyes", "rocket"}, "the fix to be handed over")
    job = pull.stage.job(pull.sha)

    assert job["state"] == HealState.PR_OPEN
    assert job["decisions"][-1]["medium"] == "pull request"
    pull.until(lambda: f"The fix: {job['pull_request_url']}" in pull.sticky(), "the address of the fix")
    assert "🚀 `ana` asked for `approve`" in pull.sticky()
