"""The weekly digest's figures, counted in Postgres for a channel's repositories."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select, true
from sqlalchemy.orm import Session, aliased

from patchpilot.commands import Medium, Verb
from patchpilot.digests import DayFigures, Digest, EndingMute, FlakyTest, Pending, WeekFigures, days_of
from patchpilot.events import EventKind
from patchpilot.failures import DistilledFailure
from patchpilot.fixes import Outcome
from patchpilot.heals import HealState
from patchpilot.incidents import incident_name
from patchpilot.source import Repo
from storage.codec import decode
from storage.database import Database
from storage.homes import pending
from storage.models import Decision, Failure, HappenedEvent, Heal, Incident, ProposedFix
from storage.outcomes import OUTCOME_NOTE, REVERT_NOTE
from storage.wishes import MuteRow, RepoRulesRow

_FIXED = (HealState.RESOLVED.value, HealState.RECOVERED.value)
_LISTED = 10
_FLAKY_LISTED = 5
_FLAKY_READ = 1_000

Scope = Sequence[tuple[str, str]] | None
"""Host and ``owner/name`` or ``owner/*`` of each repository; ``None`` for all."""


def read_digest(
    db: Database,
    scope: Scope,
    *,
    start: datetime,
    end: datetime,
    zone: str,
    minutes_per_fix: int,
    private: Scope = None,
) -> Digest:
    """The digest of the week from ``start`` to ``end``, in one transaction.

    Private repositories that are not among ``private`` are left out, unless their admins let them be shown.
    """
    length = timedelta(days=7)
    with db.transaction() as session:
        mine = and_(_within(scope), _may_be_shown(private, Incident.host, Incident.repo))
        waiting, more = _pending(session, mine)
        return Digest(
            start=start,
            end=end,
            zone=zone,
            figures=_figures(session, mine, start, end),
            before=_figures(session, mine, start - length, start),
            days=_days(session, mine, start, end, ZoneInfo(zone)),
            pending=waiting,
            more_pending=more,
            flaky=_flaky(session, mine, start, end),
            mutes=_mutes(session, scope, end, private),
            minutes_per_fix=minutes_per_fix,
        )


def _within(scope: Scope, host: Any = Incident.host, repo: Any = Incident.repo) -> ColumnElement[bool]:
    name_of_repo = func.lower(repo)
    if scope is None:
        return true()
    wanted = [
        and_(
            host == name,
            name_of_repo.startswith(path[:-1].lower(), autoescape=True)
            if path.endswith("/*")
            else name_of_repo == path.lower(),
        )
        for name, path in scope
    ]
    return or_(false(), *wanted)


def _may_be_shown(private: Scope, host: Any, repo: Any) -> ColumnElement[bool]:
    return true() if private is None else or_(_within(private, host, repo), _may_be_public(host, repo))


def _may_be_public(host: Any, repo: Any) -> ColumnElement[bool]:
    """No run has said that the repository is private, or its admins have opted in."""
    # Under a name of its own: the query around it may read failures too.
    red = aliased(Failure)
    was_private = exists().where(red.host == host, red.repo == repo, red.private)
    opted_in = exists().where(
        RepoRulesRow.host == host,
        func.lower(RepoRulesRow.repo) == func.lower(repo),
        RepoRulesRow.public,
    )
    return or_(~was_private, opted_in)


def _figures(session: Session, mine: ColumnElement[bool], start: datetime, end: datetime) -> WeekFigures:
    def between(moment: Any) -> ColumnElement[bool]:
        return and_(moment >= start, moment < end)

    failures, signatures = session.execute(
        select(func.count(Failure.id), func.count(func.distinct(func.nullif(Incident.fingerprint, ""))))
        .join(Incident, Incident.id == Failure.incident_id)
        .where(mine, between(Failure.received_at))
    ).one()
    diagnosed, seconds = session.execute(
        select(func.count(Heal.id), _median(Heal.diagnosed_at - Failure.received_at))
        .join(Incident, Incident.id == Heal.incident_id)
        .join(Failure, Failure.id == Heal.failure_id)
        .where(mine, between(Heal.diagnosed_at))
    ).one()
    verified = session.scalar(
        select(func.count(ProposedFix.approval_id))
        .join(Heal, Heal.id == ProposedFix.heal_id)
        .join(Incident, Incident.id == Heal.incident_id)
        .where(mine, between(ProposedFix.created_at))
    )
    decided = dict(
        session.execute(
            select(Decision.verb, func.count())
            .join(Heal, Heal.id == Decision.heal_id)
            .join(Incident, Incident.id == Heal.incident_id)
            # What a policy lets through nobody has approved.
            .where(mine, between(Decision.at), Decision.medium != Medium.POLICY.value)
            .group_by(Decision.verb)
        ).all()
    )
    outcomes = dict(
        session.execute(
            select(Heal.outcome, func.count())
            .join(Incident, Incident.id == Heal.incident_id)
            .where(mine, between(Heal.resolved_at), Heal.outcome != "")
            .group_by(Heal.outcome)
        ).all()
    )
    dollars = session.scalar(
        select(func.coalesce(func.sum(Heal.dollars), 0))
        .join(Incident, Incident.id == Heal.incident_id)
        .where(mine, between(Heal.created_at))
    )
    to_green = session.scalar(
        select(_median(HappenedEvent.at - Incident.first_seen))
        .join(Incident, Incident.id == HappenedEvent.incident_id)
        .where(mine, between(HappenedEvent.at), *_became(_FIXED))
    )
    # What was taken back had landed before, in whichever week: it counts as landed then, as reverted now.
    taken_back = (
        select(Heal.id)
        .join(Incident, Incident.id == Heal.incident_id)
        .join(HappenedEvent, HappenedEvent.heal_id == Heal.id)
        .where(
            mine,
            Heal.outcome == Outcome.REVERTED.value,
            # The last that is said of an outcome, as nothing follows a revert.
            HappenedEvent.at >= start,
            HappenedEvent.kind == EventKind.NOTE.value,
            HappenedEvent.data["key"].astext.in_((OUTCOME_NOTE, REVERT_NOTE)),
        )
        .group_by(Heal.id)
        .having(between(func.max(HappenedEvent.at)))
    )
    reverted = session.scalar(select(func.count()).select_from(taken_back.subquery())) or 0
    return WeekFigures(
        failures=failures,
        signatures=signatures,
        diagnosed=diagnosed,
        verified=verified or 0,
        approved=decided.get(Verb.APPROVE.value, 0),
        rejected=decided.get(Verb.REJECT.value, 0),
        landed=outcomes.get(Outcome.MERGED_GREEN.value, 0) + outcomes.get(Outcome.REVERTED.value, 0),
        merged_red=outcomes.get(Outcome.MERGED_RED.value, 0),
        reverted=reverted,
        dollars=Decimal(dollars or 0),
        seconds_to_diagnosis=None if seconds is None else float(seconds),
        seconds_to_green=None if to_green is None else float(to_green),
    )


def _median(length: Any) -> ColumnElement[Any]:
    return func.percentile_cont(0.5).within_group(func.extract("epoch", length))


def _became(states: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    return (
        HappenedEvent.kind == EventKind.STATE_CHANGED.value,
        HappenedEvent.data["to"].astext.in_(states),
    )


def _days(
    session: Session, mine: ColumnElement[bool], start: datetime, end: datetime, zone: ZoneInfo
) -> tuple[DayFigures, ...]:
    counts: dict[str, Counter[object]] = defaultdict(Counter)
    first_seen = select(Incident.first_seen).where(
        mine, Incident.first_seen >= start, Incident.first_seen < end
    )
    for moment in session.scalars(first_seen):
        counts["new"][moment.astimezone(zone).date()] += 1
    for name, states in (("fixed", _FIXED), ("flaky", (HealState.FLAKY.value,))):
        moments = (
            select(func.min(HappenedEvent.at))
            .join(Incident, Incident.id == HappenedEvent.incident_id)
            .where(mine, HappenedEvent.at >= start, HappenedEvent.at < end, *_became(states))
            .group_by(HappenedEvent.incident_id)
        )
        for moment in session.scalars(moments):
            counts[name][moment.astimezone(zone).date()] += 1
    return tuple(
        DayFigures(day=day, new=counts["new"][day], fixed=counts["fixed"][day], flaky=counts["flaky"][day])
        for day in days_of(start, end, zone)
    )


def _pending(session: Session, mine: ColumnElement[bool]) -> tuple[tuple[Pending, ...], int]:
    waiting = and_(mine, Heal.state == HealState.AWAITING_APPROVAL.value)
    query = (
        select(Incident, Heal, ProposedFix)
        .join(Heal, Heal.id == Incident.heal_id)
        .join(ProposedFix, ProposedFix.approval_id == Heal.approval_id)
        .where(waiting)
        .order_by(ProposedFix.created_at, Incident.id)
    )
    rows = session.execute(query.limit(_LISTED)).all()
    total = session.scalar(
        select(func.count(Incident.id)).join(Heal, Heal.id == Incident.heal_id).where(waiting)
    )
    made = [pending(incident, heal, proposal) for incident, heal, proposal in rows]
    return tuple(made), max((total or 0) - len(made), 0)


def _flaky(
    session: Session, mine: ColumnElement[bool], start: datetime, end: datetime
) -> tuple[FlakyTest, ...]:
    rows = session.execute(
        select(Incident.host, Incident.repo, Incident.title, Heal.distilled)
        .join(Heal, Heal.incident_id == Incident.id)
        .join(HappenedEvent, HappenedEvent.heal_id == Heal.id)
        .where(
            mine,
            HappenedEvent.at >= start,
            HappenedEvent.at < end,
            *_became((HealState.FLAKY.value,)),
        )
        .limit(_FLAKY_READ)
    ).all()
    seen: Counter[tuple[str, str, str]] = Counter()
    for host, repo, title, stored in rows:
        distilled = decode(DistilledFailure, stored)
        for name in (distilled.tests if distilled and distilled.tests else (title,))[:20]:
            seen[host, repo, name] += 1
    return tuple(
        FlakyTest(repo=Repo(host, repo), name=name, times=times)
        for (host, repo, name), times in seen.most_common(_FLAKY_LISTED)
    )


def _mutes(session: Session, scope: Scope, now: datetime, private: Scope) -> tuple[EndingMute, ...]:
    rows = session.scalars(
        select(MuteRow)
        .where(
            _within(scope, MuteRow.host, MuteRow.repo),
            _may_be_shown(private, MuteRow.host, MuteRow.repo),
            MuteRow.until > func.clock_timestamp(),
            MuteRow.until < now + timedelta(days=7),
        )
        .order_by(MuteRow.until, MuteRow.id)
        .limit(_LISTED)
    )
    return tuple(
        EndingMute(
            what=" ".join(
                part
                for part in (
                    incident_name(row.incident_id) if row.incident_id is not None else row.repo,
                    row.test,
                )
                if part
            ),
            author=row.author,
            until=row.until,
        )
        for row in rows
    )
