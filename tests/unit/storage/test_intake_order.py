"""Runs may end in another order than they began; what counts is which code they saw."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from patchpilot.failures import RunFinished
from patchpilot.heals import HealState
from patchpilot.source import Repo, RunRef, Sha
from storage.incidents import snapshot
from storage.intake import record_failure, record_success

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def run(number: int, *, began: int, ended: int, green: bool) -> RunFinished:
    return RunFinished(
        delivery_id=f"d{number}",
        run=RunRef(provider="github_actions", repo=Repo("github", "acme/ledger"), run_id=str(number)),
        workflow="CI",
        branch="main",
        head_sha=Sha(f"{number:040x}"),
        succeeded=green,
        started_at=START + timedelta(minutes=began),
        finished_at=START + timedelta(minutes=ended),
    )


def test_a_slow_green_run_of_older_code_does_not_end_a_newer_failure(database):
    red = record_failure(database, run(2, began=1, ended=2, green=False))

    record_success(database, run(1, began=0, ended=9, green=True))

    assert snapshot(database, red.incident).heal.state is HealState.QUEUED


def test_a_slow_red_run_of_older_code_is_old_news_after_a_newer_green_one(database):
    record_failure(database, run(1, began=0, ended=1, green=False))
    record_success(database, run(3, began=2, ended=3, green=True))

    late = record_failure(database, run(2, began=1, ended=9, green=False))

    assert snapshot(database, late.incident).heal.state is HealState.RECOVERED
