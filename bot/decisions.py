"""Approve, retry, reject, escalate: who may beyond the table's permission, and what the answer says.

A decision is applied by one conditional UPDATE in :mod:`storage.decisions`; here it is settled whether this
person may take it, on this patch, by this repository's rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, assert_never

from bot.authority import Authority
from bot.gate import Gate, answered, denied
from patchpilot.asking import Asked
from patchpilot.commands import Answer, Command, Ruling, Verb
from patchpilot.grammar import VERBS, Decide, TwoPersonRule
from patchpilot.heals import WORKING, HealState
from patchpilot.incidents import DecisionRecord, IncidentSnapshot
from patchpilot.sensitive import sensitive_kinds
from patchpilot.source import HostUser, Permission, Sha
from patchpilot.states import PAST, state_word
from storage.database import Database
from storage.decisions import Decided, decide, find_target, is_possible
from storage.first_approvals import approve_first, first_to_approve
from storage.remarks import remark
from storage.subscriptions import repo_rules

_TEXT_CHARACTERS: Final = 1_500
_NEWER: Final = "This proposal for {} is outdated: a newer one takes its place in the thread."
_RETRIED: Final = frozenset({HealState.AWAITING_APPROVAL, HealState.ESCALATED, HealState.EXPIRED})


class Decisions:
    """Authorises and applies decisions."""

    def __init__(self, db: Database, gate: Gate) -> None:
        self._db = db
        self._gate = gate

    def handle(self, asked: Asked) -> Answer:
        """Apply the decision if its actor may; says what happened either way."""
        assert isinstance(asked.request, Decide)
        command = Command(
            verb=asked.request.decision,
            actor=asked.actor,
            incident=asked.request.incident,
            approval_id=asked.approval_id,
            text=asked.request.text[:_TEXT_CHARACTERS],
            options={**asked.options, **_typed_options(asked.request)},
            key=asked.key,
        )
        target = find_target(self._db, incident=command.incident, approval_id=command.approval_id)
        if target is None or self._gate.hides(asked, target.repo):
            name = f"PP-{command.incident}" if command.incident else "that proposal"
            return Answer(ruling=Ruling.UNKNOWN, text=f"There is no {name} here. Try `status` for a list.")
        if asked.place.repo not in {None, target.repo}:
            return denied(
                f"{target.name} is of {target.repo}, so nothing is decided on it from {asked.place.repo}: "
                "say it on a pull request there, or in its thread."
            )
        refusal = self._refusal(asked, command, target)
        if refusal is not None:
            return replace(refusal, incident=target.id)
        if command.verb is Verb.APPROVE and not (command.approval_id or target.heal.approval_id):
            # Not left to `decide`: what is proposed from now on was looked at by nobody.
            return _answer(command, Decided(ruling=Ruling.ALREADY, snapshot=target, earlier=_last(target)))
        if command.verb in {Verb.APPROVE, Verb.RETEST} and not command.approval_id:
            # What was looked at by the rules above is what may be approved or tested anew.
            command = replace(command, approval_id=target.heal.approval_id)
        return _answer(command, decide(self._db, command))

    def _refusal(self, asked: Asked, command: Command, target: IncidentSnapshot) -> Answer | None:
        approving = command.verb is Verb.APPROVE
        kinds = _kinds(target) if approving else ()
        refusal = self._gate.refusal(
            asked,
            target.repo,
            need=Permission.MAINTAIN if kinds else None,
            because=f" a patch that changes {' and '.join(kinds)} files" if kinds else "",
        )
        user = asked.actor.host_user
        if refusal is not None or user is None:
            return refusal
        if command.verb is Verb.RETRY:
            # What can't be retried (any more) costs nobody's share.
            return self._gate.over_budget(asked, user) if target.heal.state in _RETRIED else None
        if command.verb is Verb.RETEST:
            return _nothing_moved(command, target) or self._over_budget_for_retest(asked, target, user)
        if not approving:
            return None
        return (
            _newer(asked, target)
            or _outdated(command, target)
            or self._no_base(command, target)
            or self._no_reviewer(asked, command, target)
            or self._second_person(command, target, user)
        )

    def _no_base(self, command: Command, target: IncidentSnapshot) -> Answer | None:
        """Why no pull request could be opened against the branch that was typed instead of the usual one."""
        base = str(command.options.get("base", ""))
        usual = base in {"", target.branch} or not _is_meant(command, target)
        if usual or not self._gate.lacks(target.repo, base):
            return None
        return denied(
            f"{target.repo} has no branch {base!r} to open a pull request against. Nothing was approved."
        )

    def _no_reviewer(self, asked: Asked, command: Command, target: IncidentSnapshot) -> Answer | None:
        """Why somebody who was typed as a reviewer can't be asked."""
        assert isinstance(asked.request, Decide)
        if not _is_meant(command, target):
            return None
        for login in asked.request.reviewers:
            if not self._gate.may(HostUser(host=target.repo.host, login=login), target.repo, Permission.READ):
                return denied(
                    f"@{login} has no access to {target.repo}, so can't be asked for a review. "
                    "Nothing was approved."
                )
        return None

    def _over_budget_for_retest(
        self, asked: Asked, target: IncidentSnapshot, user: HostUser
    ) -> Answer | None:
        return self._gate.over_budget(asked, user) if target.heal.moved_to else None

    def _second_person(self, command: Command, target: IncidentSnapshot, user: HostUser) -> Answer | None:
        rule = repo_rules(self._db, target.repo).two_person
        match rule:
            case TwoPersonRule.OFF:
                return None
            case TwoPersonRule.OTHER:
                return _somebody_else(target, user)
            case TwoPersonRule.TWO:
                return self._two_people(command, target, user)

    def _two_people(self, command: Command, target: IncidentSnapshot, user: HostUser) -> Answer | None:
        approval_id = command.approval_id or target.heal.approval_id
        if not approval_id or approval_id != target.heal.approval_id:
            return None
        first = approve_first(self._db, approval_id, user.login)
        if first.lower() != user.login.lower():
            return None
        if target.heal.first_approved_by.lower() == first.lower():
            return answered(
                f"You have approved {target.name} already. {target.repo} wants two people: somebody else "
                "with write access has to approve as well."
            )
        remark(self._db, target.heal.id, f"@{first} has approved; {target.repo} wants a second person to.")
        return answered(
            f"Noted: @{first} approves {target.name}. {target.repo} wants two people; "
            "somebody else with write access has to approve as well."
        )


def may_approve(db: Database, authority: Authority, target: IncidentSnapshot, user: HostUser) -> bool:
    """Whether :class:`Decisions` would take this person's approval of what waits right now."""
    if target.heal.state is not HealState.AWAITING_APPROVAL or target.heal.moved_to:
        return False
    need = max(VERBS["approve"].need, Permission.MAINTAIN if _kinds(target) else Permission.NONE)
    if authority.permission(target.repo, user) < need:
        return False
    match repo_rules(db, target.repo).two_person:
        case TwoPersonRule.OFF:
            return True
        case TwoPersonRule.OTHER:
            return _somebody_else(target, user) is None
        case TwoPersonRule.TWO:
            return first_to_approve(db, target.heal.approval_id).lower() != user.login.lower()


def _kinds(target: IncidentSnapshot) -> Sequence[str]:
    """What is changed that takes more than write access."""
    return sensitive_kinds(target.heal.fix.patch.files) if target.heal.fix else ()


def too_late(target: IncidentSnapshot, verb: Verb, approval_id: str) -> Answer | None:
    """Why a form about a proposal would only be refused, said before somebody fills it in; :class:`Decisions`
    has the last word on the others."""
    current = target.heal.approval_id
    if current and approval_id != current:
        text = _NEWER.format(target.name)
        return Answer(ruling=Ruling.OUTDATED, text=text, incident=target.id)
    if approval_id == current and is_possible(verb, target.heal.state):
        return None
    return Answer(
        ruling=Ruling.ALREADY,
        text=_already(target.name, _last(target), target),
        incident=target.id,
        links=(target.heal.pull_request_url,),
    )


def _newer(asked: Asked, target: IncidentSnapshot) -> Answer | None:
    """Why a typed approve does not count: what waits now is not what waited when it was typed."""
    current = target.heal.approval_id
    if asked.approval_id or asked.seen is None or not current or current == asked.seen:
        return None
    text = (
        f"{target.name} has another proposal now than when you asked. "
        f"Look at it, and write `approve {target.name}` again if it is right."
    )
    return Answer(ruling=Ruling.OUTDATED, text=text)


def _is_meant(command: Command, target: IncidentSnapshot) -> bool:
    """What waits for a decision is what the command is about."""
    waits = target.heal.state is HealState.AWAITING_APPROVAL
    return waits and command.approval_id in {"", target.heal.approval_id}


def _outdated(command: Command, target: IncidentSnapshot) -> Answer | None:
    """Why nobody may approve this any more: it was not proved where the branch is by now."""
    moved = target.heal.moved_to
    return _moved_on(target, moved) if moved and _is_meant(command, target) else None


def _moved_on(target: IncidentSnapshot, to: Sha) -> Answer:
    text = (
        f"Outdated: {target.branch} moved to {to[:7]} and is red there too, while this patch for "
        f"{target.name} was proved at {target.heal.base.head_sha[:7]}. Nothing was approved. "
        f"`retest {target.name}` proves the same patch there and asks anew."
    )
    return Answer(ruling=Ruling.OUTDATED, text=text, incident=target.id, retest=target.heal.approval_id)


def _nothing_moved(command: Command, target: IncidentSnapshot) -> Answer | None:
    """Why there is nothing to test anew."""
    if target.heal.moved_to or not _is_meant(command, target):
        return None
    return answered(
        f"{target.name} was proved at {target.heal.base.head_sha[:7]}, and I know of no later commit of "
        f"{target.branch} that is red in the same way: there is nothing to test anew. "
        f"`retry {target.name}` looks for another patch.",
        incident=target.id,
    )


def _last(target: IncidentSnapshot) -> DecisionRecord | None:
    return target.heal.decisions[-1] if target.heal.decisions else None


def _typed_options(request: Decide) -> dict[str, str]:
    options = {"deliver": request.deliver, "reviewers": ",".join(request.reviewers), "base": request.base}
    if request.draft is not None:
        options["draft"] = "yes" if request.draft else "no"
    return {name: value for name, value in options.items() if value}


def _somebody_else(target: IncidentSnapshot, user: HostUser) -> Answer | None:
    login, heal = user.login.lower(), target.heal
    asked = {one.actor.lower() for one in heal.decisions if one.verb == "retry"}
    # Git lets anybody write a commit as another, so who brought it in counts as well.
    if heal.failure.author.lower() == login:
        why = "wrote the failing commit"
    elif heal.failure.pusher.lower() == login:
        why = "pushed or merged the failing commit"
    elif login in asked:
        why = "asked for the retry"
    else:
        return None
    return denied(
        f"@{user.login} {why}, and {target.repo} wants somebody else to approve: anybody with write access "
        "who neither wrote, pushed nor merged the failing commit, nor asked for the retry."
    )


def _answer(command: Command, decided: Decided) -> Answer:
    snapshot = decided.snapshot
    number = snapshot.id if snapshot else None
    name = snapshot.name if snapshot else "that proposal"
    match decided.ruling:
        case Ruling.APPLIED:
            text = _done(command, name, snapshot)
        case Ruling.ALREADY:
            text = _already(name, decided.earlier, snapshot)
        case Ruling.OUTDATED if snapshot and decided.moved_to:
            return _moved_on(snapshot, decided.moved_to)
        case Ruling.OUTDATED:
            text = _NEWER.format(name)
        case _:
            state = f": {state_word(snapshot).lower()}" if snapshot else " is not known"
            text = f"{name}{state}; there is nothing to {command.verb}."
    links = (snapshot.heal.pull_request_url,) if snapshot else ()
    return Answer(ruling=decided.ruling, text=text, incident=number, links=links)


def _done(command: Command, name: str, snapshot: IncidentSnapshot | None) -> str:
    match command.verb:
        case Verb.APPROVE:
            theirs = snapshot is not None and snapshot.heal.failure.on_somebodys_pull_request
            what = (
                "The fix is on its way to the pull request." if theirs else "The pull request is on its way."
            )
            return f"{name} is approved. {what}"
        case Verb.RETRY:
            return f"{name} goes back to repair{' with your hint' if command.text else ''}."
        case Verb.RETEST:
            return f"{name} is tested anew where its branch is now. What comes of it is asked about again."
        case Verb.REJECT:
            return f"{name} is rejected. Nothing is changed."
        case Verb.ESCALATE:
            return f"{name} is left to people now."
        case _:
            assert_never(command.verb)


def _already(name: str, earlier: DecisionRecord | None, snapshot: IncidentSnapshot | None) -> str:
    if earlier is None:
        return _undecided(name, snapshot)
    link = f" → {snapshot.heal.pull_request_url}" if snapshot and snapshot.heal.pull_request_url else ""
    done = PAST[earlier.verb].lower()
    first = snapshot.heal.first_approved_by if snapshot and earlier.verb == Verb.APPROVE else ""
    by = f"@{first} and {earlier.by}" if first and f"@{first}" != earlier.by else earlier.by
    return f"{name} was already {done} by {by} at {_clock(earlier.at)} UTC{link}."


def _clock(at: datetime) -> str:
    """The hour, with the day unless that is today's."""
    today = at.astimezone(UTC).date() == datetime.now(UTC).date()
    return f"{at:%H:%M}" if today else f"{at:%Y-%m-%d %H:%M}"


def _undecided(name: str, snapshot: IncidentSnapshot | None) -> str:
    """Nobody has decided, and yet there is nothing to decide: it has not come so far, or is over."""
    if snapshot is None:
        return f"{name} is decided already."
    word = state_word(snapshot).lower()
    if snapshot.heal.state in WORKING:
        return (
            f"I am still at work on {name} ({word}): nothing waits for a decision yet. Its thread says when."
        )
    again = " `retry` makes a new proposal." if snapshot.heal.state is HealState.EXPIRED else ""
    return f"Nothing of {name} waits for a decision: {word}.{again}"
