"""Something to be said about a heal that has come to its end, from outside its journal."""

from __future__ import annotations

from sqlalchemy import func, update

from patchpilot.events import EventKind
from patchpilot.heals import HealId
from storage.database import Database
from storage.events import append
from storage.models import Heal


def remark(db: Database, heal_id: HealId, text: str) -> None:
    """Add a sentence to the reason of the heal's state and tell people; the same sentence only once."""
    with db.transaction() as session:
        incident = session.scalar(
            update(Heal)
            .where(Heal.id == heal_id, ~Heal.reason.contains(text, autoescape=True))
            # The reason may be no sentence of its own yet.
            .values(reason=func.regexp_replace(Heal.reason, "([^.!?…])$", r"\1.") + " " + text)
            .returning(Heal.incident_id)
        )
        if incident is not None:
            append(session, EventKind.NOTE, incident=incident, heal=heal_id, data={"text": text})
