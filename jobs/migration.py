"""Bringing the database up to date: our tables, and those of the graph's checkpoints."""

from __future__ import annotations

from agent.heal import prepare_checkpoints
from patchpilot.settings import CommonSettings
from storage.database import Database


def migrate(settings: CommonSettings) -> None:
    """Create or update every table; safe to run again."""
    migrate_address(settings.database_url.get_secret_value())


def migrate_address(url: str) -> None:
    """The same, for a database by its address."""
    db = Database(url)
    try:
        db.migrate()
        prepare_checkpoints(db.checkpoint_pool())
    finally:
        db.close()
