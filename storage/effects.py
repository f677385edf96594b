"""The side-effect ledger: a row before each outside call, its outcome after it.

A row without an outcome means that the call may or may not have happened: look in the outside world before
doing it again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from storage.database import Database
from storage.models import OutsideEffect


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One message, comment, branch, pull request or rerun of ours."""

    key: str
    kind: str
    outside: dict[str, str] | None
    """Ids that the outside world gave it; ``None`` until it is known to be done."""
    digest: str
    """Hash of what was last sent, so that an unchanged thing is not sent again."""
    begun_at: datetime
    fresh: bool
    """The call that returned this made the row: nobody has tried before."""


def begin_effect(db: Database, key: str, *, kind: str, incident: int | None) -> Effect:
    """Put the intent on record before acting; returns the earlier row if there is one."""
    with db.transaction() as session:
        made = session.scalar(
            insert(OutsideEffect)
            .values(key=key, kind=kind, incident_id=incident)
            .on_conflict_do_nothing(index_elements=[OutsideEffect.key])
            .returning(OutsideEffect)
        )
        row = made or session.get_one(OutsideEffect, key)
        return _effect(row, fresh=made is not None)


def finish_effect(db: Database, key: str, *, outside: Mapping[str, str], digest: str) -> None:
    """Put on record that it is done, or was done again with other contents (an edited message)."""
    with db.transaction() as session:
        session.execute(
            update(OutsideEffect)
            .where(OutsideEffect.key == key)
            .values(outside=dict(outside), digest=digest, finished_at=func.clock_timestamp())
        )


def forget_effect(db: Database, key: str) -> None:
    """Take an intent back that surely was not carried out."""
    with db.transaction() as session:
        session.execute(
            delete(OutsideEffect).where(OutsideEffect.key == key, OutsideEffect.outside.is_(None))
        )


def effect(db: Database, key: str) -> Effect | None:
    """The row with this key."""
    with db.transaction() as session:
        row = session.get(OutsideEffect, key)
    return None if row is None else _effect(row, fresh=False)


def effects_of(db: Database, incident: int, *, kind: str | None = None) -> list[Effect]:
    """All effects of an incident, oldest first; of one kind if it is named."""
    query = select(OutsideEffect).where(OutsideEffect.incident_id == incident)
    if kind is not None:
        query = query.where(OutsideEffect.kind == kind)
    with db.transaction() as session:
        rows = session.scalars(query.order_by(OutsideEffect.begun_at, OutsideEffect.key)).all()
    return [_effect(row, fresh=False) for row in rows]


def written_to(db: Database, incidents: Collection[int], *, kind: str, channel: str) -> frozenset[int]:
    """Those of ``incidents`` about which a channel of the operator's own workspace has a message."""
    query = select(OutsideEffect.incident_id).where(
        OutsideEffect.incident_id.in_(incidents),
        OutsideEffect.kind == kind,
        OutsideEffect.outside["channel"].astext == channel,
        OutsideEffect.outside["team"].astext.is_(None),
    )
    with db.transaction() as session:
        return frozenset(number for number in session.scalars(query) if number is not None)


def _effect(row: OutsideEffect, *, fresh: bool) -> Effect:
    return Effect(
        key=row.key,
        kind=row.kind,
        outside=None if row.outside is None else {name: str(value) for name, value in row.outside.items()},
        digest=row.digest,
        begun_at=row.begun_at,
        fresh=fresh,
    )
