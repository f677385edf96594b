"""Places that messages can't reach at the moment, and what has happened since."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from patchpilot.conversation import BrokenPlace
from storage.conversation import BrokenDestination
from storage.database import Database
from storage.models import Heal, Incident


def mark_broken(
    db: Database, place: str, *, code: str, advice: str, since: datetime | None = None
) -> BrokenPlace:
    """Note that ``place`` can't be reached. A place that was broken before stays broken since then."""
    values = {"code": code, "advice": advice}
    statement = insert(BrokenDestination).values(
        place=place, since=func.now() if since is None else func.least(since, func.now()), **values
    )
    with db.transaction() as session:
        row = session.scalars(
            statement.on_conflict_do_update(
                index_elements=[BrokenDestination.place], set_={**values, "last_tried": func.now()}
            ).returning(BrokenDestination)
        ).one()
        return _place(row)


def clear_broken(db: Database, place: str) -> BrokenPlace | None:
    """Note that ``place`` can be reached again; returns what was known, if it was broken."""
    with db.transaction() as session:
        row = session.scalars(
            delete(BrokenDestination).where(BrokenDestination.place == place).returning(BrokenDestination)
        ).one_or_none()
        return None if row is None else _place(row)


def broken_places(db: Database) -> list[BrokenPlace]:
    """All places that can't be reached, the longest first."""
    with db.transaction() as session:
        rows = session.scalars(
            select(BrokenDestination).order_by(BrokenDestination.since, BrokenDestination.place)
        ).all()
    return [_place(row) for row in rows]


def incidents_since(db: Database, at: datetime) -> list[int]:
    """Numbers of the incidents of which there was news at ``at`` or later, oldest first."""
    with db.transaction() as session:
        return list(
            session.scalars(
                select(Incident.id)
                .outerjoin(Heal, Heal.id == Incident.heal_id)
                .where(or_(Incident.last_seen >= at, Heal.updated_at >= at))
                .order_by(Incident.id)
            )
        )


def _place(row: BrokenDestination) -> BrokenPlace:
    return BrokenPlace(place=row.place, code=row.code, advice=row.advice, since=row.since)
