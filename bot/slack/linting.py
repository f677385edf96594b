"""Holds every payload to Slack's limits before it is sent.

Pure. What is only too long or too many is mended in a copy, because a shortened card is better than none;
what is malformed is refused, because Slack would refuse it as a whole and say less. Each finding names its
rule, which is also the label of the metric.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bot.slack import limits
from bot.slack.findings import Findings
from bot.slack.shapes import Json, fenced, shaped, text_object
from patchpilot.text import shorten


def lint_message(message: Mapping[str, Any]) -> tuple[Json, Findings]:
    """A sendable copy of a message's arguments (``text``, ``blocks``, ``metadata`` …), and what was found."""
    made, found = dict(message), Findings()
    blocks = message.get("blocks")
    if blocks is not None:
        made["blocks"] = _blocks(
            blocks, limits.MESSAGE_BLOCKS, "/blocks", found, forbidden=limits.IN_VIEWS_ONLY
        )
        _total(made["blocks"], found)
    text = str(message.get("text") or "")
    if not text.strip():
        # Slack itself takes it; notifications and screen readers would have nothing to say.
        found.refuse("no_text", "/text", "a message needs a text: notifications and screen readers use it")
    made["text"] = fenced(text, limits.MESSAGE_TEXT, "/text", found)
    if len(json.dumps(message.get("metadata") or {}).encode()) > limits.METADATA_BYTES:
        found.refuse("metadata_size", "/metadata", f"more than {limits.METADATA_BYTES} bytes")
    return made, found


def lint_view(view: object) -> tuple[Json, Findings]:
    """A sendable copy of a modal or an App Home, and what was found."""
    found = Findings()
    if not isinstance(view, Mapping):
        found.refuse("malformed", "/view", "a view is an object")
        return {}, found
    shape = {"modal": limits.MODAL, "home": limits.HOME}.get(str(view.get("type")))
    if shape is None:
        found.refuse("unknown_type", "/view/type", f"{view.get('type')!r} is neither modal nor home")
        return dict(view), found
    made = shaped(view, shape, "/view", found)
    made["blocks"] = _blocks(
        view.get("blocks"), limits.VIEW_BLOCKS, "/view/blocks", found, forbidden=limits.IN_MESSAGES_ONLY
    )
    if len(str(view.get("private_metadata") or "")) > limits.PRIVATE_METADATA:
        # Cut ids lead astray.
        found.refuse(
            "metadata_size", "/view/private_metadata", f"more than {limits.PRIVATE_METADATA} characters"
        )
    asks = any(block.get("type") == "input" for block in made["blocks"])
    if view["type"] == "modal" and asks and not view.get("submit"):
        found.refuse("no_submit", "/view/submit", "a modal with inputs needs a submit button")
    while len(json.dumps(made).encode()) > limits.VIEW_BYTES and len(made["blocks"]) > 1:
        made["blocks"].pop()
        if not any(finding.rule == "view_size" for finding in found.mended):
            found.mend(
                "view_size", "/view", f"more than {limits.VIEW_BYTES} bytes; the last blocks are left out"
            )
    return made, found


def _blocks(
    blocks: object, most: int, pointer: str, found: Findings, *, forbidden: frozenset[str]
) -> list[Json]:
    if not isinstance(blocks, list | tuple):
        found.refuse("malformed", pointer, "blocks are a list")
        return []
    made = []
    for index, block in enumerate(blocks):
        checked = _block(block, f"{pointer}/{index}", found, forbidden)
        if checked is not None:
            made.append(checked)
    _unique(made, "block_id", pointer, found)
    if len(made) > most:
        found.mend("block_count", pointer, f"{len(made)} blocks; at most {most} go out")
        # The last block usually holds the buttons: what people must be able to press stays.
        made = [*made[: most - 1], made[-1]]
    markdown = sum(len(block["text"]) for block in made if block["type"] == "markdown")
    if markdown > limits.MARKDOWN_TOTAL:
        found.refuse("markdown_total", pointer, f"markdown blocks of {markdown} characters together")
    return made


def _block(block: object, pointer: str, found: Findings, forbidden: frozenset[str]) -> Json | None:
    kind = block.get("type") if isinstance(block, Mapping) else None
    shape = limits.BLOCKS.get(str(kind))
    if shape is None or not isinstance(block, Mapping) or kind in forbidden:
        found.refuse("unknown_type", pointer, f"block type {kind!r} can't be sent here")
        return None
    if (
        kind in limits.ELEMENTS_IN
        and isinstance(block.get("elements"), list | tuple)
        and not block["elements"]
    ):
        found.mend("empty", pointer, f"a {kind} block without elements is left out")
        return None
    made = shaped(block, shape, pointer, found)
    match kind:
        case "section":
            _section(made, pointer, found)
        case "context":
            made["elements"] = _context(made.get("elements"), pointer, found)
        case "actions":
            made["elements"] = _elements(made.get("elements"), pointer, found)
        case "input":
            made["element"] = _element(made.get("element"), f"{pointer}/element", limits.ENTERS, found)
        case "image":
            _picture(made, pointer, found)
        case "markdown":
            made["text"] = fenced(made.get("text", ""), limits.MARKDOWN_TOTAL, f"{pointer}/text", found)
    return made


def _section(made: Json, pointer: str, found: Findings) -> None:
    fields = made.get("fields")
    if fields is not None and not isinstance(fields, list | tuple):
        found.refuse("malformed", f"{pointer}/fields", "fields are a list")
    elif fields is not None:
        if len(fields) > limits.FIELDS:
            found.mend(
                "field_count", f"{pointer}/fields", f"{len(fields)} fields; at most {limits.FIELDS} go out"
            )
        made["fields"] = [
            text_object(one, limits.FIELD_TEXT, f"{pointer}/fields/{index}", "field_length", found)
            for index, one in enumerate(fields[: limits.FIELDS])
        ]
    if made.get("accessory") is not None:
        made["accessory"] = _element(
            made["accessory"], f"{pointer}/accessory", limits.ACTS | {"image"}, found
        )


def _context(elements: object, pointer: str, found: Findings) -> list[Json]:
    made = []
    for index, element in enumerate(_listed(elements, "context", pointer, found)):
        at = f"{pointer}/elements/{index}"
        if isinstance(element, Mapping) and element.get("type") == "image":
            made.append(_element(element, at, frozenset({"image"}), found))
        else:
            made.append(text_object(element, limits.CONTEXT_TEXT, at, "context_length", found))
    return made


def _elements(elements: object, pointer: str, found: Findings) -> list[Json]:
    listed = _listed(elements, "actions", pointer, found)
    made = [_element(one, f"{pointer}/elements/{i}", limits.ACTS, found) for i, one in enumerate(listed)]
    _unique(made, "action_id", f"{pointer}/elements", found)
    return made


def _listed(elements: object, kind: str, pointer: str, found: Findings) -> list[Any]:
    if not isinstance(elements, list | tuple):
        found.refuse("malformed", f"{pointer}/elements", "elements are a list")
        return []
    most = limits.ELEMENTS_IN[kind]
    if len(elements) > most:
        found.mend(
            "element_count", pointer, f"{len(elements)} elements in a {kind} block; at most {most} go out"
        )
    return list(elements[:most])


def _element(element: object, pointer: str, allowed: frozenset[str], found: Findings) -> Json:
    kind = element.get("type") if isinstance(element, Mapping) else None
    if not isinstance(element, Mapping) or kind not in allowed or kind not in limits.ELEMENTS:
        found.refuse("unknown_type", pointer, f"element type {kind!r} can't stand here")
        return {}
    made = shaped(element, limits.ELEMENTS[kind], pointer, found)
    if kind == "image":
        _picture(made, pointer, found)
    if kind == "button" and made.get("style") not in {None, "primary", "danger"}:
        found.mend("style", f"{pointer}/style", f"unknown style {made.pop('style')!r} is left out")
    if made.get("confirm") is not None:
        made["confirm"] = shaped(made["confirm"], limits.CONFIRM, f"{pointer}/confirm", found)
    if kind == "plain_text_input" and int(made.get("max_length") or 1) > limits.INPUT_LENGTH:
        found.mend("input_length", f"{pointer}/max_length", f"more than {limits.INPUT_LENGTH}")
        made["max_length"] = limits.INPUT_LENGTH
    if kind == "plain_text_input" and made.get("initial_value"):
        _initial_value(made, pointer, found)
    if "options" in limits.ELEMENTS[kind].needs and made.get("options"):
        if isinstance(made["options"], list | tuple):
            _options(made, str(kind), pointer, found)
        else:
            found.refuse("malformed", f"{pointer}/options", "options are a list")
    return made


def _initial_value(made: Json, pointer: str, found: Findings) -> None:
    most = int(made.get("max_length") or limits.INPUT_LENGTH)
    if len(str(made["initial_value"])) > most:
        found.mend("input_length", f"{pointer}/initial_value", f"more than {most}")
        made["initial_value"] = shorten(str(made["initial_value"]), most)


def _options(made: Json, kind: str, pointer: str, found: Findings) -> None:
    most = limits.OPTIONS_OF.get(kind, limits.OPTIONS)
    options = made["options"]
    if len(options) > most:
        found.mend("option_count", f"{pointer}/options", f"{len(options)} options; at most {most} go out")
    made["options"] = [
        shaped(one, limits.OPTION, f"{pointer}/options/{index}", found, rule="option_length")
        for index, one in enumerate(options[:most])
    ]
    first = made.get("initial_option")
    if first is not None and first not in options[:most]:
        found.refuse("initial_option", f"{pointer}/initial_option", "it is none of the options")
    chosen = made.get("initial_options")
    if chosen is not None and (
        not isinstance(chosen, list | tuple) or any(one not in options[:most] for one in chosen)
    ):
        found.refuse("initial_option", f"{pointer}/initial_options", "they are not all among the options")


def _picture(made: Json, pointer: str, found: Findings) -> None:
    if not str(made.get("alt_text") or "").strip():
        found.refuse(
            "no_alt_text", f"{pointer}/alt_text", "a picture needs a text for those who don't see it"
        )
    file = made.get("slack_file")
    if file is not None and not (isinstance(file, Mapping) and (file.get("id") or file.get("url"))):
        found.refuse("malformed", f"{pointer}/slack_file", "a file is named by id or url")


def _total(blocks: list[Json], found: Findings) -> None:
    """Shorten the longest sections until the whole message fits."""
    while (over := _weight(blocks) - limits.MESSAGE_TOTAL) > 0:
        longest = max(_sections(blocks), key=lambda text: len(text["text"]), default=None)
        if longest is None or len(longest["text"]) < 200:  # noqa: PLR2004 - nothing left that is worth cutting
            found.refuse("message_total", "/blocks", f"{over} characters more than one message holds")
            return
        keep = max(len(longest["text"]) - over, 150)
        longest["text"] = fenced(longest["text"], keep, "/blocks", found, rule="message_total")


def _sections(blocks: list[Json]) -> Iterator[Json]:
    return (block["text"] for block in blocks if block.get("type") == "section" and block.get("text"))


def _weight(blocks: list[Json]) -> int:
    return sum(map(len, _strings(blocks))) + limits.PER_BLOCK * max(len(blocks) - 1, 0)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name == "text" and isinstance(item, str):
                yield item
            else:
                yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)


def _unique(items: list[Json], name: str, pointer: str, found: Findings) -> None:
    seen: set[str] = set()
    for index, item in enumerate(items):
        value = item.get(name)
        if not value:
            continue
        if value in seen:
            if name == "action_id":
                # A click would no longer say what it meant.
                found.refuse("duplicate_action_id", f"{pointer}/{index}", f"{value!r} is there already")
            else:
                found.mend(
                    "duplicate_block_id", f"{pointer}/{index}", f"{value!r} is there already; left out"
                )
                del item[name]
        seen.add(value)
