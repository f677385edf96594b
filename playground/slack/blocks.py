"""What Slack accepts as blocks and views: types, required fields, lengths, unique ids, totals.

``message_problems`` and ``view_problems`` answer with Slack's own sentences; an empty list means accepted.
``with_ids`` fills in the ids that Slack makes up for blocks and elements which came without.
"""

from __future__ import annotations

import copy
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from playground.slack.elements import (
    IN_ACTIONS,
    IN_CONTEXT,
    IN_INPUT,
    IN_SECTION,
    SLACK_FILE,
    URL,
    plain,
    text,
)
from playground.slack.schema import (
    Check,
    Json,
    Problems,
    Shape,
    anything,
    boolean,
    by_type,
    integer,
    items,
    one_of,
    string,
)

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
VIEW_BYTES = 250_000
MARKDOWN_CHARACTERS = 12_000
"""All ``markdown`` blocks of one message together."""
MESSAGE_TEXT = 12_000
"""All text inside a message's blocks. The figure and the allowance per block are not documented; they are
what Slack's people and reporters measured: https://github.com/slackapi/bolt-js/issues/2867."""
_CONTAINER = 20

_ID: dict[str, Check] = {"block_id": string(255, shortest=1)}

_STYLE = Shape(
    optional=dict.fromkeys(
        ("bold", "italic", "strike", "code", "underline", "highlight", "client_highlight"), boolean
    )
)
_INLINE = by_type(
    {
        "text": Shape(required={"text": string(40_000)}, optional={"style": _STYLE}),
        "link": Shape(
            required={"url": URL}, optional={"text": string(40_000), "style": _STYLE, "unsafe": boolean}
        ),
        "user": Shape(required={"user_id": string(255)}, optional={"style": _STYLE}),
        "usergroup": Shape(required={"usergroup_id": string(255)}, optional={"style": _STYLE}),
        "channel": Shape(required={"channel_id": string(255)}, optional={"style": _STYLE}),
        "emoji": Shape(
            required={"name": string(255)},
            optional={"unicode": string(255), "skin_tone": integer(1, 6), "style": _STYLE, "url": URL},
        ),
        "broadcast": Shape(
            required={"range": one_of("here", "channel", "everyone")}, optional={"style": _STYLE}
        ),
        "color": Shape(required={"value": string(32)}, optional={"style": _STYLE}),
        "date": Shape(
            required={"timestamp": integer(0, 9_999_999_999), "format": string(255)},
            optional={"url": URL, "fallback": string(255), "style": _STYLE},
        ),
    }
)
_INLINES = items(_INLINE, 10_000, fewest=0)
_BORDER = integer(0, 1)
_SECTION_OF_TEXT = Shape(required={"elements": _INLINES})
_RICH = by_type(
    {
        "rich_text_section": _SECTION_OF_TEXT,
        "rich_text_preformatted": Shape(
            required={"elements": _INLINES}, optional={"border": _BORDER, "language": string(64)}
        ),
        "rich_text_quote": Shape(required={"elements": _INLINES}, optional={"border": _BORDER}),
        "rich_text_list": Shape(
            required={
                "style": one_of("bullet", "ordered"),
                "elements": items(by_type({"rich_text_section": _SECTION_OF_TEXT}), 1_000),
            },
            optional={"indent": integer(0, 8), "offset": integer(0, 10_000), "border": _BORDER},
        ),
    }
)
_RICH_TEXT = Shape(required={"elements": items(_RICH, 1_000, fewest=0)}, optional=_ID)
_CELL = by_type({"raw_text": Shape(required={"text": string(3_000)}), "rich_text": _RICH_TEXT})

_EVERYWHERE: Mapping[str, Check] = {
    "section": Shape(
        optional={
            **_ID,
            "text": text(3000),
            "fields": items(text(2000), 10),
            "accessory": IN_SECTION,
            "expand": boolean,
        },
        one_of_fields=("text", "fields"),
    ),
    "header": Shape(required={"text": plain(150)}, optional={**_ID, "level": integer(1, 6)}),
    "context": Shape(required={"elements": items(IN_CONTEXT, 10)}, optional=_ID),
    "divider": Shape(optional=_ID),
    "actions": Shape(required={"elements": items(IN_ACTIONS, 25)}, optional=_ID),
    "image": Shape(
        required={"alt_text": string(2000)},
        optional={**_ID, "image_url": URL, "slack_file": SLACK_FILE, "title": plain(2000)},
        one_of_fields=("image_url", "slack_file"),
    ),
    "input": Shape(
        required={"label": plain(2000), "element": IN_INPUT},
        optional={**_ID, "hint": plain(2000), "optional": boolean, "dispatch_action": boolean},
    ),
    "rich_text": _RICH_TEXT,
    "video": Shape(
        required={"alt_text": string(2000), "title": plain(199), "thumbnail_url": URL, "video_url": URL},
        optional={
            **_ID,
            "author_name": string(49),
            "description": plain(200),
            "provider_icon_url": URL,
            "provider_name": string(255),
            "title_url": URL,
        },
    ),
}
_IN_MESSAGES: Mapping[str, Check] = {
    **_EVERYWHERE,
    "markdown": Shape(required={"text": string(MARKDOWN_CHARACTERS, shortest=1)}, optional=_ID),
    "file": Shape(required={"external_id": string(255), "source": one_of("remote")}, optional=_ID),
    "table": Shape(
        required={"rows": items(items(_CELL, 20), 100)},
        optional={**_ID, "column_settings": items(anything, 20, fewest=0)},
    ),
}

_MODAL = Shape(
    required={"title": plain(24), "blocks": anything},
    optional={
        "submit": plain(24),
        "close": plain(24),
        "private_metadata": string(3000),
        "callback_id": string(255),
        "external_id": string(255),
        "clear_on_close": boolean,
        "notify_on_close": boolean,
        "submit_disabled": boolean,
    },
)
_HOME = Shape(
    required={"blocks": anything},
    optional={"private_metadata": string(3000), "callback_id": string(255), "external_id": string(255)},
)


def message_problems(blocks: Sequence[Any]) -> list[str]:
    """What keeps these blocks out of a message; nothing means that Slack takes them."""
    problems = Problems()
    _check_blocks(blocks, _IN_MESSAGES, MESSAGE_BLOCKS, "/blocks", problems)
    markdown = sum(
        len(str(block.get("text", "")))
        for block in blocks
        if isinstance(block, dict) and block.get("type") == "markdown"
    )
    if markdown > MARKDOWN_CHARACTERS and not problems:
        problems.add(
            "/blocks", f"markdown blocks must be less than {MARKDOWN_CHARACTERS + 1} characters together"
        )
    return problems.found


def message_too_long(blocks: Sequence[Json]) -> bool:
    """Whether the texts inside the blocks are more than one message holds (``msg_blocks_too_long``)."""
    return sum(map(len, _texts(blocks))) + _CONTAINER * (len(blocks) - 1) > MESSAGE_TEXT


def view_problems(view: Any) -> list[str]:
    """What keeps this view from being shown, as modal or as App Home."""
    problems = Problems()
    by_type({"modal": _MODAL, "home": _HOME})(view, "/view", problems)
    if problems:
        return problems.found
    _check_blocks(view["blocks"], _EVERYWHERE, VIEW_BLOCKS, "/view/blocks", problems)
    if isinstance(view["blocks"], list) and view["type"] == "modal" and not view.get("submit"):
        asks = any(isinstance(block, dict) and block.get("type") == "input" for block in view["blocks"])
        if asks:
            problems.add("/view/blocks", "a submit button is required when an input block is used")
    return problems.found


def view_too_large(view: Json) -> bool:
    """Whether a view is above Slack's 250 kB."""
    return len(json.dumps(view).encode()) > VIEW_BYTES


def _check_blocks(
    blocks: Any, shapes: Mapping[str, Check], most: int, pointer: str, problems: Problems
) -> None:
    # A view may be empty; a message without blocks is simply a message of text.
    items(by_type(shapes), most, fewest=0)(blocks, pointer, problems)
    if problems or not isinstance(blocks, list):
        return
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        block_id = block.get("block_id")
        if block_id in seen:
            problems.add(f"{pointer}/{index}/block_id", f'`block_id` "{block_id}" already exists')
        elif block_id:
            seen.add(block_id)
        _check_action_ids(block, f"{pointer}/{index}", problems)


def _check_action_ids(block: Json, pointer: str, problems: Problems) -> None:
    # Slack asks for action ids that differ within their block; the same id in two blocks is fine.
    seen: set[str] = set()
    for place, element in interactive(block):
        action_id = element.get("action_id")
        if action_id in seen:
            problems.add(f"{pointer}{place}/action_id", f'`action_id` "{action_id}" already exists')
        elif action_id:
            seen.add(action_id)


def interactive(block: Json) -> Iterator[tuple[str, Json]]:
    """Each element of a block that a person can use, with its pointer inside the block."""
    if block.get("type") == "actions":
        for index, element in enumerate(block["elements"]):
            yield f"/elements/{index}", element
    for name in ("accessory", "element"):
        element = block.get(name)
        if isinstance(element, dict) and element.get("type") != "image":
            yield f"/{name}", element


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            if name == "text" and isinstance(item, str):
                yield item
            else:
                yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def with_ids(blocks: Sequence[Json]) -> list[Json]:
    """A copy in which every block and every element has the id that Slack would make up for it."""
    filled: list[Json] = copy.deepcopy(list(blocks))
    for block in filled:
        if not block.get("block_id"):
            block["block_id"] = _made_up()
        for _, element in interactive(block):
            if not element.get("action_id"):
                element["action_id"] = _made_up()
    return filled


def _made_up() -> str:
    return secrets.token_urlsafe(4)[:5]


def image_files(blocks: Sequence[Json]) -> Iterator[tuple[str, Json]]:
    """Each ``slack_file`` that an image shows, with its pointer."""
    for index, block in enumerate(blocks):
        if isinstance(block.get("slack_file"), dict):
            yield f"/blocks/{index}/slack_file", block["slack_file"]
        inside = [("accessory", block.get("accessory"))]
        if block.get("type") == "context":
            inside += [(f"elements/{place}", element) for place, element in enumerate(block["elements"])]
        for place, element in inside:
            if isinstance(element, dict) and isinstance(element.get("slack_file"), dict):
                yield f"/blocks/{index}/{place}/slack_file", element["slack_file"]
