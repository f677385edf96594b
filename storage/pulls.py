"""Our own pull requests: their CI, their end, and whether the branch held after the merge."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from patchpilot.events import EventKind
from patchpilot.failures import PullRequestClosed, ReviewWritten, RunFinished
from patchpilot.fixes import Outcome
from patchpilot.heals import OPEN, HealId, HealState
from patchpilot.source import ON_THEIR_BRANCH, Delivery, PullRequest, Repo
from storage.events import append
from storage.models import BranchRun, Failure, Heal, Incident
from storage.moves import change_state
from storage.notes import change_note, put_note
from storage.outcomes import OUTCOME_NOTE, record_review, set_outcome
from storage.runs import NAME_MAX, Whose, line, remember_run
from storage.tasks import add_task

CI_NOTE = "ci"
"""Key of the note that says why CI of the fix has not started."""
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


def record_opened(
    session: Session, heal: Heal, pull: PullRequest, *, delivery: Delivery, ci_seconds: float
) -> None:
    """Put the pull request on its heal: ``opening_pr`` becomes ``pr_open``. A repeat changes nothing.

    After ``ci_seconds`` it is looked whether its CI has started.
    """
    repeated = (heal.pull_request_number, heal.pull_request_sha) == (pull.number, pull.head_sha)
    heal.pull_request_number = pull.number
    heal.pull_request_url = pull.url
    heal.pull_request_branch = pull.branch
    heal.pull_request_sha = pull.head_sha
    if not repeated:
        heal.pull_request_ci, heal.outcome = "waiting", ""
        heal.delivery = heal.delivery or delivery.value
        session.execute(
            update(Heal)
            .where(Heal.id == heal.id)
            .values(pull_request_at=func.coalesce(Heal.pull_request_at, func.now()))
        )
        facts = {"number": pull.number, "url": pull.url, "branch": pull.branch, "draft": pull.draft}
        append(session, EventKind.PULL_REQUEST_OPENED, incident=heal.incident_id, heal=heal.id, data=facts)
        _attend(session, heal, pull, delivery, ci_seconds)
    session.flush()
    reason = _OPENED[delivery].format(number=pull.number)
    change_state(session, heal.id, to=HealState.PR_OPEN, reason=reason)
    show_ci(session, heal, sha=pull.head_sha)


_OPENED = {
    Delivery.PULL_REQUEST: "pull request #{number} is open",
    Delivery.STACKED: "pull request #{number} is open, against the branch of the one that is red",
    Delivery.SUGGESTIONS: "the fix is suggested on pull request #{number}: apply the suggestions there",
    Delivery.PUSH: "the fix was pushed to the branch of pull request #{number}, as asked",
}


def _attend(session: Session, heal: Heal, pull: PullRequest, delivery: Delivery, ci_seconds: float) -> None:
    """What follows from the hand-over; somebody's own pull request has its reviewers already."""
    if delivery in {Delivery.PULL_REQUEST, Delivery.STACKED}:
        add_task(
            session,
            queue="effects",
            name="jobs.effects.request_reviewers",
            args={"heal": heal.id},
            key=f"reviewers:{heal.id}:{pull.number}",
        )
    if delivery is not Delivery.SUGGESTIONS:
        add_task(
            session,
            queue="effects",
            name="jobs.following.watch_ci",
            args={"heal": heal.id, "sha": pull.head_sha, "look": "1"},
            key=f"watch_ci:{heal.id}:{pull.head_sha}:1",
            delay_seconds=ci_seconds,
        )


def show_ci(session: Session, heal: Heal, *, sha: str) -> None:
    """Work out our pull request's CI from all workflows' latest runs of ``sha``; an event if it changed.

    Of somebody else's branch only green runs are kept, which say nothing about its CI as a whole.
    """
    if heal.delivery in ON_THEIR_BRANCH:
        return
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
    change_note(session, heal, CI_NOTE, f"CI on the fix has started after all, and is {result}.")
    _follow(session, heal, sha=sha, result=result)
    facts = {"ci": result, "sha": sha, "number": heal.pull_request_number, "url": heal.pull_request_url}
    append(session, EventKind.PULL_REQUEST_CI, incident=heal.incident_id, heal=heal.id, data=facts)
    session.flush()


def _follow(session: Session, heal: Heal, *, sha: str, result: str) -> None:
    """Green: out of draft. Red: another round with that log. Both once per commit."""
    if heal.state != HealState.PR_OPEN or heal.pull_request_sha != sha:
        return
    queue, name = ("effects", "jobs.following.mark_ready")
    if result == "red":
        queue, name = ("heal", "jobs.rounds.second_round")
    add_task(
        session,
        queue=queue,
        name=name,
        args={"heal": heal.id, "sha": sha},
        key=f"{name.rsplit('.', 1)[1]}:{heal.id}:{sha}",
    )


def record_review_of_ours(session: Session, event: ReviewWritten) -> Whose | None:
    """A review of our pull request is shown in its thread; others' mean nothing to us."""
    heal = _by_branch(session, event.repo, event.branch)
    if heal is None or heal.pull_request_number != event.number:
        return None
    record_review(session, heal, event)
    return Whose(heal.incident_id, HealId(heal.id))


def record_closed(session: Session, event: PullRequestClosed) -> Whose | None:
    """Our pull request was merged (``resolved``) or closed (``rejected``); others' mean nothing to us.

    Where the fix was given to somebody's own pull request, a task finds out whether they merged it too.

    The caller holds the branch's lock.
    """
    heal = _by_branch(session, event.repo, event.branch)
    if heal is None or heal.pull_request_number != event.number:
        return None
    heal_id, incident = heal.id, heal.incident_id
    facts = {"number": event.number, "merged": event.merged, "by": event.by, "merge_sha": event.merge_sha}
    append(session, EventKind.PULL_REQUEST_CLOSED, incident=incident, heal=heal_id, data=facts)
    who = f" by {event.by}" if event.by else ""
    if event.merged and heal.delivery in ON_THEIR_BRANCH:
        # Their merge is no word on our fix until their change shows whether it came with it.
        add_task(
            session,
            queue="heal",
            name="jobs.rounds.judge_theirs",
            args={
                "heal": heal_id,
                "green_sha": event.head_sha,
                "merge_sha": event.merge_sha or event.head_sha,
            },
            key=f"judge_theirs:{heal_id}:{event.head_sha}:merged",
        )
    elif event.merged:
        heal.merge_sha = event.merge_sha or event.head_sha
        session.flush()
        session.execute(update(Heal).where(Heal.id == heal_id).values(resolved_at=func.now()))
        reason = f"pull request #{event.number} was merged{who}"
        # The worker of a second round has nothing to do any more.
        change_state(session, heal_id, to=HealState.RESOLVED, reason=reason, fence=True)
    else:
        set_outcome(session, heal, Outcome.CLOSED)
        reason = f"pull request #{event.number} was closed{who} without merging"
        among = OPEN - {HealState.REJECTED, HealState.OPENING_PR}
        change_state(session, heal_id, to=HealState.REJECTED, reason=reason, among=among, fence=True)
    return Whose(incident, HealId(heal_id))


def judge_merge(session: Session, event: RunFinished) -> None:
    """Let the first telling run after a merge of ours say what became of the fix.

    A red run tells only of its own commit; a green one of anything that was finished after the merge.
    """
    for heal in _merged_unjudged(session, event):
        outcome = Outcome.MERGED_GREEN if event.succeeded else Outcome.MERGED_RED
        set_outcome(session, heal, outcome, evidence=event.head_sha)
        colour = "green" if event.succeeded else "red"
        text = f"{event.branch} is {colour} with the merged fix, at {event.head_sha[:7]}"
        put_note(session, heal, OUTCOME_NOTE, f"{text}.", url=event.run.url)
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
            # A fix that people merged although its own CI was red is judged by what came of it.
            Heal.outcome.in_(["", Outcome.CI_RED.value]),
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
