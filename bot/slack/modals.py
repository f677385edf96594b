"""Buttons that ask first, and the card's own: retry, reject, escalate and careful approval open a form; who
is on it is noted at once.

A form whose decision is refused stays open with the reason, so that nothing that was typed is lost. If the
code host takes too long over who may, the form closes, and the person is told what came of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

from slack_bolt import App, BoltContext
from slack_sdk import WebClient

from bot.decisions import too_late
from bot.gate import unknown
from bot.slack.client import ARRIVED, RESPOND_AT
from bot.slack.copies import is_copy, settle_copy
from bot.slack.modal_views import (
    MUTES,
    NOTE_CHARACTERS,
    REASONS,
    About,
    approve_modal,
    escalate_modal,
    mute_modal,
    reject_modal,
    retry_modal,
)
from bot.slack.presses import Body, Presses, press_key, refused_form, tell, where, whisper
from bot.slack.reviewers import LOGINS, PEOPLE, Reviewers, chosen
from bot.slack.submissions import Submission
from patchpilot.asking import Asked
from patchpilot.commands import Answer, Command, Ruling, Verb
from patchpilot.errors import PatchPilotError
from patchpilot.grammar import Drop, Mute, Take, Target, Way
from patchpilot.heals import WORKING
from patchpilot.incidents import IncidentSnapshot
from storage.database import Database
from storage.decisions import find_target

log = logging.getLogger(__name__)

Ack = Callable[..., None]
_Outcome = tuple[Answer, str]
"""What came of a form, and the field that a refusal is about."""
_DONE: Final = frozenset({Ruling.APPLIED, Ruling.ANSWERED, Ruling.REPEATED})
_GONE: Final = "That proposal is not known any more."
_FORMS: Final = {
    "retry": "retry",
    "retry_incident": "retry",
    "reject": "reject",
    "escalate": "escalate",
    "approve_carefully": "approve",
}
"""Buttons that open a form, and which."""
_BY_NUMBER: Final = frozenset({"retry_incident", "more"})


class Modals:
    """Registers the handlers. ``group`` is the user group that escalations may call, empty for none."""

    def __init__(self, app: App, db: Database, presses: Presses, *, group: str = "") -> None:
        self._db = db
        self._presses = presses
        self._group = group
        for action in _FORMS:
            app.action(action)(self._ask)
        app.action("more")(self._chosen)
        app.action("take")(self._take)
        app.action("hand_back")(self._hand_back)
        self._forms: Mapping[str, Callable[[Body], _Outcome]] = {
            "retry_hint": self._retried,
            "reject_reason": self._rejected,
            "escalate_to": self._escalated,
            "approve_options": self._approved,
            "mute_for": self._muted,
        }
        for form in self._forms:
            app.view(form)(self._sent)

    def _ask(self, ack: Ack, body: Body, client: WebClient, respond: Callable[..., Any]) -> None:
        ack()
        action = body["actions"][0]
        value = str(action["value"])
        by_number = action["action_id"] in _BY_NUMBER
        about = About(incident=int(value)) if by_number and value.isdigit() else About(approval_id=value)
        form = _FORMS[action["action_id"]]
        late = self._too_late(form, about)
        if late is None:
            self._open(form, about, body, client)
        elif is_copy(body):
            tell(client, body, *where(body), late)
            settle_copy(self._db, about.approval_id, respond)
        else:
            whisper(client, body, late)

    def _too_late(self, form: str, about: About) -> Answer | None:
        """What a form would be refused with: nobody should fill it in first."""
        target = find_target(self._db, incident=None, approval_id=about.approval_id)
        return None if target is None else too_late(target, Verb(form), about.approval_id)

    def _chosen(self, ack: Ack, body: Body, client: WebClient) -> None:
        """A choice of the card's menu."""
        ack()
        what, _, number = str(body["actions"][0]["selected_option"]["value"]).partition(":")
        if number.isdigit():
            self._open(what, About(incident=int(number)), body, client)

    def _open(self, form: str, about: About, body: Body, client: WebClient) -> None:
        target = find_target(self._db, incident=about.incident, approval_id=about.approval_id)
        if target is None:
            whisper(client, body, _GONE)
            return
        channel, thread = where(body)
        answer_at = str(body.get("response_url") or "") if is_copy(body) else ""
        about = replace(about, channel=channel, thread=thread, answer_at=answer_at)
        view = _form(form, about, target, self._group)
        client.views_open(trigger_id=body["trigger_id"], view=view)

    def _sent(self, ack: Ack, body: Body, client: WebClient, context: BoltContext) -> None:
        """A form that was sent: closed if it was done, else it stays open with the reason."""
        with Submission(ack, arrived=context[ARRIVED]) as submission:
            try:
                answer, field = self._forms[body["view"]["callback_id"]](body)
            except PatchPilotError as error:
                log.warning("form not done", extra={"action": "form_failed", "cause": str(error)})
                answer, field = unknown(f"That did not work: {error} Please try again."), _first_field(body)
            done = answer.ruling in _DONE
            about = About.unpacked(str(body["view"]["private_metadata"]))
            closed = not submission.acknowledge(**({} if done else refused_form(answer, field)))
            if closed or (done and about.answer_at and not answer.repeated):
                tell(client, body, about.channel, about.thread, answer if done else _kept(answer, body))
            if about.answer_at:
                settle_copy(self._db, about.approval_id, partial(context[RESPOND_AT], about.answer_at))

    def _retried(self, body: Body) -> _Outcome:
        return self._submit(body, Verb.RETRY, text=_typed(body, "hint"), field="hint")

    def _rejected(self, body: Body) -> _Outcome:
        chosen = _chosen_option(body, "reason")
        reason = REASONS.get(chosen, REASONS["other"])
        note = _typed(body, "note")
        return self._submit(body, Verb.REJECT, text=f"{reason}: {note}" if note else reason, field="reason")

    def _escalated(self, body: Body) -> _Outcome:
        person = str(_field(body, "person").get("selected_user") or "")
        to = self._group if _chosen_option(body, "whom") == "group" else person
        options = {"to": to} if to else {}
        return self._submit(body, Verb.ESCALATE, text=_typed(body, "note"), field="person", options=options)

    def _approved(self, body: Body) -> _Outcome:
        reviewers = self._reviewers(body)
        for field, why in reviewers.errors.items():
            return unknown(why), field
        draft = bool(_field(body, "draft").get("selected_options"))
        options = {"draft": "yes" if draft else "no", "base": _typed(body, "base")}
        if reviewers.logins:
            options["reviewers"] = ",".join(reviewers.logins)
        return self._submit(body, Verb.APPROVE, text="", field="base", options=options)

    def _reviewers(self, body: Body) -> Reviewers:
        """Whom the form names, each known on the code host."""
        about = About.unpacked(str(body["view"]["private_metadata"]))
        target = find_target(self._db, incident=about.incident, approval_id=about.approval_id)
        if target is None:
            return Reviewers()  # The door says what is wrong.
        repo = target.repo
        return chosen(
            [str(who) for who in _field(body, PEOPLE).get("selected_users") or ()],
            _typed(body, LOGINS),
            linked=lambda who: self._presses.linked(body, who),
            host=repo.host,
            may_read=lambda user: self._presses.door.may_read(user, repo),
        )

    def _submit(
        self,
        body: Body,
        verb: Verb,
        *,
        text: str,
        field: str,
        options: Mapping[str, str] | None = None,
    ) -> _Outcome:
        view = body["view"]
        about = About.unpacked(str(view["private_metadata"]))
        command = Command(
            verb=verb,
            actor=self._presses.actor(body),
            approval_id=about.approval_id,
            incident=about.incident,
            text=text,
            options=options or {},
            key=f"slack:view:{view['id']}:{view.get('hash', '')}",
        )
        return self._presses.decide(command, body), field

    def _muted(self, body: Body) -> _Outcome:
        view = body["view"]
        number = About.unpacked(str(view["private_metadata"])).incident
        chosen = _chosen_option(body, "length")
        seconds = int(chosen) if chosen in MUTES else int(next(iter(MUTES)))
        asked = Asked(
            request=Mute(
                target=Target(incident=number), length=timedelta(seconds=seconds), why=_typed(body, "note")
            ),
            actor=self._presses.actor(body),
            way=Way.BUTTON,
            place=self._presses.place(body, ephemeral=True),
            key=f"slack:view:{view['id']}:{view.get('hash', '')}",
        )
        return self._presses.door.handle(asked), "length"

    def _take(self, ack: Ack, body: Body, client: WebClient) -> None:
        ack()
        self._hold(Take(_number(body)), body, client)

    def _hand_back(self, ack: Ack, body: Body, client: WebClient) -> None:
        ack()
        self._hold(Drop(_number(body)), body, client)

    def _hold(self, request: Take | Drop, body: Body, client: WebClient) -> None:
        asked = Asked(
            request=request,
            actor=self._presses.actor(body),
            way=Way.BUTTON,
            place=self._presses.place(body, ephemeral=True),
            key=press_key(body, body["actions"][0]),
        )
        answer = self._presses.door.handle(asked)
        if answer.ruling is not Ruling.APPLIED:
            whisper(client, body, answer)


def _form(form: str, about: About, target: IncidentSnapshot, group: str) -> dict[str, Any]:
    match form:
        case "retry":
            return retry_modal(about, target)
        case "mute":
            return mute_modal(about, target.name)
        case "approve":
            return approve_modal(about, target)
        case "reject":
            return reject_modal(about, target.name)
        case "not_a_bug" if target.heal.state not in WORKING:
            return reject_modal(about, target.name, reason="not_a_bug")
        case _:
            # While we work on it there is nothing to reject yet: leaving it to people stops the work.
            return escalate_modal(about, target.name, group=group)


def _kept(answer: Answer, body: Body) -> Answer:
    """A refusal that comes after the form has closed, with what was typed there."""
    typed = _typed(body, "hint") or _typed(body, "note")
    return replace(answer, text=f"{answer.text}\nYou had written: {typed}") if typed else answer


def _first_field(body: Body) -> str:
    return str(next(block["block_id"] for block in body["view"]["blocks"] if block["type"] == "input"))


def _number(body: Body) -> int:
    value = str(body["actions"][0].get("value", ""))
    return int(value) if value.isdigit() else 0


def _field(body: Body, block: str) -> Mapping[str, Any]:
    """What was entered in a block: its one element's state."""
    entered = body["view"]["state"]["values"].get(block) or {}
    return next(iter(entered.values()), {}) or {}


def _typed(body: Body, block: str) -> str:
    return str(_field(body, block).get("value") or "").strip()[:NOTE_CHARACTERS]


def _chosen_option(body: Body, block: str) -> str:
    return str((_field(body, block).get("selected_option") or {}).get("value", ""))
