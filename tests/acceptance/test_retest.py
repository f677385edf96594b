"""main goes on while a proposal waits: it is tested anew there before anybody can approve it."""

from __future__ import annotations

import pytest

from patchpilot.heals import HealState
from playground.samples import LEDGER

pytestmark = pytest.mark.acceptance


@pytest.fixture
def outdated(stage, renamed):
    """Breaks main, waits for the proposal, and pushes ``files`` on top, which leaves main red."""

    def make(name, files):
        github, sample = stage.town.github, renamed(LEDGER, name)
        assert github.wait_for_ci(sample.full_name, sample.create(github)) == "success"
        red = sample.break_it(github)
        first = stage.approval(stage.reach(red, HealState.AWAITING_APPROVAL))
        stale = stage.town.slack.prepare_press("ana", stage.town.channel, first.ts, "approve")
        later = github.push(sample.full_name, "main", author="ana", message="Go on", files=files)
        assert github.wait_for_ci(sample.full_name, later) == "failure"
        stage.wait(lambda: stage.job(red)["moved_to"] == later, "the proposal to be outdated")
        stage.town.slack.send(stale)
        stage.wait(
            lambda: any(
                f"Outdated: main moved to {later[:7]}" in one.text
                for one in stage.town.slack.ephemerals("ana")
            ),
            "the refusal",
        )
        return sample, red, later, first

    return make


def test_the_same_patch_is_proved_on_the_new_main_and_its_pull_request_starts_there(stage, outdated):
    sample, red, later, first = outdated("retested", {"docs/year-end.md": "Close the books in January.\n"})
    before = stage.job(red)

    # As somebody with triage only: Cleo.
    stage.wait(lambda: "Outdated" in stage.approval(before).text, "the card")
    stage.town.slack.press("cleo", stage.town.channel, first.ts, "retest")
    stage.wait(lambda: len(stage.job(red)["decisions"]) == 1, "the re-test to begin")
    job = stage.reach(red, HealState.AWAITING_APPROVAL)
    assert (job["base"], job["moved_to"]) == (later, None)
    assert job["patch_sha256"] == before["patch_sha256"]
    assert job["cured"]

    second = stage.wait(
        lambda: next((m for m in [stage.approval(job)] if m.ts != first.ts), None), "the card"
    )
    stage.town.slack.press("ana", stage.town.channel, second.ts, "approve")
    stage.reach(red, HealState.PR_OPEN)
    [pull] = stage.town.github.pull_requests(sample.full_name)
    assert f"`{later}`" in pull.body
    assert stage.town.github.wait_for_ci(sample.full_name, pull.head_sha) == "success"
    assert [one["verb"] for one in stage.job(red)["decisions"]] == ["retest", "approve"]


def test_where_it_no_longer_applies_the_thread_says_so_and_another_patch_is_proved(stage, outdated):
    # A line that the patch changes too; what ruff says stays the same.
    before = "'cents','text')"
    rewritten = LEDGER.breakage.files["ledger/export.py"].replace(before, f"{before}  # as they are kept")
    _, red, later, _ = outdated("rewritten", {"ledger/export.py": rewritten})
    before = stage.job(red)

    stage.town.slack.slash("ana", stage.town.channel, f"/patchpilot retest {before['incident']}")
    stage.wait(lambda: len(stage.job(red)["decisions"]) == 1, "the re-test to begin")
    job = stage.reach(red, HealState.AWAITING_APPROVAL)

    assert job["base"] == later
    assert job["patch_sha256"] != before["patch_sha256"]
    thread = stage.town.slack.thread(stage.town.channel, stage.cards(job["incident"])[0].ts)
    assert any(f"no fix any more at {later[:7]}: it does not apply there" in one.text for one in thread)
