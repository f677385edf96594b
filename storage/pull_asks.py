"""What people ask for on pull requests: recorded with its delivery, settled once, followed to its end.

Each change puts the task that shows it into the same transaction, so nothing that was decided stays unsaid.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from patchpilot.commands import Answer, Ruling, Verb
from patchpilot.failures import CheckActionRequested, CommentWritten
from patchpilot.grammar import Decide, Way, parse
from patchpilot.heals import WORKING, HealState
from patchpilot.incidents import IncidentSnapshot
from patchpilot.pull_thread import AskState, PullAsk
from patchpilot.source import HostUser, Repo
from storage.database import Database
from storage.incidents import incident_of_pull_request, read_snapshot, snapshot
from storage.intake import Recorded, first_delivery
from storage.leases import from_now
from storage.models import Failure, Heal, Incident
from storage.pull_thread import PullAskRow
from storage.tasks import add_task

REPLIES_A_DAY: Final = 30
"""Comments of their own that we answer with on one pull request; what is asked beyond that is answered in
the one comment that is edited."""
_SHOWN: Final = 5
_DIGITS: Final = 18
_AT_WORK: Final = WORKING | {HealState.OPENING_PR}


def record_comment(db: Database, event: CommentWritten, text: str) -> Recorded:
    """Put a comment's command on record; the same comment again, by whatever delivery, changes nothing."""
    seen = _seen(db, event.repo, event.number, text)
    with db.transaction() as session:
        made = first_delivery(session, event.delivery_id) and _ask(
            session,
            key=f"comment:{event.repo.host}:{event.comment_id}",
            way=Way.COMMENT,
            repo=event.repo,
            number=event.number,
            comment_id=event.comment_id,
            by=event.author,
            text=text,
            approval_id=seen,
        )
    return Recorded(duplicate=not made, incident=None, heal=None)


def record_check_action(db: Database, event: CheckActionRequested) -> Recorded | None:
    """Put a click on a button of our check run on record; ``None`` if the check run is of nothing we know."""
    number = _number(event.external_id)
    with db.transaction() as session:
        found = None if number is None else read_snapshot(session, number)
        # The id was ours when we wrote it, but any App may write such a one on a repository of its own.
        if found is None or found.repo != event.repo or found.heal.failure.pull_request is None:
            return None
        made = first_delivery(session, event.delivery_id) and _ask(
            session,
            key=f"check:{event.repo.host}:{event.delivery_id}",
            way=Way.CHECK,
            repo=event.repo,
            number=found.heal.failure.pull_request,
            incident=found.id,
            by=event.by,
            text=event.action[:100],
            approval_id=found.heal.approval_id,
        )
    return Recorded(duplicate=not made, incident=found.id, heal=found.heal.id)


def waiting_asks(db: Database, *, limit: int = 20) -> list[PullAsk]:
    """Requests that nobody has answered yet, oldest first."""
    query = select(PullAskRow).where(PullAskRow.state == AskState.WAITING.value)
    with db.transaction() as session:
        return [_read(row) for row in session.scalars(query.order_by(PullAskRow.id).limit(limit))]


def settle_ask(db: Database, ask: PullAsk, answer: Answer, *, state: AskState, reply: bool) -> None:
    """Put the answer on record, and have it shown. A request that was settled before stays as it is."""
    with db.transaction() as session:
        reply = reply and _replies(session, ask.repo, ask.number) < REPLIES_A_DAY
        settled = session.scalar(
            update(PullAskRow)
            .where(PullAskRow.id == ask.id, PullAskRow.state == AskState.WAITING.value)
            .values(
                state=state.value,
                ruling=answer.ruling.value,
                answer=answer.text,
                reply=reply,
                incident_id=answer.incident or ask.incident,
                settled_at=func.clock_timestamp(),
            )
            .returning(PullAskRow.id)
        )
        if settled is not None:
            _tell(session, ask.id, state)


def answers_of_late(db: Database, ask: PullAsk) -> int:
    """How many answers who asked was given within a day, on all pull requests of the repository."""
    # The number survives a rename.
    person = (
        func.lower(PullAskRow.login) == ask.by.login.lower()
        if ask.by.id is None
        else PullAskRow.user_id == ask.by.id
    )
    query = select(func.count()).where(
        PullAskRow.host == ask.repo.host,
        PullAskRow.repo == ask.repo.full_name,
        person,
        PullAskRow.answer != "",
        PullAskRow.at > from_now(-24 * 3600.0),
    )
    with db.transaction() as session:
        return session.scalar(query) or 0


def finish_asks(db: Database, incident: IncidentSnapshot) -> int:
    """What was taken on is done once the incident's heal is not at work any more; returns how many."""
    if incident.heal.state in _AT_WORK:
        return 0
    with db.transaction() as session:
        done = session.scalars(
            update(PullAskRow)
            .where(PullAskRow.incident_id == incident.id, PullAskRow.state == AskState.ACCEPTED.value)
            .values(state=AskState.DONE.value)
            .returning(PullAskRow.id)
        ).all()
        for number in done:
            _tell(session, number, AskState.DONE)
    return len(done)


def find_ask(db: Database, number: int) -> PullAsk | None:
    """The request with this number."""
    with db.transaction() as session:
        row = session.get(PullAskRow, number)
        return None if row is None else _read(row)


def latest_asks(db: Database, repo: Repo, number: int) -> list[PullAsk]:
    """The last settled requests of a pull request that were not answered in a comment, oldest first."""
    query = (
        select(PullAskRow)
        .where(
            *_of(repo, number),
            PullAskRow.state != AskState.WAITING.value,
            PullAskRow.reply.is_(False),
            PullAskRow.answer != "",
        )
        .order_by(PullAskRow.id.desc())
        .limit(_SHOWN)
    )
    with db.transaction() as session:
        return [_read(row) for row in reversed(session.scalars(query).all())]


def incidents_of_pull(db: Database, repo: Repo, number: int, *, limit: int = 10) -> list[IncidentSnapshot]:
    """The incidents that a pull request's own runs made, open ones first, then the latest."""
    query = (
        select(Incident.id)
        .join(Heal, Heal.id == Incident.heal_id)
        .join(Failure, Failure.id == Heal.failure_id)
        .where(
            Incident.host == repo.host,
            Incident.repo == repo.full_name,
            Failure.pull_request == number,
            Heal.state != HealState.SUPERSEDED.value,
        )
        .order_by(Incident.open.desc(), Incident.last_seen.desc(), Incident.id.desc())
        .limit(limit)
    )
    with db.transaction() as session:
        return _snapshots(session, session.scalars(query).all())


def all_incidents_of_pull(db: Database, repo: Repo, number: int, *, limit: int = 100) -> list[int]:
    """Numbers of every incident that a run of the pull request ever was in, the latest first."""
    query = (
        select(Failure.incident_id)
        .where(Failure.host == repo.host, Failure.repo == repo.full_name, Failure.pull_request == number)
        .group_by(Failure.incident_id)
        .order_by(func.max(Failure.id).desc())
        .limit(limit)
    )
    with db.transaction() as session:
        return list(session.scalars(query))


def ask_to_show(db: Database, repo: Repo, number: int, *, key: str) -> None:
    """Have the pull request's comment and check run brought up to date; once per ``key``."""
    with db.transaction() as session:
        add_task(
            session,
            queue="effects",
            name="jobs.pr_thread.show",
            args={"host": repo.host, "repo": repo.full_name, "number": str(number)},
            key=f"pr-show:{repo.host}:{repo}#{number}:{key}",
        )


def _snapshots(session: Session, ids: Iterable[int]) -> list[IncidentSnapshot]:
    return [found for one in ids if (found := read_snapshot(session, one)) is not None]


def _ask(
    session: Session,
    *,
    key: str,
    way: Way,
    repo: Repo,
    number: int,
    by: HostUser,
    text: str,
    approval_id: str,
    comment_id: int | None = None,
    incident: int | None = None,
) -> bool:
    made = session.scalar(
        insert(PullAskRow)
        .values(
            key=key,
            way=way.value,
            host=repo.host,
            repo=repo.full_name,
            number=number,
            comment_id=comment_id,
            incident_id=incident,
            login=by.login,
            user_id=by.id,
            text=text,
            approval_id=approval_id,
            state=AskState.WAITING.value,
        )
        .on_conflict_do_nothing(index_elements=[PullAskRow.key])
        .returning(PullAskRow.id)
    )
    return made is not None


def _seen(db: Database, repo: Repo, number: int, text: str) -> str:
    """The proposal that an approve can mean: the current one of the incident that it names or stands on."""
    request = parse(text, way=Way.COMMENT)
    if not isinstance(request, Decide) or request.decision is not Verb.APPROVE:
        return ""
    incident = request.incident or incident_of_pull_request(db, repo, number)
    found = None if incident is None else snapshot(db, incident)
    return "" if found is None else found.heal.approval_id


def _tell(session: Session, number: int, state: AskState) -> None:
    add_task(
        session,
        queue="effects",
        name="jobs.pr_thread.answer",
        args={"ask": str(number)},
        key=f"pr-answer:{number}:{state}",
    )


def _replies(session: Session, repo: Repo, number: int) -> int:
    query = select(func.count()).where(
        *_of(repo, number), PullAskRow.reply, PullAskRow.at > from_now(-24 * 3600.0)
    )
    return session.scalar(query) or 0


def _of(repo: Repo, number: int) -> tuple[ColumnElement[bool], ...]:
    return (PullAskRow.host == repo.host, PullAskRow.repo == repo.full_name, PullAskRow.number == number)


def _number(external_id: str) -> int | None:
    digits = external_id.removeprefix("PP-")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS else None


def _read(row: PullAskRow) -> PullAsk:
    at: datetime = row.at
    return PullAsk(
        id=row.id,
        key=row.key,
        way=Way(row.way),
        repo=Repo(row.host, row.repo),
        number=row.number,
        comment_id=row.comment_id,
        incident=row.incident_id,
        by=HostUser(host=row.host, login=row.login, id=row.user_id),
        text=row.text,
        approval_id=row.approval_id,
        at=at,
        state=AskState(row.state),
        ruling=Ruling(row.ruling) if row.ruling else None,
        answer=row.answer,
        reply=row.reply,
    )
