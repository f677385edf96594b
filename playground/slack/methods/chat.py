"""``chat.*``: messages. The lengths and codes are those of https://docs.slack.dev/reference/methods."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from playground.slack import blocks as block_kit
from playground.slack.answers import SlackError, invalid
from playground.slack.limits import Tier
from playground.slack.methods.call import Call, Method
from playground.slack.model import Channel, Message
from playground.slack.schema import Json
from playground.slack.workspace import Scheduled, Workspace

_SPLIT_AT = 4_000
_MARGIN = 40
"""A text a little above 4,000 characters is still posted whole: https://github.com/slackapi/bolt-python/issues/764."""
_TRUNCATED_AT = 40_000
_UPDATE_AT = 4_000
_METADATA_BYTES = 16_000
_SCHEDULE_SECONDS = 120 * 24 * 3600


def post_message(call: Call) -> Json:
    """``chat.postMessage``."""
    channel = destination(call)
    text, blocks = content(call)
    thread_ts = _thread(call, channel)
    parts, warning = _parts(text, blocks)
    posted = [_post(call, channel, part, blocks if part is parts[-1] else [], thread_ts) for part in parts]
    first = posted[0]
    answer: Json = {
        "ok": True,
        "channel": channel.id,
        "ts": first.ts,
        "message": call.workspace.message_to_api(first, with_metadata=True),
    }
    if warning:
        answer |= {"warning": warning, "response_metadata": {"warnings": [warning]}}
    return answer


def _parts(text: str, blocks: list[Json]) -> tuple[list[str], str]:
    """Long texts become several messages, very long ones are cut; beside blocks a text is only a fallback."""
    warning = "message_truncated" if len(text) > _TRUNCATED_AT else ""
    text = text[:_TRUNCATED_AT]
    if blocks or len(text) <= _SPLIT_AT + _MARGIN:
        return [text], warning
    return [text[start : start + _SPLIT_AT] for start in range(0, len(text), _SPLIT_AT)], warning


def _post(call: Call, channel: Channel, text: str, blocks: list[Json], thread_ts: str) -> Message:
    broadcast = bool(thread_ts) and call.flag("reply_broadcast")
    message = call.workspace.add(
        Message(
            ts=call.workspace.next_ts(),
            channel=channel.id,
            user=call.app.bot_user,
            text=text,
            blocks=blocks,
            attachments=call.structure("attachments") or [],
            thread_ts=thread_ts,
            subtype="thread_broadcast" if broadcast else "",
            bot_id=call.app.bot_id,
            app_id=call.app.id,
            metadata=_metadata(call),
            broadcast=broadcast,
            files=_shared(call, channel, text, blocks),
        )
    )
    call.announce(
        {
            **call.workspace.message_to_api(message),
            "channel": channel.id,
            "channel_type": channel.kind,
            "event_ts": message.ts,
        },
        channel=channel,
    )
    return message


def _shared(call: Call, channel: Channel, text: str, blocks: list[Json]) -> list[str]:
    """An app's file is shared where the app posts its permalink, in the text or in a block:
    https://github.com/slackapi/bolt-python/issues/1018, https://github.com/slackapi/python-slack-sdk/issues/1351."""
    said = text + json.dumps(blocks)
    shared = []
    for file in call.workspace.files.values():
        permalink = file.to_api(f"{call.base_url}/slack/files")["permalink"]
        if file.complete and file.user == call.app.bot_user and permalink in said:
            file.shared_in.append(channel.id)
            shared.append(file.id)
    return shared


def update(call: Call) -> Json:
    """``chat.update``: only the app's own messages."""
    channel = call.channel()
    if channel.archived:
        raise SlackError("is_inactive")
    message = _own(call, channel, "cant_update_message")
    text, blocks = content(call, empty_clears=True)
    if len(text) > _UPDATE_AT:
        raise SlackError("msg_too_long")
    if "text" in call.args:
        message.text = text
    if "blocks" in call.args:
        message.show(blocks)
    elif "text" in call.args:
        # Slack drops the old blocks when an update brings a text alone.
        message.show([])
    if "attachments" in call.args:
        message.attachments = call.structure("attachments") or []
    if "metadata" in call.args:
        message.metadata = _metadata(call)
    message.edited_ts = call.workspace.next_ts()
    if call.flag("reply_broadcast") and message.is_reply:
        message.broadcast = True
    return {
        "ok": True,
        "channel": channel.id,
        "ts": message.ts,
        "text": message.text,
        "message": call.workspace.message_to_api(message, with_metadata=True),
    }


def delete(call: Call) -> Json:
    """``chat.delete``."""
    channel = call.channel()
    message = _own(call, channel, "cant_delete_message")
    del call.workspace.messages[channel.id][message.ts]
    return {"ok": True, "channel": channel.id, "ts": message.ts}


def post_ephemeral(call: Call) -> Json:
    """``chat.postEphemeral``: seen by one member of the channel, and by nobody after that."""
    channel = destination(call)
    user = call.need("user", "user_not_found")
    if user not in call.workspace.users:
        raise SlackError("user_not_found")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    text, blocks = content(call)
    message = call.workspace.add(
        Message(
            ts=call.workspace.next_ts(),
            channel=channel.id,
            user=call.app.bot_user,
            text=text,
            blocks=blocks,
            attachments=call.structure("attachments") or [],
            thread_ts=_thread(call, channel),
            bot_id=call.app.bot_id,
            app_id=call.app.id,
            only_for=user,
        )
    )
    return {"ok": True, "message_ts": message.ts}


def get_permalink(call: Call) -> Json:
    """``chat.getPermalink``: an address on the playground's page."""
    channel = call.channel()
    message = call.workspace.message(channel.id, call.need("message_ts", "message_not_found"))
    link = f"{call.base_url}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"ok": True, "channel": channel.id, "permalink": link}


def schedule_message(call: Call) -> Json:
    """``chat.scheduleMessage``: checked now, posted at ``post_at``."""
    channel = destination(call)
    content(call)
    post_at = call.number("post_at", 0)
    if post_at <= time.time():
        raise SlackError("time_in_past")
    if post_at > time.time() + _SCHEDULE_SECONDS:
        raise SlackError("time_too_far")
    args = {name: value for name, value in call.args.items() if name not in {"post_at", "token"}}
    planned = Scheduled(
        id=call.workspace.new_id("Q"), channel=channel.id, post_at=post_at, app_id=call.app.id, args=args
    )
    call.workspace.scheduled[planned.id] = planned
    return {"ok": True, "channel": channel.id, "scheduled_message_id": planned.id, "post_at": post_at}


def delete_scheduled(call: Call) -> Json:
    """``chat.deleteScheduledMessage``."""
    planned = call.workspace.scheduled.pop(call.need("scheduled_message_id"), None)
    if planned is None:
        raise SlackError("invalid_scheduled_message_id")
    return {"ok": True}


def destination(call: Call) -> Channel:
    """Where a message goes: a channel the bot is in, a public one with the right scope, or a person's DM."""
    target = call.need("channel", "channel_not_found")
    if target in call.workspace.users:
        return call.workspace.direct(target, call.app.bot_user)
    channel = call.channel()
    if channel.archived:
        raise SlackError("is_archived")
    public = not channel.private and "chat:write.public" in call.app.scopes
    if call.app.bot_user not in channel.members and not public:
        raise SlackError("not_in_channel")
    return channel


def content(call: Call, *, empty_clears: bool = False) -> tuple[str, list[Json]]:
    """The text and the checked blocks of a message; raises Slack's codes when it can't be posted."""
    text = call.text("text")
    raw = call.structure("blocks", "invalid_blocks_format")
    if raw is not None and not isinstance(raw, list):
        raise SlackError("invalid_blocks_format")
    blocks = checked_blocks(call, raw or [])
    attachments = call.structure("attachments", "invalid_attachments")
    given = bool(text or blocks or attachments)
    if not given and not (empty_clears and raw is not None):
        raise SlackError("no_text")
    return text, blocks


def checked_blocks(call: Call, blocks: list[Any]) -> list[Json]:
    """Blocks that Slack takes, with ids; raises ``invalid_blocks`` or ``msg_blocks_too_long``."""
    problems = block_kit.message_problems(blocks)
    if not problems:
        for pointer, reference in block_kit.image_files(blocks):
            if not can_be_shown(call.workspace, reference):
                problems.append(f"invalid slack file [json-pointer:{pointer}]")
    if problems:
        raise invalid("invalid_blocks", problems)
    if block_kit.message_too_long(blocks):
        raise SlackError("msg_blocks_too_long")
    return block_kit.with_ids(blocks)


def can_be_shown(workspace: Workspace, reference: Mapping[str, Any]) -> bool:
    """Whether this is a whole picture that Slack has looked at."""
    by_url = str(reference.get("url", ""))
    return any(
        file.complete and file.ready_at <= time.monotonic() and file.mimetype.startswith("image/")
        for file in workspace.files.values()
        if file.id == reference.get("id") or (by_url and f"/{file.id}/" in by_url)
    )


def _thread(call: Call, channel: Channel) -> str:
    thread_ts = call.text("thread_ts")
    if not thread_ts:
        return ""
    parent = call.workspace.messages.get(channel.id, {}).get(thread_ts)
    if parent is None:
        raise SlackError("thread_not_found")
    if parent.is_reply:
        # A reply to a reply lands in the thread that the reply belongs to.
        return parent.thread_ts
    return thread_ts


def _own(call: Call, channel: Channel, code: str) -> Message:
    message = call.workspace.message(channel.id, call.need("ts", "message_not_found"))
    if message.only_for:
        # Ephemeral messages can't be addressed by ts; only their response_url reaches them.
        raise SlackError("message_not_found")
    if message.app_id != call.app.id:
        raise SlackError(code)
    return message


def _metadata(call: Call) -> Json | None:
    metadata = call.structure("metadata", "invalid_metadata_format")
    if metadata is None or metadata == {}:
        return None
    well_formed = (
        isinstance(metadata, dict)
        and isinstance(metadata.get("event_type"), str)
        and isinstance(metadata.get("event_payload"), dict)
    )
    if not well_formed:
        raise SlackError("invalid_metadata_format")
    if len(str(metadata)) > _METADATA_BYTES:
        raise SlackError("metadata_too_large")
    return {"event_type": metadata["event_type"], "event_payload": metadata["event_payload"]}


METHODS: Mapping[str, Method] = {
    "chat.postMessage": Method(handler=post_message, scopes=("chat:write",), tier=Tier.MESSAGES),
    "chat.update": Method(handler=update, scopes=("chat:write",), tier=Tier.THREE),
    "chat.delete": Method(handler=delete, scopes=("chat:write",), tier=Tier.THREE),
    "chat.postEphemeral": Method(handler=post_ephemeral, scopes=("chat:write",), tier=Tier.FOUR),
    "chat.getPermalink": Method(handler=get_permalink, tier=Tier.UNLIMITED),
    "chat.scheduleMessage": Method(handler=schedule_message, scopes=("chat:write",), tier=Tier.THREE),
    "chat.deleteScheduledMessage": Method(handler=delete_scheduled, scopes=("chat:write",), tier=Tier.THREE),
}
