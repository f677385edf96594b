"""A heal's own record, written under its lease; implements ``patchpilot.ports.Journal``.

Every call checks the lease's fencing token. A worker that was paused for so long that another took the heal
over can therefore read and write nothing any more, whatever it still believes.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import func, null, select, update
from sqlalchemy.orm import Session

from patchpilot.commands import Verb
from patchpilot.errors import LeaseLostError, PermanentError
from patchpilot.events import EventKind
from patchpilot.failures import Diagnosis, DistilledFailure
from patchpilot.fixes import Fix, PartialResult, Patch
from patchpilot.heals import HealId, HealState, sources
from patchpilot.incidents import FailureRecord
from patchpilot.ports import HumanDecision, Settled
from patchpilot.source import Repo
from storage.budget import BudgetLimits, HealBudget
from storage.codec import clean_text, decode, encode
from storage.database import Database
from storage.events import append
from storage.incidents import failure_record
from storage.leases import from_now
from storage.locks import lock_branch
from storage.models import Decision, Failure, Heal, Incident, ProposedFix, QueuedTask, Step
from storage.moves import change_state
from storage.notes import put_note
from storage.pacing import Paced
from storage.settling import settle, settle_before_end
from storage.storms import USUAL, StormRule
from storage.tasks import add_task

_NOTE_MAX = 4_000
_DOING_MAX = 300

PROGRESS_SECONDS = 3.0
"""Least time between two things that a running step is shown to be doing; each edits a message in Slack."""


class HealJournal:
    """One heal in one worker's hands. Made by :func:`storage.heals.take_heal`."""

    def __init__(
        self,
        db: Database,
        heal_id: HealId,
        *,
        token: int,
        limits: BudgetLimits,
        approval_hours: float,
        storms: StormRule = USUAL,
    ) -> None:
        self._db = db
        self._id = heal_id
        self._token = token
        self._limits = limits
        self._approval_hours = approval_hours
        self._storms = storms
        self._paced = Paced(self._show_doing, seconds=PROGRESS_SECONDS)

    @property
    def heal_id(self) -> HealId:
        """The heal's id; it is the graph's thread id too."""
        return self._id

    def renew(self, seconds: float) -> bool:
        """Hold the heal for ``seconds`` more; False if another has it now."""
        with self._db.transaction() as session:
            renewed = session.scalar(
                update(Heal)
                .where(Heal.id == self._id, Heal.lease_token == self._token)
                .values(lease_until=from_now(seconds))
                .returning(Heal.id)
            )
            return renewed is not None

    def release(self) -> None:
        """Let another worker take the heal at once. Changes nothing if one has already."""
        with self._db.transaction() as session:
            session.execute(
                update(Heal)
                .where(Heal.id == self._id, Heal.lease_token == self._token)
                .values(lease_owner="", lease_until=null())
            )

    def failure(self) -> FailureRecord:
        """The red run that this heal is about; after a re-test the later one, on whose commit it goes on."""
        with self._owned() as (session, heal):
            return failure_record(session.get_one(Failure, heal.base_id))

    def state(self) -> HealState:
        """Where the heal stands."""
        with self._owned() as (_, heal):
            return HealState(heal.state)

    def attempt(self) -> int:
        """How often repair has been tried; 1 at first, one more per retry and per re-test."""
        with self._owned() as (_, heal):
            return heal.attempt

    def move(self, to: HealState, *, reason: str = "", rerun: bool = False) -> None:
        """Make an allowed move; a no-op when it is there already.

        With ``rerun``, the effects role is asked in the same transaction to have the failed jobs run again,
        which it does once per run. Raises :class:`~patchpilot.errors.PermanentError` for a move that the
        table does not have.
        """
        with self._db.transaction() as session:
            mine = Heal.lease_token == self._token
            if to is HealState.ESCALATED:
                self._mine(session)
                settle_before_end(session, self._id, reason=reason, storms=self._storms)
                if self._mine(session).joined is not None:
                    return  # Its end is shown on the incident that it has joined.
            if change_state(session, self._id, to=to, reason=reason, only_if=[mine]) is not None:
                if rerun:
                    key = _rerun_key(session, self._mine(session))
                    add_task(
                        session, queue="effects", name="jobs.effects.rerun", args={"heal": self._id}, key=key
                    )
                return
            now = HealState(self._mine(session).state)
            if now is not to:
                came_from = ", ".join(sorted(sources(to)))
                raise PermanentError(
                    f"heal {self._id} is {now}: it becomes {to} only from {came_from or 'nowhere'}"
                )

    @contextmanager
    def step(self, name: str, text: str) -> Iterator[None]:
        """Show one step of the progress list from its start to its end.

        A step that runs again after a kill takes its own line up again. One that ends in an exception stays
        unfinished: it will run again, or the heal's state says why not.
        """
        number = self._start_step(name, text)
        try:
            yield
        finally:
            self._paced.drop()
        self._finish_step(number)

    def progress(self, name: str, text: str) -> None:
        """Show what the running step ``name`` is doing, at most every :data:`PROGRESS_SECONDS`."""
        self._paced.say(name, text)

    def note(self, text: str, *, key: str = "") -> None:
        """Tell people something; with a ``key`` in a message of its own, which a later one of it changes."""
        with self._owned(lock=True) as (session, heal):
            if key:
                put_note(session, heal, key, text)
                return
            data = {"text": text[:_NOTE_MAX]}
            append(session, EventKind.NOTE, incident=heal.incident_id, heal=self._id, data=data)

    def settle(self, failure: DistilledFailure) -> Settled:
        """Store what the log says and find the incident that it belongs to."""
        with self._db.transaction() as session:
            incident = session.get_one(Incident, self._mine(session).incident_id)
            # The branch's lock comes before any row lock, here as everywhere.
            lock_branch(session, Repo(incident.host, incident.repo), incident.branch)
            session.expire_all()
            return settle(session, self._mine(session, lock=True), failure, storms=self._storms)

    def distilled(self) -> DistilledFailure | None:
        """What the log says, once :meth:`settle` has stored it."""
        with self._owned() as (_, heal):
            return decode(DistilledFailure, heal.distilled)

    def diagnosed(self, diagnosis: Diagnosis) -> None:
        """Store the diagnosis and tell people; the same one again tells nobody."""
        with self._owned(lock=True) as (session, heal):
            encoded = encode(diagnosis)
            if heal.diagnosis == encoded:
                return
            heal.diagnosis = encoded
            session.execute(
                update(Heal)
                .where(Heal.id == self._id)
                .values(
                    diagnosed_at=func.coalesce(Heal.diagnosed_at, func.now()),
                    updated_at=func.clock_timestamp(),
                )
            )
            data = {
                "category": diagnosis.category.value,
                "blame": diagnosis.blame.value,
                "root_cause": diagnosis.root_cause,
                "author": diagnosis.author,
            }
            append(session, EventKind.DIAGNOSED, incident=heal.incident_id, heal=self._id, data=data)

    def diagnosis(self) -> Diagnosis | None:
        """The stored diagnosis."""
        with self._owned() as (_, heal):
            return decode(Diagnosis, heal.diagnosis)

    def propose(self, fix: Fix) -> str:
        """Store the fix, make a new approval id and move to ``awaiting_approval``, in one transaction.

        The same patch in the same attempt again returns the same approval id. Raises
        :class:`~patchpilot.errors.PermanentError` for a patch that can't be kept byte by byte.
        """
        if clean_text(fix.patch.diff) != fix.patch.diff:
            raise PermanentError("the patch holds bytes that are no text, so it can't be stored as it is")
        with self._owned(lock=True) as (session, heal):
            proposal = self._proposal(session, heal, fix)
            approval_id = proposal.approval_id
            if heal.approval_id == approval_id and heal.state == HealState.AWAITING_APPROVAL:
                return approval_id
            moved = change_state(
                session,
                self._id,
                to=HealState.AWAITING_APPROVAL,
                reason="a proven fix waits for a decision",
                only_if=[Heal.lease_token == self._token],
                also={
                    "approval_id": approval_id,
                    "approval_expires_at": proposal.expires_at,
                    "proposed_at": func.coalesce(Heal.proposed_at, func.now()),
                },
            )
            if moved is None:
                raise PermanentError(f"heal {self._id} is {heal.state}: nothing can be proposed there")
            data = {
                "approval_id": approval_id,
                "attempt": moved.attempt,
                "patch_sha256": fix.patch.sha256,
                "files": list(fix.patch.files),
                "author": fix.author,
                "confidence": fix.confidence,
            }
            append(session, EventKind.FIX_PROPOSED, incident=moved.incident, heal=self._id, data=data)
            return approval_id

    def fix(self) -> Fix | None:
        """The proposed fix, if there is one."""
        with self._owned() as (session, heal):
            proposal = session.get(ProposedFix, heal.approval_id) if heal.approval_id else None
            return decode(Fix, proposal.fix if proposal else None)

    def leave_partial(self, *, patch: Patch, author: str, why: str) -> None:
        """Keep an unproven change for people; the latest one of the heal is shown."""
        with self._owned(lock=True) as (_, heal):
            left = PartialResult(patch=patch, author=author, why=why, attempt=heal.attempt)
            heal.partial = encode(left)

    def hints(self) -> tuple[str, ...]:
        """What people wrote with Retry, oldest first."""
        with self._owned() as (session, _):
            hints = session.scalars(
                select(Decision.text)
                .where(Decision.heal_id == self._id, Decision.verb == Verb.RETRY.value, Decision.text != "")
                .order_by(Decision.id)
            )
            return tuple(hints)

    def decision(self) -> HumanDecision | None:
        """The latest decision, unless a newer proposal has been made since.

        A retry or re-test belongs to the attempt that it starts, every other decision to the one that it
        ends; so the answer's ``attempt`` is always the current one.
        """
        with self._owned() as (session, heal):
            if heal.state == HealState.AWAITING_APPROVAL:
                return None
            latest = session.scalars(
                select(Decision).where(Decision.heal_id == self._id).order_by(Decision.id.desc()).limit(1)
            ).one_or_none()
            if latest is None or latest.attempt != heal.attempt:
                return None
            if latest.verb in {Verb.RETRY, Verb.RETEST} and heal.approval_id:
                return None  # It has led to this proposal, and says nothing about it.
            return HumanDecision(
                verb=Verb(latest.verb),
                actor=latest.actor,
                text=latest.text,
                attempt=latest.attempt,
                medium=latest.medium,
            )

    def approve_effects(self) -> None:
        """Hand the approved proposal to the effects role; repeated calls change nothing."""
        with self._owned(lock=True) as (session, heal):
            add_task(
                session,
                queue="effects",
                name="jobs.effects.open_pull_request",
                args={"heal": self._id},
                key=f"pr:{self._id}:{heal.attempt}",
            )

    def may_rerun(self) -> bool:
        """No heal has had the failed jobs of this run run again yet."""
        with self._owned() as (session, heal):
            key = _rerun_key(session, heal)
            return session.scalar(select(QueuedTask.id).where(QueuedTask.key == key)) is None

    def budget(self) -> HealBudget:
        """What this heal may still spend."""
        return HealBudget(self._db, self._id, token=self._token, limits=self._limits)

    @contextmanager
    def _owned(self, *, lock: bool = False) -> Iterator[tuple[Session, Heal]]:
        with self._db.transaction() as session:
            yield session, self._mine(session, lock=lock)

    def _mine(self, session: Session, *, lock: bool = False) -> Heal:
        query = select(Heal).where(Heal.id == self._id, Heal.lease_token == self._token)
        if lock:
            query = query.with_for_update().execution_options(populate_existing=True)
        heal = session.scalars(query).one_or_none()
        if heal is None:
            raise LeaseLostError(f"heal {self._id} is in another worker's hands")
        return heal

    def _show_doing(self, name: str, text: str) -> None:
        with self._owned(lock=True) as (session, heal):
            step = session.scalars(
                select(Step)
                .where(
                    Step.heal_id == self._id,
                    Step.attempt == heal.attempt,
                    Step.name == name,
                    Step.finished_at.is_(None),
                )
                .order_by(Step.id.desc())
                .limit(1)
            ).one_or_none()
            doing = clean_text(text)[:_DOING_MAX]
            if step is None or step.doing == doing:
                return
            step.doing = doing
            data = {"name": name, "text": step.text, "doing": doing}
            append(session, EventKind.STEP_PROGRESS, incident=heal.incident_id, heal=self._id, data=data)

    def _start_step(self, name: str, text: str) -> int:
        with self._owned(lock=True) as (session, heal):
            earlier = session.scalars(
                select(Step)
                .where(
                    Step.heal_id == self._id,
                    Step.attempt == heal.attempt,
                    Step.name == name,
                    Step.text == text,
                )
                .order_by(Step.id.desc())
                .limit(1)
            ).one_or_none()
            if earlier is not None:
                session.execute(
                    update(Step)
                    .where(Step.id == earlier.id)
                    .values(started_at=func.clock_timestamp(), finished_at=null(), doing="")
                )
                return earlier.id
            made = Step(heal_id=self._id, attempt=heal.attempt, name=name, text=text)
            session.add(made)
            session.flush()
            data = {"name": name, "text": text}
            append(session, EventKind.STEP_STARTED, incident=heal.incident_id, heal=self._id, data=data)
            return made.id

    def _finish_step(self, number: int) -> None:
        with self._owned(lock=True) as (session, heal):
            step = session.scalars(
                update(Step)
                .where(Step.id == number)
                .values(finished_at=func.clock_timestamp())
                .returning(Step)
            ).one()
            seconds = 0.0
            if step.finished_at is not None:
                seconds = (step.finished_at - step.started_at).total_seconds()
            data = {"name": step.name, "text": step.text, "seconds": round(seconds, 3)}
            append(session, EventKind.STEP_FINISHED, incident=heal.incident_id, heal=self._id, data=data)

    def _proposal(self, session: Session, heal: Heal, fix: Fix) -> ProposedFix:
        known = session.scalars(
            select(ProposedFix).where(
                ProposedFix.heal_id == self._id,
                ProposedFix.attempt == heal.attempt,
                ProposedFix.patch_sha256 == fix.patch.sha256,
            )
        ).one_or_none()
        if known is not None:
            return known
        failure = session.get_one(Failure, heal.base_id)
        made = ProposedFix(
            approval_id=secrets.token_urlsafe(24),
            heal_id=self._id,
            attempt=heal.attempt,
            patch_sha256=fix.patch.sha256,
            base_sha=failure.head_sha,
            fix=encode(fix),
            expires_at=from_now(self._approval_hours * 3600),
        )
        session.add(made)
        session.flush()
        session.refresh(made)
        return made


def _rerun_key(session: Session, heal: Heal) -> str:
    """One per run, whatever its attempt: what is red again after a rerun needs a person, not a third run."""
    run = failure_record(session.get_one(Failure, heal.base_id)).run
    return f"rerun:{run.provider}:{run.repo.host}:{run.repo}:{run.run_id}"
