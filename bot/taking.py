"""Who looks after an incident, by their own word."""

from __future__ import annotations

from bot.gate import Gate, already_over, applied, denied, unknown
from patchpilot import grammar as ask
from patchpilot.asking import Asked
from patchpilot.commands import Actor, Answer
from storage.asides import assign, unassign
from storage.database import Database
from storage.incidents import snapshot


class Taking:
    """Answers ``take`` and ``drop``. They change nothing on the code host, so no linked account is needed."""

    def __init__(self, db: Database, gate: Gate) -> None:
        self._db = db
        self._gate = gate

    def take(self, asked: Asked) -> Answer:
        """Note that the one who asks looks after it."""
        assert isinstance(asked.request, ask.Take)
        number = asked.request.incident
        refusal = self._refusal(asked, number)
        if refusal is not None or number is None:
            return refusal or _unnamed()
        over = already_over(snapshot(self._db, number), "look after")
        if over is not None:
            return over
        actor = asked.actor
        taken = assign(self._db, number, medium=actor.medium.value, account=actor.name, name=_name(actor))
        if taken is None:
            return unknown(f"There is no PP-{number} here.")
        if taken.account != actor.name:
            return unknown(f"@{taken.name} is on it already; `drop PP-{number}` frees it.")
        return applied(f"You are on PP-{number}. `drop PP-{number}` hands it back.", incident=number)

    def drop(self, asked: Asked) -> Answer:
        """Note that nobody looks after it any more."""
        assert isinstance(asked.request, ask.Drop)
        number = asked.request.incident
        refusal = self._refusal(asked, number)
        if refusal is not None or number is None:
            return refusal or _unnamed()
        if not unassign(self._db, number, name=_name(asked.actor)):
            return unknown("Nobody was on it.")
        return applied(f"PP-{number} is handed back.", incident=number)

    def _refusal(self, asked: Asked, number: int | None) -> Answer | None:
        if asked.actor.barred:
            return denied(f"Only members of this workspace can do that; you are {asked.actor.barred}.")
        target = None if number is None else snapshot(self._db, number)
        if target is not None and not self._gate.readable(asked, target.repo):
            # Not even that it exists is told where it may not be read.
            return unknown(f"There is no PP-{number} here.")
        return None


def _unnamed() -> Answer:
    return unknown("Which one? Write for instance `take PP-12`.")


def _name(actor: Actor) -> str:
    return actor.host_user.login if actor.host_user else actor.called or actor.name
