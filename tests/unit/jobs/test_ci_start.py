"""Why CI of a fix has not started."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jobs.ci_start import Started, not_started, waits
from patchpilot.source import Sha
from providers.hosts.github_pull_ci import PullNow, SeenRun

PULL = PullNow(
    node_id="x", open=True, draft=True, conflicts=False, author="patchpilot[bot]", head_sha=Sha("a" * 40)
)
LISTENS = {"ci.yml": "on: pull_request\n"}


def run(status: str, conclusion: str = "", name: str = "CI") -> SeenRun:
    return SeenRun(name=name, status=status, conclusion=conclusion, url="https://h/run/1")


def reason(pull: PullNow = PULL, workflows: dict[str, str] | None = None, **more: bool) -> Started:
    facts = {"skipped": False, "stays_draft": False} | more
    found = LISTENS if workflows is None else workflows
    return not_started(pull, found, base="main", branch="patchpilot/fix/x", paths=("a.py",), **facts)


@pytest.mark.parametrize(
    ("held", "named"),
    [(run("completed", "action_required"), True), (run("waiting"), True), (run("queued"), False)],
)
def test_a_run_that_waits_for_a_person_is_named(held: SeenRun, named: bool) -> None:
    found = waits([run("completed", "success", "Lint"), held])
    assert (found is not None) is named
    if found:
        assert "(CI)" in found.note
        assert found.url == "https://h/run/1"


@pytest.mark.parametrize(
    ("pull", "workflows", "says"),
    [
        (PULL, {}, "listens to pull requests"),
        (PULL, {"ci.yml": "on: {pull_request: {branches: [dev]}}"}, "by their filters"),
        (PULL, {"ci.yml": "on: {push: {branches: [main]}}"}, "start for pushes only"),
        (replace(PULL, conflicts=True), None, "conflicts with main"),
        (replace(PULL, author="github-actions[bot]"), None, "token of a GitHub Actions job"),
        (PULL, None, "switched on"),
    ],
)
def test_the_likeliest_reason_is_told(pull: PullNow, workflows: dict[str, str] | None, says: str) -> None:
    found = reason(pull, workflows)
    assert says in found.note
    assert not found.mark_ready


def test_ci_that_skips_drafts_is_not_waited_for() -> None:
    skips = {"ci.yml": "on: pull_request\njobs: {a: {if: '!github.event.pull_request.draft'}}"}
    assert reason(workflows=skips, skipped=True).mark_ready
    assert not reason(workflows=skips, skipped=True, stays_draft=True).mark_ready
    assert "skipped by their conditions" in reason(skipped=True).note
