"""Which account on the code host a person of a chat medium is. Authority is always asked of the code host."""

from __future__ import annotations

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert

from patchpilot.source import HostUser
from storage.database import Database
from storage.leases import from_now
from storage.models import AccountLink


def link(db: Database, *, medium: str, team: str, account: str, user: HostUser) -> None:
    """Link ``account`` of ``team`` (a workspace) to ``user``, in place of an earlier link."""
    linked_to = {"host": user.host, "login": user.login, "host_user_id": user.id}
    with db.transaction() as session:
        session.execute(
            insert(AccountLink)
            .values(medium=medium, team=team, account=account, **linked_to)
            .on_conflict_do_update(
                index_elements=[AccountLink.medium, AccountLink.team, AccountLink.account],
                set_={**linked_to, "linked_at": func.now()},
            )
        )


def linked(db: Database, *, medium: str, team: str, account: str) -> HostUser | None:
    """The linked account on the code host, if there is one."""
    with db.transaction() as session:
        row = session.get(AccountLink, (medium, team, account))
    return None if row is None else HostUser(host=row.host, login=row.login, id=row.host_user_id)


def link_younger_than(
    db: Database, *, medium: str, team: str, account: str, seconds: float
) -> HostUser | None:
    """The linked account if it was linked less than ``seconds`` ago (a session); older ones are forgotten."""
    same = (AccountLink.medium == medium, AccountLink.team == team)
    with db.transaction() as session:
        session.execute(delete(AccountLink).where(*same, AccountLink.linked_at < from_now(-seconds)))
        row = session.get(AccountLink, (medium, team, account))
        return None if row is None else HostUser(host=row.host, login=row.login, id=row.host_user_id)


def unlink(db: Database, *, medium: str, team: str, account: str) -> bool:
    """Forget the link; False if there was none."""
    with db.transaction() as session:
        gone = session.scalar(
            delete(AccountLink)
            .where(AccountLink.medium == medium, AccountLink.team == team, AccountLink.account == account)
            .returning(AccountLink.account)
        )
    return gone is not None
