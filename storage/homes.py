"""What a person's Home tab shows of their own, and which Home tabs have been opened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from patchpilot.digests import Pending
from patchpilot.fixes import Fix
from patchpilot.heals import HealState
from patchpilot.noise import Mute
from patchpilot.routing import Subscription
from patchpilot.source import Repo
from storage.codec import decode
from storage.conversation import OpenedHome
from storage.database import Database
from storage.models import Heal, Incident, ProposedFix
from storage.mutes import running_mutes
from storage.subscriptions import subscription_of
from storage.wishes import QuietHoursRow, SubscriptionRow

_MOST_PENDING = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Quiet hours that somebody set for a channel."""

    channel: str
    hours: str
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a person has asked for."""

    subscriptions: tuple[Subscription, ...] = ()
    mutes: tuple[Mute, ...] = ()
    quiet: tuple[Quiet, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A Home tab as it was published last."""

    team: str
    user: str
    view_hash: str
    """Slack's own; what is published against another one is refused."""
    digest: str
    """Of what was published, so that the same is not published again."""


def pending_approvals(db: Database) -> list[Pending]:
    """All proposals that wait for a decision, the oldest first."""
    query = (
        select(Incident, Heal, ProposedFix)
        .join(Heal, Heal.id == Incident.heal_id)
        .join(ProposedFix, ProposedFix.approval_id == Heal.approval_id)
        .where(Heal.state == HealState.AWAITING_APPROVAL.value)
        .order_by(ProposedFix.created_at, Incident.id)
        .limit(_MOST_PENDING)
    )
    with db.transaction() as session:
        rows = session.execute(query).all()
        return [pending(incident, heal, proposal) for incident, heal, proposal in rows]


def pending(incident: Incident, heal: Heal, proposal: ProposedFix) -> Pending:
    """A waiting proposal as people are reminded of it."""
    fix = decode(Fix, proposal.fix)
    return Pending(
        incident=incident.id,
        repo=Repo(incident.host, incident.repo),
        title=incident.title,
        summary=fix.summary if fix else "",
        approval_id=heal.approval_id,
        confidence=fix.confidence if fix else 0.0,
        expires_at=heal.approval_expires_at,
    )


def wishes_of(db: Database, *, team: str, login: str) -> Wishes:
    """What the person with this login has asked for in a workspace."""
    mine = func.lower(SubscriptionRow.author) == login.lower()
    with db.transaction() as session:
        subscriptions = session.scalars(
            select(SubscriptionRow).where(SubscriptionRow.team == team, mine).order_by(SubscriptionRow.id)
        ).all()
        quiet = session.scalars(
            select(QuietHoursRow)
            .where(QuietHoursRow.team == team, func.lower(QuietHoursRow.author) == login.lower())
            .order_by(QuietHoursRow.channel)
        ).all()
        made = Wishes(
            subscriptions=tuple(subscription_of(row) for row in subscriptions),
            quiet=tuple(Quiet(channel=row.channel, hours=row.hours, zone=row.zone) for row in quiet),
            mutes=(),
        )
    mutes = tuple(mute for mute in running_mutes(db) if mute.author.lower() == login.lower())
    return Wishes(subscriptions=made.subscriptions, quiet=made.quiet, mutes=mutes)


def opened_homes(db: Database, *, within: timedelta, limit: int = 50) -> list[Opened]:
    """Home tabs that were opened within this time, the latest first."""
    query = (
        select(OpenedHome)
        .where(OpenedHome.opened_at >= func.now() - within)
        .order_by(OpenedHome.opened_at.desc())
        .limit(limit)
    )
    with db.transaction() as session:
        return [_opened(row) for row in session.scalars(query)]


def home_of(db: Database, *, team: str, user: str) -> Opened | None:
    """One person's Home tab as it was published last."""
    with db.transaction() as session:
        row = session.get(OpenedHome, (team, user))
        return None if row is None else _opened(row)


def keep_home(db: Database, home: Opened, *, opened: bool) -> None:
    """Remember what was published; ``opened`` by its owner just now, not by news."""
    values = {"view_hash": home.view_hash, "digest": home.digest}
    newer = {**values, "opened_at": func.now()} if opened else values
    with db.transaction() as session:
        session.execute(
            insert(OpenedHome)
            .values(team=home.team, account=home.user, **values)
            .on_conflict_do_update(index_elements=[OpenedHome.team, OpenedHome.account], set_=newer)
        )


def _opened(row: OpenedHome) -> Opened:
    return Opened(team=row.team, user=row.account, view_hash=row.view_hash, digest=row.digest)
