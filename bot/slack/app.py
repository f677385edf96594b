"""Slack's side of the conversation: buttons, the retry modal, ``/patchpilot`` and mentions.

Everything a person asks for goes through :class:`~bot.door.Door`. Handlers acknowledge first (Slack waits 3 s
at most), ask the door, and answer only the person who asked; the thread shows the result, because the
announcer renders what Postgres says.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from slack_bolt import App
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.door import Door
from bot.slack import mishaps
from bot.slack.copies import is_copy, settle_copy
from bot.slack.help_views import helped
from bot.slack.modals import Modals
from bot.slack.people import SlackPeople
from bot.slack.presses import Body, Presses, press_key, said, tell, where, whisper, without_picture
from bot.slack.typed import called, typed
from patchpilot.asking import Asked
from patchpilot.commands import Answer, Command, Ruling, Verb
from patchpilot.grammar import Decide, Help, Request, Way, parse
from storage.database import Database
from storage.messages import incident_of_message

log = logging.getLogger(__name__)

_PICTURE_WAITS: Final = (1.0, 2.0, 4.0)
"""Seconds after each try; a ``response_url`` takes five answers."""


class SlackFront:
    """Registers the handlers on a bolt app."""

    def __init__(self, app: App, db: Database, door: Door, people: SlackPeople, *, group: str = "") -> None:
        self._db = db
        self._door = door
        self._presses = Presses(door, people)
        mishaps.register(app)
        for verb in (Verb.APPROVE, Verb.RETEST):
            app.action(verb.value)(self._pressed)
        Modals(app, db, self._presses, group=group)
        # Buttons that open a page send an action too; unacknowledged, Slack shows a warning sign.
        app.action(re.compile("^open_"))(lambda ack: ack())
        app.command("/patchpilot")(self._slash)
        app.event("app_mention")(self._mentioned)

    def _pressed(
        self, ack: Callable[..., None], body: Body, client: WebClient, respond: Callable[..., Any]
    ) -> None:
        ack()
        action = body["actions"][0]
        command = Command(
            verb=Verb(action["action_id"]),
            actor=self._presses.actor(body),
            approval_id=str(action["value"]),
            key=press_key(body, action),
        )
        answer = self._presses.decide(command, body)
        if is_copy(body):
            # Nothing else shows there what came of it.
            if not answer.repeated:
                tell(client, body, *where(body), answer)
            settle_copy(self._db, command.approval_id, respond)
        elif answer.ruling is not Ruling.APPLIED:
            whisper(client, body, answer)

    def _slash(self, ack: Callable[..., None], body: Body, respond: Callable[..., Any]) -> None:
        ack()
        asked = Asked(
            request=parse(typed(str(body.get("text", ""))), way=Way.SLASH),
            actor=self._presses.actor(body),
            way=Way.SLASH,
            place=self._presses.place(body, ephemeral=True),
            key=f"slack:slash:{body.get('trigger_id', uuid.uuid4().hex)}",
        )
        answer = self._door.handle(asked)

        def send(message: Mapping[str, Any]) -> bool:
            return bool(respond(response_type="ephemeral", **message).status_code == HTTPStatus.OK)

        if not answer.repeated:
            _send(send, asked, answer)

    def _mentioned(self, event: Body, body: Body, client: WebClient) -> None:
        if event.get("bot_id"):
            return
        thread = str(event.get("thread_ts") or event["ts"])
        channel = str(event["channel"])
        incident = incident_of_message(self._db, channel=channel, ts=thread)
        who = {
            "user_id": event["user"],
            # Of the member, where a shared channel brings in another workspace's.
            "team_id": body.get("team_id", ""),
            "channel_id": channel,
        }
        text = str(event.get("text", ""))
        request = parse(typed(text), way=Way.MENTION, incident=incident)
        asked = Asked(
            request=request,
            actor=self._presses.actor(who),
            way=Way.MENTION,
            place=self._presses.place(who, ephemeral=False, thread=thread),
            options=_options(request, text),
            key=f"slack:event:{body.get('event_id', '')}",
        )
        self._say(client, who | {"container": {"thread_ts": thread}}, asked, self._door.handle(asked))

    def _say(self, client: WebClient, who: Body, asked: Asked, answer: Answer) -> None:
        if answer.repeated:
            return
        if answer.link_url:
            # Whoever had the address could link themselves, so only the one who asked sees it.
            whisper(client, who, answer)
            return

        def send(message: Mapping[str, Any]) -> bool:
            channel, thread = asked.place.channel, asked.place.thread
            try:
                client.chat_postMessage(channel=channel, thread_ts=thread, unfurl_links=False, **message)
            except SlackApiError as error:
                if error.response.get("error") != "invalid_blocks":
                    raise
                return False
            return True

        _send(send, asked, answer)


def _options(request: Request, mrkdwn: str) -> dict[str, str]:
    """Whom an escalation calls, as its form does."""
    escalated = isinstance(request, Decide) and request.decision is Verb.ESCALATE
    to = called(mrkdwn) if escalated else ""
    return {"to": to} if to else {}


def _send(send: Callable[[Mapping[str, Any]], bool], asked: Asked, answer: Answer) -> None:
    """Slack shows no picture that it still looks at, so that is waited for, and in the end left out."""
    if answer.picture is not None:
        for seconds in _PICTURE_WAITS:
            if send(_shown(asked, answer)):
                return
            time.sleep(seconds)
        answer = without_picture(answer)
    if not send(_shown(asked, answer)):
        log.warning("answer not shown", extra={"action": "answer_not_shown", "verb": asked.request.verb})


def _shown(asked: Asked, answer: Answer) -> dict[str, Any]:
    if isinstance(asked.request, Help):
        return {"text": helped(asked.request, asked.way)}
    return said(answer)
