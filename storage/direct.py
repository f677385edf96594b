"""What people want to be told in direct messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import case, func, select
from sqlalchemy.dialects.postgresql import insert

from patchpilot.grammar.values import DirectLevel, Window, read_window
from storage.database import Database
from storage.models import ProposedFix
from storage.wishes import DirectChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class Direct:
    """One person's choice."""

    team: str
    account: str
    level: DirectLevel
    window: Window | None = None
    """Hours without any, by the clock of ``zone``."""
    zone: str = "UTC"
    since: datetime
    """What was known before they chose comes no more."""
    made: bool = True
    """They have said so themselves."""

    def now_quiet(self, now: datetime) -> bool:
        """Whether ``now`` lies in their quiet hours."""
        local = now.astimezone(ZoneInfo(self.zone)).time().replace(tzinfo=None)
        return self.window is not None and self.window.holds(local)


def choose(
    db: Database, *, team: str, account: str, level: DirectLevel, window: Window | None, zone: str
) -> None:
    """Keep a person's choice in place of an earlier one. Who only turns it up or down misses nothing."""
    values = {"level": level.value, "hours": str(window or ""), "zone": zone}
    was_off = DirectChoice.level == DirectLevel.OFF.value
    with db.transaction() as session:
        session.execute(
            insert(DirectChoice)
            .values(team=team, account=account, **values)
            .on_conflict_do_update(
                index_elements=[DirectChoice.team, DirectChoice.account],
                set_={**values, "since": case((was_off, func.now()), else_=DirectChoice.since)},
            )
        )


def choice_of(db: Database, *, team: str, account: str) -> Direct:
    """What a person has chosen; off where they have not."""
    with db.transaction() as session:
        row = session.get(DirectChoice, (team, account))
    if row is None:
        return Direct(team=team, account=account, level=DirectLevel.OFF, since=datetime.now(UTC), made=False)
    return _choice(row)


def choices(db: Database) -> list[Direct]:
    """Of everybody who wants any."""
    query = select(DirectChoice).where(DirectChoice.level != DirectLevel.OFF.value)
    with db.transaction() as session:
        rows = session.scalars(query.order_by(DirectChoice.team, DirectChoice.account)).all()
    return [_choice(row) for row in rows]


def proposed_at(db: Database, approval_id: str) -> datetime | None:
    """When a proposal was made."""
    query = select(ProposedFix.created_at).where(ProposedFix.approval_id == approval_id)
    with db.transaction() as session:
        return session.scalar(query)


def _choice(row: DirectChoice) -> Direct:
    return Direct(
        team=row.team,
        account=row.account,
        level=DirectLevel(row.level),
        window=read_window(row.hours) if row.hours else None,
        zone=row.zone or "UTC",
        since=row.since,
    )
