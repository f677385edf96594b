"""The one door: every button, typed command, comment and REST call becomes a :class:`Command` and ends here.

It is authorised once, applied by one conditional UPDATE in :mod:`storage.decisions`, and answered in words
that name the reason and who may.
"""

from __future__ import annotations

from typing import Final, assert_never

from bot.authority import Authority
from patchpilot.commands import NEEDS, Answer, Command, Ruling, Verb
from patchpilot.incidents import DecisionRecord, IncidentSnapshot
from patchpilot.metrics import Metrics
from storage.database import Database
from storage.decisions import Decided, decide, find_target

PAST: Final = {"approve": "approved", "retry": "sent back", "reject": "rejected", "escalate": "escalated"}


class Decisions:
    """Authorises and applies commands."""

    def __init__(self, db: Database, authority: Authority, metrics: Metrics) -> None:
        self._db = db
        self._authority = authority
        self._metrics = metrics

    def handle(self, command: Command) -> Answer:
        """Apply ``command`` if its actor may; says what happened either way."""
        answer = self._rule(command)
        self._metrics.commands.labels(command.verb, command.actor.medium, answer.ruling).inc()
        return answer

    def _rule(self, command: Command) -> Answer:
        target = find_target(self._db, incident=command.incident, approval_id=command.approval_id)
        if target is None:
            name = f"PP-{command.incident}" if command.incident else "that proposal"
            return Answer(ruling=Ruling.UNKNOWN, text=f"There is no {name} here. Try `status` for a list.")
        refusal = self._refusal(command, target)
        if refusal:
            return Answer(ruling=Ruling.DENIED, text=refusal, incident=target.id)
        return _answer(command, decide(self._db, command))

    def _refusal(self, command: Command, target: IncidentSnapshot) -> str:
        need = NEEDS[command.verb]
        user = command.actor.host_user
        who = f"People with {need.name.lower()} access to {target.repo} may {command.verb}."
        if user is None:
            return (
                f"Your account is not linked to one on {target.repo.host}, so I can't tell what you may do. "
                f"Ask an admin to run `patchpilot link`. {who}"
            )
        if self._authority.permission(target.repo, user) < need:
            return f"@{user.login} may not {command.verb} on {target.repo}. {who}"
        return ""


def _answer(command: Command, decided: Decided) -> Answer:
    snapshot = decided.snapshot
    number = snapshot.id if snapshot else None
    name = snapshot.name if snapshot else "that proposal"
    match decided.ruling:
        case Ruling.APPLIED:
            text = _done(command.verb, name)
        case Ruling.ALREADY:
            text = _already(name, decided.earlier, snapshot)
        case Ruling.OUTDATED:
            text = f"This proposal for {name} is outdated: a newer one takes its place in the thread."
        case Ruling.UNKNOWN | Ruling.DENIED:
            state = f"is {snapshot.heal.state.replace('_', ' ')}" if snapshot else "is not known"
            text = f"{name} {state}; there is nothing to {command.verb}."
        case _:
            assert_never(decided.ruling)
    return Answer(ruling=decided.ruling, text=text, incident=number)


def _done(verb: Verb, name: str) -> str:
    match verb:
        case Verb.APPROVE:
            return f"{name} is approved. The pull request is on its way."
        case Verb.RETRY:
            return f"{name} goes back to repair with your hint."
        case Verb.REJECT:
            return f"{name} is rejected. Nothing is changed."
        case Verb.ESCALATE:
            return f"{name} is left to people now."


def _already(name: str, earlier: DecisionRecord | None, snapshot: IncidentSnapshot | None) -> str:
    if earlier is None:
        state = snapshot.heal.state.replace("_", " ") if snapshot else "decided"
        return f"{name} is {state} already."
    link = f" → {snapshot.heal.pull_request_url}" if snapshot and snapshot.heal.pull_request_url else ""
    return f"{name} was already {PAST[earlier.verb]} by @{earlier.actor} at {earlier.at:%H:%M} UTC{link}."
