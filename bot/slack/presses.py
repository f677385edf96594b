"""What every handler of a button, a form or a command needs: who acted, where, what came of it, and a word to
them alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from textwrap import dedent
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.door import Door
from bot.slack.approval_views import retest_button
from bot.slack.blocks import Block, actions, code, dated, link_button, paragraphs, worded
from bot.slack.people import SlackPeople
from patchpilot.asking import Place
from patchpilot.commands import Actor, Answer, Command, Ruling
from patchpilot.incidents import incident_name
from patchpilot.source import HostUser
from patchpilot.text import shorten

log = logging.getLogger(__name__)

Body = Mapping[str, Any]

_ANSWER_CHARACTERS = 2_900
_MOST_GROUPS = 20
_LINK_LABEL = "Link my account"
_NO_PICTURE = "The picture is missing here, since Slack did not take it; the words say the same."


class Presses:
    """Turns what Slack sends into commands, and their answers into words."""

    def __init__(self, door: Door, people: SlackPeople) -> None:
        self.door = door
        self._people = people

    def decide(self, command: Command, body: Body) -> Answer:
        """Bring a button's or a form's decision through the door."""
        return self.door.decide(command, self.place(body, ephemeral=True))

    def actor(self, body: Body) -> Actor:
        """Who acted, with the linked account."""
        return self._people.actor(_team(body), _user(body))

    def linked(self, body: Body, account: str) -> HostUser | None:
        """The account on the code host of a member of the workspace in which somebody acted."""
        return self._people.actor(_team(body), account).host_user

    def place(self, body: Body, *, ephemeral: bool, thread: str = "") -> Place:
        """Where they acted."""
        return self._people.place(_team(body), _channel(body), ephemeral=ephemeral, thread=thread)


def press_key(body: Body, action: Body) -> str:
    """Slack repeats what it holds for unacknowledged; the same press is applied once."""
    return f"slack:press:{body['user']['id']}:{action['action_id']}:{action.get('action_ts', '')}"


def whisper(client: WebClient, body: Body, answer: Answer | str) -> None:
    """Answer the one who acted, in the thread where they did, with the way to link where that is missing.

    A message of a thread that the channel was shown as well doesn't tell where it was pressed, and what is
    said in a thread is not seen in the channel: then it is said in both.
    https://docs.slack.dev/reference/methods/chat.postEphemeral
    """
    channel, thread = where(body)
    if not channel or (isinstance(answer, Answer) and answer.repeated):
        return
    _shown_to(client, _user(body), channel, thread, answer)
    if thread and (body.get("message") or {}).get("subtype") == "thread_broadcast":
        _shown_to(client, _user(body), channel, "", answer)


def tell(client: WebClient, body: Body, channel: str, thread: str, answer: Answer | str) -> None:
    """Answer the one who acted where only they see it: in the thread, or else in a direct message."""
    user = _user(body)
    if channel and _shown_to(client, user, channel, thread, answer):
        return
    try:
        client.chat_postMessage(channel=user, unfurl_links=False, **said(answer))
    except SlackApiError as error:
        log.warning(
            "answer not sent", extra={"action": "answer_not_sent", "cause": error.response.get("error")}
        )


def where(body: Body) -> tuple[str, str]:
    """Channel and thread in which somebody acted, each empty for none."""
    message = body.get("message") or {}
    thread = message.get("thread_ts") or (body.get("container") or {}).get("thread_ts")
    return _channel(body), str(thread or "")


def _shown_to(client: WebClient, user: str, channel: str, thread: str, answer: Answer | str) -> bool:
    try:
        client.chat_postEphemeral(channel=channel, user=user, thread_ts=thread or None, **said(answer))
    except SlackApiError as error:
        log.warning(
            "answer not shown", extra={"action": "ephemeral_failed", "cause": error.response.get("error")}
        )
        return False
    return True


def without_picture(answer: Answer) -> Answer:
    """The answer in words alone, which say that there should be a picture."""
    return replace(answer, picture=None, text=f"{_NO_PICTURE}\n{answer.text}")


def said(answer: Answer | str) -> dict[str, Any]:
    """``text`` and ``blocks`` of an answer, in which Slack looks for no links and names by itself; with a
    picture or a way to link or to test anew where there is one."""
    if isinstance(answer, str):
        answer = Answer(ruling=Ruling.ANSWERED, text=answer)
    told = shorten(answer.text, _ANSWER_CHARACTERS)
    text = dated(worded(told, answer.links))
    blocks = _as_blocks(told, answer.links)
    if answer.picture is not None:
        file, alt_text = {"id": answer.picture.file}, answer.picture.alt_text
        offer: Block = {"type": "image", "slack_file": file, "alt_text": alt_text}
    elif answer.link_url:
        press = link_button(_LINK_LABEL, "open_link", answer.link_url, about="with the code host")
        offer = actions("link_account", press)
    elif answer.retest and answer.incident:
        again = retest_button(answer.retest, incident_name(answer.incident))
        offer = actions(f"retest:{answer.incident}", again)
    else:
        return {"text": text, "blocks": blocks}
    return {"text": text, "blocks": [*blocks, offer]}


def _as_blocks(told: str, links: Sequence[str]) -> list[Block]:
    """Paragraphs; lines that are set in are quotes and lists, which keep their columns in a block."""
    groups = [(set_in, "\n".join(lines)) for set_in, lines in groupby(told.split("\n"), key=_is_set_in)]
    if len(groups) > _MOST_GROUPS:
        groups = [(False, told)]
    blocks: list[Block] = []
    for set_in, lines in groups:
        blocks += [code(dedent(lines))] if set_in else paragraphs(dated(worded(lines, links)))
    return blocks


def _is_set_in(line: str) -> bool:
    return line.startswith("  ")


def refused_form(answer: Answer, field: str) -> dict[str, Any]:
    """How a form is acknowledged whose request was not applied: it stays open, so nothing typed is lost.

    Without a linked account, the way to link is laid over it; what was asked goes on from there.
    """
    if not answer.link_url:
        return {"response_action": "errors", "errors": {field: answer.text[:2_000]}}
    return {
        "response_action": "push",
        "view": {
            "type": "modal",
            "title": {"type": "plain_text", "text": _LINK_LABEL},
            "close": {"type": "plain_text", "text": "Back"},
            "blocks": said(answer)["blocks"],
        },
    }


def _user(body: Body) -> str:
    return str(body.get("user_id") or (body.get("user") or {}).get("id", ""))


def _team(body: Body) -> str:
    return str(body.get("team_id") or (body.get("team") or {}).get("id", ""))


def _channel(body: Body) -> str:
    return str(
        body.get("channel_id")
        or (body.get("channel") or {}).get("id")
        or (body.get("container") or {}).get("channel_id")
        or ""
    )
