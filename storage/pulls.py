"""Our own pull requests: their CI, their end, and whether the branch held after the merge."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from patchpilot.events import EventKind
from patchpilot.failures import PullRequestClosed, RunFinished
from patchpilot.fixes import Outcome
from patchpilot.heals import HealId, HealState
from patchpilot.source import PullRequest, Repo
from storage.events import append
from storage.models import BranchRun, Failure, Heal, Incident
from storage.moves import change_state
from storage.runs import NAME_MAX, Whose, line, remember_run
from storage.tasks import add_task

BRANCH_PREFIX = "patchpilot/fix/"
"""All branches of ours begin so. Runs of them never open incidents."""


def is_ours(event: RunFinished) -> bool:
    """Whether the run is one of a fix branch of ours (a fork may give its branches any name)."""
    return event.branch.startswith(BRANCH_PREFIX) and not event.from_fork


def record_run(session: Session, event: RunFinished) -> Whose | None:
    """Keep the result of a run of our branch and show it on its heal, if that is known yet.

    The caller holds the branch's lock. CI can be quicker than the row with the pull request's number, so
    the result is kept either way.
    """
    remember_run(session, event)
    heal = _by_branch(session, event.run.repo, event.branch)
    if heal is None:
        return None
    show_ci(session, heal, sha=event.head_sha)
    return Whose(heal.incident_id, HealId(heal.id))


def record_opened(session: Session, heal: Heal, pull: PullRequest) -> None:
    """Put the pull request on its heal: ``opening_pr`` becomes ``pr_open``. A repeat changes nothing."""
    repeated = heal.pull_request_number == pull.number
    heal.pull_request_number = pull.number
    heal.pull_request_url = pull.url
    heal.pull_request_branch = pull.branch
    heal.pull_request_sha = pull.head_sha
    if not repeated:
        heal.pull_request_ci = "waiting"
        session.execute(
            update(Heal)
            .where(Heal.id == heal.id)
            .values(pull_request_at=func.coalesce(Heal.pull_request_at, func.now()))
        )
        facts = {"number": pull.number, "url": pull.url, "branch": pull.branch, "draft": pull.draft}
        append(session, EventKind.PULL_REQUEST_OPENED, incident=heal.incident_id, heal=heal.id, data=facts)
    session.flush()
    reason = f"pull request #{pull.number} is open"
    change_state(session, heal.id, to=HealState.PR_OPEN, reason=reason)
    show_ci(session, heal, sha=pull.head_sha)


def show_ci(session: Session, heal: Heal, *, sha: str) -> None:
    """Work out the pull request's CI from all workflows' latest runs of ``sha``; an event if it changed."""
    incident = session.get_one(Incident, heal.incident_id)
    results = session.scalars(
        select(BranchRun.succeeded).where(
            BranchRun.host == incident.host,
            BranchRun.repo == incident.repo,
            BranchRun.branch == heal.pull_request_branch[:NAME_MAX],
            BranchRun.head_sha == sha,
        )
    ).all()
    if not results:
        return
    result = "green" if all(results) else "red"
    if heal.pull_request_ci == result:
        return
    heal.pull_request_ci = result
    session.execute(update(Heal).where(Heal.id == heal.id).values(updated_at=func.clock_timestamp()))
    facts = {"ci": result, "sha": sha, "number": heal.pull_request_number, "url": heal.pull_request_url}
    append(session, EventKind.PULL_REQUEST_CI, incident=heal.incident_id, heal=heal.id, data=facts)
    session.flush()


def record_closed(session: Session, event: PullRequestClosed) -> Whose | None:
    """Our pull request was merged (``resolved``) or closed (``rejected``); others' mean nothing to us.

    The caller holds the branch's lock.
    """
    heal = _by_branch(session, event.repo, event.branch)
    if heal is None or heal.pull_request_number != event.number:
        return None
    heal_id, incident = heal.id, heal.incident_id
    facts = {"number": event.number, "merged": event.merged, "by": event.by, "merge_sha": event.merge_sha}
    append(session, EventKind.PULL_REQUEST_CLOSED, incident=incident, heal=heal_id, data=facts)
    who = f" by {event.by}" if event.by else ""
    if event.merged:
        heal.merge_sha = event.merge_sha or event.head_sha
        session.flush()
        session.execute(update(Heal).where(Heal.id == heal_id).values(resolved_at=func.now()))
        reason = f"pull request #{event.number} was merged{who}"
        change_state(session, heal_id, to=HealState.RESOLVED, reason=reason)
    else:
        heal.outcome = Outcome.CLOSED.value
        session.flush()
        reason = f"pull request #{event.number} was closed{who} without merging"
        change_state(session, heal_id, to=HealState.REJECTED, reason=reason, among={HealState.PR_OPEN})
    return Whose(incident, HealId(heal_id))


def judge_merge(session: Session, event: RunFinished) -> None:
    """Let the first telling run after a merge of ours say what became of the fix.

    A red run tells only of its own commit; a green one of anything that was finished after the merge.
    """
    for heal in _merged_unjudged(session, event):
        outcome = Outcome.MERGED_GREEN if event.succeeded else Outcome.MERGED_RED
        heal.outcome = outcome.value
        colour = "green" if event.succeeded else "red"
        text = f"{event.branch} is {colour} with the merged fix, at {event.head_sha[:7]}"
        data = {"text": text, "outcome": outcome.value}
        append(session, EventKind.NOTE, incident=heal.incident_id, heal=heal.id, data=data)
        if event.succeeded:
            add_task(
                session,
                queue="heal",
                name="jobs.tasks.learn",
                args={"heal": heal.id, "green_sha": event.head_sha, "kind": "merged"},
                key=f"heal:{heal.id}:learn:merged",
            )
    session.flush()


def _merged_unjudged(session: Session, event: RunFinished) -> Iterable[Heal]:
    telling = Heal.merge_sha == event.head_sha
    if event.succeeded:
        after = Heal.resolved_at <= (event.finished_at or func.now())
        telling = or_(telling, after)
    return session.scalars(
        select(Heal)
        .join(Incident, Incident.id == Heal.incident_id)
        .where(
            Incident.host == event.run.repo.host,
            Incident.repo == event.run.repo.full_name,
            Incident.branch == line(event),
            Incident.workflow == event.workflow[:NAME_MAX],
            Heal.state == HealState.RESOLVED.value,
            Heal.merge_sha != "",
            Heal.outcome == "",
            telling,
        )
        .with_for_update(of=Heal)
    ).all()


def _by_branch(session: Session, repo: Repo, branch: str) -> Heal | None:
    """The latest heal whose pull request has this branch."""
    return session.scalars(
        select(Heal)
        .join(Failure, Failure.id == Heal.failure_id)
        .where(
            Heal.pull_request_branch == branch,
            Failure.host == repo.host,
            Failure.repo == repo.full_name,
        )
        .order_by(Heal.created_at.desc())
        .limit(1)
        .with_for_update(of=Heal)
    ).one_or_none()
