"""A fix whose own CI is red: one more round with that log, then it is left to people."""

from __future__ import annotations

import enum
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from patchpilot.commands import Medium, Verb
from patchpilot.events import EventKind
from patchpilot.fixes import Outcome
from patchpilot.heals import HealId, HealState
from storage.database import Database
from storage.decisions import new_attempt
from storage.events import append
from storage.models import Decision, Heal
from storage.moves import change_state
from storage.outcomes import end_on_their_branch, end_with_their_merge, set_outcome
from storage.tasks import add_task

MOST_ROUNDS: Final = 1
"""How often a red CI on the fix leads to another round by itself."""
ACTOR: Final = "PatchPilot"


class Round(enum.StrEnum):
    """What a red CI on the fix has led to."""

    BEGUN = "begun"
    ESCALATED = "escalated"
    NONE = "none"
    """The pull request is not open any more, or another commit stands there by now."""


def second_round(db: Database, heal_id: HealId, *, sha: str, cause: str, hint: str) -> Round:
    """Send the heal back to repair with what CI says about ``sha``, or leave it to people the second time.

    ``cause`` is one line for people, ``hint`` is what the next round is told. A repeat changes nothing: the
    heal is not in ``pr_open`` at that commit any more.
    """
    with db.transaction() as session:
        heal = session.get(Heal, heal_id, with_for_update=True)
        if heal is None or heal.state != HealState.PR_OPEN or heal.pull_request_sha != sha:
            return Round.NONE
        number, approval_id, attempt = heal.pull_request_number, heal.approval_id, heal.attempt
        set_outcome(session, heal, Outcome.CI_RED)
        if _rounds(session, heal_id) >= MOST_ROUNDS:
            reason = (
                f"The CI of pull request #{number} is red again after a second round: {cause} "
                "The pull request stays open; mend it, or close it and Retry with a hint."
            )
            change_state(session, heal_id, to=HealState.ESCALATED, reason=reason)
            return Round.ESCALATED
        change_state(
            session,
            heal_id,
            to=HealState.REPAIRING,
            reason=f"the CI of pull request #{number} is red, so another fix is looked for: {cause}",
            also=new_attempt(),
        )
        decision = Decision(
            heal_id=heal_id,
            approval_id=approval_id,
            attempt=attempt + 1,
            verb=Verb.RETRY.value,
            actor=ACTOR,
            medium=Medium.CI.value,
            patch_sha256="",
            text=hint,
            command_key=f"ci:{heal_id}:{sha}",
        )
        session.add(decision)
        session.flush()
        facts = {"verb": decision.verb, "actor": ACTOR, "medium": decision.medium, "attempt": attempt + 1}
        heal = session.get_one(Heal, heal_id)
        append(session, EventKind.DECIDED, incident=heal.incident_id, heal=heal_id, data=facts)
        add_task(
            session,
            queue="heal",
            name="jobs.tasks.heal",
            args={"heal": heal_id, "decision": str(decision.id)},
            key=f"heal:{heal_id}:decision:{decision.id}",
        )
        return Round.BEGUN


def _rounds(session: Session, heal_id: str) -> int:
    query = select(func.count()).where(Decision.heal_id == heal_id, Decision.medium == Medium.CI.value)
    return session.scalar(query) or 0


def judge_theirs(db: Database, heal_id: HealId, *, applied: bool, green_sha: str) -> None:
    """End a heal whose fix was given to somebody's own pull request, now that its branch is green."""
    with db.transaction() as session:
        heal = session.get(Heal, heal_id, with_for_update=True)
        if heal is not None:
            end_on_their_branch(session, heal, applied=applied, green_sha=green_sha)


def judge_their_merge(db: Database, heal_id: HealId, *, applied: bool, merge_sha: str) -> None:
    """The same, now that somebody has merged their pull request, whatever its CI said."""
    with db.transaction() as session:
        heal = session.get(Heal, heal_id, with_for_update=True)
        if heal is not None:
            end_with_their_merge(session, heal, applied=applied, merge_sha=merge_sha)
