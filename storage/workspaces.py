"""Slack workspaces that have added the app, each with its bot token, sealed; and installs that were begun."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped

from storage.columns import Empty, Key, Now, Table
from storage.database import Database
from storage.leases import from_now
from storage.sealing import Seal, UnreadableSecretError

INSTALL_SECONDS: Final = 600.0
"""So long an install that was begun may take."""


class WorkspaceRow(Table):
    """A workspace that has added the app."""

    __tablename__ = "slack_workspaces"

    team: Mapped[Key]
    name: Mapped[Empty]
    sealed_token: Mapped[str]
    """Opened by :class:`storage.sealing.Seal` only."""
    bot_id: Mapped[Empty]
    bot_user: Mapped[Empty]
    installed_by: Mapped[Empty]
    """Member id."""
    installed_at: Mapped[Now]


class InstallRow(Table):
    """An install that was begun: its state works once and for minutes."""

    __tablename__ = "slack_installs"

    state_sha256: Mapped[Key]
    """Only the hash: who reads the database can't finish another's install."""
    created_at: Mapped[Now]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A workspace whose token can be used."""

    team: str
    name: str
    token: str
    bot_id: str
    bot_user: str
    installed_by: str
    installed_at: datetime | None = None

    def __repr__(self) -> str:
        # Without the token: what is printed or logged stays harmless.
        return f"Workspace({self.team!r}, {self.name!r})"


def save_workspace(db: Database, seal: Seal, workspace: Workspace) -> None:
    """Keep a workspace; one that adds the app again has its new token from now on."""
    values = {
        "name": workspace.name,
        "sealed_token": seal.close(workspace.token, of=workspace.team),
        "bot_id": workspace.bot_id,
        "bot_user": workspace.bot_user,
        "installed_by": workspace.installed_by,
    }
    statement = insert(WorkspaceRow).values(team=workspace.team, **values)
    with db.transaction() as session:
        session.execute(
            statement.on_conflict_do_update(
                index_elements=[WorkspaceRow.team], set_={**values, "installed_at": func.now()}
            )
        )


def find_workspace(db: Database, seal: Seal, team: str) -> Workspace | None:
    """The workspace, or ``None`` if it has not added the app.

    Raises :class:`~storage.sealing.UnreadableSecretError`.
    """
    with db.transaction() as session:
        row = session.get(WorkspaceRow, team)
        if row is None:
            return None
        return Workspace(
            team=row.team,
            name=row.name,
            token=seal.open(row.sealed_token, of=row.team),
            bot_id=row.bot_id,
            bot_user=row.bot_user,
            installed_by=row.installed_by,
            installed_at=row.installed_at,
        )


def has_workspace(db: Database, team: str) -> bool:
    """Whether the workspace has added the app; its token need not be readable."""
    with db.transaction() as session:
        return session.get(WorkspaceRow, team) is not None


def forget_workspace(db: Database, team: str) -> bool:
    """Delete the workspace and its token; whether it was there."""
    with db.transaction() as session:
        gone = delete(WorkspaceRow).where(WorkspaceRow.team == team).returning(WorkspaceRow.team)
        return session.scalar(gone) is not None


def reseal_workspaces(db: Database, seal: Seal) -> list[str]:
    """Seal what older keys have sealed with the first one, so that these may go.

    Returns the teams whose token can't be opened; they have to add the app again.
    """
    unreadable = []
    with db.transaction() as session:
        for row in session.scalars(select(WorkspaceRow).with_for_update()).all():
            if seal.is_of_first_key(row.sealed_token):
                continue
            try:
                token = seal.open(row.sealed_token, of=row.team)
            except UnreadableSecretError:
                unreadable.append(row.team)
                continue
            session.execute(
                update(WorkspaceRow)
                .where(WorkspaceRow.team == row.team)
                .values(sealed_token=seal.close(token, of=row.team))
            )
    return unreadable


def sealed_by_older_keys(db: Database, seal: Seal) -> list[str]:
    """Teams whose token another key than the first has sealed, and can open."""
    with db.transaction() as session:
        rows = session.scalars(select(WorkspaceRow).order_by(WorkspaceRow.team)).all()
        return [row.team for row in rows if not seal.is_of_first_key(row.sealed_token) and _opens(seal, row)]


def _opens(seal: Seal, row: WorkspaceRow) -> bool:
    try:
        seal.open(row.sealed_token, of=row.team)
    except UnreadableSecretError:
        return False
    return True


def workspace_teams(db: Database) -> list[str]:
    """Ids of all workspaces that have added the app."""
    with db.transaction() as session:
        return list(session.scalars(select(WorkspaceRow.team).order_by(WorkspaceRow.team)).all())


def begin_install(db: Database) -> str:
    """Returns a new state, which only its holder can finish the install with."""
    state = secrets.token_urlsafe(32)
    with db.transaction() as session:
        session.execute(delete(InstallRow).where(InstallRow.created_at <= from_now(-INSTALL_SECONDS)))
        session.add(InstallRow(state_sha256=_hash(state)))
    return state


def finish_install(db: Database, state: str) -> bool:
    """Use the state up; ``False`` if it is unknown, used already or too old."""
    usable = (InstallRow.state_sha256 == _hash(state), InstallRow.created_at > from_now(-INSTALL_SECONDS))
    with db.transaction() as session:
        used = session.scalar(delete(InstallRow).where(*usable).returning(InstallRow.state_sha256))
        return used is not None


def _hash(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
