"""Slack's limits, in one place: what the linter checks and what the shapes are cut to.

Lengths are in characters. Sources: https://docs.slack.dev/reference/block-kit/blocks and its subpages,
https://docs.slack.dev/reference/views, and the models of ``slack_sdk``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MESSAGE_TEXT: Final = 4_000
"""Slack splits a longer ``text`` into several messages (observed above about 4,040:
https://github.com/slackapi/bolt-python/issues/764)."""
MESSAGE_BLOCKS: Final = 50
VIEW_BLOCKS: Final = 100
VIEW_BYTES: Final = 250_000
MESSAGE_TOTAL: Final = 12_000
"""All text in a message's blocks (``msg_blocks_too_long``; https://github.com/slackapi/bolt-js/issues/2867)."""
PER_BLOCK: Final = 20
"""What each block counts for besides its text, in that total."""
MARKDOWN_TOTAL: Final = 12_000
PRIVATE_METADATA: Final = 3_000
IDENTIFIER: Final = 255
"""``action_id``, ``block_id``, ``callback_id``, ``external_id``."""
BUTTON_VALUE: Final = 2_000
OPTION_VALUE: Final = 150
ALT_TEXT: Final = 2_000
URL: Final = 3_000
OPTIONS: Final = 100
OPTIONS_OF: Final[Mapping[str, int]] = {"overflow": 5, "radio_buttons": 10, "checkboxes": 10}
"""Where fewer are allowed."""
FIELDS: Final = 10
METADATA_BYTES: Final = 16_000
INPUT_LENGTH: Final = 3_000
"""Largest ``max_length`` of a text input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What one kind of block or element may hold."""

    texts: Mapping[str, int]
    """Text objects by field, each with its longest text."""
    plain: frozenset[str] = frozenset()
    """Those of them that must be ``plain_text``."""
    strings: Mapping[str, int] | None = None
    """Bare strings by field, each with its longest."""
    needs: tuple[str, ...] = ()
    """Fields that must be there."""
    one_of: tuple[str, ...] = ()
    """At least one of these must be there."""


_PICTURE: Final = {"alt_text": ALT_TEXT, "image_url": URL}
BLOCKS: Final[Mapping[str, Shape]] = {
    "section": Shape(texts={"text": 3_000}, one_of=("text", "fields")),
    "header": Shape(texts={"text": 150}, plain=frozenset({"text"}), needs=("text",)),
    "context": Shape(texts={}, needs=("elements",)),
    "actions": Shape(texts={}, needs=("elements",)),
    "divider": Shape(texts={}),
    "image": Shape(
        texts={"title": 2_000},
        plain=frozenset({"title"}),
        strings=_PICTURE,
        needs=("alt_text",),
        one_of=("image_url", "slack_file"),
    ),
    "input": Shape(
        texts={"label": 2_000, "hint": 2_000}, plain=frozenset({"label", "hint"}), needs=("label", "element")
    ),
    "markdown": Shape(texts={}, strings={"text": MARKDOWN_TOTAL}, needs=("text",)),
}
"""The blocks that we use. Others exist; one that is not here is refused, because nothing checks it."""
IN_MESSAGES_ONLY: Final = frozenset({"markdown"})
IN_VIEWS_ONLY: Final = frozenset({"input"})

CONTEXT_TEXT: Final = 2_000
FIELD_TEXT: Final = 2_000
ELEMENTS_IN: Final[Mapping[str, int]] = {"context": 10, "actions": 25}

_ENTERED: Final = Shape(texts={"placeholder": 150}, plain=frozenset({"placeholder"}))
_CHOICE: Final = Shape(texts={"placeholder": 150}, plain=frozenset({"placeholder"}), needs=("options",))
ELEMENTS: Final[Mapping[str, Shape]] = {
    "button": Shape(
        texts={"text": 75},
        plain=frozenset({"text"}),
        strings={"value": BUTTON_VALUE, "accessibility_label": 75, "url": URL},
        needs=("text",),
    ),
    "overflow": Shape(texts={}, needs=("options",)),
    "static_select": _CHOICE,
    "radio_buttons": Shape(texts={}, needs=("options",)),
    "checkboxes": Shape(texts={}, needs=("options",)),
    "plain_text_input": _ENTERED,
    "users_select": _ENTERED,
    "multi_users_select": _ENTERED,
    "conversations_select": _ENTERED,
    "image": Shape(texts={}, strings=_PICTURE, needs=("alt_text",), one_of=("image_url", "slack_file")),
}
"""The elements that we use; one that is not here is refused."""
ACTS: Final = frozenset(
    {
        "button",
        "overflow",
        "static_select",
        "radio_buttons",
        "checkboxes",
        "users_select",
        "conversations_select",
    }
)
"""Elements of an ``actions`` block, and (with pictures) a section's accessory."""
ENTERS: Final = ACTS - {"button", "overflow"} | {"plain_text_input", "multi_users_select"}
"""Elements of an ``input`` block."""

OPTION: Final = Shape(
    texts={"text": 75, "description": 75},
    strings={"value": OPTION_VALUE, "url": URL},
    needs=("text", "value"),
)
CONFIRM: Final = Shape(
    texts={"title": 100, "text": 300, "confirm": 30, "deny": 30},
    plain=frozenset({"title", "confirm", "deny"}),
    needs=("title", "text", "confirm", "deny"),
)
MODAL: Final = Shape(
    texts={"title": 24, "submit": 24, "close": 24},
    plain=frozenset({"title", "submit", "close"}),
    strings={"callback_id": IDENTIFIER, "external_id": IDENTIFIER},
    needs=("title", "blocks"),
)
HOME: Final = Shape(
    texts={}, strings={"callback_id": IDENTIFIER, "external_id": IDENTIFIER}, needs=("blocks",)
)
