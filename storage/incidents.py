"""Incidents and heals as views show them: frozen snapshots, read in one transaction each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from patchpilot.failures import Diagnosis, DistilledFailure
from patchpilot.fixes import Fix, PartialResult, Spend
from patchpilot.heals import HealId, HealState
from patchpilot.incidents import (
    DecisionRecord,
    FailureRecord,
    HealSnapshot,
    IncidentId,
    IncidentSnapshot,
    ProgressStep,
    StormId,
    ThreadNote,
)
from patchpilot.source import HostUser, Repo, RunRef, Sha
from storage import models
from storage.bases import later_reds
from storage.codec import decode
from storage.database import Database
from storage.models import Decision, Failure, Heal, Incident, ProposedFix, Step
from storage.wishes import FirstApproval


def snapshot(db: Database, incident: int) -> IncidentSnapshot | None:
    """An incident with its current heal; ``None`` if there is no such number."""
    with db.reading() as session:
        return read_snapshot(session, incident)


def snapshot_of_heal(db: Database, heal_id: HealId) -> IncidentSnapshot | None:
    """The incident of a heal with that very heal, current or not."""
    with db.reading() as session:
        heal = session.get(Heal, heal_id)
        if heal is None:
            return None
        return _incident(session.get_one(Incident, heal.incident_id), heal_snapshots(session, [heal])[0])


def heals(
    db: Database,
    *,
    states: Collection[HealState] | None = None,
    limit: int = 50,
    before: datetime | None = None,
) -> list[HealSnapshot]:
    """Heals, newest first; of these states, and older than ``before``, if asked for."""
    query = select(Heal).order_by(Heal.created_at.desc(), Heal.id.desc()).limit(limit)
    if states is not None:
        query = query.where(Heal.state.in_(sorted(states)))
    if before is not None:
        query = query.where(Heal.created_at < before)
    with db.transaction() as session:
        return heal_snapshots(session, session.scalars(query).all())


def open_incidents(db: Database, *, repo: Repo | None = None) -> list[IncidentSnapshot]:
    """Incidents that are not over, the most recently seen first."""
    query = (
        select(Incident, Heal)
        .join(Heal, Heal.id == Incident.heal_id)
        .where(Incident.open)
        .order_by(Incident.last_seen.desc(), Incident.id.desc())
    )
    if repo is not None:
        query = query.where(Incident.host == repo.host, Incident.repo == repo.full_name)
    with db.transaction() as session:
        rows = session.execute(query).all()
        snapshots = heal_snapshots(session, [heal for _, heal in rows])
        return [_incident(row[0], heal) for row, heal in zip(rows, snapshots, strict=True)]


def incident_of_pull_request(db: Database, repo: Repo, number: int) -> int | None:
    """The incident that a pull request is about: it failed there, or it is the one that cures it.

    An open one before one that is over, then the latest.
    """
    query = (
        select(Incident.id)
        .join(Heal, Heal.id == Incident.heal_id)
        .join(Failure, Failure.id == Heal.failure_id)
        .where(
            Incident.host == repo.host,
            Incident.repo == repo.full_name,
            or_(Failure.pull_request == number, Heal.pull_request_number == number),
        )
        .order_by(Incident.open.desc(), Incident.last_seen.desc(), Incident.id.desc())
        .limit(1)
    )
    with db.transaction() as session:
        return session.scalar(query)


def latest_repos(db: Database, *, limit: int) -> list[Repo]:
    """Repositories that were red last, the latest first."""
    seen = func.max(Incident.last_seen)
    query = select(Incident.host, Incident.repo).group_by(Incident.host, Incident.repo).order_by(seen.desc())
    with db.transaction() as session:
        return [Repo(row.host, row.repo) for row in session.execute(query.limit(limit))]


def read_snapshot(session: Session, incident: int) -> IncidentSnapshot | None:
    """The same as :func:`snapshot`, inside the caller's transaction."""
    row = session.get(Incident, incident)
    if row is None or row.heal_id is None:
        return None
    heal = session.get_one(Heal, row.heal_id)
    return _incident(row, heal_snapshots(session, [heal])[0])


def heal_snapshots(session: Session, rows: Sequence[Heal]) -> list[HealSnapshot]:
    """Snapshots of ``rows``, in their order, with a fixed number of queries however many they are."""
    if not rows:
        return []
    ids = [row.id for row in rows]
    wanted = {row.failure_id for row in rows} | {row.base_id for row in rows}
    later = later_reds(session, [row.id for row in rows if row.state == HealState.AWAITING_APPROVAL.value])
    shown = [row.approval_id for row in rows if row.approval_id]
    failures = {row.id: row for row in session.scalars(select(Failure).where(Failure.id.in_(wanted)))}
    proposals = select(ProposedFix).where(ProposedFix.approval_id.in_(shown))
    fixes = {row.approval_id: row for row in session.scalars(proposals)} if shown else {}
    by_first = select(FirstApproval).where(FirstApproval.approval_id.in_(shown))
    firsts = {row.approval_id: row.login for row in session.scalars(by_first)} if shown else {}
    steps: dict[str, list[Step]] = defaultdict(list)
    for step in session.scalars(select(Step).where(Step.heal_id.in_(ids)).order_by(Step.id)):
        steps[step.heal_id].append(step)
    decisions: dict[str, list[Decision]] = defaultdict(list)
    for decision in session.scalars(select(Decision).where(Decision.heal_id.in_(ids)).order_by(Decision.id)):
        decisions[decision.heal_id].append(decision)
    notes: dict[str, list[models.ThreadNote]] = defaultdict(list)
    told = select(models.ThreadNote).where(models.ThreadNote.heal_id.in_(ids))
    for note in session.scalars(told.order_by(models.ThreadNote.at, models.ThreadNote.key)):
        notes[note.heal_id].append(note)
    return [
        _heal(
            row,
            failures,
            later.get(row.id),
            fixes.get(row.approval_id),
            firsts.get(row.approval_id, ""),
            steps[row.id],
            decisions[row.id],
            notes[row.id],
        )
        for row in rows
    ]


def failure_record(row: Failure) -> FailureRecord:
    """A failure as the vocabulary knows it."""
    return FailureRecord(
        id=row.id,
        run=RunRef(
            provider=row.provider,
            repo=Repo(row.host, row.repo),
            run_id=row.run_id,
            attempt=row.attempt,
            url=row.url,
        ),
        workflow=row.workflow,
        workflow_path=row.workflow_path,
        branch=row.branch,
        default_branch=row.default_branch,
        head_sha=Sha(row.head_sha),
        author=row.author,
        commit_subject=row.commit_subject,
        pull_request=row.pull_request,
        from_fork=row.from_fork,
        private=row.private,
        received_at=row.received_at,
        base_branch=row.base_branch,
        pusher=row.pusher,
    )


def decision_record(row: Decision) -> DecisionRecord:
    """A decision as the vocabulary knows it."""
    return DecisionRecord(
        verb=row.verb,
        actor=row.actor,
        medium=row.medium,
        patch_sha256=row.patch_sha256,
        text=row.text,
        at=row.at,
        account=HostUser(host="", login=row.host_login, id=row.host_user_id) if row.host_login else None,
        options={name: str(value) for name, value in (row.options or {}).items()},
    )


def spend_of(row: Heal) -> Spend:
    """What a heal has cost so far."""
    return Spend(
        dollars=row.dollars,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        calls=row.model_calls,
    )


def _incident(row: Incident, heal: HealSnapshot) -> IncidentSnapshot:
    return IncidentSnapshot(
        id=IncidentId(row.id),
        repo=Repo(row.host, row.repo),
        branch=row.branch,
        workflow=row.workflow,
        title=row.title,
        fingerprint=row.fingerprint,
        failures=row.failures,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        heal=heal,
        storm=None if row.storm_id is None else StormId(row.storm_id),
    )


def _heal(
    row: Heal,
    failures: Mapping[int, Failure],
    later: Failure | None,
    fix: ProposedFix | None,
    first_approved_by: str,
    steps: Iterable[Step],
    decisions: Iterable[Decision],
    notes: Iterable[models.ThreadNote],
) -> HealSnapshot:
    return HealSnapshot(
        id=HealId(row.id),
        incident=IncidentId(row.incident_id),
        state=HealState(row.state),
        reason=row.reason,
        attempt=row.attempt,
        approval_id=row.approval_id,
        failure=failure_record(failures[row.failure_id]),
        retested=None if row.retested_id is None else failure_record(failures[row.retested_id]),
        moved_to=None if later is None else Sha(later.head_sha),
        distilled=decode(DistilledFailure, row.distilled),
        diagnosis=decode(Diagnosis, row.diagnosis),
        fix=decode(Fix, fix.fix if fix else None),
        partial=decode(PartialResult, row.partial),
        spend=spend_of(row),
        steps=tuple(_step(step) for step in steps),
        decisions=tuple(decision_record(decision) for decision in decisions),
        pull_request_number=row.pull_request_number,
        pull_request_url=row.pull_request_url,
        pull_request_ci=row.pull_request_ci,
        pull_request_branch=row.pull_request_branch,
        pull_request_sha=row.pull_request_sha,
        pull_request_review=row.pull_request_review,
        delivery=row.delivery,
        outcome=row.outcome,
        notes=tuple(ThreadNote(key=note.key, text=note.text, at=note.at, url=note.url) for note in notes),
        approval_expires_at=row.approval_expires_at,
        first_approved_by=first_approved_by,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _step(row: Step) -> ProgressStep:
    seconds = None if row.finished_at is None else (row.finished_at - row.started_at).total_seconds()
    return ProgressStep(
        name=row.name,
        text=row.text,
        done=row.finished_at is not None,
        at=row.started_at,
        seconds=seconds,
        doing="" if row.finished_at else row.doing,
        attempt=row.attempt,
    )
