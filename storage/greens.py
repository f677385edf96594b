"""What a green run changes: incidents of its branch and workflow have recovered."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from patchpilot.failures import RunFinished
from patchpilot.heals import WORKING, HealId, HealState
from patchpilot.source import ON_THEIR_BRANCH
from storage.models import Failure, Heal, Incident
from storage.moves import change_state
from storage.runs import NAME_MAX, Whose, line
from storage.tasks import add_task

_CURABLE = WORKING | {
    HealState.AWAITING_APPROVAL,
    HealState.ESCALATED,
    HealState.REJECTED,
    HealState.EXPIRED,
}
"""States that a green run ends. A pull request that is open stays open: a person merges or closes it."""


def recover_incidents(session: Session, event: RunFinished) -> Whose | None:
    """End what this green run cured; the caller holds the branch's lock. The last such incident, if any."""
    found: Whose | None = None
    for incident, current, newest in _open_incidents(session, event):
        if newest and event.ordered_at and newest > event.ordered_at:
            continue  # It was red again later: this green run is old news.
        if _recover(session, incident, current, event):
            found = Whose(incident, HealId(current))
    return found


def _open_incidents(session: Session, event: RunFinished) -> list[tuple[int, str, datetime | None]]:
    rows = session.execute(
        select(Incident.id, Incident.heal_id, func.max(Failure.ordered_at))
        .join(Failure, Failure.incident_id == Incident.id)
        .where(
            Incident.open,
            Incident.host == event.run.repo.host,
            Incident.repo == event.run.repo.full_name,
            Incident.branch == line(event),
            Incident.workflow == event.workflow[:NAME_MAX],
        )
        .group_by(Incident.id)
        .order_by(Incident.id)
    )
    return [(row[0], row[1] or "", row[2]) for row in rows]


def _recover(session: Session, incident: int, current: str, event: RunFinished) -> bool:
    reason = f"{event.branch} went green at {event.head_sha[:7]}"
    # Heals of failures that were never settled end with it: their logs are of no more use.
    others = session.scalars(
        select(Heal.id).where(
            Heal.incident_id == incident, Heal.id != current, Heal.state.in_(sorted(WORKING))
        )
    ).all()
    recovered = False
    for heal in [current, *others]:
        moved = change_state(session, heal, to=HealState.RECOVERED, reason=reason, among=_CURABLE, fence=True)
        recovered = recovered or (heal == current and moved is not None)
    if recovered:
        _learn(session, current, event)
    return recovered or _judge_theirs(session, current, event)


def _judge_theirs(session: Session, current: str, event: RunFinished) -> bool:
    """Find out whether somebody's branch is green because of our fix on it, or by itself."""
    heal = session.get(Heal, current)
    if heal is None or heal.state != HealState.PR_OPEN or heal.delivery not in ON_THEIR_BRANCH:
        return False
    add_task(
        session,
        queue="heal",
        name="jobs.rounds.judge_theirs",
        args={"heal": current, "green_sha": event.head_sha},
        key=f"judge_theirs:{current}:{event.head_sha}",
    )
    return True


def _learn(session: Session, heal: str, event: RunFinished) -> None:
    """Have the difference between red and green remembered as a human's fix, if there is one."""
    red = session.scalar(
        select(Failure.head_sha)
        .join(Heal, func.coalesce(Heal.retested_id, Heal.failure_id) == Failure.id)
        .where(Heal.id == heal, Heal.distilled.is_not(None))
    )
    if red is None or red == event.head_sha:
        return  # Never read, or the same commit run again: nobody changed anything.
    add_task(
        session,
        queue="heal",
        name="jobs.tasks.learn",
        args={"heal": heal, "green_sha": event.head_sha, "kind": "human"},
        key=f"heal:{heal}:learn:human",
    )
