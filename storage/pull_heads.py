"""Which pull request of a fork a run belongs to.

GitHub names no pull request in the runs of a fork's commits, so what it tells of pull requests is kept:
https://github.com/actions/runner/issues/3444
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert

from patchpilot.failures import ForkPullRequestMoved, RunFinished
from storage.database import Database
from storage.intake import Recorded, first_delivery
from storage.leases import from_now
from storage.pull_thread import PullHead

KEPT_SECONDS: Final = 30 * 24 * 3600.0
"""A run that starts later than that is of a pull request that has moved since."""


def record_fork_pull_request(db: Database, event: ForkPullRequestMoved) -> Recorded:
    """Remember the head of a fork's pull request; the latest that has it wins."""
    facts = {"number": event.number, "base_branch": event.base_branch}
    with db.transaction() as session:
        made = first_delivery(session, event.delivery_id)
        if made:
            session.execute(delete(PullHead).where(PullHead.at < from_now(-KEPT_SECONDS)))
            session.execute(
                insert(PullHead)
                .values(host=event.repo.host, repo=event.repo.full_name, head_sha=event.head_sha, **facts)
                .on_conflict_do_update(
                    index_elements=[PullHead.host, PullHead.repo, PullHead.head_sha],
                    set_={**facts, "at": func.now()},
                )
            )
    return Recorded(duplicate=not made, incident=None, heal=None)


def with_pull_request(db: Database, event: RunFinished) -> RunFinished:
    """The same run with its pull request, where it comes from a fork and that is known."""
    if not event.from_fork or event.pull_request is not None:
        return event
    repo = event.run.repo
    with db.transaction() as session:
        found = session.get(PullHead, (repo.host, repo.full_name, event.head_sha))
        if found is None:
            return event
        return replace(event, pull_request=found.number, base_branch=event.base_branch or found.base_branch)
