"""Small checks that put together say what Slack accepts, and answer in Slack's words when it doesn't.

A check looks at one value and reports problems with their JSON pointer, as Slack does in
``response_metadata.messages``: ``must be less than 3001 characters [json-pointer:/blocks/0/text/text]``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class Problems:
    """What is wrong with a payload, in Slack's words, outermost first."""

    found: list[str] = field(default_factory=list)

    def add(self, pointer: str, message: str) -> None:
        """Note one problem at ``pointer``."""
        self.found.append(f"{message} [json-pointer:{pointer or '/'}]")

    def __bool__(self) -> bool:
        return bool(self.found)


Check = Callable[[Any, str, Problems], None]


def anything(_value: Any, _pointer: str, _problems: Problems) -> None:
    """Accept every value."""


def boolean(value: Any, pointer: str, problems: Problems) -> None:
    """Accept true and false only."""
    if not isinstance(value, bool):
        problems.add(pointer, "must provide a boolean")


def integer(low: int, high: int) -> Check:
    """Accept whole numbers from ``low`` to ``high``."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            problems.add(pointer, "must provide an integer")
        elif not low <= value <= high:
            problems.add(pointer, f"must be between {low} and {high}")

    return check


def string(longest: int, *, shortest: int = 0) -> Check:
    """Accept text of ``shortest`` to ``longest`` characters."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if not isinstance(value, str):
            problems.add(pointer, "must provide a string")
        elif len(value) > longest:
            problems.add(pointer, f"must be less than {longest + 1} characters")
        elif len(value) < shortest:
            problems.add(pointer, f"must be more than {shortest - 1} characters")

    return check


def matching(pattern: str, name: str) -> Check:
    """Accept text that matches ``pattern`` as a whole; ``name`` says what was expected."""
    compiled = re.compile(pattern)

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            problems.add(pointer, f"must be {name}")

    return check


def one_of(*allowed: str) -> Check:
    """Accept one of the given words."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if value not in allowed:
            problems.add(pointer, "must be a valid enum value")

    return check


def items(check_item: Check, most: int, *, fewest: int = 1) -> Check:
    """Accept a list of ``fewest`` to ``most`` values that each pass ``check_item``."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if not isinstance(value, list):
            problems.add(pointer, "must provide an array")
            return
        if len(value) > most:
            problems.add(pointer, f"no more than {most} items allowed")
        if len(value) < fewest:
            problems.add(pointer, f"no fewer than {fewest} items allowed")
        for index, item in enumerate(value):
            check_item(item, f"{pointer}/{index}", problems)

    return check


@dataclass(frozen=True, kw_only=True)
class Shape:
    """An object: its required and optional fields. A field in neither table is refused, as Slack does."""

    required: Mapping[str, Check] = field(default_factory=dict)
    optional: Mapping[str, Check] = field(default_factory=dict)
    one_of_fields: tuple[str, ...] = ()
    """At least one of these must be there."""

    def __call__(self, value: Any, pointer: str, problems: Problems) -> None:
        if not isinstance(value, dict):
            problems.add(pointer, "must provide an object")
            return
        for name in self.required:
            if value.get(name) is None:
                problems.add(pointer, f"missing required field: {name}")
        if self.one_of_fields and not any(value.get(name) for name in self.one_of_fields):
            problems.add(pointer, f"missing required field: {' or '.join(self.one_of_fields)}")
        for name, item in value.items():
            check = self.required.get(name) or self.optional.get(name)
            if check is None:
                if name != "type":
                    problems.add(pointer, f"invalid additional property: {name}")
            elif item is not None:
                check(item, f"{pointer}/{name}", problems)


def by_type(shapes: Mapping[str, Check]) -> Check:
    """Accept objects whose ``type`` is in the table and which pass that type's check."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if not isinstance(value, dict):
            problems.add(pointer, "must provide an object")
            return
        kind = value.get("type")
        if kind is None:
            problems.add(pointer, "missing required field: type")
        elif not isinstance(kind, str) or kind not in shapes:
            problems.add(f"{pointer}/type", f"unsupported type: {str(kind)[:80]}")
        else:
            shapes[kind](value, pointer, problems)

    return check
