"""Slack's side of the conversation: buttons, the retry modal, ``/patchpilot`` and mentions.

Everything a person asks for becomes a :class:`~patchpilot.commands.Command` and goes through
:class:`~bot.decisions.Decisions`. Handlers acknowledge first (Slack waits 3 s at most), decide, and answer
only the person who asked; the thread shows the result, because the announcer renders what Postgres says.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from slack_bolt import App
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.decisions import Decisions
from bot.slack.blocks import escape, link
from bot.slack.views import STATES, retry_modal
from patchpilot.commands import Actor, Answer, Command, Medium, Ruling, Verb
from patchpilot.errors import PatchPilotError
from patchpilot.grammar import HELP, Decide, Help, Misunderstood, Status, Typed, parse
from patchpilot.incidents import IncidentSnapshot
from patchpilot.text import one_line
from storage.database import Database
from storage.decisions import find_target
from storage.incidents import open_incidents, snapshot
from storage.links import linked
from storage.messages import incident_of_message

log = logging.getLogger(__name__)

MEDIUM: Final = "slack"
_MENTION: Final = re.compile(r"<@[UW][A-Z0-9]+>")
_MOST_LISTED: Final = 15

Body = Mapping[str, Any]
Say = Callable[[str], None]


class SlackFront:
    """Registers the handlers on a bolt app."""

    def __init__(self, app: App, db: Database, decisions: Decisions) -> None:
        self._db = db
        self._decisions = decisions
        for verb in (Verb.APPROVE, Verb.REJECT, Verb.ESCALATE):
            app.action(verb.value)(self._pressed)
        app.action("retry")(self._ask_for_hint)
        app.action("retry_incident")(self._ask_for_hint)
        app.view("retry_hint")(self._hinted)
        # Buttons that open a page send an action too; unacknowledged, Slack shows a warning sign.
        app.action(re.compile("^open_"))(lambda ack: ack())
        app.command("/patchpilot")(self._slash)
        app.event("app_mention")(self._mentioned)

    def _pressed(self, ack: Callable[..., None], body: Body, client: WebClient) -> None:
        ack()
        action = body["actions"][0]
        command = Command(
            verb=Verb(action["action_id"]),
            actor=self._actor(body),
            approval_id=str(action["value"]),
            key=_key(body, action),
        )
        answer = self._decide(command)
        if answer.ruling is not Ruling.APPLIED:
            _whisper(client, body, answer.text)

    def _ask_for_hint(self, ack: Callable[..., None], body: Body, client: WebClient) -> None:
        ack()
        action = body["actions"][0]
        typed = action["action_id"] == "retry_incident"
        value = str(action["value"])
        target = find_target(
            self._db,
            incident=int(value) if typed and value.isdigit() else None,
            approval_id="" if typed else value,
        )
        if target is None:
            _whisper(client, body, "That proposal is not known any more.")
            return
        view = retry_modal("" if typed else value, target.id, target.name)
        client.views_open(trigger_id=body["trigger_id"], view=view)

    def _hinted(self, ack: Callable[..., None], body: Body) -> None:
        view = body["view"]
        approval_id, _, incident = str(view["private_metadata"]).partition("|")
        text = view["state"]["values"].get("hint", {}).get("text", {}).get("value") or ""
        command = Command(
            verb=Verb.RETRY,
            actor=self._actor(body),
            approval_id=approval_id,
            incident=int(incident) if incident.isdigit() and not approval_id else None,
            text=text.strip()[:1_500],
            key=f"slack:view:{view['id']}:{view.get('hash', '')}",
        )
        answer = self._decide(command)
        if answer.ruling is Ruling.APPLIED:
            ack()
        else:
            # The modal stays open, so what was typed is not lost.
            ack(response_action="errors", errors={"hint": answer.text[:2_000]})

    def _slash(self, ack: Callable[..., None], body: Body, respond: Callable[..., Any]) -> None:
        ack()
        typed = parse(str(body.get("text", "")))
        key = f"slack:slash:{body.get('trigger_id', uuid.uuid4().hex)}"
        respond(text=self._answer(typed, self._actor(body), key), response_type="ephemeral")

    def _mentioned(self, event: Body, body: Body, client: WebClient) -> None:
        if event.get("bot_id"):
            return
        thread = str(event.get("thread_ts") or event["ts"])
        incident = incident_of_message(self._db, channel=str(event["channel"]), ts=thread)
        typed = parse(_MENTION.sub("", str(event.get("text", ""))), incident=incident)
        actor = self._actor({"user": {"id": event["user"]}, "team": {"id": body.get("team_id", "")}})
        text = self._answer(typed, actor, f"slack:event:{body.get('event_id', '')}")
        client.chat_postMessage(channel=event["channel"], thread_ts=thread, text=text, unfurl_links=False)

    def _answer(self, typed: Typed, actor: Actor, key: str) -> str:
        match typed:
            case Help():
                return f"```{HELP}```"
            case Misunderstood(text=text):
                return escape(text)
            case Status(incident=None):
                return self._listing()
            case Status(incident=int(number)):
                found = snapshot(self._db, number)
                return _status(found) if found else f"There is no PP-{number} here."
            case Decide(verb=verb, incident=incident, text=text):
                command = Command(verb=verb, actor=actor, incident=incident, text=text[:1_500], key=key)
                return escape(self._decide(command).text)
        raise AssertionError(typed)

    def _listing(self) -> str:
        found = open_incidents(self._db)
        if not found:
            return "Nothing is red that I know of."
        more = f"\n… and {len(found) - _MOST_LISTED} more" if len(found) > _MOST_LISTED else ""
        return "\n".join(_status(incident) for incident in found[:_MOST_LISTED]) + more

    def _decide(self, command: Command) -> Answer:
        try:
            return self._decisions.handle(command)
        except PatchPilotError as error:
            reference = uuid.uuid4().hex[:8]
            log.warning(
                "command not applied",
                extra={"action": "command_failed", "reference": reference, "cause": str(error)},
            )
            text = (
                f"That did not work: {error} Nothing was decided; please try again (reference {reference})."
            )
            return Answer(ruling=Ruling.UNKNOWN, text=text)

    def _actor(self, body: Body) -> Actor:
        user = body.get("user_id") or (body.get("user") or {}).get("id", "")
        team = body.get("team_id") or (body.get("team") or {}).get("id", "")
        account = linked(self._db, medium=MEDIUM, team=str(team), account=str(user))
        return Actor(medium=Medium.SLACK, name=str(user), host_user=account)


def _key(body: Body, action: Body) -> str:
    """Slack repeats what it holds for unacknowledged; the same press is applied once."""
    return f"slack:press:{body['user']['id']}:{action['action_id']}:{action.get('action_ts', '')}"


def _whisper(client: WebClient, body: Body, text: str) -> None:
    """Answer the one who pressed, in the thread where it was pressed."""
    channel = (body.get("channel") or {}).get("id") or (body.get("container") or {}).get("channel_id")
    if not channel:
        return
    message = body.get("message") or {}
    thread = message.get("thread_ts") or (body.get("container") or {}).get("thread_ts")
    try:
        client.chat_postEphemeral(
            channel=channel, user=body["user"]["id"], text=escape(text), thread_ts=thread
        )
    except SlackApiError as error:
        log.warning(
            "answer not shown", extra={"action": "ephemeral_failed", "cause": error.response.get("error")}
        )


def _status(incident: IncidentSnapshot) -> str:
    emoji, word = STATES[incident.heal.state]
    pull = incident.heal.pull_request_url
    where = f" {link(pull, f'PR #{incident.heal.pull_request_number}')}" if pull else ""
    title = escape(one_line(incident.title, 120))
    return f"{emoji} *{incident.name}* {word} · {escape(str(incident.repo))} · {title}{where}"
