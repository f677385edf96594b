"""How often something was asked for in this minute, counted for all processes together."""

from __future__ import annotations

import math
from typing import Final

from sqlalchemy import case, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from storage.database import Database
from storage.leases import from_now
from storage.wishes import Throttle

WINDOW_SECONDS: Final = 60.0


def take_turn(db: Database, key: str, *, limit: int) -> int:
    """Count one request of ``key``; 0 if it is among the minute's first ``limit``, else seconds to wait."""
    fresh = Throttle.begun_at <= from_now(-WINDOW_SECONDS)
    statement = insert(Throttle).values(key=key, begun_at=func.clock_timestamp(), used=1)
    with db.transaction() as session:
        used, waits = session.execute(
            statement.on_conflict_do_update(
                index_elements=[Throttle.key],
                set_={
                    "used": case((fresh, 1), else_=Throttle.used + 1),
                    "begun_at": case((fresh, func.clock_timestamp()), else_=Throttle.begun_at),
                },
            ).returning(
                Throttle.used,
                func.extract("epoch", Throttle.begun_at - from_now(-WINDOW_SECONDS)),
            )
        ).one()
        # A minute that is over says nothing, so the table has only those who asked just now. What others have
        # locked is left to them: whoever waits here, with a row of their own, could be waited for.
        over = select(Throttle.key).where(fresh).with_for_update(skip_locked=True)
        session.execute(delete(Throttle).where(Throttle.key.in_(over)))
    return 0 if used <= limit else max(1, math.ceil(float(waits)))
