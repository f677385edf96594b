"""What became of a fix: stored with the heal and with the very proposal, and handed on to be learnt."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from patchpilot.failures import ReviewWritten
from patchpilot.fixes import Outcome
from patchpilot.heals import OPEN, HealId, HealState
from patchpilot.reverts import Reverts
from patchpilot.source import Repo
from storage.models import Heal, Incident, ProposedFix
from storage.moves import change_state
from storage.notes import put_note
from storage.runs import Whose
from storage.tasks import add_task

OUTCOME_NOTE: Final = "outcome"
"""Key of what is said in the thread about an outcome."""
REVERT_NOTE: Final = "outcome:reverted"
"""Of its own: that the branch was green with the fix stays true."""
_LEARNT = {Outcome.MERGED_GREEN, Outcome.MERGED_RED, Outcome.REVERTED}
"""What tells the memory whether the fix is good; a fix that was never merged tells nothing."""


def set_outcome(session: Session, heal: Heal, outcome: Outcome, *, evidence: str = "") -> None:
    """Store an outcome; ``evidence`` is the commit that shows it, and makes a second lesson another one."""
    heal.outcome = outcome.value
    if heal.approval_id:
        settle_proposal(session, heal.approval_id, outcome)
    if outcome in _LEARNT:
        kind = outcome.name.lower()
        add_task(
            session,
            queue="heal",
            name="jobs.tasks.learn",
            args={"heal": heal.id, "green_sha": evidence, "kind": "merged"},
            key=f"heal:{heal.id}:learn:{kind}",
        )
    session.flush()


def settle_proposal(session: Session, approval_id: str, outcome: Outcome) -> None:
    """What became of one proposal, whatever becomes of its heal."""
    proposal = session.get(ProposedFix, approval_id)
    if proposal is None:
        return
    proposal.outcome = outcome.value
    session.flush()
    # A patch that was sent back and asked about again is one promise, and its last outcome says if it held.
    session.execute(
        update(ProposedFix)
        .where(
            ProposedFix.heal_id == proposal.heal_id,
            ProposedFix.patch_sha256 == proposal.patch_sha256,
            ProposedFix.attempt < proposal.attempt,
            ProposedFix.outcome == Outcome.TURNED_DOWN.value,
        )
        .values(outcome="")
    )


def record_reverts(
    session: Session, repo: Repo, branch: str, reverts: Reverts, *, default_branch: str = "", by: str = ""
) -> Whose | None:
    """Merged fixes of ours that somebody has taken back on their branch; the last one, if any.

    A revert on a topic branch means nothing until that is merged.
    """
    if not reverts:
        return None
    found = session.execute(
        select(Heal, Incident.branch)
        .join(Incident, Incident.id == Heal.incident_id)
        .where(
            Incident.host == repo.host,
            Incident.repo == repo.full_name,
            or_(
                Heal.merge_sha.in_(reverts.commits),
                Heal.pull_request_sha.in_(reverts.commits),
                Heal.pull_request_number.in_(reverts.pulls),
            ),
            Heal.merge_sha != "",
            Heal.outcome != Outcome.REVERTED.value,
        )
        .order_by(Heal.id)
        .with_for_update(of=Heal)
    ).all()
    whose = None
    for heal, merged_into in found:
        if branch not in {merged_into, default_branch}:
            continue
        set_outcome(session, heal, Outcome.REVERTED)
        who = f" by {by}" if by else ""
        text = f"Pull request #{heal.pull_request_number} was reverted{who}: the fix is not offered again."
        put_note(session, heal, REVERT_NOTE, text, url=heal.pull_request_url)
        whose = Whose(heal.incident_id, HealId(heal.id))
    return whose


def record_review(session: Session, heal: Heal, review: ReviewWritten) -> None:
    """Show what a reviewer decided; their latest word counts."""
    heal.pull_request_review = "approved" if review.approved else "changes requested"
    said = f": {review.text}" if review.text else "."
    text = f"{review.by} {'approved' if review.approved else 'asks for changes in'} the pull request{said}"
    put_note(session, heal, f"review:{review.by}", text, url=review.url)
    session.flush()


def end_on_their_branch(session: Session, heal: Heal, *, applied: bool, green_sha: str) -> None:
    """Somebody's branch is green: by our fix, or by what they did instead. A repeat changes nothing."""
    heal_id, number = heal.id, heal.pull_request_number
    if heal.state == HealState.RESOLVED and applied and not heal.outcome:
        # They merged it before they, or we, had heard of the green run.
        set_outcome(session, heal, Outcome.MERGED_GREEN, evidence=green_sha)
    if heal.state != HealState.PR_OPEN:
        return
    if not applied:
        reason = f"pull request #{number} went green at {green_sha[:7]}, without the fix"
        change_state(session, heal_id, to=HealState.RECOVERED, reason=reason)
        add_task(
            session,
            queue="heal",
            name="jobs.tasks.learn",
            args={"heal": heal_id, "green_sha": green_sha, "kind": "human"},
            key=f"heal:{heal_id}:learn:human",
        )
        return
    heal.merge_sha = green_sha
    set_outcome(session, heal, Outcome.MERGED_GREEN, evidence=green_sha)
    session.execute(update(Heal).where(Heal.id == heal_id).values(resolved_at=func.now()))
    reason = f"pull request #{number} is green with the fix, at {green_sha[:7]}"
    change_state(session, heal_id, to=HealState.RESOLVED, reason=reason)


def end_with_their_merge(session: Session, heal: Heal, *, applied: bool, merge_sha: str) -> None:
    """Somebody has merged their own pull request, with our fix or without it. A repeat changes nothing.

    Whether the fix is good is told by a run, not by the merge.
    """
    heal_id, number = heal.id, heal.pull_request_number
    if heal.state not in OPEN:
        return
    if not applied:
        reason = f"pull request #{number} was merged without the fix"
        among = OPEN - {HealState.REJECTED, HealState.OPENING_PR}
        change_state(session, heal_id, to=HealState.REJECTED, reason=reason, among=among, fence=True)
        return
    heal.merge_sha = merge_sha
    session.flush()
    session.execute(update(Heal).where(Heal.id == heal_id).values(resolved_at=func.now()))
    reason = f"pull request #{number} was merged with the fix"
    change_state(session, heal_id, to=HealState.RESOLVED, reason=reason, fence=True)
