"""One process's way into Postgres: connections, transactions, schema, leadership."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool
from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from patchpilot.errors import ConfigurationError
from storage import schema
from storage.leadership import Leadership, alone, leadership
from storage.restoring import mend_after_restore
from storage.translation import translated

CheckpointPool = ConnectionPool[Connection[DictRow]]
"""What the graph's checkpointer works on."""

_SESSION: Final = {
    "statement_timeout": "30s",
    # A row is locked for milliseconds; who waits longer than this waits for something stuck.
    "lock_timeout": "10s",
    # A transaction left open would hold back every reader of the event log (see storage.events).
    "idle_in_transaction_session_timeout": "60s",
    "TimeZone": "UTC",
}
_NETWORK: Final = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
}


class Database:
    """Connections to one database. Making it connects nowhere; the first use does.

    Open one per process, after any fork. ``pool_size`` is the number of connections kept; twice as many may
    be open in a rush. Raises :class:`~patchpilot.errors.ConfigurationError` for a malformed ``url``.
    """

    def __init__(self, url: str, *, pool_size: int = 5) -> None:
        self._url = _parsed(url)
        self._pool_size = pool_size
        self._engine = create_engine(
            self._url.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=15,
            pool_recycle=1800,
            connect_args=self._connect_arguments(),
        )
        self._checkpoints: CheckpointPool | None = None
        self._lock = Lock()

    def migrate(self) -> None:
        """Bring the schema to this version's, one process at a time; also the first thing after a restore.

        Raises :class:`~patchpilot.errors.PermanentError` if the server lacks the ``vector`` extension.
        """
        with translated("migrating the database"):
            schema.upgrade(self._engine)
        with self.transaction() as session:
            mend_after_restore(session)

    def ping(self) -> None:
        """Raise :class:`~patchpilot.errors.TemporaryError` unless the database answers."""
        with self.transaction() as session:
            session.execute(text("SELECT 1"))

    def schema_is_current(self) -> bool:
        """Whether the schema is the one that this version was built for."""
        with translated("reading the schema's version"):
            return schema.is_current(self._engine)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back on any exception.

        Rows read stay usable after it. Database exceptions leave as ``TemporaryError`` (try again later) or
        ``PermanentError``.
        """
        with (
            translated("using the database"),
            Session(self._engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One transaction that only reads, and sees everything as it was at one moment.

        What is put together from several queries would else be half from before and half from after what
        somebody decides meanwhile.
        """
        # The same pool: https://docs.sqlalchemy.org/en/20/core/connections.html#dbapi-autocommit
        engine = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with (
            translated("reading the database"),
            Session(engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def checkpoint_pool(self) -> CheckpointPool:
        """The pool for the graph's checkpoints, opened on first use and closed by :meth:`close`.

        Each connection is checked when it is lent, so a restart of Postgres costs a retry and not a heal.
        """
        with self._lock:
            if self._checkpoints is None:
                arguments: dict[str, Any] = self._connect_arguments()
                arguments |= {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
                self._checkpoints = ConnectionPool(
                    self._conninfo,
                    connection_class=Connection[DictRow],
                    kwargs=arguments,
                    min_size=0,
                    max_size=self._pool_size,
                    timeout=15,
                    open=True,
                    check=ConnectionPool.check_connection,
                    name="checkpoints",
                )
            return self._checkpoints

    def leader(self, name: str) -> AbstractContextManager[Leadership]:
        """Stand for the leadership called ``name``: at most one process of all holds it at a time."""
        return leadership(self._conninfo, name, arguments=self._connect_arguments())

    def alone(self, name: str) -> AbstractContextManager[None]:
        """Hold the lock called ``name``; another process or thread that wants it waits for a while.

        Raises ``TemporaryError`` when that was not enough.
        """
        return alone(self._conninfo, name, arguments=self._connect_arguments())

    def close(self) -> None:
        """Close every connection. The object may be used again; it then opens new ones."""
        with self._lock:
            pool, self._checkpoints = self._checkpoints, None
        if pool is not None:
            pool.close()
        self._engine.dispose()

    @property
    def _conninfo(self) -> str:
        return self._url.set(drivername="postgresql").render_as_string(hide_password=False)

    def _connect_arguments(self) -> dict[str, Any]:
        options = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
        given = self._url.query.get("options", "")
        return {
            "application_name": "patchpilot",
            **_NETWORK,
            "options": f"{options} {given if isinstance(given, str) else ' '.join(given)}".strip(),
        }


def _parsed(address: str) -> URL:
    try:
        url = make_url(address)
    except ArgumentError:
        # Without a cause: SQLAlchemy's message may show the password.
        raise ConfigurationError(_ADVICE) from None
    if url.drivername not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise ConfigurationError(_ADVICE)
    return url


_ADVICE: Final = (
    "DATABASE_URL can't be read: it must be a PostgreSQL address such as "
    "postgresql://user:password@host:5432/patchpilot"
)
