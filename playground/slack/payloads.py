"""The payloads of interactions: ``block_actions``, ``view_submission``, ``view_closed``, slash commands.

Source: https://docs.slack.dev/reference/interaction-payloads.
"""

from __future__ import annotations

import secrets
import time
from typing import Any

from playground.slack.model import App, Channel, Message, User, View
from playground.slack.pace import Pace
from playground.slack.schema import Json
from playground.slack.workspace import ReplyAddress, Workspace


class Payloads:
    """Builds payloads, each with a fresh ``trigger_id`` and, where there is a channel, a ``response_url``."""

    def __init__(self, workspace: Workspace, *, pace: Pace, base_url: str) -> None:
        self._workspace = workspace
        self._pace = pace
        self._base_url = base_url

    def press_in_message(self, app: App, person: User, message: Message, action: Json, state: Json) -> Json:
        """A click on an element of a message."""
        channel = self._workspace.channels[message.channel]
        container: Json = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": channel.id,
            "is_ephemeral": bool(message.only_for),
        }
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        payload = self._shared(app, person, "block_actions") | {
            "container": container,
            "channel": {"id": channel.id, "name": _seen_name(channel)},
            "state": {"values": state},
            "response_url": self.reply_address(app, person, channel, message=message),
            "actions": [action],
        }
        if not message.only_for:
            payload["message"] = self._workspace.message_to_api(message)
        return payload

    def press_in_view(self, app: App, person: User, view: View, action: Json, state: Json) -> Json:
        """A click on an element of a modal or of App Home."""
        return self._shared(app, person, "block_actions", view.id) | {
            "container": {"type": "view", "view_id": view.id},
            "view": self._view(app, view, state),
            "actions": [action],
        }

    def submission(self, app: App, person: User, view: View, state: Json) -> Json:
        """A modal sent."""
        return self._shared(app, person, "view_submission", view.id) | {
            "view": self._view(app, view, state),
            "response_urls": [],
        }

    def closing(self, app: App, person: User, view: View, *, cleared: bool) -> Json:
        """A modal closed by the person, for apps that asked with ``notify_on_close``."""
        payload = self._shared(app, person, "view_closed", view.id)
        del payload["trigger_id"]
        return payload | {"view": self._view(app, view, {}), "is_cleared": cleared}

    def command(self, app: App, person: User, channel: Channel, command: str, text: str) -> Json:
        """A slash command. It is a flat form, and its text is not escaped."""
        return {
            "token": "playground",
            "team_id": self._workspace.team_id,
            "team_domain": self._workspace.domain,
            "channel_id": channel.id,
            "channel_name": _seen_name(channel),
            "user_id": person.id,
            "user_name": person.name,
            "command": command,
            "text": text,
            "api_app_id": app.id,
            "is_enterprise_install": "false",
            "response_url": self.reply_address(app, person, channel),
            "trigger_id": self._workspace.new_trigger(app, person.id, seconds=self._pace.acknowledge),
        }

    def reply_address(
        self, app: App, person: User, channel: Channel, *, message: Message | None = None
    ) -> str:
        """A ``response_url``: five uses, half an hour."""
        word = secrets.token_urlsafe(18)
        with self._workspace.lock:
            self._workspace.reply_addresses[word] = ReplyAddress(
                app_id=app.id,
                channel=channel.id,
                user=person.id,
                expires=time.monotonic() + self._pace.response_url,
                message_ts=message.ts if message else "",
                thread_ts=message.thread_ts if message else "",
            )
        return f"{self._base_url}/slack/respond/{word}"

    def _shared(self, app: App, person: User, kind: str, view_id: str = "") -> Json:
        return {
            "type": kind,
            "user": {
                "id": person.id,
                "username": person.name,
                "name": person.name,
                "team_id": self._workspace.team_id,
            },
            "api_app_id": app.id,
            "token": "playground",
            "trigger_id": self._workspace.new_trigger(
                app, person.id, seconds=self._pace.acknowledge, view_id=view_id
            ),
            "team": {"id": self._workspace.team_id, "domain": self._workspace.domain},
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _view(self, app: App, view: View, state: Json) -> Json:
        return view.to_api(team=self._workspace.team_id, bot_id=app.bot_id, state=state)


def action(block_id: str, element: Json, value: Json) -> Json:
    """The entry in ``actions`` for one used element."""
    extra: dict[str, Any] = {
        name: element[name] for name in ("placeholder", "text", "style") if element.get(name)
    }
    return {
        "action_id": element["action_id"],
        "block_id": block_id,
        **extra,
        **value,
        "action_ts": f"{time.time():.6f}",
    }


def _seen_name(channel: Channel) -> str:
    return "directmessage" if channel.im_user else "privategroup" if channel.private else channel.name
