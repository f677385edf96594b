"""Database exceptions, told as the two kinds that callers know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
import psycopg_pool
import sqlalchemy.exc

from patchpilot.errors import PatchPilotError, PermanentError, TemporaryError, UnreachableError

_RETRY_SECONDS = 2.0
"""A restart of Postgres takes about this long."""

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_TEMPORARY_CLASSES = ("08", "53", "57", "58")
"""Connection lost, resources short, operator intervention (restart, timeout), system error."""
_TEMPORARY_CODES = frozenset({"40001", "40P01", "55P03", "25P03"})
"""Serialisation failure, deadlock, lock not available, idle in transaction for too long."""
_UNKNOWN_TABLES = frozenset({"42P01", "42703"})
"""A table or a column that is not there: another version's schema, or none yet."""
_NOT_ALLOWED = "42501"

# What libpq and the server say before a session has begun comes without a code. In another language than
# English it is told as a database that is away.
_UNREACHABLE: Final = (
    (
        re.compile(r'database "([^"]+)" does not exist'),
        "the server has no database {0!r}: create it, or correct the name in DATABASE_URL",
    ),
    (
        re.compile(r'(?:role|authentication failed for user) "([^"]+)"'),
        "the server refuses the user {0!r} or its password: correct DATABASE_URL",
    ),
    (
        re.compile(r"failed to resolve host '([^']+)'"),
        "there is no host {0!r}: correct the name in DATABASE_URL",
    ),
    (
        re.compile(
            r'server (?:at|on socket) "([^"]+)"(?:, port (\d+))? failed: '
            r"(?:Connection refused|No such file or directory)"
        ),
        "no PostgreSQL listens at {0}{1}: start the server, or correct DATABASE_URL",
    ),
)


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
    if not code and (advice := _unreachable(str(cause))):
        return UnreachableError(f"{doing}: the database is away", advice=advice, retry_after=_RETRY_SECONDS)
    if gone or code[:2] in _TEMPORARY_CLASSES or code in _TEMPORARY_CODES:
        return TemporaryError(
            f"{doing}: the database is away or busy{_code(code)}", retry_after=_RETRY_SECONDS
        )
    if code in _UNKNOWN_TABLES:
        return PermanentError(f"{doing}: it lacks this version's tables; run: patchpilot migrate")
    if code == _NOT_ALLOWED:
        return PermanentError(
            f"{doing}: its user may not do that{_code(code)}; in DATABASE_URL, name the database's owner"
        )
    return PermanentError(f"{doing}: the database refused it{_code(code)}")


def _unreachable(said: str) -> str:
    """What is wrong with the address, if that is what ``said`` tells; else nothing."""
    for pattern, advice in _UNREACHABLE:
        if found := pattern.search(said):
            host, port = found[1], found[2] if pattern.groups > 1 else None
            return advice.format(host, f":{port}" if port else "")
    return ""


def _code(code: str) -> str:
    # The server's own text may quote row contents, so only its code is shown; the cause has the rest.
    return f" (SQLSTATE {code})" if code else ""
