"""Which incident a message outside belongs to, from the side-effect ledger."""

from __future__ import annotations

from sqlalchemy import select

from storage.database import Database
from storage.models import OutsideEffect
from storage.storms import CARD


def incident_of_message(db: Database, *, channel: str, ts: str) -> int | None:
    """Number of the incident whose message stands at ``ts`` in ``channel``, if it is one of ours.

    A storm's card is of many incidents, so it names none.
    """
    query = select(OutsideEffect.incident_id).where(
        OutsideEffect.outside["channel"].astext == channel,
        OutsideEffect.outside["ts"].astext == ts,
        OutsideEffect.kind != CARD,
    )
    with db.transaction() as session:
        return session.scalar(query.limit(1))
