"""Whose e-mail addresses commits carry: enough to name an author and to suggest an account to link, never to
link it.

Only hashes of addresses are kept: who reads the table learns no address that they don't know.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from storage.database import Database
from storage.leases import from_now
from storage.wishes import KnownAddress

KEPT_SECONDS: Final = 365 * 24 * 3600.0
"""An address that nobody has written a commit with for so long is forgotten."""


def remember_addresses(session: Session, host: str, addresses: Sequence[tuple[str, str]]) -> None:
    """Keep address and login of authors; what the code host says last is right."""
    session.execute(delete(KnownAddress).where(KnownAddress.seen_at < from_now(-KEPT_SECONDS)))
    # In one order everywhere, so that two pushes at once don't wait for each other for ever.
    for hashed, login in sorted({_hashed(address): login for address, login in addresses}.items()):
        session.execute(
            insert(KnownAddress)
            .values(host=host, address_sha256=hashed, login=login)
            .on_conflict_do_update(
                index_elements=[KnownAddress.host, KnownAddress.address_sha256],
                set_={"login": login, "seen_at": func.now()},
            )
        )


def login_of_address(db: Database, host: str, address: str) -> str:
    """Login of the account whose commits carry this address; empty if there is none."""
    with db.transaction() as session:
        return login_with_address(session, host, address)


def login_with_address(session: Session, host: str, address: str) -> str:
    """The same within a transaction."""
    row = session.get(KnownAddress, (host, _hashed(address))) if address else None
    return "" if row is None else row.login


def _hashed(address: str) -> str:
    return hashlib.sha256(address.strip().lower().encode()).hexdigest()
