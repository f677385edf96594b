"""Decisions of people: the first one on a proposal wins, by one conditional ``UPDATE``.

Who may decide has been settled before (:mod:`bot.decisions`); here it is only settled who was first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, null, select
from sqlalchemy.orm import Session

from patchpilot.commands import Command, Ruling, Verb
from patchpilot.events import EventKind
from patchpilot.fixes import Outcome
from patchpilot.heals import WORKING, HealState
from patchpilot.incidents import DecisionRecord, IncidentSnapshot
from patchpilot.source import Sha
from storage.bases import later_red
from storage.database import Database
from storage.events import append
from storage.heals import NOBODY_DECIDED
from storage.incidents import decision_record, read_snapshot
from storage.models import Decision, Failure, Heal, Incident, ProposedFix
from storage.moves import Moved, change_state
from storage.outcomes import settle_proposal
from storage.tasks import add_task

_AWAITING = HealState.AWAITING_APPROVAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """How a command ended."""

    ruling: Ruling
    """``APPLIED``, ``ALREADY``, ``OUTDATED`` or ``UNKNOWN``."""
    snapshot: IncidentSnapshot | None
    """The incident as it stands afterwards."""
    earlier: DecisionRecord | None
    """The decision that came first, where one did."""
    moved_to: Sha | None = None
    """Where the branch went, if that is why nothing was applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """What a verb does, to heals in which states."""

    to: HealState
    among: frozenset[HealState]
    fence: bool
    """Take the heal from a worker that is at it. Not for verbs that a waiting graph goes on with: the
    worker that asked may still be writing its last checkpoint."""


_RULES: Mapping[Verb, _Rule] = {
    Verb.APPROVE: _Rule(to=HealState.OPENING_PR, among=frozenset({_AWAITING}), fence=False),
    Verb.RETRY: _Rule(
        to=HealState.REPAIRING,
        among=frozenset({_AWAITING, HealState.ESCALATED, HealState.EXPIRED}),
        fence=False,
    ),
    Verb.RETEST: _Rule(to=HealState.REPAIRING, among=frozenset({_AWAITING}), fence=False),
    Verb.REJECT: _Rule(to=HealState.REJECTED, among=frozenset({_AWAITING, HealState.ESCALATED}), fence=True),
    Verb.ESCALATE: _Rule(to=HealState.ESCALATED, among=WORKING | {_AWAITING}, fence=True),
}


def is_possible(verb: Verb, state: HealState) -> bool:
    """Whether a heal in ``state`` can be decided on so, by the incident's number and whoever may."""
    return state in _RULES[verb].among


def find_target(db: Database, *, incident: int | None, approval_id: str) -> IncidentSnapshot | None:
    """The incident that a command means: the proposal's (a button) or the numbered one (typed)."""
    with db.reading() as session:
        heal = _target(session, incident=incident, approval_id=approval_id)
        return None if heal is None else read_snapshot(session, heal.incident_id)


def decide(db: Database, command: Command) -> Decided:
    """Apply a command whose actor may. The same ``command.key`` again gives the same answer."""
    with db.transaction() as session:
        heal = _target(session, incident=command.incident, approval_id=command.approval_id)
        if heal is None:
            return Decided(ruling=Ruling.UNKNOWN, snapshot=None, earlier=None)
        heal_id, incident = heal.id, heal.incident_id
        earlier: DecisionRecord | None = None
        if _by_key(session, command.key) is not None:
            ruling = Ruling.APPLIED
        elif moved := _outdated_base(session, heal, command):
            return Decided(
                ruling=Ruling.OUTDATED,
                snapshot=read_snapshot(session, incident),
                earlier=None,
                moved_to=Sha(moved.head_sha),
            )
        elif _apply(session, heal, command):
            ruling = Ruling.APPLIED
        else:
            session.expire_all()
            # The row was locked while another decided: it may have been this very command.
            same = _by_key(session, command.key)
            ruling, earlier = (
                (Ruling.APPLIED, None) if same else _too_late(session, heal_id, command.approval_id)
            )
        return Decided(ruling=ruling, snapshot=read_snapshot(session, incident), earlier=earlier)


def _target(session: Session, *, incident: int | None, approval_id: str) -> Heal | None:
    if approval_id:
        proposal = session.get(ProposedFix, approval_id)
        return None if proposal is None else session.get(Heal, proposal.heal_id)
    if incident is None:
        return None
    query = select(Heal).join(Incident, Incident.heal_id == Heal.id).where(Incident.id == incident)
    return session.scalars(query).one_or_none()


def _outdated_base(session: Session, heal: Heal, command: Command) -> Failure | None:
    """Where the branch went since the very proposal that is to be approved was proved."""
    if command.verb is not Verb.APPROVE or command.approval_id not in {"", heal.approval_id}:
        return None
    return later_red(session, heal.id)


def _apply(session: Session, heal: Heal, command: Command) -> bool:
    rule = _RULES[command.verb]
    also: dict[str, Any] | None = new_attempt() if command.verb is Verb.RETRY else None
    if command.verb is Verb.RETEST:
        later = later_red(session, heal.id)
        if later is None:
            return False
        also = new_attempt() | _on_top_of(later)
    approval_id, heal_id = heal.approval_id, heal.id
    # The sweep that ends late proposals may be late itself; a decision must not profit from that.
    change_state(
        session,
        heal_id,
        to=HealState.EXPIRED,
        reason=NOBODY_DECIDED,
        only_if=[Heal.approval_expires_at < func.clock_timestamp()],
    )
    moved = change_state(
        session,
        heal_id,
        to=rule.to,
        reason=_reason(command),
        # What somebody has answered is not answered once more by another button of the same question.
        among=rule.among - {HealState.ESCALATED} if command.approval_id else rule.among,
        only_if=_conditions(command, approval_id),
        also=also,
        fence=rule.fence,
    )
    if moved is None:
        return False
    _record(session, heal_id, command, moved, approval_id=approval_id)
    return True


def _conditions(command: Command, approval_id: str) -> list[ColumnElement[bool]]:
    # What was read is what the person saw: a newer proposal in between makes the UPDATE find nothing.
    return [Heal.approval_id == (command.approval_id or approval_id)]


def new_attempt() -> dict[str, Any]:
    """The columns that begin another attempt: what was proposed is no longer asked about, nor ever again."""
    return {"attempt": Heal.attempt + 1, "approval_id": "", "approval_expires_at": null()}


def _on_top_of(later: Failure) -> dict[str, Any]:
    """The columns that make the heal go on at a later red run: what its log says was read when it joined."""
    log = select(Heal.distilled).where(Heal.failure_id == later.id).scalar_subquery()
    return {"retested_id": later.id, "distilled": func.coalesce(log, Heal.distilled)}


def _record(session: Session, heal_id: str, command: Command, moved: Moved, *, approval_id: str) -> None:
    proposal = session.get(ProposedFix, approval_id) if approval_id else None
    decision = Decision(
        heal_id=heal_id,
        approval_id=approval_id,
        attempt=moved.attempt,
        verb=command.verb.value,
        actor=_who(command),
        medium=command.actor.medium.value,
        patch_sha256=proposal.patch_sha256 if proposal else "",
        text=command.text,
        command_key=command.key,
        host_login=command.actor.host_user.login if command.actor.host_user else "",
        host_user_id=command.actor.host_user.id if command.actor.host_user else None,
        options=dict(command.options) or None,
    )
    session.add(decision)
    session.flush()
    if approval_id and command.verb in {Verb.RETRY, Verb.REJECT}:
        settle_proposal(session, approval_id, Outcome.TURNED_DOWN)
    facts = {
        "verb": decision.verb,
        "actor": decision.actor,
        "medium": decision.medium,
        "text": decision.text,
        "patch_sha256": decision.patch_sha256,
        "attempt": decision.attempt,
    }
    append(session, EventKind.DECIDED, incident=moved.incident, heal=heal_id, data=facts)
    # A graph that waits at its interrupt has to hear of it; one that has ended only if it is to go on.
    if moved.before is _AWAITING or command.verb is Verb.RETRY:
        add_task(
            session,
            queue="heal",
            name="jobs.tasks.heal",
            args={"heal": heal_id, "decision": str(decision.id)},
            key=f"heal:{heal_id}:decision:{decision.id}",
        )


def _too_late(session: Session, heal_id: str, approval_id: str) -> tuple[Ruling, DecisionRecord | None]:
    heal = session.get_one(Heal, heal_id)
    query = select(Decision).where(Decision.heal_id == heal_id).order_by(Decision.id.desc()).limit(1)
    outdated = bool(approval_id and heal.approval_id and heal.approval_id != approval_id)
    if outdated:
        query = query.where(Decision.approval_id == approval_id)
    latest = session.scalars(query).one_or_none()
    return (
        Ruling.OUTDATED if outdated else Ruling.ALREADY,
        None if latest is None else decision_record(latest),
    )


def _by_key(session: Session, key: str) -> Decision | None:
    if not key:
        return None
    return session.scalars(select(Decision).where(Decision.command_key == key)).one_or_none()


def _who(command: Command) -> str:
    return command.actor.host_user.login if command.actor.host_user else command.actor.name


def _reason(command: Command) -> str:
    done = {
        Verb.APPROVE: "approved",
        Verb.RETRY: "sent back for another try",
        Verb.RETEST: "sent to be tested anew where the branch is now",
        Verb.REJECT: "rejected",
        Verb.ESCALATE: "left to people",
    }[command.verb]
    return f"{done} by {_who(command)}" + (f": {command.text}" if command.text else "")
