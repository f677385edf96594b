"""Files that messages link or show: uploaded once, and put into the message in place of their placeholder.

A file is uploaded without a channel, so that nobody sees it before the message, which is sent exactly once,
shares it by its link. So an upload whose answer was lost may simply be done again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Final

from bot.slack.blocks import Block, Message, Upload
from bot.slack.calls import Calls
from patchpilot.errors import PermanentError
from storage.database import Database
from storage.effects import begin_effect, effect, finish_effect

log = logging.getLogger(__name__)

KIND: Final = "slack-file"


@dataclass(frozen=True, slots=True)
class _File:
    id: str
    permalink: str


class Uploads:
    """Uploads what messages need. ``suffix`` tells workspaces apart: none sees another's files."""

    def __init__(self, db: Database, calls: Calls, *, suffix: str = "") -> None:
        self._db = db
        self._suffix = suffix
        self._calls = calls

    def resolved(self, message: Message, *, incident: int | None, pictures: bool = True) -> list[Block]:
        """The message's blocks with the addresses of its files; without ``pictures`` these are left out."""
        blocks = list(message.blocks)
        for upload in message.uploads:
            file = self._uploaded(upload, incident=incident)
            if file is None or not pictures:
                shown = {"id": upload.placeholder}
                blocks = [block for block in blocks if block.get("slack_file") != shown]
            blocks = [_resolved(block, upload, file) for block in blocks]
        return blocks

    def picture(self, upload: Upload) -> str:
        """Slack's id of a picture; empty if Slack does not take it.

        Raises :class:`~patchpilot.errors.TemporaryError` when Slack asks to wait or does not answer.
        """
        file = self._uploaded(upload, incident=None)
        return "" if file is None else file.id

    def _uploaded(self, upload: Upload, *, incident: int | None) -> _File | None:
        key = f"slack:file:{upload.key}{self._suffix}"
        known = effect(self._db, key) or begin_effect(self._db, key, kind=KIND, incident=incident)
        outside = known.outside
        if outside is None:
            content = upload.content if isinstance(upload.content, bytes) else upload.content.encode()
            options = {"alt_txt": upload.alt_text[:1_000]} if upload.alt_text else {}
            try:
                answer = self._calls.upload(
                    filename=upload.name, title=upload.title, file=content or b"(empty)", **options
                )
            except PermanentError as error:
                # The message is worth more than its file.
                log.warning("file not uploaded", extra={"action": "slack_file_refused", "cause": str(error)})
                return None
            made = answer["files"][0]
            outside = {"file": str(made["id"]), "permalink": str(made.get("permalink", ""))}
            finish_effect(self._db, key, outside=outside, digest="")
        return _File(outside["file"], outside["permalink"])


def _resolved(value: Any, upload: Upload, file: _File | None) -> Any:
    """A copy in which the file's placeholder is its address, or its plain name where there is no file."""
    if isinstance(value, dict):
        if file is not None and value.get("id") == upload.placeholder:
            return {"id": file.id}
        return {name: _resolved(item, upload, file) for name, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item, upload, file) for item in value]
    if isinstance(value, str) and upload.placeholder in value:
        if file is None or not file.permalink:
            gone = f"{upload.name} (could not be uploaded)"
            return value.replace(f"<{upload.placeholder}|{upload.name}>", gone)
        return value.replace(upload.placeholder, file.permalink)
    return value
