from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from patchpilot.errors import LeaseLostError
from patchpilot.events import Cursor, EventKind
from patchpilot.heals import HealState
from storage import events
from storage.addresses import remember_addresses
from storage.incidents import open_incidents, snapshot
from storage.intake import record_failure, record_pull_request_closed, record_success, request_heal


def _kinds(world: Any) -> list[EventKind]:
    return [event.kind for _, event in events.read(world.db, Cursor())]


def _tasks(world: Any) -> list[str]:
    with world.db.transaction() as session:
        return list(session.scalars(text("SELECT key FROM tasks ORDER BY id")))


def test_a_red_run_opens_an_incident_with_a_queued_heal(world: Any) -> None:
    recorded = world.red()

    found = snapshot(world.db, recorded.incident)
    assert not recorded.duplicate
    assert found.heal.id == recorded.heal
    assert found.heal.state is HealState.QUEUED
    assert found.title == "CI"
    assert found.open
    assert _kinds(world) == [EventKind.FAILURE_RECORDED, EventKind.INCIDENT_OPENED]
    assert _tasks(world) == [f"heal:{recorded.heal}:start"]


def test_the_author_is_whose_address_the_commit_carries_and_else_who_pushed(world: Any) -> None:
    with world.db.transaction() as session:
        remember_addresses(session, "github", [("carl@acme.test", "carl")])

    found = []
    for address in ("carl@acme.test", "who@acme.test"):
        run = replace(world.run(branch=address[:3]), author="ana", pusher="ana", author_address=address)
        found.append(snapshot(world.db, record_failure(world.db, run).incident).heal.failure)

    assert [(one.author, one.pusher) for one in found] == [("carl", "ana"), ("ana", "ana")]


def test_a_repeated_delivery_is_recorded_once(world: Any) -> None:
    event = world.run()
    first = record_failure(world.db, event)

    again = record_failure(world.db, event)

    assert again.duplicate
    assert (again.incident, again.heal) == (first.incident, first.heal)
    assert len(_tasks(world)) == 1


def test_a_run_reported_by_two_deliveries_is_recorded_once(world: Any) -> None:
    first = world.red(run_id="7")

    again = world.red(run_id="7")

    assert again.duplicate
    assert again.incident == first.incident


def test_another_attempt_of_a_run_is_another_failure(world: Any) -> None:
    first = world.red(run_id="7", attempt=1)

    second = world.red(run_id="7", attempt=2)

    assert not second.duplicate
    assert second.heal != first.heal


def test_ten_deliveries_at_once_are_one_failure(world: Any) -> None:
    event = world.run()
    with ThreadPoolExecutor(10) as pool:
        recorded = list(pool.map(lambda _: record_failure(world.db, event), range(10)))

    assert sum(not item.duplicate for item in recorded) == 1
    assert len({item.heal for item in recorded}) == 1


def test_hostile_text_is_stored_without_what_postgres_refuses(world: Any) -> None:
    recorded = world.red(subject="a\x00b\udc80", workflow="w" * 5000, branch="b" * 3000)

    found = snapshot(world.db, recorded.incident)
    assert found.heal.failure.commit_subject.startswith("a\ufffdb")
    assert len(found.branch) == 300


def test_a_later_failure_of_the_same_workflow_is_hung_on_provisionally(world: Any) -> None:
    first = world.red()

    second = world.red()

    assert second.incident == first.incident
    found = snapshot(world.db, first.incident)
    assert found.heal.id == first.heal
    assert found.failures == 1


def test_the_same_cause_joins_its_incident(world, make) -> None:
    first = world.red()
    world.take(first.heal).settle(make.distilled("f1"))
    second = world.red()
    journal = world.take(second.heal)
    journal.move(HealState.INGESTING)

    settled = journal.settle(make.distilled("f1"))

    assert settled.joined == first.incident
    assert journal.settle(make.distilled("f1")) == settled
    assert journal.state() is HealState.SUPERSEDED
    assert snapshot(world.db, first.incident).failures == 2
    assert _kinds(world).count(EventKind.INCIDENT_JOINED) == 1


def test_another_cause_opens_an_incident_of_its_own(world, make) -> None:
    first = world.red()
    world.take(first.heal).settle(make.distilled("f1"))
    second = world.red()
    journal = world.take(second.heal)

    settled = journal.settle(make.distilled("f2", cause="TypeError: no"))

    assert settled.joined is None
    titles = {found.title: found.heal.id for found in open_incidents(world.db)}
    assert titles == {"AssertionError: 1 != 2": first.heal, "TypeError: no": second.heal}
    assert snapshot(world.db, first.incident).failures == 1


def test_a_failure_that_is_read_first_leads_the_incident(world, make) -> None:
    first, second = world.red(), world.red()

    assert world.take(second.heal).settle(make.distilled("f1")).joined is None
    assert snapshot(world.db, first.incident).heal.id == second.heal
    assert world.take(first.heal).settle(make.distilled("f1")).joined == first.incident

    found = snapshot(world.db, first.incident)
    assert (found.failures, found.heal.id) == (2, second.heal)


def test_a_first_failure_with_the_cause_of_another_workflow_joins_that(world, make) -> None:
    first = world.red(workflow="CI")
    world.take(first.heal).settle(make.distilled("f1"))
    second = world.red(workflow="Nightly")
    waiting = world.red(workflow="Nightly")

    assert world.take(second.heal).settle(make.distilled("f1")).joined == first.incident

    over = snapshot(world.db, second.incident)
    assert not over.open
    assert world.state(second.heal) is HealState.SUPERSEDED
    assert world.take(waiting.heal).settle(make.distilled("f9")).joined is None
    assert len(open_incidents(world.db)) == 2


def test_failures_read_at_the_same_time_make_one_incident_per_cause(world, make) -> None:
    recorded = [world.red(workflow=f"w{number % 3}") for number in range(12)]
    journals = [world.take(item.heal) for item in recorded]

    with ThreadPoolExecutor(12) as pool:
        settled = list(
            pool.map(lambda pair: pair[1].settle(make.distilled(f"f{pair[0] % 2}")), enumerate(journals))
        )

    found = open_incidents(world.db)
    assert sorted(item.fingerprint for item in found) == ["f0", "f1"]
    assert sum(item.failures for item in found) == 12
    assert sum(item.joined is None for item in settled) == 2


def test_an_unknown_fingerprint_stands_alone(world, make) -> None:
    first, second = world.red(), world.red()
    world.take(first.heal).settle(make.distilled(""))

    assert world.take(second.heal).settle(make.distilled("")).joined is None
    assert len(open_incidents(world.db)) == 2


def test_branches_and_repositories_keep_apart(world, make) -> None:
    for branch in ("main", "dev"):
        world.take(world.red(branch=branch).heal).settle(make.distilled("f1"))

    assert len(open_incidents(world.db)) == 2


def test_a_green_run_recovers_what_waits_and_takes_the_heal_from_its_worker(world, make) -> None:
    journal = world.take(world.red(minutes=1).heal)
    journal.settle(make.distilled())

    recorded = world.green(minutes=2, sha="a" * 40)

    found = snapshot(world.db, recorded.incident)
    assert found.heal.state is HealState.RECOVERED
    assert found.heal.reason == "main went green at aaaaaaa"
    assert not found.open
    with pytest.raises(LeaseLostError):
        journal.move(HealState.INGESTING)
    assert _tasks(world)[-1] == f"heal:{journal.heal_id}:learn:human"


def test_a_green_rerun_of_the_same_commit_teaches_nothing(world, make) -> None:
    event = world.run(sha="a" * 40)
    journal = world.take(record_failure(world.db, event).heal)
    journal.settle(make.distilled())

    world.green(sha="a" * 40)

    assert world.state(journal.heal_id) is HealState.RECOVERED
    assert len(_tasks(world)) == 1


def test_a_green_run_older_than_the_failure_recovers_nothing(world: Any) -> None:
    red = world.red(minutes=5)

    assert world.green(minutes=4).incident is None
    assert world.state(red.heal) is HealState.QUEUED


def test_a_red_run_reported_after_a_later_green_one_is_over_at_once(world: Any) -> None:
    world.green(minutes=5, sha="a" * 40)

    red = world.red(minutes=4)

    found = snapshot(world.db, red.incident)
    assert found.heal.state is HealState.RECOVERED
    assert "aaaaaaa" in found.heal.reason
    assert _tasks(world) == []


def test_a_person_may_ask_for_an_old_failure_all_the_same(world: Any) -> None:
    world.green(minutes=5)
    event = world.run(minutes=4)

    asked = request_heal(world.db, event)

    assert world.state(asked.heal) is HealState.QUEUED


def test_a_forks_main_is_not_ours(world: Any) -> None:
    ours = world.red()
    forks = world.red(from_fork=True, pull_request=9)

    assert forks.incident != ours.incident
    assert snapshot(world.db, forks.incident).branch == "pull/9/main"
    assert world.green(from_fork=True, pull_request=9).incident == forks.incident
    assert world.state(ours.heal) is HealState.QUEUED


def test_another_workflows_green_run_recovers_nothing(world: Any) -> None:
    red = world.red(workflow="CI")

    world.green(workflow="Docs")

    assert world.state(red.heal) is HealState.QUEUED


@pytest.mark.parametrize("succeeded", [True, False])
def test_a_run_of_our_branch_is_news_about_its_pull_request(world, make, succeeded: bool) -> None:
    journal = world.pr_open()
    event = world.run(branch=make.branch_of(journal.heal_id), succeeded=succeeded, sha="b" * 40)

    recorded = (record_success if succeeded else record_failure)(world.db, event)

    found = snapshot(world.db, recorded.incident)
    assert found.heal.id == journal.heal_id
    assert found.heal.pull_request_ci == ("green" if succeeded else "red")
    assert len(open_incidents(world.db)) == 1
    assert _kinds(world)[-1] is EventKind.PULL_REQUEST_CI


def test_one_red_workflow_makes_the_pull_request_red(world, make) -> None:
    journal = world.pr_open()
    branch = make.branch_of(journal.heal_id)
    world.green(branch=branch, workflow="Docs", sha="b" * 40)
    world.red(branch=branch, workflow="CI", sha="b" * 40)

    recorded = world.green(branch=branch, workflow="Lint", sha="b" * 40)

    assert snapshot(world.db, recorded.incident).heal.pull_request_ci == "red"


def test_ci_that_is_quicker_than_the_pull_requests_row_is_not_lost(world, make) -> None:
    from patchpilot.commands import Verb
    from storage.heals import record_pull_request

    journal = world.awaiting()
    world.decide(Verb.APPROVE, approval_id=world.approval(journal))
    assert world.red(branch=make.branch_of(journal.heal_id), sha="b" * 40).incident is None

    record_pull_request(world.db, journal.heal_id, make.pull(journal.heal_id))

    found = open_incidents(world.db)
    assert [item.heal.pull_request_ci for item in found] == ["red"]


def test_a_fork_can_not_pass_its_branch_off_as_ours(world, make) -> None:
    journal = world.pr_open()

    recorded = world.red(branch=make.branch_of(journal.heal_id), from_fork=True, pull_request=3)

    assert recorded.heal != journal.heal_id
    assert snapshot(world.db, recorded.incident).heal.state is HealState.QUEUED


def test_a_merge_resolves_and_the_green_run_after_it_is_its_outcome(world, make) -> None:
    journal = world.pr_open()

    recorded = record_pull_request_closed(world.db, make.closed(journal.heal_id, merged=True))
    world.green(sha="c" * 40)

    found = snapshot(world.db, recorded.incident)
    assert found.heal.state is HealState.RESOLVED
    assert not found.open
    assert _tasks(world)[-1] == f"heal:{journal.heal_id}:learn:merged_green"
    with world.db.transaction() as session:
        assert session.scalar(text("SELECT outcome FROM heals")) == "merged, green"


def test_a_red_merge_commit_is_the_other_outcome_and_a_new_incident(world, make) -> None:
    journal = world.pr_open()
    record_pull_request_closed(world.db, make.closed(journal.heal_id, merged=True))

    recorded = world.red(sha="c" * 40)
    world.green(sha="d" * 40)

    assert recorded.heal != journal.heal_id
    with world.db.transaction() as session:
        outcome = session.scalar(text("SELECT outcome FROM heals WHERE id = :id"), {"id": journal.heal_id})
    assert outcome == "merged, red"


def test_a_pull_request_closed_unmerged_is_a_rejection_that_names_who(world, make) -> None:
    journal = world.pr_open()

    record_pull_request_closed(world.db, make.closed(journal.heal_id, merged=False))

    found = open_incidents(world.db)[0]
    assert found.heal.state is HealState.REJECTED
    assert found.heal.reason == "pull request #12 was closed by ben without merging"


def test_other_peoples_pull_requests_mean_nothing(world, make) -> None:
    journal = world.pr_open()

    recorded = record_pull_request_closed(world.db, make.closed(journal.heal_id, merged=True, number=99))

    assert recorded.incident is None
    assert world.state(journal.heal_id) is HealState.PR_OPEN
