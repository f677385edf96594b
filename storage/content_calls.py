"""How often we may write on a code host: GitHub takes 80 content-making requests a minute and 500 an hour.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from patchpilot.errors import TemporaryError
from storage.database import Database
from storage.leases import from_now
from storage.pull_thread import ContentCall

A_MINUTE: Final = 60
AN_HOUR: Final = 400
"""Below GitHub's own numbers, so that pull requests and reviews find room beside our comments."""
_WINDOWS: Final = ((60.0, A_MINUTE), (3600.0, AN_HOUR))


def take_content_call(db: Database, host: str) -> None:
    """Count one request that writes; raises :class:`TemporaryError` when there were too many just now.

    Several processes that ask at the very same moment may each be let through; the margin is for that.
    """
    with db.transaction() as session:
        session.execute(delete(ContentCall).where(ContentCall.at < from_now(-3600.0)))
        for seconds, most in _WINDOWS:
            recent = select(func.count()).where(ContentCall.host == host, ContentCall.at > from_now(-seconds))
            if (session.scalar(recent) or 0) >= most:
                raise TemporaryError(
                    f"{most} comments were written on {host} within {seconds:.0f} s; the next waits",
                    retry_after=seconds / 6,
                )
        session.execute(insert(ContentCall).values(host=host))
