"""A red run becomes a failure with a heal, in a new incident or provisionally in an open one."""

from __future__ import annotations

import secrets

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from patchpilot.events import EventKind
from patchpilot.failures import RunFinished
from patchpilot.heals import HealId, HealState
from patchpilot.text import one_line
from storage.addresses import login_with_address
from storage.events import append
from storage.models import Failure, Heal, Incident
from storage.moves import change_state
from storage.runs import NAME_MAX, Whose, later_green, line
from storage.tasks import add_task


def record(session: Session, event: RunFinished, *, asked_for: bool) -> Whose:
    """Record a red run that is not known yet; the caller holds the branch's lock.

    Whether it belongs to the incident that it is put in is known only when its log has been read
    (:mod:`storage.settling`), so in an open incident it counts for nothing until then.
    """
    incident, opened = _open_incident(session, event)
    failure = _insert_failure(session, event, incident)
    heal = HealId(secrets.token_hex(16))
    session.add(Heal(id=heal, incident_id=incident.id, failure_id=failure, state=HealState.QUEUED.value))
    session.flush()
    _announce(session, event, incident.id, heal, opened=opened)
    if opened:
        incident.heal_id = heal
        session.flush()
    green = None if asked_for else later_green(session, event)
    if green is not None:
        reason = f"{event.branch} was green again, at {green[:7]}, before this run was reported"
        change_state(session, heal, to=HealState.RECOVERED, reason=reason)
    else:
        start_heal(session, heal)
    return Whose(incident=incident.id, heal=heal)


def start_heal(session: Session, heal: str) -> None:
    """Put the heal on the worker's queue."""
    add_task(session, queue="heal", name="jobs.tasks.heal", args={"heal": heal}, key=f"heal:{heal}:start")


def _open_incident(session: Session, event: RunFinished) -> tuple[Incident, bool]:
    repo, branch, workflow = event.run.repo, line(event), event.workflow[:NAME_MAX]
    known = session.scalars(
        select(Incident)
        .where(
            Incident.open,
            Incident.host == repo.host,
            Incident.repo == repo.full_name,
            Incident.branch == branch,
            Incident.workflow == workflow,
        )
        .order_by(Incident.last_seen.desc(), Incident.id.desc())
        .limit(1)
    ).one_or_none()
    if known is not None:
        return known, False
    made = Incident(
        host=repo.host,
        repo=repo.full_name,
        branch=branch,
        workflow=workflow,
        title=one_line(workflow, NAME_MAX),
    )
    session.add(made)
    session.flush()
    return made, True


def _insert_failure(session: Session, event: RunFinished, incident: Incident) -> int:
    run = event.run
    return session.execute(
        insert(Failure)
        .values(
            incident_id=incident.id,
            provider=run.provider,
            host=run.repo.host,
            repo=run.repo.full_name,
            run_id=run.run_id,
            attempt=run.attempt,
            url=run.url,
            workflow=event.workflow,
            workflow_path=event.workflow_path,
            branch=event.branch,
            head_sha=event.head_sha,
            author=login_with_address(session, run.repo.host, event.author_address) or event.author,
            pusher=event.pusher,
            commit_subject=event.commit_subject,
            default_branch=event.default_branch,
            pull_request=event.pull_request,
            base_branch=event.base_branch,
            from_fork=event.from_fork,
            private=event.private,
            ordered_at=event.ordered_at,
        )
        .returning(Failure.id)
    ).scalar_one()


def _announce(session: Session, event: RunFinished, incident: int, heal: str, *, opened: bool) -> None:
    facts = {
        "repo": str(event.run.repo),
        "branch": event.branch,
        "workflow": event.workflow,
        "run_id": event.run.run_id,
        "attempt": event.run.attempt,
        "url": event.run.url,
        "sha": event.head_sha,
    }
    append(
        session,
        EventKind.FAILURE_RECORDED,
        incident=incident,
        heal=heal,
        data={**facts, "provisional": not opened},
    )
    if opened:
        append(
            session, EventKind.INCIDENT_OPENED, incident=incident, heal=heal, data={"title": event.workflow}
        )
