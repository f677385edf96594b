from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from patchpilot.commands import Ruling, Verb
from patchpilot.events import Cursor, EventKind
from patchpilot.heals import HealState
from storage import events
from storage.decisions import decide, find_target


def _decisions(world: Any) -> int:
    with world.db.transaction() as session:
        return session.scalar(text("SELECT count(*) FROM decisions"))


def _resumes(world: Any) -> int:
    with world.db.transaction() as session:
        return session.scalar(text("SELECT count(*) FROM tasks WHERE key LIKE 'heal:%:decision:%'"))


@pytest.mark.parametrize(
    ("verb", "state"),
    [
        (Verb.APPROVE, HealState.OPENING_PR),
        (Verb.RETRY, HealState.REPAIRING),
        (Verb.REJECT, HealState.REJECTED),
        (Verb.ESCALATE, HealState.ESCALATED),
    ],
)
def test_each_button_moves_the_heal_and_wakes_its_graph(world, make, verb: Verb, state: HealState) -> None:
    journal = world.awaiting()

    decided = world.decide(verb, approval_id=world.approval(journal), text="because")

    assert decided.ruling is Ruling.APPLIED
    assert decided.snapshot.heal.state is state
    record = decided.snapshot.heal.decisions[0]
    assert (record.verb, record.actor, record.medium, record.text) == (verb, "ana", "slack", "because")
    assert record.patch_sha256 == make.fix().patch.sha256
    assert _resumes(world) == 1
    kinds = [event.kind for _, event in events.read(world.db, Cursor())]
    assert kinds[-2:] == [EventKind.STATE_CHANGED, EventKind.DECIDED]


def test_a_typed_command_means_the_current_proposal(world: Any) -> None:
    journal = world.awaiting()
    target = find_target(world.db, incident=1, approval_id="")

    decided = world.decide(Verb.APPROVE, incident=target.id)

    assert decided.ruling is Ruling.APPLIED
    assert decided.snapshot.heal.id == journal.heal_id


def test_twenty_approvals_at_once_are_one_decision(world, make) -> None:
    approval = world.approval(world.awaiting())
    commands = [make.command(Verb.APPROVE, approval_id=approval, by=f"user{n}") for n in range(20)]

    with ThreadPoolExecutor(20) as pool:
        decided = list(pool.map(lambda command: decide(world.db, command), commands))

    assert [item.ruling for item in decided].count(Ruling.APPLIED) == 1
    assert [item.ruling for item in decided].count(Ruling.ALREADY) == 19
    winner = decided[0].snapshot.heal.decisions[0].actor
    assert {item.earlier.actor for item in decided if item.earlier} == {winner}
    assert (_decisions(world), _resumes(world)) == (1, 1)


def test_mixed_answers_at_once_are_one_decision(world, make) -> None:
    for round_ in range(5):
        approval = world.approval(world.awaiting(fingerprint=f"f{round_}", workflow=f"w{round_}"))
        commands = [make.command(verb, approval_id=approval) for verb in Verb for _ in range(4)]

        with ThreadPoolExecutor(16) as pool:
            decided = list(pool.map(lambda command: decide(world.db, command), commands))

        first = next(item for item in decided if item.ruling is Ruling.APPLIED)
        # A retry may follow an escalation: that is another decision, on what was left to people.
        verbs = [record.verb for record in first.snapshot.heal.decisions]
        assert verbs[0] in set(Verb)
        assert [item.ruling for item in decided].count(Ruling.APPLIED) == _decisions_of(
            world, first.snapshot.heal.id
        )


def _decisions_of(world: Any, heal: str) -> int:
    with world.db.transaction() as session:
        return session.scalar(text("SELECT count(*) FROM decisions WHERE heal_id = :id"), {"id": heal})


def test_the_same_command_again_gets_the_same_answer(world, make) -> None:
    approval = world.approval(world.awaiting())
    command = make.command(Verb.APPROVE, approval_id=approval, key="slack:1")

    with ThreadPoolExecutor(5) as pool:
        decided = list(pool.map(lambda _: decide(world.db, command), range(5)))

    assert {item.ruling for item in decided} == {Ruling.APPLIED}
    assert (_decisions(world), _resumes(world)) == (1, 1)


def test_a_late_click_is_told_who_was_first(world: Any) -> None:
    approval = world.approval(world.awaiting())
    world.decide(Verb.REJECT, approval_id=approval, by="ben")

    late = world.decide(Verb.APPROVE, approval_id=approval)

    assert late.ruling is Ruling.ALREADY
    assert (late.earlier.verb, late.earlier.actor) == ("reject", "ben")
    assert late.snapshot.heal.state is HealState.REJECTED


def test_the_button_of_an_earlier_proposal_is_outdated(world, make) -> None:
    journal = world.awaiting()
    old = world.approval(journal)
    world.decide(Verb.RETRY, approval_id=old)
    again = world.take(journal.heal_id)
    again.move(HealState.VALIDATING)
    again.propose(make.fix("--- a/y.py\n+++ b/y.py\n@@ -1 +1 @@\n-a\n+c\n"))

    decided = world.decide(Verb.APPROVE, approval_id=old)

    assert decided.ruling is Ruling.OUTDATED
    assert decided.earlier.verb == "retry"
    assert decided.snapshot.heal.state is HealState.AWAITING_APPROVAL
    assert decided.snapshot.heal.attempt == 2


def test_an_old_button_pressed_before_the_next_proposal_was_decided_already(world: Any) -> None:
    approval = world.approval(world.awaiting())
    world.decide(Verb.RETRY, approval_id=approval)

    assert world.decide(Verb.APPROVE, approval_id=approval).ruling is Ruling.ALREADY


@pytest.mark.parametrize("target", [{"incident": 99}, {"approval_id": "made-up"}, {}])
def test_what_is_not_there_is_unknown(world, target: dict[str, object]) -> None:
    decided = world.decide(Verb.APPROVE, **target)

    assert decided.ruling is Ruling.UNKNOWN
    assert decided.snapshot is None
    assert find_target(world.db, incident=None, approval_id="") is None


def test_nothing_can_be_approved_before_it_is_proposed(world: Any) -> None:
    world.red()

    assert world.decide(Verb.APPROVE, incident=1).ruling is Ruling.ALREADY


def test_a_working_heal_can_be_escalated_and_its_worker_loses_it(world: Any) -> None:
    from patchpilot.errors import LeaseLostError

    journal = world.take(world.red().heal)

    decided = world.decide(Verb.ESCALATE, incident=1, text="I know this one")

    assert decided.snapshot.heal.reason == "left to people by ana: I know this one"
    assert _resumes(world) == 0
    with pytest.raises(LeaseLostError):
        journal.state()


def test_what_was_left_to_people_can_be_tried_again(world, make) -> None:
    from storage.heals import escalate

    journal = world.take(world.red().heal)
    world.advance(journal)
    assert escalate(world.db, journal.heal_id, reason="no candidate")
    assert not escalate(world.db, journal.heal_id, reason="again")

    decided = world.decide(Verb.RETRY, incident=1, text="look at x.py")

    again = world.take(journal.heal_id)
    assert decided.snapshot.heal.state is HealState.REPAIRING
    assert again.hints() == ("look at x.py",)
    assert (again.decision().verb, again.decision().attempt) == (Verb.RETRY, 2)
    assert _resumes(world) == 1


def test_a_late_proposal_expires_and_can_be_retried(world: Any) -> None:
    from storage.heals import expire_proposals

    journal = world.awaiting()
    approval = world.approval(journal)
    assert expire_proposals(world.db) == 0
    with world.db.transaction() as session:
        session.execute(text("UPDATE heals SET approval_expires_at = now() - interval '1 second'"))

    assert expire_proposals(world.db) == 1
    assert world.decide(Verb.APPROVE, approval_id=approval).snapshot.heal.state is HealState.EXPIRED
    assert world.decide(Verb.RETRY, approval_id=approval).ruling is Ruling.APPLIED


def test_a_late_approval_is_refused_even_before_the_sweep(world: Any) -> None:
    approval = world.approval(world.awaiting())
    with world.db.transaction() as session:
        session.execute(text("UPDATE heals SET approval_expires_at = now() - interval '1 second'"))

    decided = world.decide(Verb.APPROVE, approval_id=approval)

    assert decided.ruling is Ruling.ALREADY
    assert decided.snapshot.heal.state is HealState.EXPIRED


def test_nothing_is_left_to_decide_on_a_recovered_heal(world: Any) -> None:
    journal = world.awaiting(minutes=1)
    world.green(minutes=2)

    decided = world.decide(Verb.APPROVE, approval_id=world.approval(journal))

    assert (decided.ruling, decided.earlier) == (Ruling.ALREADY, None)
    assert decided.snapshot.heal.state is HealState.RECOVERED
