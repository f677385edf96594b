"""Bringing the database up to date: our tables, and those of the graph's checkpoints."""

from __future__ import annotations

from agent.heal import prepare_checkpoints
from storage.database import Database


def migrate(address: str) -> None:
    """Create or update every table of the database at ``address``; safe to run again."""
    db = Database(address)
    try:
        db.migrate()
        prepare_checkpoints(db.checkpoint_pool())
    finally:
        db.close()
