"""The outbox: work that must be done, as rows. RQ carries only their ids and may forget them at any time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from storage.database import Database
from storage.leases import free, from_now
from storage.models import QueuedTask

_ERROR_MAX = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task as it stood when it was read or claimed."""

    id: int
    queue: str
    name: str
    """Dotted name of the function that does it."""
    args: dict[str, str]
    attempts: int
    """How often it has been claimed, this claim included."""
    token: int
    """Fencing token of the claim; what an earlier holder still writes is refused."""


def add_task(
    session: Session,
    *,
    queue: str,
    name: str,
    args: Mapping[str, str],
    key: str,
    delay_seconds: float = 0,
) -> None:
    """Make a task part of the caller's transaction. A ``key`` seen before changes nothing, even when done."""
    session.execute(
        insert(QueuedTask)
        .values(queue=queue, name=name, args=dict(args), key=key, not_before=from_now(delay_seconds))
        .on_conflict_do_nothing(index_elements=[QueuedTask.key])
    )


def later(db: Database, *, queue: str, name: str, args: Mapping[str, str], key: str, seconds: float) -> None:
    """The same in a transaction of its own, due after ``seconds``."""
    with db.transaction() as session:
        add_task(session, queue=queue, name=name, args=args, key=key, delay_seconds=seconds)


def due_tasks(db: Database, *, limit: int = 50, resend_after: float = 15) -> list[Task]:
    """Tasks to be sent now, marked as sent; oldest first.

    A task is sent again when nobody has claimed it ``resend_after`` seconds after it was sent: the wake-up
    may have been lost with Redis.
    """
    due = (
        select(QueuedTask.id)
        .where(
            QueuedTask.done_at.is_(None),
            QueuedTask.not_before <= func.clock_timestamp(),
            free(QueuedTask.lease_until),
            or_(QueuedTask.sent_at.is_(None), QueuedTask.sent_at < from_now(-resend_after)),
        )
        .order_by(QueuedTask.not_before, QueuedTask.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    with db.transaction() as session:
        ids = session.scalars(due).all()
        if not ids:
            return []
        rows = session.scalars(
            update(QueuedTask)
            .where(QueuedTask.id.in_(ids))
            .values(sent_at=func.clock_timestamp())
            .returning(QueuedTask)
        ).all()
        return [_task(row) for row in sorted(rows, key=lambda row: (row.not_before, row.id))]


def claim_task(db: Database, task_id: int, *, owner: str, seconds: float) -> Task | None:
    """Lease a task for ``seconds``; ``None`` if it is done, not due yet, or in another's hands."""
    with db.transaction() as session:
        row = session.scalar(
            update(QueuedTask)
            .where(
                QueuedTask.id == task_id,
                QueuedTask.done_at.is_(None),
                QueuedTask.not_before <= func.clock_timestamp(),
                free(QueuedTask.lease_until),
            )
            .values(
                lease_owner=owner,
                lease_until=from_now(seconds),
                lease_token=QueuedTask.lease_token + 1,
                attempts=QueuedTask.attempts + 1,
            )
            .returning(QueuedTask)
        )
        return None if row is None else _task(row)


def renew_task(db: Database, task: Task, *, seconds: float) -> bool:
    """Hold a claimed task for ``seconds`` more; False if another has it now or it is done."""
    with db.transaction() as session:
        renewed = session.scalar(
            update(QueuedTask)
            .where(*_held(task))
            .values(lease_until=from_now(seconds))
            .returning(QueuedTask.id)
        )
        return renewed is not None


def finish_task(db: Database, task: Task) -> None:
    """Book a claimed task as done. Changes nothing if another holds it now: that one books its end."""
    with db.transaction() as session:
        session.execute(
            update(QueuedTask)
            .where(*_held(task))
            .values(done_at=func.clock_timestamp(), lease_owner="", lease_until=null(), error="")
        )


def postpone_task(db: Database, task: Task, *, seconds: float, error: str) -> None:
    """Give a claimed task back, to be tried again after ``seconds``; ``error`` is kept for people.

    Changes nothing if another holds it now.
    """
    with db.transaction() as session:
        session.execute(
            update(QueuedTask)
            .where(*_held(task))
            .values(
                not_before=from_now(seconds),
                sent_at=null(),
                lease_owner="",
                lease_until=null(),
                error=error[:_ERROR_MAX],
            )
        )


def _held(task: Task) -> tuple[ColumnElement[bool], ...]:
    return (
        QueuedTask.id == task.id,
        QueuedTask.lease_token == task.token,
        QueuedTask.done_at.is_(None),
        QueuedTask.lease_until.is_not(None),
    )


def _task(row: QueuedTask) -> Task:
    return Task(
        id=row.id,
        queue=row.queue,
        name=row.name,
        args={key: str(value) for key, value in row.args.items()},
        attempts=row.attempts,
        token=row.lease_token,
    )


def oldest_waiting(db: Database) -> dict[str, float]:
    """Seconds for which the oldest task has been due without anybody at it, by queue."""
    age = func.extract("epoch", func.clock_timestamp() - func.min(QueuedTask.not_before))
    query = (
        select(QueuedTask.queue, age)
        .where(
            QueuedTask.done_at.is_(None),
            QueuedTask.not_before <= func.clock_timestamp(),
            free(QueuedTask.lease_until),
        )
        .group_by(QueuedTask.queue)
    )
    with db.transaction() as session:
        return {str(queue): float(seconds) for queue, seconds in session.execute(query)}
