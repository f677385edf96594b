"""A heal on the command line that something outside keeps waiting."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from agent.local import LocalHeal
from agent.local_journal import LocalBudget, LocalJournal
from cli.heal_progress import InLines
from patchpilot.errors import TemporaryError
from patchpilot.heals import HealId


@pytest.fixture
def kept_waiting(monkeypatch, worker_settings):
    """A heal whose graph first raises these errors, and the seconds that it slept."""

    def make(*errors: TemporaryError):
        pending, slept = list(errors), []

        def advance_on(*_: object) -> None:
            if pending:
                raise pending.pop(0)

        monkeypatch.setattr("agent.local.advance_on", advance_on)
        journal = LocalJournal(
            heal_id=HealId("a" * 32), record=None, watcher=InLines(), money=LocalBudget(dollars=1, tokens=1)
        )
        heal = LocalHeal(
            SimpleNamespace(settings=worker_settings),
            journal,
            sleep=slept.append,
            clock=lambda: float(sum(slept)),
        )
        return heal, slept

    return make


def test_a_wait_of_minutes_is_kept_and_told(kept_waiting, capsys):
    heal, slept = kept_waiting(TemporaryError("asking m: HTTP 429 rate_limit_error", retry_after=300))

    heal.advance()

    assert slept == [300]
    assert "HTTP 429 rate_limit_error; trying again in 300 s" in capsys.readouterr().err
    assert heal.journal.steps[0][0] == "Waiting 300 s, as asked; Ctrl-C ends the heal"


def test_a_wait_beyond_what_the_heal_may_take_ends_it(kept_waiting):
    heal, slept = kept_waiting(*[TemporaryError("asking m: HTTP 429", retry_after=2_000)] * 4)

    with pytest.raises(TemporaryError, match=r"2,000 s to wait, .*TASK_DEADLINE_SECONDS"):
        heal.advance()

    assert slept == [2_000]


def test_the_fourth_outage_in_a_row_is_the_last(kept_waiting):
    heal, slept = kept_waiting(*[TemporaryError("away", retry_after=10)] * 4)

    with pytest.raises(TemporaryError, match=r"^away$"):
        heal.advance()

    assert slept == [10, 10, 10]


def test_an_interrupt_ends_the_wait(kept_waiting, monkeypatch):
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    heal, _ = kept_waiting(TemporaryError("away", retry_after=300))
    heal.sleep = interrupted

    with pytest.raises(KeyboardInterrupt):
        heal.advance()
