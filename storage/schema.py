"""The schema's version: upgrade, downgrade, comparison. The migrations travel inside the package."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from patchpilot.errors import PermanentError, TemporaryError
from storage.locks import lock_key

_WAIT_SECONDS = 120.0


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Apply migrations up to ``revision``, alone."""
    with _alone(engine), engine.connect() as connection:
        _need_vector(connection)
        command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, revision: str = "base") -> None:
    """Take migrations back down to ``revision``, alone. Data of dropped tables are gone."""
    with _alone(engine), engine.connect() as connection:
        command.downgrade(_config(connection), revision)


def is_current(engine: Engine) -> bool:
    """Whether exactly the newest migration of this version has been applied."""
    with engine.connect() as connection:
        heads = ScriptDirectory.from_config(_config(connection)).get_heads()
        return set(MigrationContext.configure(connection).get_current_heads()) == set(heads)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Processes that start together migrate one after the other; all but the first find nothing to do."""
    key = {"key": lock_key("migration")}
    autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
    with autocommit.connect() as connection:
        deadline = time.monotonic() + _WAIT_SECONDS
        while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key):
            if time.monotonic() > deadline:
                raise TemporaryError("another process has been migrating the database for two minutes")
            time.sleep(0.1)
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)


def _need_vector(connection: Connection) -> None:
    version = connection.scalar(
        text("SELECT default_version FROM pg_available_extensions WHERE name = 'vector'")
    )
    if version is None:
        raise PermanentError(
            "this PostgreSQL has no vector extension: install pgvector 0.8 or newer on the server "
            "(https://github.com/pgvector/pgvector#installation)"
        )
    # Iterative index scans, which recall within one repository needs, came with 0.8.
    if tuple(int(part) for part in str(version).split(".")[:2]) < (0, 8):
        raise PermanentError(f"pgvector {version} is too old: PatchPilot needs 0.8 or newer on the server")
    connection.rollback()
