"""A failure on somebody's pull request: their branch stays theirs."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.effects import open_pull_request
from jobs.handing import hand_over
from jobs.proposal import proposal
from jobs.writing import Writer
from patchpilot.fixes import Patch
from patchpilot.heals import HealId, HealState
from providers.hosts.github_auth import writer_access
from storage.models import Heal


@pytest.fixture
def theirs(life: Any) -> tuple[int, HealId]:
    """Ben's pull request, which is red, and the heal of that."""
    sha = life.push({"value.txt": "bad\n"}, branch="feature", message="Break it")
    number = life.github.open_pull_request(life.name, head="feature", base="main", title="Mine", by="ben")
    life.hear()
    return number, life.heal_at(sha)


def approve(life: Any, heal: HealId, diff: Any = None, **options: str) -> Any:
    life.approve(heal, life.propose(heal, diff), options=options)
    life.work()
    return life.see(heal)


def test_the_base_of_the_pull_request_is_carried_from_the_webhook(life: Any, theirs: Any) -> None:
    failure = life.see(theirs[1]).failure
    assert (failure.pull_request, failure.base_branch) == (theirs[0], "main")


def test_a_fix_inside_their_diff_is_suggested_and_applying_it_is_the_outcome(life: Any, theirs: Any) -> None:
    number, heal = theirs
    found = approve(life, heal)

    assert (found.state, found.delivery) == (HealState.PR_OPEN, "review suggestions")
    assert found.pull_request_number == number
    assert len(life.github.pull_requests(life.name)) == 1
    pull = life.pull(number)
    assert [(one.path, one.line, one.body) for one in pull.line_comments] == [
        ("value.txt", 1, "```suggestion\ngood\n```")
    ]
    assert "apply the suggestions there" in found.reason
    assert "watch_ci" not in life.done

    life.github.apply_suggestions(life.name, number, by="ben")
    life.hear()
    life.work()
    ended = life.see(heal)
    assert (ended.state, ended.outcome) == (HealState.RESOLVED, "merged, green")
    assert "green with the fix" in ended.reason


def test_another_cure_of_theirs_is_not_put_down_to_us(life: Any, theirs: Any) -> None:
    heal = theirs[1]
    approve(life, heal)
    life.push({"value.txt": "good too\n"}, branch="feature")
    life.hear()
    life.work()
    assert (life.see(heal).state, life.see(heal).outcome) == (HealState.RECOVERED, "")


def test_suggestions_are_written_once(life: Any, theirs: Any) -> None:
    number, heal = theirs
    approve(life, heal)
    with life.db.transaction() as session:
        session.get_one(Heal, heal).state = "opening_pr"
    open_pull_request(life.roles["effects"], {"heal": heal})
    assert len(life.pull(number).reviews) == 1


def test_suggestions_that_were_applied_before_they_were_recorded_are_found_again(
    life: Any, theirs: Any
) -> None:
    number, heal = theirs
    life.approve(heal, life.propose(heal))
    # A worker writes the review and is killed before it can say so.
    writer = Writer.on(writer_access(life.roles["effects"].settings))
    hand_over(writer, life.see(heal), proposal(life.see(heal), public_url="http://localhost"))
    life.github.apply_suggestions(life.name, number, by="ben")
    life.work()

    assert (life.see(heal).state, life.see(heal).delivery) == (HealState.PR_OPEN, "review suggestions")
    assert len(life.pull(number).reviews) == 1
    assert len(life.github.pull_requests(life.name)) == 1


def test_a_fix_outside_their_diff_is_a_pull_request_against_their_branch(life: Any, theirs: Any) -> None:
    number, heal = theirs
    new = Patch(
        "diff --git a/x.txt b/x.txt\nnew file mode 100644\n--- /dev/null\n+++ b/x.txt\n@@ -0,0 +1 @@\n+x\n"
    )
    found = approve(life, heal, new)

    assert found.delivery == "stacked pull request"
    assert found.pull_request_number != number
    assert life.pull(found.pull_request_number).base == "feature"


def test_what_they_pushed_since_makes_it_a_pull_request(life: Any, theirs: Any) -> None:
    number, heal = theirs
    life.push({"y": "1"}, branch="feature")
    found = approve(life, heal)
    assert found.delivery == "stacked pull request"
    assert not life.pull(number).reviews


def test_suggestions_that_were_asked_for_and_do_not_fit_are_told_of(life: Any, theirs: Any) -> None:
    heal = theirs[1]
    life.push({"y": "1"}, branch="feature")
    found = approve(life, heal, deliver="suggestions")

    assert found.delivery == "stacked pull request"
    told = [note.text for note in found.notes if note.key == "delivery"]
    assert len(told) == 1
    assert "did not fit as suggestions" in told[0]
    assert told[0] in life.pull(found.pull_request_number).body


def test_who_asked_for_no_form_is_told_nothing_of_it(life: Any, theirs: Any) -> None:
    life.push({"y": "1"}, branch="feature")
    found = approve(life, theirs[1])
    assert "delivery" not in {note.key for note in found.notes}
    assert "did not fit" not in life.pull(found.pull_request_number).body


def test_only_who_asks_for_it_gets_a_push(life: Any, theirs: Any) -> None:
    number, heal = theirs
    before = life.pull(number).head_sha
    found = approve(life, heal, deliver="push")
    assert found.delivery == "push"
    assert life.repo().git.commit(life.pull(number).head_sha).parents == (before,)
    life.hear()
    life.work()
    assert (life.see(heal).state, life.see(heal).outcome) == (HealState.RESOLVED, "merged, green")


def test_an_approval_may_choose_base_draft_and_reviewers(life: Any) -> None:
    life.push({"z": "1"}, branch="release")
    heal = life.break_it()
    found = approve(life, heal, base="release", draft="no", reviewers="ben, carl")
    pull = life.pull(found.pull_request_number)
    assert (pull.base, pull.draft) == ("release", False)
    assert [who.login for who in pull.reviewers] == ["ben", "carl"]


def test_one_green_workflow_of_theirs_is_not_the_ci_of_the_fix(life: Any) -> None:
    lint = "name: Lint\non: pull_request\njobs: {a: {runs-on: x, steps: [{run: 'true'}]}}\n"
    files = {"value.txt": "bad\n", ".github/workflows/lint.yml": lint}
    sha = life.push(files, branch="feature", message="Break it")
    number = life.github.open_pull_request(
        life.name, head="feature", base="main", title="Mine", by="ben", draft=True
    )
    life.hear()
    found = approve(life, life.heal_at(sha))

    assert (found.delivery, found.pull_request_ci) == ("review suggestions", "waiting")
    assert "mark_ready" not in life.done
    assert life.pull(number).draft


def test_their_merge_without_the_fix_is_not_put_down_to_us(life: Any, theirs: Any) -> None:
    number, heal = theirs
    approve(life, heal)
    life.github.merge(life.name, number, by="ben")
    life.hear()
    life.work()
    assert (life.see(heal).state, life.see(heal).outcome) == (HealState.REJECTED, "")
    assert life.see(heal).reason == f"pull request #{number} was merged without the fix"


def test_their_merge_with_the_fix_counts_once_a_run_is_green(life: Any, theirs: Any) -> None:
    number, heal = theirs
    approve(life, heal)
    life.github.apply_suggestions(life.name, number, by="ben")
    life.github.merge(life.name, number, by="ben")
    life.hear()
    life.work()
    assert (life.see(heal).state, life.see(heal).outcome) == (HealState.RESOLVED, "merged, green")
