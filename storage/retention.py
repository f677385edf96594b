"""What is too old to matter, and is removed.

Kept for good: incidents, failures, heals and their steps, proposals, decisions, accounts, wishes, the memory,
and the ledger of whatever belongs to an incident. What an open incident, a waiting proposal or a consumer of
the event log may still need stays, whatever its age.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Date, cast, delete, exists, func, inspect, or_, select, text, tuple_

from patchpilot.heals import FINAL
from patchpilot.pull_thread import AskState
from storage.columns import Table
from storage.database import Database
from storage.due_digests import DigestRow
from storage.leases import from_now
from storage.models import ConsumerCursor, Delivery, HappenedEvent, Heal, Incident, OutsideEffect, QueuedTask
from storage.pull_thread import PullAskRow
from storage.wishes import DailyUse, HeardRequest, LinkRequest

_DAY_SECONDS: Final = 24 * 3600.0
_COUNTED_DAYS: Final = 2
"""Somewhere on earth yesterday (UTC) is still going on for that long."""
_AT_ONCE: Final = 5_000
"""Rows removed in one transaction, so that the first time on an old database takes no long lock."""
_HEALS_AT_ONCE: Final = 200
_CHECKPOINT_TABLES: Final = ("checkpoint_writes", "checkpoint_blobs", "checkpoints")
"""The graph's own, made by its checkpointer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """For how many days things are kept."""

    deliveries: float = 7
    """Requests, webhook deliveries, sign-ins and what was asked on pull requests."""
    tasks: float = 30
    """Done tasks, and the checkpoints of heals that can't go on."""
    events: float = 90
    """Events of incidents that are over, digests that are sent, and what was told about no incident."""


def clean_up(db: Database, keep: Retention, *, at_once: int = _AT_ONCE) -> dict[str, int]:
    """Remove what is too old; returns how many rows of which table (of heals, for their checkpoints)."""
    gone = {table.__tablename__: _remove(db, table, old, at_once) for table, old in _rules(keep)}
    return gone | {"checkpoints": _remove_checkpoints(db, _ago(keep.tasks))}


def _rules(keep: Retention) -> Iterator[tuple[type[Table], tuple[ColumnElement[bool], ...]]]:
    old, done, past = _ago(keep.deliveries), _ago(keep.tasks), _ago(keep.events)
    yield HeardRequest, (HeardRequest.at < old,)
    yield Delivery, (Delivery.received_at < old,)
    yield LinkRequest, (or_(LinkRequest.created_at < old, LinkRequest.used_at < old),)
    yield PullAskRow, _answered_before(old)
    yield DailyUse, (DailyUse.day < cast(_ago(_COUNTED_DAYS), Date),)
    yield QueuedTask, (QueuedTask.done_at < done, ~_of_open_incident())
    yield HappenedEvent, _read_by_all(past)
    yield DigestRow, (DigestRow.ended != "", DigestRow.ended_at < past)
    yield OutsideEffect, (OutsideEffect.incident_id.is_(None), OutsideEffect.finished_at < past)


def _ago(days: float) -> ColumnElement[datetime]:
    return from_now(-days * _DAY_SECONDS)


def _answered_before(old: ColumnElement[datetime]) -> tuple[ColumnElement[bool], ...]:
    """What was asked on a pull request, came to its end long ago, and was told of.

    The key is that of the task which tells; see :mod:`storage.pull_asks`.
    """
    untold = exists().where(
        QueuedTask.done_at.is_(None),
        QueuedTask.key == func.concat("pr-answer:", PullAskRow.id, ":", PullAskRow.state),
    )
    ended = PullAskRow.state.in_([AskState.DONE.value, AskState.REFUSED.value])
    return (ended, PullAskRow.settled_at < old, ~untold)


def _of_open_incident() -> ColumnElement[bool]:
    """The task was for a heal of an incident that is not over: its key still tells that it was asked for."""
    return exists().where(
        Heal.id == QueuedTask.args["heal"].astext, Incident.id == Heal.incident_id, Incident.open
    )


def _read_by_all(past: ColumnElement[datetime]) -> tuple[ColumnElement[bool], ...]:
    """Events of incidents that are over which every consumer of the log has passed.

    The newest transaction's stay: by them :mod:`storage.restoring` tells a restored database.
    """
    place = tuple_(HappenedEvent.txid, HappenedEvent.id)
    unread = exists().where(tuple_(ConsumerCursor.txid, ConsumerCursor.event_id) < place)
    # Under a name of its own, so that it is not taken for the row at hand.
    newest = select(func.max(HappenedEvent.__table__.alias().c.txid)).scalar_subquery()
    return (
        HappenedEvent.at < past,
        ~exists().where(Incident.id == HappenedEvent.incident_id, Incident.open),
        exists(select(ConsumerCursor.consumer)),
        ~unread,
        HappenedEvent.txid < newest,
    )


def _remove(db: Database, table: type[Table], old: tuple[ColumnElement[bool], ...], at_once: int) -> int:
    key = tuple_(*inspect(table).primary_key)
    removed = 0
    while True:
        chosen = select(*inspect(table).primary_key).where(*old).limit(at_once)
        with db.transaction() as session:
            gone: int = session.execute(delete(table).where(key.in_(chosen))).rowcount  # type: ignore[attr-defined]
        removed += gone
        if gone < at_once:
            return removed


def _remove_checkpoints(db: Database, old: ColumnElement[datetime]) -> int:
    """Where heals stood in the graph that no move leads back to work from."""
    states = [state.value for state in FINAL]
    kept = text("EXISTS (SELECT FROM checkpoints WHERE checkpoints.thread_id = heals.id)")
    chosen = select(Heal.id).where(Heal.state.in_(states), Heal.updated_at < old, kept).limit(_HEALS_AT_ONCE)
    removed = 0
    while True:
        with db.transaction() as session:
            if session.scalar(text("SELECT to_regclass('checkpoints')")) is None:
                return removed
            ids = list(session.scalars(chosen))
            for table in _CHECKPOINT_TABLES:
                session.execute(text(f"DELETE FROM {table} WHERE thread_id = ANY(:ids)"), {"ids": ids})  # noqa: S608
        removed += len(ids)
        if len(ids) < _HEALS_AT_ONCE:
            return removed
