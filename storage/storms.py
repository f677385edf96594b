"""Storms: many incidents with one cause, which people should see as one.

An incident is looked at once, when its log has been read. Three things make a storm, the most telling first:

- the same fingerprint in ``places`` repositories or branches;
- ``INCIDENTS`` incidents whose logs speak of infrastructure (or could not be read at all) on one host;
- ``INCIDENTS`` incidents of one commit, as a bad one causes them in its jobs;

each within ``minutes`` of the incident that completes it. Locks on these causes, always taken in this order
and after the branch's lock, let one transaction at a time decide, so that a cause has one storm however many
workers read its logs at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session, aliased

from patchpilot.events import EventKind
from patchpilot.failures import Category
from patchpilot.heals import HealState
from patchpilot.incidents import IncidentId, StormId, StormKind, StormMember, StormSnapshot
from patchpilot.source import Repo
from storage.database import Database
from storage.events import append
from storage.locks import lock_key
from storage.models import Failure, Heal, Incident, Storm

INCIDENTS: Final = 5
"""So many incidents of one commit, or with infrastructure to blame, make a storm."""
SAME_FAILURE_PATIENCE: Final = timedelta(hours=6)
"""The same failure elsewhere joins an open storm for so long after its newest member; beyond that, people
would not find it on a card that has scrolled away. Vaguer causes have the rule's minutes only."""
CARD: Final = "storm"
"""Kind of the effect that shows a storm. The ledger names its oldest incident; it belongs to all of them."""
UNREAD: Final = "unread:"
"""Start of the fingerprints of failures whose logs could not be read."""


@dataclass(frozen=True, slots=True)
class StormRule:
    """When incidents become a storm."""

    places: int = 3
    """The same failure in so many repositories or branches; 0 for no storms of any kind."""
    minutes: float = 10.0
    """How far apart incidents of one storm may begin."""


USUAL: Final = StormRule()
"""The rule where nobody has set another."""


@dataclass(frozen=True, slots=True)
class Burst:
    """How busy it was when an incident came whose log nobody has read yet."""

    others: int
    """Open incidents that came shortly before it."""
    age: float
    """Seconds since it was opened, by the database's clock."""


def gather(session: Session, incident: Incident, category: Category, rule: StormRule) -> None:
    """Put an incident that has just got its fingerprint into the storm of its cause, if there is one.

    The caller holds the branch's lock, and takes no other branch's lock after this.
    """
    if rule.places == 0 or incident.storm_id is not None:
        return
    session.flush()
    causes = list(_causes(incident, _commit(session, incident), category, rule))
    for cause in causes:
        session.execute(select(func.pg_advisory_xact_lock(lock_key("storm", cause.key))))
    for cause in causes:
        storm = _open_storm(session, cause, incident.first_seen)
        if storm is not None:
            _add(session, storm, [incident.id], cause)
            return
    for cause in causes:
        alike = _alike(session, cause, incident.first_seen, rule)
        if alike:
            made = Storm(kind=cause.kind.value, cause_key=cause.key, title=incident.title)
            session.add(made)
            session.flush()
            _add(session, made.id, alike, cause)
            return


def read_storm(db: Database, storm: int) -> StormSnapshot | None:
    """A storm with all its incidents; ``None`` if there is no such number."""
    query = (
        select(
            Incident.id,
            Incident.host,
            Incident.repo,
            Incident.branch,
            Incident.title,
            Heal.state,
            Failure.url,
        )
        .join(Heal, Heal.id == Incident.heal_id)
        .join(Failure, Failure.id == Heal.failure_id)
        .where(Incident.storm_id == storm)
        .order_by(Incident.id)
    )
    with db.transaction() as session:
        row = session.get(Storm, storm)
        if row is None:
            return None
        members = session.execute(query).all()
        return StormSnapshot(
            id=StormId(row.id),
            kind=StormKind(row.kind),
            title=row.title,
            opened_at=row.opened_at,
            members=tuple(
                StormMember(
                    incident=IncidentId(member.id),
                    repo=Repo(member.host, member.repo),
                    branch=member.branch,
                    title=member.title,
                    state=HealState(member.state),
                    url=member.url,
                )
                for member in members
            ),
        )


def open_storms(db: Database, incident: int) -> list[StormId]:
    """Storms that an incident may turn out to belong to once its log is read, whatever makes them storms: to
    wait for that log in vain costs less than a card that nothing takes back."""
    came = select(Incident.first_seen).where(Incident.id == incident).scalar_subquery()
    member = aliased(Incident)
    still = select(member.id).where(member.storm_id == Incident.storm_id, member.open)
    query = (
        select(Incident.storm_id)
        .where(
            Incident.storm_id.is_not(None),
            Incident.first_seen >= came - SAME_FAILURE_PATIENCE,
            still.exists(),
        )
        .distinct()
    )
    with db.transaction() as session:
        return [StormId(number) for number in session.scalars(query) if number is not None]


def suffices(storm: StormSnapshot, places: int) -> bool:
    """Whether these members alone would make a storm of its kind; ``places`` is the rule's."""
    match storm.kind:
        case StormKind.SAME_FAILURE:
            return storm.places >= max(places, 2)
        case StormKind.INFRASTRUCTURE:
            return storm.places >= INCIDENTS
        case StormKind.REPOSITORY:
            return len(storm.members) >= INCIDENTS


def burst_before(db: Database, incident: int, *, seconds: float) -> Burst:
    """How many open incidents of the last ``seconds`` came before this one, their logs read or not: of a few
    with one cause the first are read while the last still wait for a worker."""
    age = func.extract("epoch", func.now() - Incident.first_seen)
    waiting = select(func.count()).where(Incident.open, Incident.id < incident, age < seconds)
    with db.transaction() as session:
        return Burst(
            others=session.scalar(waiting) or 0,
            age=float(session.scalar(select(age).where(Incident.id == incident)) or 0.0),
        )


@dataclass(frozen=True, slots=True)
class _Cause:
    kind: StormKind
    key: str
    least: int
    patience: timedelta
    shared_by: ColumnElement[bool]
    """Which incidents have it."""


def _commit(session: Session, incident: Incident) -> str:
    """On which the incident was found; empty where the provider does not say."""
    found = select(Failure.head_sha).join(Heal, Heal.failure_id == Failure.id)
    return session.scalar(found.where(Heal.id == incident.heal_id)) or ""


def _causes(incident: Incident, commit: str, category: Category, rule: StormRule) -> Iterator[_Cause]:
    """What an incident may have in common with others, in the order in which the locks are taken."""
    soon = timedelta(minutes=rule.minutes)
    unread = incident.fingerprint.startswith(UNREAD)
    if not unread:
        # Unread failures carry the workflow's name only: nothing says that they are the same.
        yield _Cause(
            StormKind.SAME_FAILURE,
            f"same_failure {incident.fingerprint}",
            rule.places,
            SAME_FAILURE_PATIENCE,
            Incident.fingerprint == incident.fingerprint,
        )
    if unread or category is Category.INFRASTRUCTURE:
        blamed = select(Heal.id).where(
            Heal.id == Incident.heal_id, Heal.distilled["category"].astext == Category.INFRASTRUCTURE.value
        )
        yield _Cause(
            StormKind.INFRASTRUCTURE,
            f"infrastructure {incident.host}",
            INCIDENTS,
            soon,
            (Incident.host == incident.host) & (Incident.fingerprint.startswith(UNREAD) | blamed.exists()),
        )
    if not commit:
        return
    built = (
        select(Heal.id)
        .join(Failure, Failure.id == Heal.failure_id)
        .where(Heal.id == Incident.heal_id, Failure.head_sha == commit)
    )
    yield _Cause(
        StormKind.REPOSITORY,
        f"repository {incident.host} {incident.repo} {commit}",
        INCIDENTS,
        soon,
        (Incident.host == incident.host) & (Incident.repo == incident.repo) & built.exists(),
    )


def _open_storm(session: Session, cause: _Cause, at: datetime) -> int | None:
    """The newest storm of this cause that has an open incident and is not too long ago."""
    return session.scalar(
        select(Storm.id)
        .join(Incident, Incident.storm_id == Storm.id)
        .where(Storm.cause_key == cause.key)
        .group_by(Storm.id)
        .having(func.bool_or(Incident.open), func.max(Incident.first_seen) >= at - cause.patience)
        .order_by(Storm.id.desc())
        .limit(1)
    )


def _alike(session: Session, cause: _Cause, at: datetime, rule: StormRule) -> list[int]:
    """The incidents of no storm yet that share the cause; none if they are too few to make one."""
    soon = timedelta(minutes=rule.minutes)
    rows = session.execute(
        select(Incident.id, Incident.host, Incident.repo, Incident.branch)
        .where(
            Incident.storm_id.is_(None),
            Incident.fingerprint != "",
            Incident.first_seen.between(at - soon, at + soon),
            cause.shared_by,
        )
        .order_by(Incident.id)
    ).all()
    if cause.kind is StormKind.REPOSITORY:
        enough = len(rows) >= cause.least
    else:
        enough = len({(row.host, row.repo, row.branch) for row in rows}) >= cause.least
    return [row.id for row in rows] if enough else []


def _add(session: Session, storm: int, incidents: list[int], cause: _Cause) -> None:
    session.execute(
        update(Incident)
        .where(Incident.id.in_(incidents))
        .values(storm_id=storm)
        .execution_options(synchronize_session=False)
    )
    session.expire_all()
    rows = session.execute(
        select(Incident.id, Incident.heal_id).where(Incident.id.in_(incidents)).order_by(Incident.id)
    )
    for incident, heal in rows.all():
        # Each one's card has something new to say, so each has an event.
        append(
            session,
            EventKind.STORM_JOINED,
            incident=incident,
            heal=heal or "",
            data={"storm": storm, "kind": cause.kind.value},
        )
