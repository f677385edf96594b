"""At most one leader per name, by a session advisory lock on a connection of its own.

The lock lives exactly as long as the connection, so a leader that dies, hangs on a dead network or is cut
off by a restart of Postgres stops being one without anybody's help.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import psycopg

from storage.locks import lock_key
from storage.translation import translated


class Leadership:
    """A candidacy; see :func:`leadership`. Not for use by several threads at once."""

    def __init__(self, conninfo: str, name: str, arguments: Mapping[str, Any]) -> None:
        self._conninfo = conninfo
        self._name = name
        self._arguments = dict(arguments)
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    def acquire(self) -> bool:
        """Try to become the leader, without waiting. True if this process is it now.

        Raises :class:`~patchpilot.errors.TemporaryError` while the database is away.
        """
        if self.held():
            return True
        with translated(f"standing for leadership {self._name!r}"):
            connection = psycopg.connect(self._conninfo, autocommit=True, **self._arguments)
            try:
                won = _asked(connection, "SELECT pg_try_advisory_lock(%s)", lock_key("leader", self._name))
            except BaseException:
                connection.close()
                raise
        if won:
            self._connection = connection
        else:
            connection.close()
        return won

    def held(self) -> bool:
        """Whether this process is the leader still. False once the connection has died."""
        if self._connection is None:
            return False
        try:
            return _asked(self._connection, "SELECT %s > 0", 1)
        except psycopg.Error:
            self.resign()
            return False

    def resign(self) -> None:
        """Let another process lead."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()


@contextmanager
def leadership(conninfo: str, name: str, *, arguments: Mapping[str, Any]) -> Iterator[Leadership]:
    """A candidacy for ``name`` that ends on leaving; connects only when asked to acquire."""
    candidacy = Leadership(conninfo, name, arguments)
    try:
        yield candidacy
    finally:
        candidacy.resign()


@contextmanager
def alone(conninfo: str, name: str, *, arguments: Mapping[str, Any]) -> Iterator[None]:
    """Hold the lock called ``name``; who else wants it waits.

    On a connection of its own and outside a transaction, so that what is done under it may take long.
    Raises :class:`~patchpilot.errors.TemporaryError` when it is held for longer than the connection's
    ``lock_timeout``, or while the database is away.
    """
    with translated(f"waiting for {name!r}"):
        connection = psycopg.connect(conninfo, autocommit=True, **arguments)
        try:
            connection.execute("SELECT pg_advisory_lock(%s)", (lock_key("alone", name),))
        except BaseException:
            connection.close()
            raise
    try:
        yield
    finally:
        with suppress(psycopg.Error):
            connection.close()


def _asked(connection: psycopg.Connection[tuple[Any, ...]], question: str, value: int) -> bool:
    row = connection.execute(question.encode(), (value,)).fetchone()
    return bool(row and row[0])
