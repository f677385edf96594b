"""Counts for Prometheus and the metrics API, read from Postgres: right whichever process did the work."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import ColumnElement, Date, cast, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from patchpilot.heals import OPEN, HealState
from patchpilot.source import Repo
from storage.database import Database
from storage.models import Decision, Failure, Heal, Incident, QueuedTask, RepoDay


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What has been achieved so far, and what is waiting."""

    heals_by_state: dict[str, int]
    """States that no heal is in are left out."""
    failures: int
    incidents: int
    incidents_open: int
    decisions_by_verb: dict[str, int]
    outcomes: dict[str, int]
    """What became of pull requests of ours, by ``patchpilot.fixes.Outcome``."""
    median_seconds_to_diagnosis: float | None
    """From a heal's start; ``None`` until there is one."""
    median_seconds_to_proposal: float | None
    median_seconds_to_pull_request: float | None
    """Includes the time that people took to approve."""
    dollars_today: Decimal
    """UTC."""
    dollars_total: Decimal
    tokens_today: int
    tokens_total: int
    tasks_waiting: dict[str, int]
    """Tasks that are due and not done yet, by queue, those being worked on included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What is not over in one repository."""

    repo: Repo
    private: bool
    open: int
    """Heals in a state of :data:`patchpilot.heals.OPEN`."""
    awaiting_approval: int


def waiting(db: Database) -> list[Waiting]:
    """What is not over, by repository, so that each reader is told of what they may read."""
    awaits = func.count().filter(Heal.state == HealState.AWAITING_APPROVAL.value)
    query = (
        select(Failure.host, Failure.repo, Failure.private, func.count(), awaits)
        .join(Heal, Heal.failure_id == Failure.id)
        .where(Heal.state.in_(sorted(OPEN)))
        .group_by(Failure.host, Failure.repo, Failure.private)
    )
    with db.transaction() as session:
        return [
            Waiting(repo=Repo(host, repo), private=private, open=count, awaiting_approval=asked)
            for host, repo, private, count, asked in session.execute(query)
        ]


def figures(db: Database) -> Figures:
    """Read all figures in one transaction."""
    with db.transaction() as session:
        today = RepoDay.day == cast(func.timezone("UTC", func.now()), Date)
        # A look that is planned for later keeps nobody waiting; what was tried and put off does.
        due = or_(QueuedTask.not_before <= func.clock_timestamp(), QueuedTask.attempts > 0)
        return Figures(
            heals_by_state=_counts(session, Heal.state),
            failures=_count(session, Failure.id),
            incidents=_count(session, Incident.id),
            incidents_open=_count(session, Incident.id, Incident.open.is_(True)),
            decisions_by_verb=_counts(session, Decision.verb),
            outcomes=_counts(session, Heal.outcome, Heal.outcome != ""),
            median_seconds_to_diagnosis=_median(session, Heal.diagnosed_at),
            median_seconds_to_proposal=_median(session, Heal.proposed_at),
            median_seconds_to_pull_request=_median(session, Heal.pull_request_at),
            dollars_today=_sum(session, RepoDay.dollars, today),
            dollars_total=_sum(session, RepoDay.dollars),
            tokens_today=int(_sum(session, RepoDay.tokens, today)),
            tokens_total=int(_sum(session, RepoDay.tokens)),
            tasks_waiting=_counts(session, QueuedTask.queue, QueuedTask.done_at.is_(None), due),
        )


def _counts(
    session: Session, column: InstrumentedAttribute[str], *conditions: ColumnElement[bool]
) -> dict[str, int]:
    rows = session.execute(select(column, func.count()).where(*conditions).group_by(column).order_by(column))
    return {row[0]: row[1] for row in rows}


def _count(session: Session, column: InstrumentedAttribute[int], *conditions: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count(column)).where(*conditions)) or 0


def _sum(
    session: Session,
    column: InstrumentedAttribute[Decimal] | InstrumentedAttribute[int],
    *conditions: ColumnElement[bool],
) -> Decimal:
    return Decimal(session.scalar(select(func.coalesce(func.sum(column), 0)).where(*conditions)) or 0)


def _median(session: Session, moment: InstrumentedAttribute[object]) -> float | None:
    seconds = func.extract("epoch", moment - Heal.created_at)
    middle = session.scalar(
        select(func.percentile_cont(0.5).within_group(seconds)).where(moment.is_not(None))
    )
    return None if middle is None else float(middle)
