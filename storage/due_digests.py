"""Digests whose time has come: one row per channel, digest time and week, made once whoever makes it.

RQ's scheduler has them marked (:mod:`jobs.periodic`); the bot, which alone holds Slack's token, sends what is
marked. When they are due is worked out anew each time from the channels' wishes, so a schedule that did not
run for a while, or runs twice, changes nothing: the latest slot is marked late, and once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Index, case, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from patchpilot.digests import DigestEnd, DueDigest, last_due, zone_named
from patchpilot.grammar.values import DigestTime, read_digest_time
from storage.columns import CleanText, Empty, Now, Table
from storage.database import Database
from storage.models import Failure
from storage.wishes import SubscriptionRow

_ERROR_MAX = 500


class DigestRow(Table):
    """One week's digest of a channel, from the moment it is due."""

    __tablename__ = "digests"
    __table_args__ = (Index("digests_open", "due", postgresql_where=text("ended = ''")),)

    team: Mapped[str] = mapped_column(CleanText, primary_key=True)
    channel: Mapped[str] = mapped_column(CleanText, primary_key=True)
    at: Mapped[str] = mapped_column(CleanText, primary_key=True)
    """``mon@09:00``"""
    day: Mapped[date] = mapped_column(primary_key=True)
    """In the channel's time zone."""
    due: Mapped[datetime]
    zone: Mapped[str]
    home: Mapped[bool]
    marked_at: Mapped[Now]
    ended: Mapped[Empty]
    """A value of ``patchpilot.digests.DigestEnd``; empty while it is to be sent."""
    ended_at: Mapped[datetime | None]
    error: Mapped[Empty]


class HomeDigestRow(Table):
    """When the operator's channel gets its digest: the bot's settings, for the role that marks it due."""

    __tablename__ = "home_digests"

    channel: Mapped[str] = mapped_column(CleanText, primary_key=True)
    at: Mapped[str]
    zone: Mapped[str]
    since: Mapped[Now]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """A weekly digest that somebody wants."""

    team: str
    channel: str
    at: DigestTime
    zone: str
    since: datetime
    """When it was asked for: what was due before was never promised."""
    home: bool = False


def plan_home_digest(db: Database, *, channel: str, at: DigestTime | None, zone: str) -> None:
    """Have the operator's channel get its digest then, in place of earlier plans; without ``at`` none."""
    with db.transaction() as session:
        others = delete(HomeDigestRow)
        session.execute(others if at is None else others.where(HomeDigestRow.channel != channel))
        if at is None:
            return
        values = {"at": str(at), "zone": zone}
        session.execute(
            insert(HomeDigestRow)
            .values(channel=channel, **values)
            .on_conflict_do_update(
                index_elements=[HomeDigestRow.channel],
                set_={
                    **values,
                    "since": case((HomeDigestRow.at != values["at"], func.now()), else_=HomeDigestRow.since),
                },
            )
        )


def mark_due_digests(db: Database, *, now: datetime | None = None) -> list[DueDigest]:
    """Mark each wanted digest whose latest time has come and is not marked yet; returns those.

    Of the weeks that nobody could mark only the last one is. ``now`` is the database's time unless given.
    """
    with db.transaction() as session:
        moment = now or session.execute(select(func.clock_timestamp())).scalar_one()
        knows_failures = session.scalar(select(Failure.id).limit(1)) is not None
        made = [_mark(session, plan, moment, tell=knows_failures) for plan in _plans(session)]
        return [due for due in made if due is not None]


def unsent_digests(db: Database) -> list[DueDigest]:
    """Digests that are due and not sent, the oldest first."""
    query = select(DigestRow).where(DigestRow.ended == "").order_by(DigestRow.due, DigestRow.channel)
    with db.transaction() as session:
        return [_due(row) for row in session.scalars(query)]


def end_digest(db: Database, due: DueDigest, end: DigestEnd) -> None:
    """Note what became of it; the first to say so is right."""
    with db.transaction() as session:
        session.execute(
            update(DigestRow)
            .where(*_is(due), DigestRow.ended == "")
            .values(ended=end.value, ended_at=func.clock_timestamp(), error="")
        )


def note_digest_error(db: Database, due: DueDigest, error: str) -> None:
    """Keep, for people, why it could not be sent so far."""
    with db.transaction() as session:
        session.execute(update(DigestRow).where(*_is(due)).values(error=error[:_ERROR_MAX]))


def _plans(session: Session) -> Iterable[_Plan]:
    """All that is wanted, always in the same order: two that mark at once wait and don't lock each other up.

    A channel that asks for one time in several subscriptions gets one digest of them all, in the time zone
    of the latest.
    """
    found: dict[tuple[str, str, str], _Plan] = {}
    wanted = select(SubscriptionRow).where(SubscriptionRow.digest != "").order_by(SubscriptionRow.id)
    for row in session.scalars(wanted):
        key = (row.team, row.channel, row.digest)
        since = min(found[key].since, row.digest_since) if key in found else row.digest_since
        found[key] = _Plan(
            team=row.team,
            channel=row.channel,
            at=read_digest_time(row.digest),
            zone=row.zone or "UTC",
            since=since,
        )
    for home in session.scalars(select(HomeDigestRow)):
        at = read_digest_time(home.at)
        key = ("", home.channel, home.at)
        found[key] = _Plan(team="", channel=home.channel, at=at, zone=home.zone, since=home.since, home=True)
    return [found[key] for key in sorted(found)]


def _mark(session: Session, plan: _Plan, now: datetime, *, tell: bool) -> DueDigest | None:
    zone = zone_named(plan.zone)
    due = last_due(plan.at, zone, now)
    if due <= plan.since:
        return None
    row = session.scalar(
        insert(DigestRow)
        .values(
            team=plan.team,
            channel=plan.channel,
            at=str(plan.at),
            day=due.astimezone(zone).date(),
            due=due,
            zone=zone.key,
            home=plan.home,
            ended="" if tell else DigestEnd.EMPTY.value,
            ended_at=None if tell else func.clock_timestamp(),
        )
        .on_conflict_do_nothing()
        .returning(DigestRow)
    )
    if row is None:
        return None
    session.execute(
        update(DigestRow)
        .where(
            DigestRow.team == plan.team,
            DigestRow.channel == plan.channel,
            DigestRow.at == str(plan.at),
            DigestRow.day < row.day,
            DigestRow.ended == "",
        )
        .values(ended=DigestEnd.SUPERSEDED.value, ended_at=func.clock_timestamp())
    )
    return _due(row)


def _is(due: DueDigest) -> tuple[ColumnElement[bool], ...]:
    return (
        DigestRow.team == due.team,
        DigestRow.channel == due.channel,
        DigestRow.at == str(due.at),
        DigestRow.day == due.day,
    )


def _due(row: DigestRow) -> DueDigest:
    return DueDigest(
        team=row.team,
        channel=row.channel,
        at=read_digest_time(row.at),
        day=row.day,
        due=row.due,
        zone=row.zone,
        home=row.home,
        error=row.error,
    )
