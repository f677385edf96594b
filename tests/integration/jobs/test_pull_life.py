"""From an approval to what became of the fix, with GitHub's real protocol in between."""

from __future__ import annotations

from typing import Any

import pytest

from patchpilot.fixes import Outcome
from patchpilot.heals import HealState
from patchpilot.states import heal_emoji, heal_word
from storage.memory import PostgresMemory


def test_a_green_fix_leaves_draft_and_its_merge_is_the_outcome(life: Any) -> None:
    life.github.name_person("ana", "Ana Lima")
    for number in range(4):
        life.push({"x": str(number)}, message=f"fix(x): change {number}")
    heal = life.break_it()
    opened = life.open(heal)

    number = opened.pull_request_number
    assert life.pull(number).draft
    life.hear()
    life.work()

    assert not life.pull(number).draft
    assert life.see(heal).pull_request_ci == "green"
    commit = life.repo().git.commit(opened.pull_request_sha)
    assert commit.message.startswith("fix: make the value good\n\nCause: The value is bad\n")
    ana = life.github.core.world.account("ana")
    assert f"Co-authored-by: Ana Lima <{ana.id}+ana@users.noreply.github.com>" in commit.message

    life.github.merge(life.name, number, by="ana")
    life.hear()
    assert life.see(heal).state is HealState.RESOLVED
    assert life.see(heal).outcome == "merged, green"
    assert "green with the merged fix" in life.notes(heal)["outcome"]


def test_a_red_fix_gets_one_more_round_in_the_same_pull_request_and_then_a_person(
    life: Any, make_patch: Any
) -> None:
    heal = life.break_it()
    first = life.open(heal, make_patch("worse"))
    life.hear()
    life.work()

    again = life.see(heal)
    assert again.state is HealState.REPAIRING
    assert again.attempt == 2
    retry = again.decisions[-1]
    assert (retry.verb, retry.actor, retry.medium) == ("retry", "PatchPilot", "ci")
    assert "the value is worse" in retry.text

    second = life.open(heal, make_patch("even worse"))
    assert second.pull_request_number == first.pull_request_number
    assert second.pull_request_sha != first.pull_request_sha
    assert life.repo().git.commit(second.pull_request_sha).parents == (first.pull_request_sha,)
    assert len(life.github.pull_requests(life.name)) == 1
    life.hear()
    life.work()

    last = life.see(heal)
    assert last.state is HealState.ESCALATED
    assert "red again after a second round" in last.reason
    assert life.pull(first.pull_request_number).state == "open"


def test_what_people_merge_after_all_is_still_followed(life: Any, make_patch: Any) -> None:
    heal = life.break_it()
    number = life.open(heal, make_patch("worse")).pull_request_number
    life.hear()
    life.work()

    life.github.merge(life.name, number, by="ana")
    life.hear()

    assert life.see(heal).state is HealState.RESOLVED
    assert life.see(heal).outcome == "merged, red"


def test_ci_that_waits_for_an_approval_is_told_until_somebody_lets_it_run(life: Any) -> None:
    heal = life.break_it()
    life.github.hold_bots(life.name)
    life.open(heal)
    life.hear()
    assert "ci" not in life.notes(heal)
    life.work(soon=True)

    assert "waits for an approval (CI)" in life.notes(heal)["ci"]
    assert life.see(heal).notes[0].url.startswith("http")
    waiting = next(run for run in life.repo().runs.values() if run.conclusion == "action_required")
    life.github.approve_run(life.name, waiting.id)
    life.hear()
    life.work()

    assert life.notes(heal)["ci"] == "CI on the fix has started after all, and is green."
    assert not life.pull(life.see(heal).pull_request_number).draft


@pytest.mark.parametrize(
    ("workflow", "says"),
    [
        ("on: {push: {branches: [main]}}", "Add pull_request to the triggers of one"),
        ("on: {push: {branches: [main]}, pull_request: {branches: [release/*]}}", "by their filters"),
        ("on: {workflow_dispatch: {}, schedule: [{cron: '1 1 1 1 1'}]}", "listens to pull requests"),
    ],
)
def test_ci_that_can_not_start_is_told_with_the_reason(life: Any, workflow: str, says: str) -> None:
    heal = life.break_it()
    text = "name: CI\n" + workflow + "\njobs: {a: {runs-on: x, steps: [{run: 'true'}]}}\n"
    # The fix's branch is made at the failing commit, so that one has to have the workflow already.
    sha = life.push({".github/workflows/ci.yml": text, "value.txt": "bad\n"}, message="Change CI")
    with life.db.transaction() as session:
        from sqlalchemy import update

        from storage.models import Failure

        session.execute(update(Failure).values(head_sha=sha))
    life.open(heal)
    life.hear()
    life.work(soon=True)

    assert says in life.notes(heal)["ci"]


def test_ci_that_has_started_says_nothing(life: Any) -> None:
    heal = life.break_it()
    life.open(heal)
    life.work(soon=True)
    assert life.notes(heal) == {}


def test_a_draft_stays_one_where_the_setting_says_so(life: Any) -> None:
    role = life.roles["effects"]
    role.__dict__["settings"] = role.settings.model_copy(update={"pull_request_stays_draft": True})
    heal = life.break_it()
    number = life.open(heal).pull_request_number
    life.hear()
    life.work()
    assert life.pull(number).draft


def test_a_reviewers_word_stands_in_the_thread(life: Any) -> None:
    heal = life.break_it()
    number = life.open(heal).pull_request_number
    life.github.review(life.name, number, by="ben", approve=False, body="Say why, please")
    life.hear()
    assert life.see(heal).pull_request_review == "changes requested"
    assert life.notes(heal)["review:ben"] == "ben asks for changes in the pull request: Say why, please"

    life.github.review(life.name, number, by="ben", approve=True)
    life.hear()
    assert life.see(heal).pull_request_review == "approved"
    assert life.notes(heal)["review:ben"] == "ben approved the pull request."


@pytest.mark.parametrize("way", ["commit", "pull request"])
def test_a_revert_is_the_outcome_and_the_lesson(life: Any, way: str) -> None:
    heal = life.break_it()
    number = life.open(heal).pull_request_number
    life.hear()
    merged = life.github.merge(life.name, number, by="ana")
    life.hear()
    assert life.see(heal).outcome == "merged, green"

    if way == "commit":
        life.github.revert(life.name, "main", merged, author="ben")
    else:
        life.push({"value.txt": "bad\n"}, branch="revert-1", message='Revert "Make the value good"')
        revert = life.github.open_pull_request(
            life.name, head="revert-1", base="main", title='Revert "Make the value good"',
            body=f"Reverts {life.name}#{number}", by="ben",
        )  # fmt: skip
        life.github.merge(life.name, revert, by="ben")
    life.hear()

    assert life.see(heal).outcome == "reverted"
    notes = life.notes(heal)
    assert "main is green with the merged fix" in notes["outcome"]
    assert "reverted by ben" in notes["outcome:reverted"]
    assert (heal_emoji(life.see(heal)), heal_word(life.see(heal))) == ("↩️", "Fixed, then reverted")


def test_the_memory_offers_what_held_and_not_what_was_reverted(life: Any) -> None:
    heal = life.break_it()
    number = life.open(heal).pull_request_number
    life.hear()
    merged = life.github.merge(life.name, number, by="ana")
    life.hear()
    found = life.see(heal)
    memory = PostgresMemory(life.db)

    def offered() -> list[Outcome]:
        life.work(skip=("jobs.tasks.heal",))
        return [past.outcome for past in memory.recall(found.failure.run.repo, found.distilled)]

    assert offered() == [Outcome.MERGED_GREEN]
    life.github.revert(life.name, "main", merged, author="ben")
    life.hear()
    assert offered() == []


def test_a_pull_request_names_the_past_case_that_held(life: Any) -> None:
    first = life.break_it()
    number = life.open(first).pull_request_number
    life.hear()
    life.github.merge(life.name, number, by="ana")
    life.hear()
    life.work(skip=("jobs.tasks.heal",))

    again = life.break_it()
    pull = life.pull(life.open(again).pull_request_number)

    url = life.see(first).pull_request_url
    past, now = (life.see(heal).incident for heal in (first, again))
    assert past != now
    assert f"| memory | [PP-{past}]({url}) (99% alike, merged, green) |" in pull.body


def test_a_revert_on_a_topic_branch_means_nothing(life: Any) -> None:
    heal = life.break_it()
    number = life.open(heal).pull_request_number
    life.hear()
    merged = life.github.merge(life.name, number, by="ana")
    life.hear()
    life.push({"value.txt": "bad\n"}, branch="other", message=f'Revert "x"\n\nThis reverts commit {merged}.')
    life.hear()
    assert life.see(heal).outcome == "merged, green"


def test_everything_done_twice_is_done_once(life: Any) -> None:
    heal = life.break_it()
    life.push({".github/CODEOWNERS": "* @ben @carl @nobody\n"})
    number = life.open(heal).pull_request_number
    life.hear()
    for _ in range(3):
        again = life.db
        from sqlalchemy import null, update

        from storage.models import QueuedTask

        with again.transaction() as session:
            session.execute(
                update(QueuedTask)
                .where(QueuedTask.queue == "effects")
                .values(done_at=null(), lease_until=null())
            )
        life.work(soon=True)

    assert len(life.github.pull_requests(life.name)) == 1
    pull = life.repo().pulls[number]
    assert [who.login for who in pull.reviewers] == ["ben", "carl"]
    assert "nobody" in life.notes(heal)["reviewers"]
    assert [label.name for label in pull.labels] == ["patchpilot"]
    marked = [
        one
        for one in life.github.deliveries()
        if one.action == "ready_for_review" and one.app.slug == "patchpilot"
    ]
    assert len(marked) == 1
