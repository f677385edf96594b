"""Requests that were heard before: Slack repeats events, people press twice, scripts send a key again.

A request is taken under a short lease. While it is being done its repeats are dropped; once it is done they
get the same answer. If whoever took it died, the repeat takes it over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, func, update
from sqlalchemy.dialects.postgresql import insert

from patchpilot.commands import Ruling
from storage.database import Database
from storage.leases import from_now
from storage.wishes import HeardRequest

LEASE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of an earlier request with the same key; ``ruling`` is ``None`` while it is being done."""

    ruling: Ruling | None
    text: str


def take_request(db: Database, key: str) -> Heard | None:
    """Take the request with this key; ``None`` if it is ours to do now."""
    until = from_now(LEASE_SECONDS)
    with db.transaction() as session:
        taken = session.scalar(
            insert(HeardRequest)
            .values(key=key, until=until)
            .on_conflict_do_update(
                index_elements=[HeardRequest.key],
                set_={"until": until},
                where=(HeardRequest.ruling == "") & (HeardRequest.until < func.clock_timestamp()),
            )
            .returning(HeardRequest.key)
        )
        if taken is not None:
            return None
        row = session.get_one(HeardRequest, key)
        return Heard(Ruling(row.ruling) if row.ruling else None, row.text)


def finish_request(db: Database, key: str, *, ruling: Ruling, text: str) -> None:
    """Remember the answer for repeats."""
    with db.transaction() as session:
        session.execute(
            update(HeardRequest).where(HeardRequest.key == key).values(ruling=ruling.value, text=text)
        )


def give_back_request(db: Database, key: str) -> None:
    """Nothing came of it: its repeat is welcome."""
    with db.transaction() as session:
        session.execute(delete(HeardRequest).where(HeardRequest.key == key, HeardRequest.ruling == ""))
