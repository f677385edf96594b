"""Red runs that came while their pull request was paused; ``resume`` takes up what is still red of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from patchpilot.failures import RunFinished
from patchpilot.source import Repo
from storage.codec import decode, encode
from storage.database import Database
from storage.leases import from_now
from storage.runs import NAME_MAX
from storage.wishes import HeldRun

KEPT_SECONDS: Final = 30 * 24 * 3600.0
"""Whoever resumes later than that gets the next red run."""
_MOST: Final = 20


def hold_run(session: Session, event: RunFinished) -> None:
    """Keep a red run of a paused pull request, unless a later one of its workflow is kept."""
    assert event.pull_request is not None
    facts = {"event": encode(event), "ordered_at": event.ordered_at}
    statement = insert(HeldRun).values(
        host=event.run.repo.host,
        repo=event.run.repo.full_name.lower(),
        number=event.pull_request,
        workflow=event.workflow[:NAME_MAX],
        **facts,
    )
    session.execute(delete(HeldRun).where(HeldRun.held_at < from_now(-KEPT_SECONDS)))
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[HeldRun.host, HeldRun.repo, HeldRun.number, HeldRun.workflow],
            set_={**facts, "held_at": func.now()},
            where=or_(
                HeldRun.ordered_at.is_(None),
                statement.excluded.ordered_at.is_(None),
                statement.excluded.ordered_at >= HeldRun.ordered_at,
            ),
        )
    )


def drop_run(session: Session, event: RunFinished) -> None:
    """``event`` is a run of the same workflow that says more than an older one that is kept."""
    if event.pull_request is None:
        return
    older = [] if event.ordered_at is None else [_older(event)]
    session.execute(
        delete(HeldRun).where(
            *_of(event.run.repo, event.pull_request), HeldRun.workflow == event.workflow[:NAME_MAX], *older
        )
    )


def drop_held(db: Database, event: RunFinished) -> None:
    """A run that is kept says nothing any more."""
    with db.transaction() as session:
        drop_run(session, event)


def drop_runs(session: Session, repo: Repo, number: int) -> None:
    """The pull request is closed."""
    session.execute(delete(HeldRun).where(*_of(repo, number)))


def held_runs(db: Database, repo: Repo, number: int) -> list[RunFinished]:
    """What is kept of a pull request, the newest first, one of each workflow."""
    query = select(HeldRun).where(*_of(repo, number)).order_by(HeldRun.held_at).limit(_MOST)
    with db.transaction() as session:
        events = [decode(RunFinished, row.event) for row in session.scalars(query)]
    return sorted((one for one in events if one is not None), key=_when, reverse=True)


def _of(repo: Repo, number: int) -> tuple[ColumnElement[bool], ...]:
    return (
        HeldRun.host == repo.host,
        HeldRun.repo == repo.full_name.lower(),
        HeldRun.number == number,
    )


def _older(event: RunFinished) -> ColumnElement[bool]:
    return or_(HeldRun.ordered_at.is_(None), HeldRun.ordered_at <= event.ordered_at)


def _when(event: RunFinished) -> datetime:
    return event.ordered_at or datetime.min.replace(tzinfo=UTC)
