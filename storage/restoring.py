"""What a database needs after it was restored from a dump into another cluster."""

from __future__ import annotations

from sqlalchemy import func, select, text, tuple_, update
from sqlalchemy.orm import Session

from storage.models import ConsumerCursor, HappenedEvent

_NOW = text("(pg_current_xact_id()::text)::bigint")


def mend_after_restore(session: Session) -> bool:
    """Make the log readable again in a database that was restored from a dump; False if it need not be.

    A new cluster counts transactions from the start, so what happens after the restore would stand *before*
    all that had been read. Old events are therefore numbered as of transaction 0, where their ids alone
    order them, and each consumer goes on at the first event that it had not read; it may meet some again.
    """
    newest = session.scalar(select(func.max(HappenedEvent.txid))) or 0
    if newest <= session.execute(select(_NOW)).scalar_one():
        return False
    for cursor in session.scalars(select(ConsumerCursor).with_for_update()):
        unread = session.scalar(
            select(func.min(HappenedEvent.id)).where(
                tuple_(HappenedEvent.txid, HappenedEvent.id) > tuple_(cursor.txid, cursor.event_id)
            )
        )
        last = session.scalar(select(func.max(HappenedEvent.id))) or 0
        cursor.txid, cursor.event_id = 0, last if unread is None else unread - 1
    session.execute(update(HappenedEvent).values(txid=0))
    return True
