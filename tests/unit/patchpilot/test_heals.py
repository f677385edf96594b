"""The table of moves."""

from __future__ import annotations

import pytest

from patchpilot.heals import ENDED, MOVES, OPEN, WORKING, HealState, allowed, sources


def test_every_state_has_a_row():
    assert set(MOVES) == set(HealState)


def test_a_pull_request_is_only_opened_after_an_approval_was_awaited():
    assert sources(HealState.OPENING_PR) == {HealState.AWAITING_APPROVAL}
    assert sources(HealState.AWAITING_APPROVAL) == {HealState.VALIDATING}


def test_every_state_but_the_final_ones_leads_to_a_visible_end():
    def reachable(state, seen):
        for target in MOVES[state]:
            if target not in seen:
                reachable(target, seen | {target})
                seen.add(target)
        return seen

    for state in HealState:
        assert state in ENDED or reachable(state, set()) & ENDED, state


@pytest.mark.parametrize("state", sorted(WORKING))
def test_whatever_works_can_be_left_to_a_human(state):
    assert allowed(state, HealState.ESCALATED)


def test_finished_incidents_are_not_open():
    assert HealState.RESOLVED not in OPEN
    assert HealState.RECOVERED not in OPEN
    assert HealState.ESCALATED in OPEN
