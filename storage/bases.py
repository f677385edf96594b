"""Whether a branch has gone on since a proposal was proved, as far as its own red runs tell."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from patchpilot.heals import HealState
from storage.models import Failure, Heal


def later_reds(session: Session, heals: Collection[str]) -> dict[str, Failure]:
    """By heal, the run on the newest commit that is red in the same way, where its proposal was not proved.

    Only of heals that wait for a decision on something new: what mends a pull request of ours goes on top of
    it, wherever its base went. Commits are as old as their first run, so running an earlier one again moves
    nothing. A run counts once its log has shown that it is the same failure.
    """
    if not heals:
        return {}
    mine, base, theirs = aliased(Heal), aliased(Failure), aliased(Heal)
    began = func.coalesce(Failure.ordered_at, Failure.received_at)
    incidents = select(Heal.incident_id).where(Heal.id.in_(heals))
    seen = (
        select(
            Failure.incident_id,
            Failure.head_sha,
            func.min(began).label("first"),
            func.max(Failure.id).label("latest"),
        )
        .join(theirs, theirs.failure_id == Failure.id)
        .where(Failure.incident_id.in_(incidents), theirs.settled, ~Failure.from_fork)
        .group_by(Failure.incident_id, Failure.head_sha)
        .subquery()
    )
    newest = (
        select(mine.id, seen.c.latest)
        .join(base, base.id == func.coalesce(mine.retested_id, mine.failure_id))
        .join(seen, seen.c.incident_id == mine.incident_id)
        .where(
            mine.id.in_(heals),
            mine.state == HealState.AWAITING_APPROVAL.value,
            mine.pull_request_number.is_(None),
            seen.c.head_sha != base.head_sha,
            seen.c.first > func.coalesce(base.ordered_at, base.received_at),
        )
        .ext(distinct_on(mine.id))
        .order_by(mine.id, seen.c.first.desc(), seen.c.latest.desc())
    )
    latest: dict[str, int] = {row[0]: row[1] for row in session.execute(newest)}
    failures = session.scalars(select(Failure).where(Failure.id.in_(latest.values()))) if latest else ()
    found = {failure.id: failure for failure in failures}
    return {heal: found[number] for heal, number in latest.items()}


def later_red(session: Session, heal: str) -> Failure | None:
    """The same for one heal."""
    return later_reds(session, [heal]).get(heal)
