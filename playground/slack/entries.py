"""What a person enters in Block Kit elements, turned into the values that Slack's payloads carry.

A person's entry is given plainly: text for inputs and dates, an option's ``value`` for selects, a list for
elements that take several, a user or channel id for pickers. ``None`` means untouched, so the initial value
counts; an empty text means cleared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from playground.slack.answers import NotPossibleError
from playground.slack.schema import Json

_TEXTS = {"plain_text_input", "email_text_input", "url_text_input", "number_input"}
_PICKED: Mapping[str, tuple[str, str]] = {
    "users_select": ("selected_user", "initial_user"),
    "channels_select": ("selected_channel", "initial_channel"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
}
_ONE_OPTION = {"static_select", "radio_buttons", "overflow", "external_select"}
_MANY_OPTIONS = {"checkboxes", "multi_static_select", "multi_external_select"}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_URL = re.compile(r"https?://\S+")


def value_of(element: Json, entered: Any = None) -> Json:
    """The element's entry in ``state.values`` and, for the one used, in ``actions``."""
    kind = element["type"]
    if kind in _TEXTS:
        text = element.get("initial_value") if entered is None else str(entered)
        return {"type": kind, "value": text or None}
    if kind in _ONE_OPTION | _MANY_OPTIONS:
        return {"type": kind, **_chosen(element, entered)}
    if kind in _PICKED:
        selected, initial = _PICKED[kind]
        return {"type": kind, selected: element.get(initial) if entered is None else entered or None}
    if kind == "button":
        return {
            "type": kind,
            **{name: element[name] for name in ("text", "value", "style") if name in element},
        }
    return {"type": kind, "value": entered}


def _chosen(element: Json, entered: Any) -> Json:
    if element["type"] in _ONE_OPTION:
        option = element.get("initial_option") if entered is None else _option(element, entered)
        return {"selected_option": option or None}
    if entered is None:
        return {"selected_options": element.get("initial_options", [])}
    return {"selected_options": [_option(element, each) for each in _several(entered) if each != ""]}


def _several(entered: Any) -> list[Any]:
    return list(entered) if isinstance(entered, list | tuple | set) else [entered]


def _option(element: Json, value: Any) -> Json:
    if value == "":
        return {}
    for option in options(element):
        if option.get("value") == value:
            return option
    raise NotPossibleError(f"there is no option {str(value)[:80]!r} in {element.get('action_id')!r}")


def options(element: Json) -> Iterator[Json]:
    """Every option of a select, with those inside groups."""
    yield from element.get("options") or []
    for group in element.get("option_groups") or []:
        yield from group["options"]


def problem_with(block: Json, value: Json) -> str:
    """What Slack's own client says about an answer before it sends a modal; empty when it is fine."""
    element = block["element"]
    entered = next((item for name, item in value.items() if name != "type"), None)
    if entered in (None, "", []):
        return "" if block.get("optional") else "Please complete this required field."
    if element["type"] not in _TEXTS:
        return ""
    return _text_problem(element, str(entered))


def _text_problem(element: Json, text: str) -> str:
    if len(text) < element.get("min_length", 0):
        return f"Please enter at least {element['min_length']} characters."
    if len(text) > element.get("max_length", 3000):
        return f"Please enter at most {element.get('max_length', 3000)} characters."
    kind = element["type"]
    if kind == "email_text_input" and not _EMAIL.fullmatch(text):
        return "Please enter a valid email address."
    if kind == "url_text_input" and not _URL.fullmatch(text):
        return "Please enter a valid URL."
    if kind == "number_input":
        return _number_problem(element, text)
    return ""


def _number_problem(element: Json, text: str) -> str:
    try:
        number = float(text) if element.get("is_decimal_allowed") else float(int(text))
    except ValueError:
        return "Please enter a valid number."
    if "min_value" in element and number < float(element["min_value"]):
        return f"Please enter a number that is at least {element['min_value']}."
    if "max_value" in element and number > float(element["max_value"]):
        return f"Please enter a number that is at most {element['max_value']}."
    return ""
