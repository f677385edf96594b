"""``conversations.*``: channels, their members and what was said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from playground.slack.answers import SlackError
from playground.slack.limits import Tier
from playground.slack.methods.call import Call, Method
from playground.slack.model import Channel, Message
from playground.slack.schema import Json

_READ = ("channels:read", "groups:read", "im:read", "mpim:read")
_HISTORY = ("channels:history", "groups:history", "im:history", "mpim:history")
_SCOPE_PREFIX = {"channel": "channels", "group": "groups", "im": "im"}


def info(call: Call) -> Json:
    """``conversations.info``."""
    channel = call.channel()
    call.needs_scope(f"{_SCOPE_PREFIX[channel.kind]}:read")
    return {"ok": True, "channel": channel.to_api(call.app.bot_user)}


def listing(call: Call) -> Json:
    """``conversations.list``: public channels, and private ones the bot is in, by ``types``."""
    types = {kind.strip() for kind in call.text("types", "public_channel").split(",")}
    wanted = {"public_channel": "channel", "private_channel": "group", "im": "im"}
    kinds = {wanted[kind] for kind in types if kind in wanted}
    for kind in kinds:
        call.needs_scope(f"{_SCOPE_PREFIX[kind]}:read")
    found = [
        channel.to_api(call.app.bot_user)
        for channel in call.workspace.channels.values()
        if channel.kind in kinds
        and (not channel.private or call.app.bot_user in channel.members)
        and not (call.flag("exclude_archived") and channel.archived)
    ]
    page, metadata = call.page(found)
    return {"ok": True, "channels": page, "response_metadata": metadata}


def join(call: Call) -> Json:
    """``conversations.join``."""
    channel = call.channel()
    if channel.private:
        raise SlackError("method_not_supported_for_channel_type")
    if channel.archived:
        raise SlackError("is_archived")
    answer: Json = {"ok": True}
    if call.app.bot_user in channel.members:
        answer["warning"] = "already_in_channel"
        answer["response_metadata"] = {"warnings": ["already_in_channel"]}
    else:
        channel.members.append(call.app.bot_user)
    return {**answer, "channel": channel.to_api(call.app.bot_user)}


def members(call: Call) -> Json:
    """``conversations.members``."""
    channel = call.channel()
    page, metadata = call.page([{"id": member} for member in channel.members])
    return {"ok": True, "members": [entry["id"] for entry in page], "response_metadata": metadata}


def history(call: Call) -> Json:
    """``conversations.history``: newest first, metadata only when asked for."""
    channel = _readable(call)
    lines = [
        message
        for message in call.workspace.messages.get(channel.id, {}).values()
        if not message.only_for and (not message.is_reply or message.broadcast)
    ]
    return _messages(call, sorted(_between(call, lines), key=lambda message: message.ts, reverse=True))


def replies(call: Call) -> Json:
    """``conversations.replies``: the parent and its replies, oldest first."""
    channel = _readable(call)
    ts = call.need("ts")
    parent = call.workspace.messages.get(channel.id, {}).get(ts)
    if parent is None or parent.only_for:
        raise SlackError("thread_not_found")
    thread = parent.thread_ts or parent.ts
    first = call.workspace.messages[channel.id].get(thread)
    found = call.workspace.replies(channel.id, thread)
    return _messages(call, ([first] if first else []) + list(_between(call, found)))


def open_direct(call: Call) -> Json:
    """``conversations.open``: the direct conversation with one person."""
    people = [user for user in call.text("users").split(",") if user]
    if call.text("channel"):
        return {"ok": True, "channel": {"id": call.channel().id}}
    if len(people) != 1:
        raise SlackError("users_list_not_supplied" if not people else "too_many_users")
    if people[0] not in call.workspace.users:
        raise SlackError("user_not_found")
    channel = call.workspace.direct(people[0], call.app.bot_user)
    body = channel.to_api(call.app.bot_user) if call.flag("return_im") else {"id": channel.id}
    return {"ok": True, "channel": body}


def _readable(call: Call) -> Channel:
    channel = call.channel()
    call.needs_scope(f"{_SCOPE_PREFIX[channel.kind]}:history")
    if call.app.bot_user not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _between(call: Call, messages: Iterable[Message]) -> Iterable[Message]:
    oldest, latest = call.text("oldest", "0"), call.text("latest") or "9999999999.999999"
    inclusive = call.flag("inclusive")
    for message in messages:
        if oldest < message.ts < latest or (inclusive and message.ts in {oldest, latest}):
            yield message


def _messages(call: Call, messages: list[Message]) -> Json:
    with_metadata = call.flag("include_all_metadata")
    bodies = [call.workspace.message_to_api(message, with_metadata=with_metadata) for message in messages]
    page, metadata = call.page(bodies)
    return {
        "ok": True,
        "messages": page,
        "has_more": bool(metadata["next_cursor"]),
        "pin_count": 0,
        "response_metadata": metadata,
    }


METHODS: Mapping[str, Method] = {
    "conversations.info": Method(handler=info, scopes=_READ, tier=Tier.THREE),
    "conversations.list": Method(handler=listing, scopes=_READ, tier=Tier.TWO),
    "conversations.join": Method(handler=join, scopes=("channels:join",), tier=Tier.THREE),
    "conversations.members": Method(handler=members, scopes=_READ, tier=Tier.FOUR),
    "conversations.history": Method(handler=history, scopes=_HISTORY, tier=Tier.THREE),
    "conversations.replies": Method(handler=replies, scopes=_HISTORY, tier=Tier.THREE),
    "conversations.open": Method(handler=open_direct, scopes=("im:write", "mpim:write"), tier=Tier.THREE),
}
