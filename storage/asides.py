"""What people said about an incident, and what is known around it."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from patchpilot.conversation import Aside, Assignee, EarlierCase
from patchpilot.events import EventKind
from patchpilot.grammar.values import DirectLevel
from patchpilot.incidents import IncidentSnapshot
from patchpilot.noise import mute_of
from storage.conversation import Assignment
from storage.database import Database
from storage.events import append
from storage.models import AccountLink, Incident
from storage.mutes import running_mutes
from storage.remembered import Remembered
from storage.wishes import DirectChoice


def read_aside(db: Database, incident: IncidentSnapshot, *, medium: str, team: str = "") -> Aside:
    """Everything around ``incident``, for a conversation in ``medium``.

    ``team`` is the workspace that it is shown in; empty where there is only one.
    """
    mute = mute_of(incident, running_mutes(db, repo=incident.repo), datetime.now(UTC))
    muted = "" if mute is None else mute.said
    with db.transaction() as session:
        row = session.get(Assignment, incident.id)
        return Aside(
            assignee=None if row is None else _assignee(row),
            earlier=_earlier(session, incident),
            suspect=_account(session, incident, medium, team),
            muted=muted,
        )


def assign(db: Database, incident: int, *, medium: str, account: str, name: str) -> Assignee | None:
    """Note who looks after an incident, unless somebody does already; returns who does now.

    ``None`` if there is no such incident.
    """
    with db.transaction() as session:
        found = session.get(Incident, incident)
        if found is None:
            return None
        made = session.scalar(
            insert(Assignment)
            .values(incident_id=incident, medium=medium, account=account, name=name)
            .on_conflict_do_nothing(index_elements=[Assignment.incident_id])
            .returning(Assignment.incident_id)
        )
        if made is not None:
            _tell(session, found, f"{name} is on it")
        return _assignee(session.get_one(Assignment, incident))


def unassign(db: Database, incident: int, *, name: str) -> bool:
    """Nobody looks after it any more, says ``name``; False if nobody did."""
    with db.transaction() as session:
        gone = session.scalar(
            delete(Assignment).where(Assignment.incident_id == incident).returning(Assignment.incident_id)
        )
        found = session.get(Incident, incident)
        if gone is None or found is None:
            return False
        _tell(session, found, f"{name} handed it back")
        return True


def _tell(session: Session, incident: Incident, text: str) -> None:
    append(
        session, EventKind.ASSIGNED, incident=incident.id, heal=incident.heal_id or "", data={"text": text}
    )


def _earlier(session: Session, incident: IncidentSnapshot) -> EarlierCase | None:
    if not incident.fingerprint:
        return None
    row = session.scalars(
        select(Remembered)
        .where(
            Remembered.fingerprint == incident.fingerprint,
            Remembered.host == incident.repo.host,
            Remembered.repo == incident.repo.full_name,
            Remembered.incident != incident.id,
        )
        .order_by(Remembered.updated_at.desc(), Remembered.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    return EarlierCase(
        incident=row.incident,
        outcome=row.outcome,
        root_cause=row.root_cause,
        pull_request_url=row.pull_request_url,
    )


def _account(session: Session, incident: IncidentSnapshot, medium: str, team: str) -> str:
    """Whom to mention as the author, unless they want no word from us, or get it directly."""
    author = incident.heal.failure.author
    if not author:
        return ""
    declined = exists().where(
        DirectChoice.team == AccountLink.team,
        DirectChoice.account == AccountLink.account,
        DirectChoice.level.in_([DirectLevel.OFF, DirectLevel.MINE]),
    )
    links = select(AccountLink.account).where(
        ~declined,
        AccountLink.medium == medium,
        AccountLink.host == incident.repo.host,
        func.lower(AccountLink.login) == author.lower(),
    )
    if team:
        # Another workspace knows nobody by that id.
        links = links.where(AccountLink.team == team)
    return session.scalar(links.order_by(AccountLink.linked_at.desc()).limit(1)) or ""


def _assignee(row: Assignment) -> Assignee:
    return Assignee(medium=row.medium, account=row.account, name=row.name, at=row.at)
