"""Heals from outside their journal: taking one, ending one, its pull request, its expiry, its lesson."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select, update

from patchpilot.errors import NotFoundError
from patchpilot.failures import Diagnosis, DistilledFailure
from patchpilot.fixes import Fix, Outcome, Patch
from patchpilot.heals import ENDED, OPEN, HealId, HealState
from patchpilot.incidents import FailureRecord
from patchpilot.source import Delivery, PullRequest
from storage.budget import BudgetLimits
from storage.codec import decode
from storage.database import Database
from storage.incidents import failure_record
from storage.journal import HealJournal
from storage.leases import free, from_now
from storage.locks import lock_branch
from storage.models import Failure, Heal, ProposedFix
from storage.moves import change_state
from storage.pulls import record_opened
from storage.runs import NAME_MAX
from storage.settling import settle_before_end
from storage.storms import USUAL, StormRule

__all__ = [
    "NOBODY_DECIDED",
    "HealJournal",
    "LearningCase",
    "escalate",
    "expire_proposals",
    "human_fix",
    "record_pull_request",
    "take_heal",
]

CI_SECONDS = 180.0
"""After so long it is looked whether CI of a fix has started, unless a setting says otherwise."""
NOBODY_DECIDED = "nobody decided in time; Retry looks for a fix again and asks anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningCase:
    """A past heal, as far as a lesson can be drawn from it."""

    heal: HealId
    incident: int
    failure: FailureRecord
    distilled: DistilledFailure | None
    root_cause: str
    """Empty where nothing was diagnosed."""
    patch: Patch | None
    """The patch that was proposed last, if any."""
    author: str
    """Who made that patch; empty without one."""
    pull_request_url: str
    outcome: Outcome | None
    """What became of its pull request; ``None`` until known."""


def take_heal(
    db: Database,
    heal_id: HealId,
    *,
    owner: str,
    seconds: float,
    budget: BudgetLimits,
    approval_hours: float = 72,
    storms: StormRule = USUAL,
) -> HealJournal | None:
    """Lease a heal for ``seconds``; ``None`` while another holds it.

    A proposal made through the journal expires after ``approval_hours``. Raises
    :class:`~patchpilot.errors.NotFoundError` if there is no such heal.
    """
    with db.transaction() as session:
        token = session.scalar(
            update(Heal)
            .where(Heal.id == heal_id, free(Heal.lease_until))
            .values(lease_owner=owner, lease_token=Heal.lease_token + 1, lease_until=from_now(seconds))
            .returning(Heal.lease_token)
        )
        if token is None:
            if session.get(Heal, heal_id) is None:
                raise NotFoundError(f"there is no heal {heal_id}")
            return None
    return HealJournal(db, heal_id, token=token, limits=budget, approval_hours=approval_hours, storms=storms)


def escalate(db: Database, heal_id: HealId, *, reason: str, storms: StormRule = USUAL) -> bool:
    """Leave a heal that goes on to people, without its lease; False if it has ended already.

    Whoever holds the heal loses it.
    """
    with db.transaction() as session:
        settle_before_end(session, heal_id, reason=reason, storms=storms)
        moved = change_state(
            session, heal_id, to=HealState.ESCALATED, reason=reason, among=OPEN - ENDED, fence=True
        )
        return moved is not None


def record_pull_request(
    db: Database,
    heal_id: HealId,
    pull: PullRequest,
    *,
    delivery: Delivery = Delivery.PULL_REQUEST,
    ci_seconds: float = CI_SECONDS,
) -> None:
    """The pull request of an approved heal is open. A repeat changes nothing.

    After ``ci_seconds`` it is looked whether its CI has started.
    """
    with db.transaction() as session:
        lock_branch(session, pull.repo, pull.branch[:NAME_MAX])
        heal = session.get(Heal, heal_id, with_for_update=True)
        if heal is None:
            raise NotFoundError(f"there is no heal {heal_id}")
        record_opened(session, heal, pull, delivery=delivery, ci_seconds=ci_seconds)


def human_fix(db: Database, heal_id: HealId) -> LearningCase | None:
    """What there is to learn from a heal, whether a human or its own pull request cured the incident."""
    with db.transaction() as session:
        row = session.execute(
            select(Heal, Failure)
            .join(Failure, Failure.id == func.coalesce(Heal.retested_id, Heal.failure_id))
            .where(Heal.id == heal_id)
        ).one_or_none()
        if row is None:
            return None
        heal, failure = row
        proposal = session.get(ProposedFix, heal.approval_id) if heal.approval_id else None
        fix = decode(Fix, proposal.fix if proposal else None)
        diagnosis = decode(Diagnosis, heal.diagnosis)
        return LearningCase(
            heal=heal_id,
            incident=heal.incident_id,
            failure=failure_record(failure),
            distilled=decode(DistilledFailure, heal.distilled),
            root_cause=diagnosis.root_cause if diagnosis else "",
            patch=fix.patch if fix else None,
            author=fix.author if fix else "",
            pull_request_url=heal.pull_request_url,
            outcome=Outcome(heal.outcome) if heal.outcome else None,
        )


def expire_proposals(db: Database) -> int:
    """End proposals that nobody decided in time; returns how many."""
    with db.transaction() as session:
        late = session.scalars(
            select(Heal.id)
            .where(
                Heal.state == HealState.AWAITING_APPROVAL.value,
                Heal.approval_expires_at < func.clock_timestamp(),
            )
            .order_by(Heal.id)
            .limit(100)
            # One that somebody is deciding at this moment is not to be waited for.
            .with_for_update(skip_locked=True)
        ).all()
        moves = [change_state(session, heal, to=HealState.EXPIRED, reason=NOBODY_DECIDED) for heal in late]
        return sum(move is not None for move in moves)
