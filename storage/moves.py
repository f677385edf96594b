"""How a heal changes state: one conditional ``UPDATE``, one event, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, null, select, update
from sqlalchemy.orm import Session

from patchpilot.events import EventKind
from patchpilot.heals import OPEN, HealState, sources
from storage.events import append
from storage.models import Heal, Incident


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A move that was made."""

    before: HealState
    incident: int
    attempt: int
    """After the move."""


def change_state(
    session: Session,
    heal_id: str,
    *,
    to: HealState,
    reason: str,
    among: Collection[HealState] | None = None,
    only_if: Collection[ColumnElement[bool]] = (),
    also: Mapping[str, Any] | None = None,
    fence: bool = False,
) -> Moved | None:
    """Move a heal to ``to``; ``None`` if its state or ``only_if`` did not allow it when the lock was had.

    The states it may come from are those of ``patchpilot.heals.MOVES``, narrowed by ``among``. ``also`` are
    columns to set with it. ``fence`` takes the lease from the worker that holds it: what that one still
    writes is refused.
    """
    states = sources(to) if among is None else sources(to) & frozenset(among)
    before = (
        select(Heal.id, Heal.state)
        .where(Heal.id == heal_id, Heal.state.in_(sorted(states)), *only_if)
        .with_for_update()
        .cte("before")
    )
    fencing = {"lease_token": Heal.lease_token + 1, "lease_owner": "", "lease_until": null()} if fence else {}
    row = session.execute(
        update(Heal)
        .where(Heal.id == before.c.id)
        .values(state=to.value, reason=reason, updated_at=func.clock_timestamp(), **fencing, **(also or {}))
        .returning(before.c.state, Heal.incident_id, Heal.attempt)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if row is None:
        return None
    moved = Moved(before=HealState(row[0]), incident=row[1], attempt=row[2])
    _after(session, heal_id, moved, to=to, reason=reason)
    return moved


def _after(session: Session, heal_id: str, moved: Moved, *, to: HealState, reason: str) -> None:
    session.expire_all()
    if to not in OPEN:
        session.execute(
            update(Incident)
            .where(Incident.heal_id == heal_id)
            .values(open=False)
            .execution_options(synchronize_session=False)
        )
    append(
        session,
        EventKind.STATE_CHANGED,
        incident=moved.incident,
        heal=heal_id,
        data={"from": moved.before.value, "to": to.value, "reason": reason},
    )
