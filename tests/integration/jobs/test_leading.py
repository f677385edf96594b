"""Loops of which one process at a time takes turns."""

from __future__ import annotations

import threading

import pytest

from jobs.leading import Duty, lead
from patchpilot.errors import TemporaryError

DUTY = Duty(name="test", lock="test of leading", every=0.01)


def turns(*outcomes):
    """A turn that meets these outcomes one after another, then has everything stop; and what it did."""
    stop, left = threading.Event(), list(outcomes)

    def turn():
        outcome = left.pop(0)
        if not left:
            stop.set()
        if outcome is not None:
            raise outcome

    return turn, stop, left


@pytest.mark.parametrize(
    ("outcome", "action"),
    [(ValueError("a defect"), "test_failed"), (TemporaryError("away", retry_after=0.01), "test_waits")],
)
def test_a_turn_cut_short_is_told_and_the_next_one_comes(database, caplog, outcome, action):
    turn, stop, left = turns(outcome, None)
    interrupted = []

    lead(database, DUTY, turn, stop, interrupted=lambda: interrupted.append(True))

    assert left == []
    assert interrupted == [True]
    assert [record.action for record in caplog.records] == [action]


def test_who_does_not_lead_stands_by(database):
    turn, stop, left = turns(None)
    stood_by = threading.Event()

    with database.leader(DUTY.lock) as other:
        assert other.acquire()
        thread = threading.Thread(
            target=lead, args=(database, DUTY, turn, stop), kwargs={"interrupted": stood_by.set}
        )
        thread.start()
        assert stood_by.wait(90)
        assert left == [None]
    thread.join(90)

    assert left == []
