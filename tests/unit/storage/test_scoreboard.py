"""What was achieved, counted from what is stored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from cli.main import application
from patchpilot.calibration import FEWEST
from patchpilot.commands import Verb
from patchpilot.heals import HealState
from patchpilot.source import Repo
from storage.calibration import calibration, known_outcomes
from storage.heals import record_pull_request
from storage.intake import record_pull_request_closed
from storage.scoreboard import scoreboard


@pytest.fixture
def landed(world: Any, make: Any) -> Any:
    """One fix that landed, one that was closed, one that was turned down."""
    first = world.pr_open(fingerprint="a", branch="one")
    record_pull_request_closed(world.db, make.closed(first.heal_id, merged=True))
    world.green(branch="one", sha="c" * 40)
    second = world.pr_open(number=13, fingerprint="b", branch="two")
    record_pull_request_closed(world.db, make.closed(second.heal_id, merged=False, number=13))
    third = world.awaiting(fingerprint="c", branch="three")
    world.decide(Verb.REJECT, approval_id=world.approval(third))
    with world.db.transaction() as session:
        session.execute(text("UPDATE heals SET dollars = 0.5"))
    return world


def test_every_end_is_counted_and_failures_cost_too(landed: Any) -> None:
    found = scoreboard(landed.db)

    assert (found.heals, found.proposed, found.approved, found.pull_requests) == (3, 3, 2, 2)
    assert (found.landed, found.closed, found.turned_down, found.reverted) == (1, 1, 1, 0)
    assert found.dollars == 1.5
    assert isinstance(found.dollars, float)  # a number by the REST API as by the command
    assert found.dollars_per_landed == found.dollars
    assert found.seconds_from_pull_request_to_merge is not None
    assert found.known == 3
    assert [outcome.held for outcome in known_outcomes(landed.db)].count(True) == 1


def test_another_repository_and_older_times_are_left_out(landed: Any) -> None:
    assert scoreboard(landed.db, repo=Repo("github", "acme/other")).heals == 0
    with landed.db.transaction() as session:
        session.execute(text("UPDATE heals SET created_at = now() - interval '9 days'"))
    assert scoreboard(landed.db, repo=Repo("github", "acme/widget"), days=8).heals == 0
    assert scoreboard(landed.db, days=10).heals == 3


def test_nothing_at_all_is_told_too(world: Any) -> None:
    found = scoreboard(world.db)
    assert (found.heals, found.known, found.brier_of_shown, found.dollars_per_landed) == (0, 0, None, None)


def test_enough_outcomes_recalibrate(landed: Any) -> None:
    assert calibration(landed.db).points == ()
    with landed.db.transaction() as session:
        # The same proposal many times over: what counts is how many have an outcome.
        session.execute(
            text(
                "INSERT INTO proposals (approval_id, heal_id, attempt, patch_sha256, base_sha, fix, "
                "expires_at, outcome) SELECT 'x' || n, heal_id, 1000 + n, patch_sha256, base_sha, "
                "fix || '{\"confidence\": 0.9}', expires_at, 'closed unmerged' "
                "FROM (SELECT * FROM proposals LIMIT 1) p, generate_series(1, :count) n"
            ),
            {"count": FEWEST},
        )
    shown = calibration(landed.db)
    assert shown.outcomes == FEWEST + 3
    assert shown(0.9) < 0.5
    assert scoreboard(landed.db).recalibration == shown.points


def test_the_command_prints_tables_or_json(
    landed: Any, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", "redis://localhost:1/0")
    run = CliRunner()

    told = run.invoke(application(), ["stats", "--repo", "acme/widget", "--days", "30"])
    assert told.exit_code == 0, told.output
    assert "landed: merged and green" in told.output
    assert "Not recalibrated" in told.output
    assert "Confidence against 3 outcomes (" in told.output
    found = json.loads(run.invoke(application(), ["stats", "--json"]).output)
    assert (found["landed"], found["dollars"], found["known"]) == (1, 1.5, 3)
    assert run.invoke(application(), ["stats", "--repo", "no name"]).exit_code != 0
    assert "no proposal" in run.invoke(application(), ["stats", "--repo", "acme/other"]).output


def test_a_patch_that_was_sent_back_and_asked_about_again_is_one_promise(world: Any, make: Any) -> None:
    journal = world.awaiting()
    world.decide(Verb.RETRY, approval_id=world.approval(journal))
    assert scoreboard(world.db).turned_down == 1

    again = world.take(journal.heal_id)
    again.move(HealState.REPAIRING)
    again.move(HealState.VALIDATING)
    again.propose(make.fix())
    again.release()
    world.decide(Verb.APPROVE, approval_id=world.approval(journal))
    record_pull_request(world.db, journal.heal_id, make.pull(journal.heal_id))
    record_pull_request_closed(world.db, make.closed(journal.heal_id, merged=True))
    world.green(sha="c" * 40)

    found = scoreboard(world.db)
    assert (found.landed, found.turned_down, found.known) == (1, 0, 1)
    assert [outcome.held for outcome in known_outcomes(world.db)] == [True]
