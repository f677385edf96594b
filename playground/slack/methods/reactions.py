"""``reactions.*``: emoji on messages."""

from __future__ import annotations

import re
from collections.abc import Mapping

from playground.slack.answers import SlackError
from playground.slack.limits import Tier
from playground.slack.methods.call import Call, Method
from playground.slack.model import Message
from playground.slack.schema import Json

_NAME = re.compile(r"[a-z0-9_+'-]{1,100}(?:::skin-tone-[2-6])?")
_MOST = 23


def add(call: Call) -> Json:
    """``reactions.add``."""
    name, message = _name(call), _message(call)
    users = message.reactions.setdefault(name, [])
    if call.app.bot_user in users:
        raise SlackError("already_reacted")
    if len(message.reactions) > _MOST:
        del message.reactions[name]
        raise SlackError("too_many_emoji")
    users.append(call.app.bot_user)
    return {"ok": True}


def remove(call: Call) -> Json:
    """``reactions.remove``."""
    name, message = _name(call), _message(call)
    if call.app.bot_user not in message.reactions.get(name, []):
        raise SlackError("no_reaction")
    message.reactions[name].remove(call.app.bot_user)
    if not message.reactions[name]:
        del message.reactions[name]
    return {"ok": True}


def get(call: Call) -> Json:
    """``reactions.get``."""
    message = _message(call)
    body = call.workspace.message_to_api(message)
    return {"ok": True, "type": "message", "channel": message.channel, "message": body}


def _name(call: Call) -> str:
    name = call.need("name", "invalid_name").strip(":")
    if not _NAME.fullmatch(name):
        raise SlackError("invalid_name")
    return name


def _message(call: Call) -> Message:
    channel = call.channel()
    return call.workspace.message(channel.id, call.need("timestamp", "message_not_found"))


METHODS: Mapping[str, Method] = {
    "reactions.add": Method(handler=add, scopes=("reactions:write",), tier=Tier.THREE),
    "reactions.remove": Method(handler=remove, scopes=("reactions:write",), tier=Tier.TWO),
    "reactions.get": Method(handler=get, scopes=("reactions:read",), tier=Tier.THREE),
}
