"""What a verified webhook changes: one transaction each, the delivery's id first.

A delivery that was recorded before changes nothing, so providers may repeat themselves as they like.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from patchpilot.failures import CommitsReverted, PullRequestClosed, ReviewWritten, RunFinished
from patchpilot.heals import HealId
from patchpilot.source import RunRef
from storage import pulls, reds
from storage.addresses import remember_addresses
from storage.database import Database
from storage.greens import recover_incidents
from storage.held_runs import drop_run, drop_runs, hold_run
from storage.locks import lock_branch
from storage.models import Delivery, Failure, Heal
from storage.mutes import is_paused
from storage.outcomes import record_reverts
from storage.runs import NAME_MAX, Whose, later_green, line, remember_run


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What an event led to."""

    duplicate: bool
    """This delivery, or this very run, was recorded before."""
    incident: int | None
    heal: HealId | None


def record_failure(db: Database, event: RunFinished) -> Recorded:
    """A run ended red: open an incident with a heal, or hang it provisionally on the open one.

    A red run of one of our own fix branches is news about that pull request instead.
    """
    return _record_red(db, event, asked_for=False)


def request_heal(db: Database, event: RunFinished) -> Recorded:
    """A person asked for a diagnosis of a red run. A run that is known already gives its incident."""
    return _record_red(db, event, asked_for=True)


def record_held(db: Database, event: RunFinished) -> Recorded | None:
    """A red run that was held while its pull request was paused; ``None`` if it says nothing any more:
    it was taken up already, or its workflow has been green since."""
    with db.transaction() as session:
        lock_branch(session, event.run.repo, line(event))
        drop_run(session, event)
        if _known(session, event.run) or later_green(session, event) is not None:
            return None
        _take_back(session, event)
        return _found(reds.record(session, event, asked_for=False))


def record_success(db: Database, event: RunFinished) -> Recorded:
    """A run ended green: what it cures has recovered, and a fix that it followed has proved itself."""
    with db.transaction() as session:
        # Before the first write: who waits here has no place in the event log's order yet.
        lock_branch(session, event.run.repo, line(event))
        if not first_delivery(session, event.delivery_id):
            return Recorded(duplicate=True, incident=None, heal=None)
        if pulls.is_ours(event):
            return _found(pulls.record_run(session, event))
        remember_run(session, event)
        drop_run(session, event)
        _take_back(session, event)
        pulls.judge_merge(session, event)
        return _found(recover_incidents(session, event))


def record_pull_request_closed(db: Database, event: PullRequestClosed) -> Recorded:
    """A pull request was closed; if it is ours, its heal is resolved (merged) or rejected."""
    with db.transaction() as session:
        lock_branch(session, event.repo, event.branch[:NAME_MAX])
        if not first_delivery(session, event.delivery_id):
            return Recorded(duplicate=True, incident=None, heal=None)
        drop_runs(session, event.repo, event.number)
        whose = pulls.record_closed(session, event)
        reverted = record_reverts(session, event.repo, event.base_branch, event.reverts, by=event.by)
        return _found(whose or reverted)


def record_commits_reverted(db: Database, event: CommitsReverted) -> Recorded:
    """Commits were pushed: those of our fixes that they take back are not good any more."""
    with db.transaction() as session:
        lock_branch(session, event.repo, event.branch[:NAME_MAX])
        if not first_delivery(session, event.delivery_id):
            return Recorded(duplicate=True, incident=None, heal=None)
        remember_addresses(session, event.repo.host, event.addresses)
        return _found(record_reverts(session, event.repo, event.branch, event.reverts, by=event.by))


def record_review(db: Database, event: ReviewWritten) -> Recorded:
    """A pull request was reviewed; if it is ours, its thread shows it."""
    with db.transaction() as session:
        lock_branch(session, event.repo, event.branch[:NAME_MAX])
        if not first_delivery(session, event.delivery_id):
            return Recorded(duplicate=True, incident=None, heal=None)
        return _found(pulls.record_review_of_ours(session, event))


def _take_back(session: Session, event: RunFinished) -> None:
    record_reverts(
        session,
        event.run.repo,
        line(event),
        event.reverts,
        default_branch=event.default_branch,
        by=event.author,
    )


def _record_red(db: Database, event: RunFinished, *, asked_for: bool) -> Recorded:
    with db.transaction() as session:
        lock_branch(session, event.run.repo, line(event))
        if not first_delivery(session, event.delivery_id):
            return _known(session, event.run) or Recorded(duplicate=True, incident=None, heal=None)
        if pulls.is_ours(event):
            return _found(pulls.record_run(session, event))
        if known := _known(session, event.run):
            return known
        if not asked_for and is_paused(session, event.run.repo, event.pull_request):
            # What somebody asks for by name is done; what only happens there waits for ``resume``.
            hold_run(session, event)
            return Recorded(duplicate=False, incident=None, heal=None)
        _take_back(session, event)
        pulls.judge_merge(session, event)
        return _found(reds.record(session, event, asked_for=asked_for))


def first_delivery(session: Session, delivery_id: str) -> bool:
    """Put a delivery's id on record; false if it was there already."""
    made = session.scalar(
        insert(Delivery)
        .values(id=delivery_id)
        .on_conflict_do_nothing(index_elements=[Delivery.id])
        .returning(Delivery.id)
    )
    return made is not None


def _known(session: Session, run: RunRef) -> Recorded | None:
    row = session.execute(
        select(Heal.incident_id, Heal.id)
        .join(Failure, Failure.id == Heal.failure_id)
        .where(
            Failure.provider == run.provider,
            Failure.host == run.repo.host,
            Failure.repo == run.repo.full_name,
            Failure.run_id == run.run_id,
            Failure.attempt == run.attempt,
        )
    ).one_or_none()
    return None if row is None else Recorded(duplicate=True, incident=row[0], heal=HealId(row[1]))


def _found(whose: Whose | None) -> Recorded:
    if whose is None:
        return Recorded(duplicate=False, incident=None, heal=None)
    return Recorded(duplicate=False, incident=whose.incident, heal=whose.heal)
