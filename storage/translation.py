"""Database exceptions, told as the two kinds that callers know."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import psycopg_pool
import sqlalchemy.exc

from patchpilot.errors import PatchPilotError, PermanentError, TemporaryError

_RETRY_SECONDS = 2.0
"""A restart of Postgres takes about this long."""

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_TEMPORARY_CLASSES = ("08", "53", "57", "58")
"""Connection lost, resources short, operator intervention (restart, timeout), system error."""
_TEMPORARY_CODES = frozenset({"40001", "40P01", "55P03", "25P03"})
"""Serialisation failure, deadlock, lock not available, idle in transaction for too long."""


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn database exceptions into ``TemporaryError`` or ``PermanentError``; ``doing`` names the act."""
    try:
        yield
    except PatchPilotError:
        raise
    except (sqlalchemy.exc.TimeoutError, psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed) as error:
        raise TemporaryError(
            f"{doing}: every database connection is in use", retry_after=_RETRY_SECONDS
        ) from error
    except sqlalchemy.exc.DBAPIError as error:
        raise _told(doing, error.orig, lost=error.connection_invalidated) from error
    except psycopg.Error as error:
        raise _told(doing, error, lost=False) from error
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise PermanentError(f"{doing}: {type(error).__name__}") from error


def _told(doing: str, cause: BaseException | None, *, lost: bool) -> PatchPilotError:
    code = getattr(cause, "sqlstate", None) or ""
    # Without a code the server never answered: no connection, or it broke.
    gone = lost or (not code and isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError))
    if gone or code[:2] in _TEMPORARY_CLASSES or code in _TEMPORARY_CODES:
        return TemporaryError(
            f"{doing}: the database is away or busy{_code(code)}", retry_after=_RETRY_SECONDS
        )
    return PermanentError(f"{doing}: the database refused it{_code(code)}")


def _code(code: str) -> str:
    # The server's own text may quote row contents, so only its code is shown; the cause has the rest.
    return f" (SQLSTATE {code})" if code else ""
