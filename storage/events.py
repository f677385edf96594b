"""The event log: appended in the transaction that makes a thing so, read in one order by every consumer.

Ids are given out before commit, so a reader that went by id alone would pass an event that is committed
late and never see it. Each event therefore carries its transaction's id, and a reader stops below the oldest
transaction still running (``pg_snapshot_xmin``): what is below can't change any more. Two transactions that
overlap may so be told in either order, even about the same heal, so a consumer shows what a snapshot says and
takes an event as the news that there is something to show. (Ids of one heal's events do rise in the order in
which things happened to it: they are given out under its row's lock.)
https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from patchpilot.events import Cursor, Event, EventKind
from storage.database import Database
from storage.models import ConsumerCursor, HappenedEvent

_SETTLED = text("(pg_snapshot_xmin(pg_current_snapshot())::text)::bigint")


def append(
    session: Session, kind: EventKind, *, incident: int, heal: str, data: Mapping[str, object]
) -> None:
    """Add an event to the caller's transaction. ``data`` must hold JSON values only."""
    session.execute(
        insert(HappenedEvent).values(kind=kind.value, incident_id=incident, heal_id=heal, data=dict(data))
    )


def read(db: Database, cursor: Cursor, *, limit: int = 200) -> list[tuple[Cursor, Event]]:
    """The next events after ``cursor``, in order, each with the cursor that stands right after it."""
    place = tuple_(HappenedEvent.txid, HappenedEvent.id)
    with db.transaction() as session:
        rows = session.scalars(
            select(HappenedEvent)
            .where(place > tuple_(cursor.transaction, cursor.id), HappenedEvent.txid < _SETTLED)
            .order_by(HappenedEvent.txid, HappenedEvent.id)
            .limit(limit)
        ).all()
    return [(Cursor(row.txid, row.id), _event(row)) for row in rows]


def load_cursor(db: Database, consumer: str) -> Cursor:
    """How far ``consumer`` has read; the start of the log for a new one."""
    with db.transaction() as session:
        row = session.get(ConsumerCursor, consumer)
    return Cursor() if row is None else Cursor(row.txid, row.event_id)


def save_cursor(db: Database, consumer: str, cursor: Cursor) -> None:
    """Remember how far ``consumer`` has read. A cursor never goes back."""
    place = {"txid": cursor.transaction, "event_id": cursor.id}
    statement = insert(ConsumerCursor).values(consumer=consumer, **place)
    with db.transaction() as session:
        session.execute(
            statement.on_conflict_do_update(
                index_elements=[ConsumerCursor.consumer],
                set_={**place, "updated_at": func.now()},
                where=tuple_(ConsumerCursor.txid, ConsumerCursor.event_id)
                < tuple_(statement.excluded.txid, statement.excluded.event_id),
            )
        )


def _event(row: HappenedEvent) -> Event:
    return Event(
        id=row.id,
        kind=EventKind(row.kind),
        incident=row.incident_id,
        heal=row.heal_id,
        at=row.at,
        data=row.data,
    )
