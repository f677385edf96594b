"""Ways to the code host's sign-in that were shown: each is one account's, works once and for minutes."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select, update

from storage.database import Database
from storage.leases import from_now
from storage.wishes import LinkRequest

STATE_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """A sign-in that was begun."""

    medium: str
    team: str
    account: str
    verifier: str
    """PKCE's code verifier."""
    resume: dict[str, Any]
    """What the person was about to do; empty for nothing."""


def begin_sign_in(db: Database, *, medium: str, team: str, account: str, resume: Mapping[str, object]) -> str:
    """Returns a new state, which only its holder can finish the sign-in with."""
    state = secrets.token_urlsafe(32)
    with db.transaction() as session:
        session.add(
            LinkRequest(
                state_sha256=_hash(state),
                medium=medium,
                team=team,
                account=account,
                verifier=secrets.token_urlsafe(48),
                resume=dict(resume) or None,
            )
        )
    return state


def find_sign_in(db: Database, state: str) -> SignIn | None:
    """The sign-in of this state while it can be used; ``None`` if it is unknown, used or too old."""
    query = select(LinkRequest).where(LinkRequest.state_sha256 == _hash(state), *_usable())
    with db.transaction() as session:
        row = session.scalars(query).one_or_none()
        return None if row is None else _sign_in(row)


def finish_sign_in(db: Database, state: str) -> SignIn | None:
    """Use the state up; ``None`` if it is unknown, used already or too old."""
    with db.transaction() as session:
        row = session.scalars(
            update(LinkRequest)
            .where(LinkRequest.state_sha256 == _hash(state), *_usable())
            .values(used_at=func.clock_timestamp())
            .returning(LinkRequest)
        ).one_or_none()
        return None if row is None else _sign_in(row)


def _usable() -> tuple[Any, ...]:
    return (LinkRequest.used_at.is_(None), LinkRequest.created_at > from_now(-STATE_SECONDS))


def _sign_in(row: LinkRequest) -> SignIn:
    return SignIn(
        medium=row.medium,
        team=row.team,
        account=row.account,
        verifier=row.verifier,
        resume=dict(row.resume or {}),
    )


def _hash(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
