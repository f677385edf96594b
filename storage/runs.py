"""The latest run of a workflow on a branch, where somebody will ask for it; see ``models.BranchRun``."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from patchpilot.failures import RunFinished
from patchpilot.heals import HealId
from storage.models import BranchRun

NAME_MAX = 300
"""Characters of a workflow's or branch's name: enough for people, and an index takes no more than 2.7 kB."""


@dataclass(frozen=True, slots=True)
class Whose:
    """The incident and heal that an event turned out to be about."""

    incident: int
    heal: HealId


def line(event: RunFinished) -> str:
    """What an incident calls a run's branch.

    A fork's ``main`` is not ours: its runs must neither join nor heal incidents of our branch.
    """
    branch = event.branch[:NAME_MAX]
    if not event.from_fork:
        return branch
    return f"pull/{event.pull_request}/{branch}" if event.pull_request else f"fork/{branch}"


def remember_run(session: Session, event: RunFinished) -> None:
    """Keep this run as the latest of its workflow and branch, unless a later one is known already.

    Providers may report runs out of order.
    """
    facts = {"head_sha": event.head_sha, "succeeded": event.succeeded, "ordered_at": event.ordered_at}
    statement = insert(BranchRun).values(
        host=event.run.repo.host,
        repo=event.run.repo.full_name,
        branch=line(event),
        workflow=event.workflow[:NAME_MAX],
        **facts,
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[BranchRun.host, BranchRun.repo, BranchRun.branch, BranchRun.workflow],
            set_={**facts, "received_at": func.now()},
            where=or_(
                BranchRun.ordered_at.is_(None),
                statement.excluded.ordered_at.is_(None),
                statement.excluded.ordered_at >= BranchRun.ordered_at,
            ),
        )
    )


def later_green(session: Session, event: RunFinished) -> str | None:
    """The commit of a green run of the same workflow and branch that started after this one, if known."""
    if event.ordered_at is None:
        return None
    return session.scalar(
        select(BranchRun.head_sha).where(
            BranchRun.host == event.run.repo.host,
            BranchRun.repo == event.run.repo.full_name,
            BranchRun.branch == line(event),
            BranchRun.workflow == event.workflow[:NAME_MAX],
            BranchRun.succeeded,
            BranchRun.ordered_at > event.ordered_at,
        )
    )
