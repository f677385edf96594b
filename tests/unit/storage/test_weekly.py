"""What a week's figures count, and in which week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from patchpilot.digests import Digest
from patchpilot.failures import CommitsReverted
from patchpilot.reverts import Reverts
from storage.intake import record_commits_reverted, record_pull_request_closed
from storage.weekly import read_digest


def week(world: Any) -> Digest:
    end = datetime.now(UTC) + timedelta(hours=1)
    return read_digest(world.db, None, start=end - timedelta(days=7), end=end, zone="UTC", minutes_per_fix=45)


def age(world: Any, days: int) -> None:
    """Make everything so far some days older."""
    with world.db.transaction() as session:
        for table, column in (("heals", "resolved_at"), ("events", "at"), ("decisions", "at")):
            session.execute(text(f"UPDATE {table} SET {column} = {column} - make_interval(days => {days})"))


def land(world: Any, make: Any, branch: str, number: int) -> None:
    journal = world.pr_open(number=number, fingerprint=branch, branch=branch)
    record_pull_request_closed(world.db, make.closed(journal.heal_id, merged=True, number=number))
    world.green(branch=branch, sha="c" * 40)


def take_back(world: Any, make: Any, branch: str, number: int) -> None:
    reverted = CommitsReverted(
        delivery_id=f"revert-{number}", repo=make.repo, branch=branch, reverts=Reverts(pulls=(number,))
    )
    record_commits_reverted(world.db, reverted)


def test_a_fix_landed_in_its_week_and_is_taken_back_in_the_week_of_the_revert(world: Any, make: Any) -> None:
    land(world, make, "one", 12)
    age(world, 8)
    assert (week(world).before.landed, week(world).figures.landed) == (1, 0)

    take_back(world, make, "one", 12)

    found = week(world)
    assert (found.figures.landed, found.figures.reverted) == (0, 1)
    assert (found.before.landed, found.before.reverted) == (1, 0)
    assert not found.nothing
    assert found.held == 0


def test_a_fix_that_landed_and_was_taken_back_in_one_week_counts_as_both_there(world: Any, make: Any) -> None:
    land(world, make, "one", 12)
    land(world, make, "two", 13)
    take_back(world, make, "one", 12)

    found = week(world)
    assert (found.figures.landed, found.figures.reverted, found.held) == (2, 1, 1)
    age(world, 8)
    found = week(world)
    assert (found.figures.landed, found.figures.reverted) == (0, 0)
    assert (found.before.landed, found.before.reverted) == (2, 1)


def test_what_a_policy_lets_through_is_no_approval(world: Any, make: Any) -> None:
    land(world, make, "one", 12)
    land(world, make, "two", 13)
    assert week(world).figures.approved == 2

    with world.db.transaction() as session:
        session.execute(
            text("UPDATE decisions SET medium = 'policy' WHERE id = (SELECT min(id) FROM decisions)")
        )

    assert week(world).figures.approved == 1
