"""``files.*``: the three steps of an upload. The retired ``files.upload`` answers as Slack does."""

from __future__ import annotations

import mimetypes
import secrets
import time
from collections.abc import Mapping
from typing import NoReturn

from playground.slack.answers import SlackError
from playground.slack.limits import Tier
from playground.slack.methods.call import Call, Method
from playground.slack.model import File, Message
from playground.slack.schema import Json

MAX_BYTES = 100_000_000
"""Slack takes 1 GB; the playground keeps files in memory."""


def get_upload_url(call: Call) -> Json:
    """``files.getUploadURLExternal``: step one, an address to send the bytes to."""
    name = call.need("filename")
    length = call.number("length", 0)
    if length <= 0:
        raise SlackError("invalid_arguments")
    if length > MAX_BYTES:
        raise SlackError("file_upload_size_restricted")
    file = File(
        id=call.workspace.new_id("F"),
        name=name.replace("/", "_"),
        size=length,
        user=call.app.bot_user,
        created=int(time.time()),
        ticket=secrets.token_urlsafe(16),
        alt_text=call.text("alt_txt"),
        mimetype=mimetypes.guess_type(name)[0] or "text/plain",
    )
    call.workspace.files[file.id] = file
    return {"ok": True, "upload_url": f"{call.base_url}/slack/upload/{file.ticket}", "file_id": file.id}


def complete_upload(call: Call) -> Json:
    """``files.completeUploadExternal``: step three; shares the files where it is told to."""
    wanted = call.structure("files")
    if not isinstance(wanted, list) or not wanted:
        raise SlackError("invalid_arguments")
    files = [_finish(call, entry) for entry in wanted]
    places = [call.text("channel_id")] if call.text("channel_id") else call.text("channels").split(",")
    for place in filter(None, places):
        _share(call, files, place)
    return {"ok": True, "files": [file.to_api(call.workspace.files_url) for file in files]}


def info(call: Call) -> Json:
    """``files.info``."""
    file = call.workspace.files.get(call.need("file", "file_not_found"))
    if file is None or not file.complete:
        raise SlackError("file_not_found")
    return {"ok": True, "file": file.to_api(call.workspace.files_url)}


def delete(call: Call) -> Json:
    """``files.delete``."""
    file = call.workspace.files.pop(call.need("file", "file_not_found"), None)
    if file is None:
        raise SlackError("file_not_found")
    return {"ok": True}


def legacy_upload(_call: Call) -> NoReturn:
    """``files.upload``, retired in 2025."""
    raise SlackError("method_deprecated")


def _finish(call: Call, entry: object) -> File:
    file = call.workspace.files.get(str(entry.get("id"))) if isinstance(entry, dict) else None
    if file is None or file.content is None:
        raise SlackError("file_not_found")
    file.title = str(entry.get("title") or file.name) if isinstance(entry, dict) else file.name
    file.complete = True
    file.ready_at = time.monotonic() + call.pace.file_processing
    return file


def _share(call: Call, files: list[File], place: str) -> None:
    workspace = call.workspace
    channel = (
        workspace.direct(place, call.app.bot_user) if place in workspace.users else workspace.channel(place)
    )
    if call.app.bot_user not in channel.members:
        raise SlackError("not_in_channel")
    workspace.add(
        Message(
            ts=workspace.next_ts(),
            channel=channel.id,
            user=call.app.bot_user,
            text=call.text("initial_comment"),
            thread_ts=call.text("thread_ts"),
            files=[file.id for file in files],
            bot_id=call.app.bot_id,
            app_id=call.app.id,
        )
    )
    for file in files:
        file.shared_in.append(channel.id)


METHODS: Mapping[str, Method] = {
    "files.getUploadURLExternal": Method(handler=get_upload_url, scopes=("files:write",), tier=Tier.FOUR),
    "files.completeUploadExternal": Method(handler=complete_upload, scopes=("files:write",), tier=Tier.FOUR),
    "files.info": Method(handler=info, scopes=("files:read",), tier=Tier.FOUR),
    "files.delete": Method(handler=delete, scopes=("files:write",), tier=Tier.THREE),
    "files.upload": Method(handler=legacy_upload, tier=Tier.TWO),
}
