"""What comes to which channel, its quiet hours, and what a repository's admins have decided."""

from __future__ import annotations

from sqlalchemy import case, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from patchpilot.grammar.values import Level, TwoPersonRule, read_digest_time, read_window
from patchpilot.noise import QuietHours
from patchpilot.routing import USUAL_RULES, RepoRules, Subscription
from patchpilot.source import Repo
from storage.database import Database
from storage.wishes import HeldNews, QuietHoursRow, RepoRulesRow, SubscriptionRow


def subscribe(db: Database, wanted: Subscription) -> bool:
    """Store a subscription in place of the channel's earlier one of that rule; True if it is a new one."""
    values = {
        "private": wanted.private,
        "branches": ",".join(wanted.branches),
        "level": wanted.level.value,
        "digest": str(wanted.digest or ""),
        "zone": wanted.zone,
        "author": wanted.author,
    }
    keys = {
        "team": wanted.team,
        "channel": wanted.channel,
        "host": wanted.host,
        "repo": wanted.repo,
        "workflow": wanted.workflow,
        "test": wanted.test,
    }
    with db.transaction() as session:
        made = session.scalar(
            insert(SubscriptionRow)
            .values(**keys, **values)
            .on_conflict_do_nothing(constraint="subscriptions_once_per_channel")
            .returning(SubscriptionRow.id)
        )
        if made is None:
            since = case(
                (SubscriptionRow.digest != values["digest"], func.now()), else_=SubscriptionRow.digest_since
            )
            session.execute(update(SubscriptionRow).filter_by(**keys).values(**values, digest_since=since))
        return made is not None


def unsubscribe(db: Database, *, team: str, channel: str, host: str, repo: str) -> int:
    """Forget all of the channel's rules for ``repo`` (or ``owner/*``); returns how many there were."""
    gone = delete(SubscriptionRow).where(
        SubscriptionRow.team == team,
        SubscriptionRow.channel == channel,
        SubscriptionRow.host == host,
        func.lower(SubscriptionRow.repo) == repo.lower(),
    )
    with db.transaction() as session:
        return len(session.scalars(gone.returning(SubscriptionRow.id)).all())


def subscriptions_of_channel(db: Database, *, team: str, channel: str) -> list[Subscription]:
    """What the channel wants, oldest first."""
    query = select(SubscriptionRow).where(SubscriptionRow.team == team, SubscriptionRow.channel == channel)
    with db.transaction() as session:
        return [subscription_of(row) for row in session.scalars(query.order_by(SubscriptionRow.id))]


def subscriptions_of_repo(db: Database, repo: Repo) -> list[Subscription]:
    """Every channel's rules that may be about ``repo``, its owner's among them, oldest first."""
    name = func.lower(SubscriptionRow.repo)
    query = select(SubscriptionRow).where(
        SubscriptionRow.host == repo.host,
        or_(name == repo.full_name.lower(), name == f"{repo.owner}/*".lower()),
    )
    with db.transaction() as session:
        return [subscription_of(row) for row in session.scalars(query.order_by(SubscriptionRow.id))]


def set_quiet_hours(db: Database, hours: QuietHours) -> None:
    """Set a channel's quiet hours in place of earlier ones."""
    values = {"hours": str(hours.window), "zone": hours.zone, "author": hours.author}
    with db.transaction() as session:
        session.execute(
            insert(QuietHoursRow)
            .values(team=hours.team, channel=hours.channel, **values)
            .on_conflict_do_update(
                index_elements=[QuietHoursRow.team, QuietHoursRow.channel],
                set_={**values, "set_at": func.now()},
            )
        )


def drop_quiet_hours(db: Database, *, team: str, channel: str) -> bool:
    """Have no quiet hours any more; False if there were none."""
    gone = delete(QuietHoursRow).where(QuietHoursRow.team == team, QuietHoursRow.channel == channel)
    with db.transaction() as session:
        return session.scalar(gone.returning(QuietHoursRow.channel)) is not None


def quiet_hours(db: Database, *, channel: str, team: str = "") -> QuietHours | None:
    """A channel's quiet hours. A channel's id is unique over workspaces, so ``team`` may be left out."""
    query = select(QuietHoursRow).where(QuietHoursRow.channel == channel)
    if team:
        query = query.where(QuietHoursRow.team == team)
    with db.transaction() as session:
        row = session.scalars(query.limit(1)).one_or_none()
    if row is None:
        return None
    return QuietHours(
        team=row.team,
        channel=row.channel,
        window=read_window(row.hours),
        zone=row.zone,
        author=row.author,
    )


def hold_news(db: Database, *, channel: str, incident: int, team: str = "") -> None:
    """Remember that a channel has not been told of an incident; once is enough.

    Here ``team`` is empty for the operator's own workspace.
    """
    with db.transaction() as session:
        session.execute(
            insert(HeldNews).values(team=team, channel=channel, incident_id=incident).on_conflict_do_nothing()
        )


def held_channels(db: Database) -> list[tuple[str, str]]:
    """Team and channel of those that something is held for."""
    with db.transaction() as session:
        rows = session.execute(select(HeldNews.team, HeldNews.channel).distinct()).all()
    return sorted((team, channel) for team, channel in rows)


def held_news(db: Database, *, channel: str, team: str = "") -> list[int]:
    """Incidents that the channel has not been told of, the first held first."""
    query = select(HeldNews.incident_id).where(HeldNews.team == team, HeldNews.channel == channel)
    with db.transaction() as session:
        return list(session.scalars(query.order_by(HeldNews.held_at, HeldNews.incident_id)))


def release_news(db: Database, *, channel: str, incidents: list[int], team: str = "") -> None:
    """The channel has been told of them."""
    of_channel = (HeldNews.team == team, HeldNews.channel == channel)
    with db.transaction() as session:
        session.execute(delete(HeldNews).where(*of_channel, HeldNews.incident_id.in_(incidents)))


def repo_rules(db: Database, repo: Repo) -> RepoRules:
    """What the repository's admins have decided; the usual rules where they have not."""
    with db.transaction() as session:
        row = session.get(RepoRulesRow, (repo.host, repo.full_name.lower()))
    if row is None:
        return USUAL_RULES
    return RepoRules(two_person=TwoPersonRule(row.two_person), public=row.public)


def set_repo_rules(db: Database, repo: Repo, rules: RepoRules, *, author: str) -> None:
    """Set them in place of earlier ones."""
    values = {"two_person": rules.two_person.value, "public": rules.public, "author": author}
    with db.transaction() as session:
        session.execute(
            insert(RepoRulesRow)
            .values(host=repo.host, repo=repo.full_name.lower(), **values)
            .on_conflict_do_update(
                index_elements=[RepoRulesRow.host, RepoRulesRow.repo],
                set_={**values, "set_at": func.now()},
            )
        )


def subscription_of(row: SubscriptionRow) -> Subscription:
    """A subscription as the vocabulary knows it."""
    return Subscription(
        id=row.id,
        team=row.team,
        channel=row.channel,
        private=row.private,
        host=row.host,
        repo=row.repo,
        branches=tuple(filter(None, row.branches.split(","))),
        workflow=row.workflow,
        test=row.test,
        level=Level(row.level),
        digest=read_digest_time(row.digest) if row.digest else None,
        zone=row.zone or "UTC",
        author=row.author,
    )
