"""What the page shows of Slack: the workspace as JSON, with every text already a node tree."""

from __future__ import annotations

import copy
from typing import Any

from playground.slack.model import File, Message, User, View
from playground.slack.schema import Json
from playground.slack.server import Slack
from playground.web import markdown, mrkdwn, rich_text
from playground.web.mrkdwn import Names

_MESSAGES = 300
"""Per channel; the page is for watching, not for archives."""
_PREVIEW_LINES = 24
_PREVIEW_BYTES = 200_000


def slack_state(slack: Slack) -> Json:
    """The whole workspace as the page needs it."""
    workspace = slack.workspace
    with workspace.lock:
        names = Names(
            users={user.id: user.name for user in workspace.users.values()},
            channels={channel.id: channel.name for channel in workspace.channels.values()},
            usergroups={group_id: handle for group_id, (handle, _, _) in workspace.usergroups.items()},
        )
        return {
            "team": workspace.name,
            "users": [_user(user) for user in workspace.users.values()],
            "apps": [
                {
                    "id": app.id,
                    "bot_user": app.bot_user,
                    "commands": sorted(app.commands),
                    "active": app.active,
                    "home": "app_home_opened" in app.events,
                    "socket": app.by_socket,
                    "connected": slack.sockets.connected(app.id) if app.by_socket else None,
                }
                for app in workspace.apps.values()
            ],
            "channels": [
                {
                    "id": channel.id,
                    "name": channel.name,
                    "private": channel.private,
                    "archived": channel.archived,
                    "members": list(channel.members),
                    "im_user": channel.im_user,
                    "topic": channel.topic,
                }
                for channel in workspace.channels.values()
            ],
            "messages": {
                channel_id: [
                    _message(message, names, workspace.files) for message in list(line.values())[-_MESSAGES:]
                ]
                for channel_id, line in workspace.messages.items()
            },
            "modals": {
                user: [_view(view, names) for view in stack] for user, stack in workspace.modals.items()
            },
            "homes": [_view(view, names) for view in workspace.homes.values()],
        }


def _user(user: User) -> Json:
    initials = "".join(word[0] for word in user.real_name.split()[:2]).upper()
    return {
        "id": user.id,
        "name": user.name,
        "real_name": user.real_name,
        "colour": user.colour,
        "initials": initials or "?",
        "bot": bool(user.bot_id),
        "guest": user.is_guest,
    }


def _message(message: Message, names: Names, files: dict[str, File]) -> Json:
    return {
        "ts": message.ts,
        "channel": message.channel,
        "user": message.user,
        "text": mrkdwn.nodes(message.text, names) if message.text and not message.blocks else [],
        "spoken": mrkdwn.plain(message.text)[:300],
        "blocks": rendered(message.blocks, names),
        "attachments": [_attachment(attachment, names) for attachment in message.attachments],
        "files": [_file(files[file_id]) for file_id in message.files if file_id in files],
        "thread_ts": message.thread_ts if message.is_reply else "",
        "broadcast": message.broadcast,
        "only_for": message.only_for,
        "edited": bool(message.edited_ts) and not message.bot_id,
        "reactions": [
            {"name": mrkdwn.with_emoji(f":{name}:"), "id": name, "users": list(users)}
            for name, users in message.reactions.items()
        ],
    }


def _attachment(attachment: Any, names: Names) -> Json:
    if not isinstance(attachment, dict):
        return {"text": [], "blocks": []}
    text = str(attachment.get("text") or attachment.get("fallback") or "")
    blocks = attachment.get("blocks")
    colour = str(attachment.get("color") or "")
    return {
        "text": mrkdwn.nodes(text, names),
        "blocks": rendered(blocks, names) if isinstance(blocks, list) else [],
        "colour": colour.removeprefix("#") if len(colour) in {6, 7} else "",
    }


def _file(file: File) -> Json:
    preview = ""
    readable = file.content is not None and len(file.content) < _PREVIEW_BYTES
    if readable and file.content and not file.mimetype.startswith(("image/", "application/zip")):
        lines = file.content.decode("utf-8", "replace").splitlines()
        preview = "\n".join(lines[:_PREVIEW_LINES]) + ("\n…" if len(lines) > _PREVIEW_LINES else "")
    return {
        "id": file.id,
        "name": file.name,
        "title": file.title or file.name,
        "size": file.size,
        "image": file.mimetype.startswith("image/"),
        "alt": file.alt_text or file.title or file.name,
        "preview": preview,
    }


def _view(view: View, names: Names) -> Json:
    given = view.definition
    return {
        "id": view.id,
        "app": view.app_id,
        "user": view.user,
        "hash": view.hash,
        "title": _label(given.get("title")),
        "submit": _label(given.get("submit")),
        "close": _label(given.get("close")) or "Cancel",
        "blocks": rendered(given["blocks"], names),
        "errors": dict(view.errors),
    }


def _label(text: Any) -> str:
    return mrkdwn.with_emoji(str(text["text"])) if isinstance(text, dict) else ""


def rendered(blocks: list[Json], names: Names) -> list[Json]:
    """Blocks whose texts carry their node trees under ``nodes``."""
    return [_block(copy.deepcopy(block), names) for block in blocks if isinstance(block, dict)]


def _block(block: Json, names: Names) -> Json:
    kind = block.get("type")
    if kind == "markdown":
        block["nodes"] = markdown.nodes(block["text"])
    elif kind == "rich_text":
        block["nodes"] = rich_text.nodes(block, names)
    elif kind == "table":
        block["cells"] = [[_cell(cell, names) for cell in row] for row in block["rows"]]
    else:
        _texts(block, names)
    return block


def _cell(cell: Json, names: Names) -> list[Any]:
    return rich_text.nodes(cell, names) if cell["type"] == "rich_text" else [str(cell["text"])]


def _texts(value: Any, names: Names) -> None:
    """Give every text object inside its node tree."""
    if isinstance(value, list):
        for item in value:
            _texts(item, names)
    elif isinstance(value, dict):
        if value.get("type") == "mrkdwn" and isinstance(value.get("text"), str):
            value["nodes"] = mrkdwn.nodes(value["text"], names)
        elif value.get("type") == "plain_text" and isinstance(value.get("text"), str):
            value["text"] = mrkdwn.with_emoji(value["text"])
            value["nodes"] = [value["text"]]
        else:
            for item in value.values():
                _texts(item, names)
