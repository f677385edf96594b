"""Block Kit, in the few shapes that we use, cut to Slack's limits by construction.

Limits: https://docs.slack.dev/reference/block-kit/blocks
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from patchpilot.text import fence, plain, shorten

Block = dict[str, Any]

SECTION_CHARACTERS: Final = 3_000
HEADER_CHARACTERS: Final = 150
BUTTON_CHARACTERS: Final = 75
CONTEXT_ELEMENTS: Final = 10
TEXT_CHARACTERS: Final = 3_900
"""Slack splits a longer ``text`` into several messages (observed above about 4,040)."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it should look; ``text`` is what notifications and screen readers use."""

    text: str
    blocks: tuple[Block, ...]

    @staticmethod
    def of(text: str, blocks: Sequence[Block | None]) -> Message:
        """Leave out what is ``None``; escape the text, which Slack reads as mrkdwn, and cut it."""
        return Message(
            shorten(escape(text), TEXT_CHARACTERS), tuple(block for block in blocks if block is not None)
        )


def escape(text: str) -> str:
    """Hostile text as mrkdwn: no link, mention or channel call can be made of it.

    https://docs.slack.dev/messaging/formatting-message-text/#escaping
    """
    return plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def quiet(text: str) -> str:
    """Escaped, and without the signs that would make it bold, code or struck out."""
    text = escape(text)
    for sign in "*_~`":
        text = text.replace(sign, f"\u2060{sign}\u2060")
    return text


def header(text: str) -> Block:
    """A heading in plain text."""
    return {"type": "header", "text": {"type": "plain_text", "text": shorten(plain(text), HEADER_CHARACTERS)}}


def section(mrkdwn: str, *, block_id: str = "") -> Block:
    """A paragraph; the caller escapes what is not ours."""
    text = {"type": "mrkdwn", "text": shorten(mrkdwn, SECTION_CHARACTERS), "verbatim": True}
    return {"type": "section", "text": text} | ({"block_id": block_id} if block_id else {})


def code(text: str, *, limit: int = SECTION_CHARACTERS - 40) -> Block:
    """A preformatted block whose content can neither close it nor mention anybody."""
    return section(f"```{shorten(fence(escape(text)), limit)}```")


def context(*mrkdwn: str) -> Block:
    """Small print."""
    elements = [
        {"type": "mrkdwn", "text": shorten(text, SECTION_CHARACTERS), "verbatim": True}
        for text in mrkdwn
        if text
    ]
    return {"type": "context", "elements": elements[:CONTEXT_ELEMENTS]}


def actions(block_id: str, *elements: Block) -> Block:
    """A row of buttons."""
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def button(
    label: str, action_id: str, value: str, *, style: str = "", about: str = "", confirm: Block | None = None
) -> Block:
    """A button that sends ``value``; ``about`` completes its label for screen readers."""
    made: Block = {
        "type": "button",
        "text": {"type": "plain_text", "text": shorten(label, BUTTON_CHARACTERS)},
        "action_id": action_id,
        "value": value,
    }
    if style:
        made["style"] = style
    if about:
        made["accessibility_label"] = shorten(f"{label} {about}", BUTTON_CHARACTERS)
    if confirm:
        made["confirm"] = confirm
    return made


def link_button(label: str, action_id: str, url: str) -> Block:
    """A button that opens a page. Slack sends an action for it all the same, which must be acknowledged."""
    text = {"type": "plain_text", "text": shorten(label, BUTTON_CHARACTERS)}
    return {"type": "button", "text": text, "action_id": action_id, "url": url}


def confirm(title: str, text: str, yes: str) -> Block:
    """A question before a button acts."""
    return {
        "title": {"type": "plain_text", "text": shorten(title, 100)},
        "text": {"type": "mrkdwn", "text": shorten(text, 300)},
        "confirm": {"type": "plain_text", "text": shorten(yes, 30)},
        "deny": {"type": "plain_text", "text": "Cancel"},
    }


def link(url: str, label: str) -> str:
    """A link that we built: only http(s), and the label can't break out of it."""
    label = escape(label).replace("|", "¦")
    if not url.startswith(("https://", "http://")):
        return label
    safe = (
        url.replace("&", "&amp;")
        .replace("<", "%3C")
        .replace(">", "%3E")
        .replace("|", "%7C")
        .replace(" ", "%20")
    )
    return f"<{safe}|{label}>"


def when(at: datetime, form: str = "{time}") -> str:
    """A moment in the reader's own time zone, with UTC for clients that can't.

    https://docs.slack.dev/messaging/formatting-message-text/#date-formatting
    """
    at = at.astimezone(UTC)
    return f"<!date^{int(at.timestamp())}^{form}|{at:%Y-%m-%d %H:%M} UTC>"
