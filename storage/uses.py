"""How much costly work one person may ask for on one day."""

from __future__ import annotations

from sqlalchemy import Date, cast, func
from sqlalchemy.dialects.postgresql import insert

from patchpilot.source import HostUser
from storage.database import Database
from storage.wishes import DailyUse


def use_once(db: Database, user: HostUser, *, limit: int) -> bool:
    """Take one of the day's ``limit``; False if none is left. The day is UTC's, by the database's clock."""
    if limit <= 0:
        return False
    statement = insert(DailyUse).values(
        host=user.host,
        # The number survives a rename; logins are compared without regard to case.
        login=str(user.id) if user.id is not None else user.login.lower(),
        day=cast(func.timezone("UTC", func.clock_timestamp()), Date),
        used=1,
    )
    with db.transaction() as session:
        used = session.scalar(
            statement.on_conflict_do_update(
                index_elements=[DailyUse.host, DailyUse.login, DailyUse.day],
                set_={"used": DailyUse.used + 1},
                where=DailyUse.used < limit,
            ).returning(DailyUse.used)
        )
    return used is not None
