from typing import Any

import pytest
from sqlalchemy import text

from patchpilot.commands import Verb
from patchpilot.errors import LeaseLostError, NotFoundError, PermanentError
from patchpilot.events import Cursor, EventKind
from patchpilot.failures import Blame, Category, Diagnosis
from patchpilot.fixes import Patch
from patchpilot.heals import MOVES, HealId, HealState
from patchpilot.ports import Journal
from storage import events
from storage.heals import expire_proposals, human_fix, record_pull_request, take_heal
from storage.incidents import heals, snapshot, snapshot_of_heal


def _journal(world: Any) -> Journal:
    journal: Journal = world.take(world.red().heal)  # also proves that the port is met
    return journal


def _kinds(world: Any) -> list[EventKind]:
    return [event.kind for _, event in events.read(world.db, Cursor())]


def test_a_heal_is_in_one_workers_hands(world, make) -> None:
    journal = world.take(world.red().heal)
    take = {"owner": "b", "seconds": 60, "budget": make.limits}

    assert take_heal(world.db, journal.heal_id, **take) is None
    journal.release()
    assert take_heal(world.db, journal.heal_id, **take) is not None


def test_a_heal_that_is_not_there_is_said_so(world, make) -> None:
    with pytest.raises(NotFoundError, match="no heal x"):
        take_heal(world.db, HealId("x"), owner="b", seconds=1, budget=make.limits)


def test_who_lost_the_lease_can_do_nothing_any_more(world, make) -> None:
    first = world.take(world.red().heal, seconds=0)
    second = world.take(first.heal_id)
    assert not first.renew(60)
    first.release()
    diagnosis = Diagnosis(category=Category.TEST, blame=Blame.CHANGE, root_cause="x")

    for act in (
        first.failure,
        first.state,
        first.attempt,
        lambda: first.move(HealState.INGESTING),
        lambda: first.note("x"),
        lambda: first.settle(make.distilled()),
        first.distilled,
        lambda: first.diagnosed(diagnosis),
        first.diagnosis,
        lambda: first.propose(make.fix()),
        first.fix,
        first.hints,
        first.decision,
        first.approve_effects,
        lambda: first.step("a", "b").__enter__(),
        lambda: first.budget().check(expected_dollars=0.1),
    ):
        with pytest.raises(LeaseLostError):
            act()
    assert second.renew(60)
    assert second.state() is HealState.QUEUED


def test_moves_follow_the_table_and_nothing_else(world: Any) -> None:
    journal = world.take(world.red().heal)
    for current, targets in MOVES.items():
        for target in HealState:
            with world.db.transaction() as session:
                session.execute(text("UPDATE heals SET state = :state"), {"state": current.value})
            if target in targets or target is current:
                journal.move(target, reason="r")
                assert journal.state() is target
            else:
                with pytest.raises(PermanentError, match=f"is {current}"):
                    journal.move(target)


def test_a_move_made_before_is_not_told_again(world: Any) -> None:
    journal = world.take(world.red().heal)
    journal.move(HealState.INGESTING, reason="reading the log")
    journal.move(HealState.INGESTING, reason="again")

    told = [event.data for _, event in events.read(world.db, Cursor())][-1]
    assert told == {"from": "queued", "to": "ingesting", "reason": "reading the log"}
    assert _kinds(world).count(EventKind.STATE_CHANGED) == 1


def test_what_is_written_is_read_back(world, make) -> None:
    journal = world.take(world.red().heal)
    diagnosis = Diagnosis(category=Category.TEST, blame=Blame.CHANGE, root_cause="off by one", notes=("n",))
    world.advance(journal)
    journal.diagnosed(diagnosis)
    journal.diagnosed(diagnosis)
    journal.propose(make.fix())

    assert journal.failure().workflow == "CI"
    assert journal.distilled() == make.distilled()
    assert journal.diagnosis() == diagnosis
    assert journal.fix().patch == make.fix().patch
    assert journal.fix().proof.before.output == "red\ufffd"
    assert _kinds(world).count(EventKind.DIAGNOSED) == 1
    found = snapshot_of_heal(world.db, journal.heal_id).heal
    assert (found.diagnosis, found.fix) == (diagnosis, journal.fix())


def test_proposing_the_same_patch_again_asks_once(world, make) -> None:
    journal = world.take(world.red().heal)
    world.advance(journal)

    assert journal.propose(make.fix()) == journal.propose(make.fix())
    assert journal.decision() is None
    assert _kinds(world).count(EventKind.FIX_PROPOSED) == 1


def test_a_patch_that_can_not_be_kept_exactly_is_refused(world, make) -> None:
    journal = world.take(world.red().heal)
    world.advance(journal)

    with pytest.raises(PermanentError, match="bytes"):
        journal.propose(make.fix("+a\x00"))


def test_nothing_can_be_proposed_before_it_is_validated(world, make) -> None:
    journal = world.take(world.red().heal)

    with pytest.raises(PermanentError, match="is queued"):
        journal.propose(make.fix())
    assert journal.fix() is None


def test_patches_come_back_byte_by_byte(world, make) -> None:
    diff = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\r\n+\u200bß\t \n\\ No newline at end of file\n"
    journal = world.take(world.red().heal)
    world.advance(journal)
    journal.propose(make.fix(diff))

    assert journal.fix().patch.sha256 == Patch(diff).sha256


def test_a_heal_that_ends_unread_is_seen_on_an_incident_of_its_own(world: Any, make: Any) -> None:
    first = world.take(world.red().heal)
    first.settle(make.distilled())
    second = world.take(world.red().heal)

    second.move(HealState.ESCALATED, reason="GitHub has no log of this run any more")

    found = snapshot(world.db, snapshot_of_heal(world.db, second.heal_id).id)
    assert found.heal.id == second.heal_id
    assert (found.title, found.heal.reason) == ("GitHub has no log of this run any more",) * 2
    assert second.distilled() is None


def test_unread_failures_of_a_workflow_share_an_incident(world: Any) -> None:
    first, second = (world.take(world.red().heal) for _ in range(2))
    first.move(HealState.ESCALATED, reason="no log")

    second.move(HealState.ESCALATED, reason="no log")
    second.move(HealState.ESCALATED, reason="no log")

    assert second.state() is HealState.SUPERSEDED
    assert snapshot(world.db, 1).failures == 2


def test_a_step_is_shown_from_start_to_end(world: Any) -> None:
    journal = world.take(world.red().heal)

    with journal.step("ingest", "Reading the log"):
        running = snapshot_of_heal(world.db, journal.heal_id).heal.steps[0]
        assert (running.name, running.done, running.seconds) == ("ingest", False, None)

    done = snapshot_of_heal(world.db, journal.heal_id).heal.steps[0]
    assert done.done
    assert done.seconds >= 0
    assert _kinds(world)[-2:] == [EventKind.STEP_STARTED, EventKind.STEP_FINISHED]


def test_a_step_that_was_cut_off_takes_its_line_up_again(world: Any) -> None:
    journal = world.take(world.red().heal)

    def killed() -> None:
        with journal.step("ingest", "Reading the log"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    with journal.step("ingest", "Reading the log"):
        pass

    assert [step.done for step in snapshot_of_heal(world.db, journal.heal_id).heal.steps] == [True]
    assert _kinds(world).count(EventKind.STEP_STARTED) == 1


def test_a_running_step_tells_what_it_is_doing_and_not_too_often(world: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("storage.journal.PROGRESS_SECONDS", 3_600.0)
    journal = world.take(world.red().heal)

    def doing() -> str:
        return snapshot_of_heal(world.db, journal.heal_id).heal.steps[0].doing

    with journal.step("model 1", "Claude is working"):
        journal.progress("model 1", "reading src/cart.py")
        for number in range(50):
            journal.progress("model 1", f"searching for {number}")
        assert doing() == "reading src/cart.py"
        journal._paced._timer.cancel()
        journal._paced._late()
        assert doing() == "searching for 49"
        journal.progress("model 1", "never shown: the step ends first")

    [step] = snapshot_of_heal(world.db, journal.heal_id).heal.steps
    assert (step.done, step.doing) == (True, "")
    assert _kinds(world).count(EventKind.STEP_PROGRESS) == 2


def test_progress_of_a_step_that_does_not_run_is_nothing(world: Any) -> None:
    journal = world.take(world.red().heal)
    journal.progress("model 1", "reading")
    assert EventKind.STEP_PROGRESS not in _kinds(world)


def test_an_unproven_change_is_kept_and_is_no_proposal(world: Any) -> None:
    journal = world.take(world.red().heal)
    patch = Patch("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")

    journal.leave_partial(patch=patch, author="claude:x", why="the money ran out")
    journal.leave_partial(patch=patch, author="claude:x", why="the money ran out")

    heal = snapshot_of_heal(world.db, journal.heal_id).heal
    assert (heal.partial.patch, heal.partial.why, heal.partial.attempt) == (patch, "the money ran out", 1)
    assert heal.fix is None
    assert heal.approval_id == ""


def test_notes_reach_the_thread(world: Any) -> None:
    journal = world.take(world.red().heal)
    journal.note("No model key is set.")

    event = events.read(world.db, Cursor())[-1][1]
    assert (event.kind, event.data) == (EventKind.NOTE, {"text": "No model key is set."})


def test_the_decision_is_the_current_attempts(world, make) -> None:
    journal = world.awaiting()
    world.decide(Verb.RETRY, approval_id=world.approval(journal), text="try y")
    again = world.take(journal.heal_id)
    assert (again.attempt(), again.decision().verb, again.hints()) == (2, Verb.RETRY, ("try y",))
    again.move(HealState.VALIDATING)
    again.propose(make.fix("+other\n"))
    assert again.decision() is None

    world.decide(Verb.APPROVE, approval_id=world.approval(journal))

    assert (again.decision().verb, again.decision().attempt) == (Verb.APPROVE, 2)


def test_a_retry_says_nothing_about_the_proposal_that_it_led_to(world: Any, make: Any) -> None:
    journal = world.awaiting()
    world.decide(Verb.RETRY, approval_id=world.approval(journal))
    again = world.take(journal.heal_id)
    again.move(HealState.VALIDATING)
    again.propose(make.fix("+other\n"))
    again.release()
    with world.db.transaction() as session:
        session.execute(text("UPDATE heals SET approval_expires_at = now() - interval '1 second'"))
    expire_proposals(world.db)

    assert world.take(journal.heal_id).decision() is None


def test_an_approval_reaches_the_effects_role_once(world: Any) -> None:
    journal = world.awaiting()
    world.decide(Verb.APPROVE, approval_id=world.approval(journal))
    again = world.take(journal.heal_id)

    again.approve_effects()
    again.approve_effects()

    with world.db.transaction() as session:
        keys = session.scalars(text("SELECT key FROM tasks WHERE queue = 'effects'")).all()
    assert keys == [f"pr:{journal.heal_id}:1"]


def test_a_pull_request_is_recorded_once(world, make) -> None:
    journal = world.pr_open()

    record_pull_request(world.db, journal.heal_id, make.pull(journal.heal_id))

    found = snapshot_of_heal(world.db, journal.heal_id).heal
    assert found.state is HealState.PR_OPEN
    assert (found.pull_request_number, found.pull_request_ci) == (12, "waiting")
    assert _kinds(world).count(EventKind.PULL_REQUEST_OPENED) == 1


def test_a_pull_request_of_no_heal_is_said_so(world, make) -> None:
    with pytest.raises(NotFoundError):
        record_pull_request(world.db, HealId("x"), make.pull(HealId("x")))


def test_there_is_a_lesson_in_every_heal(world, make) -> None:
    journal = world.pr_open()

    case = human_fix(world.db, journal.heal_id)

    assert case.distilled == make.distilled()
    assert case.patch == make.fix().patch
    assert case.author == "fixer:ruff"
    assert case.pull_request_url == "https://host/pull/12"
    assert human_fix(world.db, HealId("x")) is None


def test_heals_are_listed_newest_first_and_by_state(world: Any) -> None:
    listed = [world.red(branch=f"b{number}").heal for number in range(4)]
    world.take(listed[0]).move(HealState.INGESTING)

    assert [heal.id for heal in heals(world.db)] == listed[::-1]
    assert [heal.id for heal in heals(world.db, states={HealState.INGESTING})] == listed[:1]
    older = heals(world.db, before=heals(world.db)[1].created_at)
    assert [heal.id for heal in older] == [listed[1], listed[0]]
    assert len(heals(world.db, limit=2)) == 2


def test_an_unknown_incident_or_heal_has_no_snapshot(world: Any) -> None:
    assert snapshot(world.db, 1) is None
    assert snapshot_of_heal(world.db, HealId("x")) is None
