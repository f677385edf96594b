"""What is muted, until when and by whom; pull requests that are to be left alone."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from patchpilot.events import EventKind
from patchpilot.noise import Mute
from patchpilot.source import Repo
from storage.database import Database
from storage.events import append
from storage.leases import from_now
from storage.models import Incident
from storage.wishes import MuteRow, PausedPull


def add_mute(
    db: Database,
    repo: Repo,
    *,
    incident: int | None,
    test: str,
    why: str,
    author: str,
    length: timedelta,
) -> Mute:
    """Mute an incident, a repository or a test of it for ``length`` from now."""
    with db.transaction() as session:
        row = session.scalars(
            insert(MuteRow)
            .values(
                host=repo.host,
                repo=repo.full_name,
                incident_id=incident,
                test=test,
                why=why,
                author=author,
                until=from_now(length.total_seconds()),
            )
            .returning(MuteRow)
        ).one()
        _tell(session, repo, incident, "muted")
        return _mute(row)


def end_mutes(db: Database, repo: Repo, *, incident: int | None, test: str) -> list[Mute]:
    """End the mutes of exactly this; returns those that were running."""
    same_incident = MuteRow.incident_id.is_(None) if incident is None else MuteRow.incident_id == incident
    with db.transaction() as session:
        rows = session.scalars(
            update(MuteRow)
            .where(
                MuteRow.host == repo.host,
                func.lower(MuteRow.repo) == repo.full_name.lower(),
                same_incident,
                MuteRow.test == test,
                MuteRow.until > func.clock_timestamp(),
            )
            .values(until=func.clock_timestamp())
            .returning(MuteRow)
        ).all()
        if rows:
            _tell(session, repo, incident, "unmuted")
        return [_mute(row) for row in rows]


def running_mutes(db: Database, *, repo: Repo | None = None) -> list[Mute]:
    """Mutes that have not ended, those that end first first; of one repository if it is named."""
    query = select(MuteRow).where(MuteRow.until > func.clock_timestamp())
    if repo is not None:
        query = query.where(MuteRow.host == repo.host, func.lower(MuteRow.repo) == repo.full_name.lower())
    with db.transaction() as session:
        return [_mute(row) for row in session.scalars(query.order_by(MuteRow.until, MuteRow.id))]


def mutes_ended_since(db: Database, moment: datetime | None) -> list[Mute]:
    """Mutes that ended after ``moment`` (or within the last day), by themselves or by a word."""
    since = from_now(-24 * 3600.0) if moment is None else moment
    query = select(MuteRow).where(MuteRow.until > since, MuteRow.until <= func.clock_timestamp())
    with db.transaction() as session:
        return [_mute(row) for row in session.scalars(query.order_by(MuteRow.until, MuteRow.id))]


def pause_pull(db: Database, repo: Repo, number: int, *, author: str, why: str) -> bool:
    """Leave a pull request alone; False if that was so already."""
    with db.transaction() as session:
        made = session.scalar(
            insert(PausedPull)
            .values(host=repo.host, repo=repo.full_name.lower(), number=number, author=author, why=why)
            .on_conflict_do_nothing()
            .returning(PausedPull.number)
        )
    return made is not None


def resume_pull(db: Database, repo: Repo, number: int) -> bool:
    """Take a pull request up again; False if it was not paused."""
    with db.transaction() as session:
        gone = session.scalar(
            delete(PausedPull)
            .where(
                PausedPull.host == repo.host,
                PausedPull.repo == repo.full_name.lower(),
                PausedPull.number == number,
            )
            .returning(PausedPull.number)
        )
    return gone is not None


def paused_by(db: Database, repo: Repo, number: int) -> str:
    """Who wants the pull request left alone; empty if nobody does."""
    key = (repo.host, repo.full_name.lower(), number)
    with db.transaction() as session:
        row = session.get(PausedPull, key)
        return "" if row is None else row.author


def is_paused(session: Session, repo: Repo, number: int | None) -> bool:
    """Whether it is left alone, by the caller's transaction; what is no pull request is never paused."""
    if number is None:
        return False
    key = (repo.host, repo.full_name.lower(), number)
    # Locked, so that whoever resumes meanwhile sees what is held on account of the pause.
    return session.get(PausedPull, key, with_for_update={"read": True}) is not None


def _tell(session: Session, repo: Repo, incident: int | None, text: str) -> None:
    """Have every card that this is about looked at again."""
    about = [Incident.open, Incident.host == repo.host, Incident.repo == repo.full_name]
    if incident is not None:
        about = [Incident.id == incident]
    rows = session.execute(select(Incident.id, Incident.heal_id).where(*about).order_by(Incident.id)).all()
    for number, heal in rows:
        append(session, EventKind.NOTE, incident=number, heal=heal or "", data={"text": text})


def _mute(row: MuteRow) -> Mute:
    return Mute(
        id=row.id,
        repo=Repo(row.host, row.repo),
        incident=row.incident_id,
        test=row.test,
        why=row.why,
        author=row.author,
        until=row.until,
    )
