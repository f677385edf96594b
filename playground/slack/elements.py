"""Block Kit's composition objects and interactive elements, with the limits Slack puts on them.

Source: https://docs.slack.dev/reference/block-kit/ and the models of ``slack_sdk``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playground.slack.schema import (
    Check,
    Problems,
    Shape,
    anything,
    boolean,
    by_type,
    integer,
    items,
    matching,
    one_of,
    string,
)

ACTION_ID = string(255, shortest=1)
URL = matching(r"(?:https?|slack|mailto):[^\s]{1,2990}", "a valid URL of at most 3000 characters")
DATE = matching(r"\d{4}-\d{2}-\d{2}", "a date in the format YYYY-MM-DD")
TIME = matching(r"(?:[01]\d|2[0-3]):[0-5]\d", "a time in the format HH:mm")
CONVERSATION = string(255, shortest=1)


def plain(longest: int, *, shortest: int = 1) -> Check:
    """A ``plain_text`` object of at most ``longest`` characters."""
    return by_type(
        {
            "plain_text": Shape(
                required={"text": string(longest, shortest=shortest)}, optional={"emoji": boolean}
            )
        }
    )


def text(longest: int) -> Check:
    """A ``plain_text`` or ``mrkdwn`` object of at most ``longest`` characters."""
    length = string(longest, shortest=1)
    return by_type(
        {
            "plain_text": Shape(required={"text": length}, optional={"emoji": boolean}),
            "mrkdwn": Shape(required={"text": length}, optional={"verbatim": boolean}),
        }
    )


CONFIRM = Shape(
    required={"title": plain(100), "text": text(300), "confirm": plain(30), "deny": plain(30)},
    optional={"style": one_of("primary", "danger")},
)
OPTION = Shape(
    required={"text": text(75), "value": string(150)},
    optional={"description": text(75)},
)
OVERFLOW_OPTION = Shape(
    required={"text": plain(75), "value": string(150)},
    optional={"description": plain(75), "url": URL},
)
OPTION_GROUP = Shape(required={"label": plain(75), "options": items(OPTION, 100)})
FILTER = Shape(
    optional={
        "include": items(one_of("im", "mpim", "private", "public"), 4),
        "exclude_external_shared_channels": boolean,
        "exclude_bot_users": boolean,
    }
)
DISPATCH = Shape(
    optional={"trigger_actions_on": items(one_of("on_enter_pressed", "on_character_entered"), 2)}
)
SLACK_FILE = Shape(optional={"id": string(255), "url": URL}, one_of_fields=("id", "url"))

_ACTING: dict[str, Check] = {"action_id": ACTION_ID, "confirm": CONFIRM}
_ENTERING: dict[str, Check] = {"action_id": ACTION_ID, "placeholder": plain(150), "focus_on_load": boolean}
_PICKING: dict[str, Check] = {**_ENTERING, "confirm": CONFIRM}
_MANY: dict[str, Check] = {**_PICKING, "max_selected_items": integer(1, 10_000)}
_OPTIONS: dict[str, Check] = {"options": items(OPTION, 100), "option_groups": items(OPTION_GROUP, 100)}


def _select(check: Shape) -> Check:
    """A select takes options or groups of options, never both."""

    def checked(value: Any, pointer: str, problems: Problems) -> None:
        check(value, pointer, problems)
        if value.get("options") and value.get("option_groups"):
            problems.add(pointer, "options and option_groups cannot both be specified")

    return checked


def _initial_option_known(shape: Shape) -> Check:
    """The option shown first must be one of the options."""

    def checked(value: Any, pointer: str, problems: Problems) -> None:
        shape(value, pointer, problems)
        options = value.get("options")
        if not isinstance(options, list):
            return
        first = value.get("initial_options") or (
            [value["initial_option"]] if value.get("initial_option") else []
        )
        for option in first:
            if option not in options:
                problems.add(pointer, "initial option must exactly match one of the options")

    return checked


ELEMENTS: Mapping[str, Check] = {
    "button": Shape(
        required={"text": plain(75)},
        optional={
            **_ACTING,
            "url": URL,
            "value": string(2000),
            "style": one_of("primary", "danger"),
            "accessibility_label": string(75),
        },
    ),
    "static_select": _select(
        Shape(
            optional={**_PICKING, **_OPTIONS, "initial_option": OPTION},
            one_of_fields=("options", "option_groups"),
        )
    ),
    "multi_static_select": _select(
        Shape(
            optional={**_MANY, **_OPTIONS, "initial_options": items(OPTION, 100)},
            one_of_fields=("options", "option_groups"),
        )
    ),
    "overflow": Shape(required={"options": items(OVERFLOW_OPTION, 5)}, optional=_ACTING),
    "radio_buttons": _initial_option_known(
        Shape(
            required={"options": items(OPTION, 10)},
            optional={**_ACTING, "initial_option": OPTION, "focus_on_load": boolean},
        )
    ),
    "checkboxes": _initial_option_known(
        Shape(
            required={"options": items(OPTION, 10)},
            optional={**_ACTING, "initial_options": items(OPTION, 10), "focus_on_load": boolean},
        )
    ),
    "users_select": Shape(optional={**_PICKING, "initial_user": CONVERSATION}),
    "multi_users_select": Shape(optional={**_MANY, "initial_users": items(CONVERSATION, 100)}),
    "channels_select": Shape(
        optional={**_PICKING, "initial_channel": CONVERSATION, "response_url_enabled": boolean}
    ),
    "multi_channels_select": Shape(optional={**_MANY, "initial_channels": items(CONVERSATION, 100)}),
    "conversations_select": Shape(
        optional={
            **_PICKING,
            "initial_conversation": CONVERSATION,
            "default_to_current_conversation": boolean,
            "response_url_enabled": boolean,
            "filter": FILTER,
        }
    ),
    "multi_conversations_select": Shape(
        optional={
            **_MANY,
            "initial_conversations": items(CONVERSATION, 100),
            "default_to_current_conversation": boolean,
            "filter": FILTER,
        }
    ),
    "external_select": Shape(
        optional={**_PICKING, "min_query_length": integer(0, 255), "initial_option": OPTION}
    ),
    "multi_external_select": Shape(
        optional={**_MANY, "min_query_length": integer(0, 255), "initial_options": items(OPTION, 100)}
    ),
    "datepicker": Shape(optional={**_PICKING, "initial_date": DATE}),
    "timepicker": Shape(optional={**_PICKING, "initial_time": TIME, "timezone": string(255)}),
    "datetimepicker": Shape(
        optional={
            **_ACTING,
            "focus_on_load": boolean,
            # Ten digits: Slack asks for a moment in seconds between 2001 and 2286.
            "initial_date_time": integer(1_000_000_000, 9_999_999_999),
        }
    ),
    "plain_text_input": Shape(
        optional={
            **_ENTERING,
            "initial_value": string(3000),
            "multiline": boolean,
            "min_length": integer(0, 3000),
            "max_length": integer(1, 3000),
            "dispatch_action_config": DISPATCH,
        }
    ),
    "email_text_input": Shape(
        optional={**_ENTERING, "initial_value": string(3000), "dispatch_action_config": DISPATCH}
    ),
    "url_text_input": Shape(
        optional={**_ENTERING, "initial_value": string(3000), "dispatch_action_config": DISPATCH}
    ),
    "number_input": Shape(
        required={"is_decimal_allowed": boolean},
        optional={
            **_ENTERING,
            "initial_value": string(255),
            "min_value": string(255),
            "max_value": string(255),
            "dispatch_action_config": DISPATCH,
        },
    ),
    "rich_text_input": Shape(
        optional={**_ENTERING, "initial_value": anything, "dispatch_action_config": DISPATCH}
    ),
    "file_input": Shape(
        optional={"action_id": ACTION_ID, "filetypes": items(string(20), 100), "max_files": integer(1, 10)}
    ),
    "image": Shape(
        required={"alt_text": string(2000)},
        optional={"image_url": URL, "slack_file": SLACK_FILE},
        one_of_fields=("image_url", "slack_file"),
    ),
}
"""Every element and the check of its fields."""

_PICKERS = {
    "static_select",
    "users_select",
    "channels_select",
    "conversations_select",
    "external_select",
    "datepicker",
    "timepicker",
    "radio_buttons",
    "checkboxes",
}
_MULTI = {
    "multi_static_select",
    "multi_users_select",
    "multi_channels_select",
    "multi_conversations_select",
    "multi_external_select",
}


def _only(names: set[str]) -> Check:
    return by_type({name: ELEMENTS[name] for name in sorted(names)})


IN_ACTIONS = _only(_PICKERS | {"button", "overflow", "datetimepicker"})
IN_SECTION = _only(_PICKERS | _MULTI | {"button", "overflow", "image"})
IN_INPUT = _only(
    _PICKERS
    | _MULTI
    | {
        "datetimepicker",
        "plain_text_input",
        "email_text_input",
        "url_text_input",
        "number_input",
        "rich_text_input",
        "file_input",
    }
)
IN_CONTEXT = by_type(
    {
        "image": ELEMENTS["image"],
        "plain_text": Shape(required={"text": string(2000, shortest=1)}, optional={"emoji": boolean}),
        "mrkdwn": Shape(required={"text": string(2000, shortest=1)}, optional={"verbatim": boolean}),
    }
)
