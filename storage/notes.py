"""What people are told about a heal beside its state: one message by its key, edited in place."""

from __future__ import annotations

from sqlalchemy import or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from patchpilot.events import EventKind
from patchpilot.heals import HealId
from storage.database import Database
from storage.events import append
from storage.models import Heal, ThreadNote

_NOTE_MAX = 2_000


def put_note(session: Session, heal: Heal, key: str, text: str, *, url: str = "") -> bool:
    """Say ``text`` in the heal's thread, or change what this ``key`` says; False if it says so already."""
    text = text[:_NOTE_MAX]
    statement = insert(ThreadNote).values(heal_id=heal.id, key=key, text=text, url=url)
    new = statement.excluded
    changed = session.scalar(
        statement.on_conflict_do_update(
            index_elements=[ThreadNote.heal_id, ThreadNote.key],
            set_={"text": new.text, "url": new.url},
            where=or_(ThreadNote.text != new.text, ThreadNote.url != new.url),
        ).returning(ThreadNote.key)
    )
    return _told(session, heal, key, text) if changed is not None else False


def change_note(session: Session, heal: Heal, key: str, text: str, *, url: str = "") -> bool:
    """Change what was said under ``key``; says nothing where nothing was said."""
    text = text[:_NOTE_MAX]
    changed = session.scalar(
        update(ThreadNote)
        .where(ThreadNote.heal_id == heal.id, ThreadNote.key == key, ThreadNote.text != text)
        .values(text=text, url=url)
        .returning(ThreadNote.key)
    )
    return _told(session, heal, key, text) if changed is not None else False


def note(
    db: Database, heal_id: HealId, key: str, text: str, *, url: str = "", only_change: bool = False
) -> bool:
    """The same in a transaction of its own; False where the heal is gone."""
    with db.transaction() as session:
        heal = session.get(Heal, heal_id, with_for_update=True)
        if heal is None:
            return False
        return (change_note if only_change else put_note)(session, heal, key, text, url=url)


def _told(session: Session, heal: Heal, key: str, text: str) -> bool:
    append(session, EventKind.NOTE, incident=heal.incident_id, heal=heal.id, data={"key": key, "text": text})
    return True
