"""An approval is of one commit: once the branch is red at a later one, the patch is tested anew there."""

from __future__ import annotations

from typing import Any

import pytest

from patchpilot.commands import Ruling, Verb
from patchpilot.heals import HealState
from storage import incidents
from storage.decisions import find_target
from storage.incidents import snapshot_of_heal

A, B, C = (letter * 40 for letter in "abc")


@pytest.fixture
def proposal(world: Any):
    """A proposal that was proved at commit A."""
    return world.awaiting(sha=A, minutes=1)


def shown(world: Any, journal: Any):
    return snapshot_of_heal(world.db, journal.heal_id).heal


def red_again(world: Any, make: Any, sha: str, *, minutes: int, settle: bool = True, **facts: object):
    """A later red run of the same failure; its log is read at once unless told otherwise."""
    journal = world.take(world.red(sha=sha, minutes=minutes, **facts).heal)
    journal.move(HealState.INGESTING)
    if settle:
        journal.settle(make.distilled("f1", cause="the later log"))
    journal.release()
    return journal


def test_a_later_red_commit_makes_the_proposal_outdated(world: Any, make: Any, proposal: Any) -> None:
    red_again(world, make, B, minutes=2)
    approval = world.approval(proposal)

    decided = world.decide(Verb.APPROVE, approval_id=approval)

    assert (decided.ruling, decided.moved_to) == (Ruling.OUTDATED, B)
    assert shown(world, proposal).moved_to == B
    assert world.state(proposal.heal_id) is HealState.AWAITING_APPROVAL
    # What is not about the commit is decided all the same.
    assert world.decide(Verb.REJECT, approval_id=approval).ruling is Ruling.APPLIED


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"sha": A, "minutes": 5}, "the same commit once more"),
        ({"sha": B, "minutes": 0}, "an older run that is reported late"),
        ({"sha": B, "minutes": 5, "settle": False}, "a log that nobody has read"),
        ({"sha": B, "minutes": 5, "branch": "other"}, "another branch"),
    ],
)
def test_nothing_else_does(world: Any, make: Any, proposal: Any, facts: dict[str, Any], why: str) -> None:
    red_again(world, make, **facts)

    assert shown(world, proposal).moved_to is None, why
    assert world.decide(Verb.APPROVE, approval_id=world.approval(proposal)).ruling is Ruling.APPLIED


def test_a_re_test_goes_on_at_the_later_commit_and_ends_the_old_approval(
    world: Any, make: Any, proposal: Any
) -> None:
    red_again(world, make, B, minutes=2)
    old = world.approval(proposal)

    assert world.decide(Verb.RETEST, approval_id=old).ruling is Ruling.APPLIED

    heal = shown(world, proposal)
    assert (heal.state, heal.attempt, heal.approval_id) == (HealState.REPAIRING, 2, "")
    assert (heal.failure.head_sha, heal.base.head_sha) == (A, B)
    again = world.take(proposal.heal_id)
    assert again.failure().head_sha == B
    assert again.distilled().cause == "the later log"
    assert again.decision().verb is Verb.RETEST
    assert world.decide(Verb.APPROVE, approval_id=old).ruling is Ruling.ALREADY

    again.move(HealState.VALIDATING)
    new = again.propose(make.fix())
    assert new != old
    assert again.decision() is None
    assert world.decide(Verb.APPROVE, approval_id=old).ruling is Ruling.OUTDATED
    assert world.decide(Verb.APPROVE, approval_id=new).ruling is Ruling.APPLIED


def test_a_re_test_costs_the_patch_no_good_name(world: Any, make: Any, proposal: Any) -> None:
    from sqlalchemy import text

    red_again(world, make, B, minutes=2)
    world.decide(Verb.RETEST, approval_id=world.approval(proposal))

    with world.db.transaction() as session:
        assert session.scalar(text("SELECT outcome FROM proposals")) == ""
        assert session.scalar(text("SELECT base_sha FROM proposals")) == A


def test_running_an_older_commit_again_moves_nothing_back(world: Any, make: Any, proposal: Any) -> None:
    red_again(world, make, B, minutes=2)
    world.decide(Verb.RETEST, approval_id=world.approval(proposal))
    again = world.take(proposal.heal_id)
    again.move(HealState.VALIDATING)
    again.propose(make.fix())
    again.release()

    red_again(world, make, A, minutes=9, attempt=2)
    assert shown(world, proposal).moved_to is None

    red_again(world, make, C, minutes=10)
    assert shown(world, proposal).moved_to == C


def test_there_is_nothing_to_re_test_where_nothing_moved(world: Any, proposal: Any) -> None:
    assert world.decide(Verb.RETEST, approval_id=world.approval(proposal)).ruling is Ruling.ALREADY
    assert world.state(proposal.heal_id) is HealState.AWAITING_APPROVAL


def test_what_is_read_while_somebody_decides_is_of_one_moment(
    world: Any, make: Any, proposal: Any, monkeypatch: Any
) -> None:
    red_again(world, make, B, minutes=2)
    approval, looked = world.approval(proposal), incidents.later_reds

    def decided_meanwhile(session: Any, heals: Any) -> Any:
        monkeypatch.undo()
        assert world.decide(Verb.RETEST, approval_id=approval).ruling is Ruling.APPLIED
        return looked(session, heals)

    monkeypatch.setattr(incidents, "later_reds", decided_meanwhile)
    seen = find_target(world.db, incident=None, approval_id=approval).heal

    assert (seen.state, seen.moved_to) == (HealState.AWAITING_APPROVAL, B)
    assert shown(world, proposal).state is HealState.REPAIRING
