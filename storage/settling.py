"""Which incident a failure belongs to, once its log has been read and it has a fingerprint.

Until then a failure hangs provisionally on the open incident of its branch and workflow. Everything here
runs under the branch's lock, so two failures that are read at the same time can't open two incidents for
one cause; the database has a unique index on top.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import func, null, select, update
from sqlalchemy.orm import Session

from patchpilot.events import EventKind
from patchpilot.failures import Category, DistilledFailure
from patchpilot.heals import WORKING, HealState
from patchpilot.incidents import incident_name
from patchpilot.ports import Settled
from patchpilot.source import Repo
from patchpilot.text import one_line
from storage.codec import encode
from storage.events import append
from storage.locks import lock_branch
from storage.models import Failure, Heal, Incident
from storage.moves import change_state
from storage.runs import NAME_MAX
from storage.storms import UNREAD, USUAL, StormRule, gather

_FINGERPRINT_MAX = 200


def settle(session: Session, heal: Heal, failure: DistilledFailure, *, storms: StormRule = USUAL) -> Settled:
    """Store what the log says and find the incident; the caller holds the heal's lease and branch's lock.

    A second call gives the first one's answer.
    """
    if heal.settled:
        return Settled(joined=heal.joined)
    heal.distilled = encode(failure)
    heal.settled = True
    session.flush()
    # Without a fingerprint nothing can be known to have the same cause, so it stands alone.
    fingerprint = failure.fingerprint[:_FINGERPRINT_MAX] or f"run:{heal.failure_id}"
    own = session.get_one(Incident, heal.incident_id)
    target = _open_with(session, own, fingerprint)
    if target is not None:
        return _join(session, heal, own, target)
    if own.heal_id == heal.id or (own.open and own.fingerprint == "" and _waits(session, own)):
        _take(session, heal, own, fingerprint, failure)
        read = own
    else:
        read = _open_new(session, heal, own, fingerprint, failure)
    gather(session, read, failure.category, storms)
    return Settled()


def settle_before_end(session: Session, heal_id: str, *, reason: str, storms: StormRule = USUAL) -> None:
    """Settle a heal that ends before its log could be read, so that its end is seen.

    Left hanging on another incident it would end invisibly: that one's card shows its own heal. Unread
    failures of one workflow share an incident, or a provider that is down would fill the channel.
    """
    heal = session.get(Heal, heal_id)
    if heal is None or heal.settled or heal.state not in WORKING:
        return
    incident = session.get_one(Incident, heal.incident_id)
    lock_branch(session, Repo(incident.host, incident.repo), incident.branch)
    session.expire_all()
    heal = session.get_one(Heal, heal_id, with_for_update=True)
    workflow = hashlib.sha256(incident.workflow.encode()).hexdigest()[:16]
    unread = DistilledFailure(
        text="",
        category=Category.UNKNOWN,
        cause=one_line(reason, NAME_MAX),
        fingerprint=f"{UNREAD}{workflow}",
    )
    settle(session, heal, unread, storms=storms)
    # Nothing was read: what later looks for a distilled log must find none.
    session.execute(update(Heal).where(Heal.id == heal_id).values(distilled=null()))
    session.expire_all()


def _open_with(session: Session, own: Incident, fingerprint: str) -> Incident | None:
    return session.scalars(
        select(Incident)
        .where(
            Incident.open,
            Incident.host == own.host,
            Incident.repo == own.repo,
            Incident.branch == own.branch,
            Incident.fingerprint == fingerprint,
        )
        # Held until commit, so that it can't be over by the time this failure has joined it.
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()


def _waits(session: Session, incident: Incident) -> bool:
    """Whether the incident's current heal is still to be settled."""
    state = session.scalar(select(Heal.state).where(Heal.id == incident.heal_id, ~Heal.settled))
    return state in WORKING


def _join(session: Session, heal: Heal, own: Incident, target: Incident) -> Settled:
    heal_id, own_id, target_id = heal.id, own.id, target.id
    heal.joined = target_id
    own_ends = own.heal_id == heal_id and own_id != target_id
    session.flush()
    session.execute(
        update(Incident)
        .where(Incident.id == target_id)
        .values(failures=Incident.failures + 1, last_seen=func.now())
    )
    if not own_ends and own_id != target_id:
        _move_failures(session, [heal_id], target_id)
    name = incident_name(target_id)
    change_state(session, heal_id, to=HealState.SUPERSEDED, reason=f"the same failure as {name}, joined it")
    if own_ends:
        # Its own incident is over with it; what else hung there unread goes along.
        _move_failures(session, _unsettled(session, own_id), target_id)
    append(
        session,
        EventKind.INCIDENT_JOINED,
        incident=target_id,
        heal=heal_id,
        data={"from": own_id, "failures": session.get_one(Incident, target_id).failures},
    )
    return Settled(joined=target_id)


def _take(session: Session, heal: Heal, own: Incident, fingerprint: str, failure: DistilledFailure) -> None:
    """Give the incident its fingerprint. If another heal was its current one, unread yet, that waits now."""
    own.fingerprint = fingerprint
    own.title = _title(failure, own)
    own.heal_id = heal.id
    session.flush()


def _open_new(
    session: Session, heal: Heal, own: Incident, fingerprint: str, failure: DistilledFailure
) -> Incident:
    made = Incident(
        host=own.host,
        repo=own.repo,
        branch=own.branch,
        workflow=own.workflow,
        title=_title(failure, own),
        fingerprint=fingerprint,
    )
    session.add(made)
    session.flush()
    _move_failures(session, [heal.id], made.id)
    made.heal_id = heal.id
    session.flush()
    append(session, EventKind.INCIDENT_OPENED, incident=made.id, heal=heal.id, data={"title": made.title})
    return made


def _unsettled(session: Session, incident: int) -> list[str]:
    return list(session.scalars(select(Heal.id).where(Heal.incident_id == incident, ~Heal.settled)))


def _move_failures(session: Session, heals: list[str], incident: int) -> None:
    failures = select(Heal.failure_id).where(Heal.id.in_(heals))
    session.execute(update(Failure).where(Failure.id.in_(failures)).values(incident_id=incident))
    session.execute(update(Heal).where(Heal.id.in_(heals)).values(incident_id=incident))
    session.expire_all()


def _title(failure: DistilledFailure, own: Incident) -> str:
    test = failure.tests[0] if failure.tests else ""
    # "assert 5 == 10" alone says little to who has not seen the log.
    named = f"{test}: {failure.cause}" if test and test not in failure.cause else failure.cause
    return one_line(named, NAME_MAX) or own.title
