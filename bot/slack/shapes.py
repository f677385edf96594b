"""Texts and objects of a payload, held to their lengths: the smallest pieces of the linter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bot.slack import limits
from bot.slack.findings import Findings
from bot.slack.limits import Shape
from patchpilot.text import shorten

Json = dict[str, Any]
_FENCE: Final = "```"


def shaped(value: object, shape: Shape, pointer: str, found: Findings, *, rule: str = "") -> Json:
    """A copy whose texts and strings are within bounds."""
    if not isinstance(value, Mapping):
        found.refuse("malformed", pointer, "it is no object")
        return {}
    made = dict(value)
    _complete(made, shape, pointer, found)
    for name, longest in shape.texts.items():
        if made.get(name) is not None:
            made[name] = text_object(
                made[name],
                longest,
                f"{pointer}/{name}",
                rule or f"{name}_length",
                found,
                plain=name in shape.plain,
            )
    for name, longest in (shape.strings or {}).items():
        if made.get(name) is not None:
            made[name] = _string(made[name], name, longest, f"{pointer}/{name}", found)
    _identifiers(made, pointer, found)
    return made


def _complete(made: Json, shape: Shape, pointer: str, found: Findings) -> None:
    for name in set(shape.needs) - {"blocks"}:
        if made.get(name) in (None, "", [], ()):
            found.refuse("missing", f"{pointer}/{name}", f"{name} is missing")
    if shape.one_of and not any(made.get(name) for name in shape.one_of):
        found.refuse("missing", pointer, f"one of {', '.join(shape.one_of)} is needed")


def _identifiers(made: Json, pointer: str, found: Findings) -> None:
    for name in ("action_id", "block_id"):
        if len(str(made.get(name) or "")) > limits.IDENTIFIER:
            detail = f"more than {limits.IDENTIFIER} characters"
            found.refuse("identifier_length", f"{pointer}/{name}", detail)


def _string(value: object, name: str, longest: int, pointer: str, found: Findings) -> Any:
    if not isinstance(value, str):
        found.refuse("malformed", pointer, f"{name} is a text")
        return value
    if name in {"url", "image_url"} and not value.startswith(("https://", "http://")):
        found.refuse("url", pointer, "only web addresses are linked")
    if len(value) <= longest:
        return value
    if name in {"alt_text", "accessibility_label", "text"}:
        return cut(value, longest, pointer, f"{name}_length", found)
    # A cut value, id or address means something else.
    found.refuse(f"{name}_length", pointer, f"{len(value)} characters; at most {longest}")
    return value


def text_object(
    value: object, longest: int, pointer: str, rule: str, found: Findings, *, plain: bool = False
) -> Json:
    """A text object whose text is neither empty nor longer than ``longest``."""
    kinds = {"plain_text"} if plain else {"plain_text", "mrkdwn"}
    if (
        not isinstance(value, Mapping)
        or value.get("type") not in kinds
        or not isinstance(value.get("text"), str)
    ):
        found.refuse("malformed", pointer, f"it is no text object of type {' or '.join(sorted(kinds))}")
        return {}
    if not value["text"].strip():
        found.refuse("empty", pointer, "its text is empty")
        return dict(value)
    if value["type"] == "plain_text":
        return {**value, "text": cut(value["text"], longest, f"{pointer}/text", rule, found)}
    return {**value, "text": fenced(value["text"], longest, f"{pointer}/text", found, rule=rule)}


def fenced(text: str, longest: int, pointer: str, found: Findings, *, rule: str = "text_length") -> str:
    """Cut, and with every fence closed: an open one would swallow what follows."""
    open_fence = text.count(_FENCE) % 2 == 1
    if open_fence:
        found.mend("open_fence", pointer, "a code fence was left open")
        text += _FENCE
    if len(text) <= longest:
        return text
    made = cut(text, longest, pointer, rule, found)
    if made.count(_FENCE) % 2 == 1:
        made = shorten(text, longest - len(_FENCE)).rstrip("`") + _FENCE
    return made


def cut(text: str, longest: int, pointer: str, rule: str, found: Findings) -> str:
    """At most ``longest`` characters, without half a link at the end."""
    if len(text) <= longest:
        return text
    found.mend(rule, pointer, f"{len(text)} characters; cut to {longest}")
    return _whole(shorten(text, longest))


def _whole(shortened: str) -> str:
    """Without half a link, mention or entity at the end."""
    body = shortened.removesuffix("…")
    for opening, closing in (("<", ">"), ("&", ";")):
        at = body.rfind(opening)
        if at >= 0 and closing not in body[at:] and (opening == "<" or len(body) - at <= len("&amp;")):
            body = body[:at].rstrip()
    return body + "…"
