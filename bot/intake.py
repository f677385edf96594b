"""What a verified event means to us: one call, one Postgres transaction, nothing else in the request."""

from __future__ import annotations

from patchpilot.failures import HostEvent, PullRequestClosed, RunFinished
from storage.database import Database
from storage.intake import Recorded, record_failure, record_pull_request_closed, record_success


def accept(db: Database, event: HostEvent | None) -> Recorded | None:
    """Record an event; ``None`` for one that asks nothing of us."""
    match event:
        case RunFinished(succeeded=False):
            return record_failure(db, event)
        case RunFinished():
            return record_success(db, event)
        case PullRequestClosed():
            return record_pull_request_closed(db, event)
        case _:
            return None
