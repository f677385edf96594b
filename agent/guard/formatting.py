"""Settings that are only laid out otherwise: both sides of the file are read as the same data.

Order counts, as do duplicate keys: tools differ in which of two they obey.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable

import yaml

_DIRECTIVE = re.compile(
    r"(?i)\b(?:ya?mllint|prettier|taplo|tombi|dprint|spell-?checker|cspell|biome|eslint|ruff|checkov|kics|tfsec"
    r"|hadolint|nosec|nosemgrep|no(?:qa|lint)|trufflehog|gitleaks|codespell|yaml-language-server|pragma|fmt|frozen)\b"
    r"|:schema\b|\b(?:disable|ignore|skip)[\w-]*\b"
)
"""Comments that a tool obeys, or may obey."""


def same_values(path: str, old: str, new: str, comments: Iterable[str]) -> bool:
    """Only white space, line breaks, quotes and remarks differ between two texts of a settings file.

    ``comments`` are those of the changed lines: with one that a tool may obey, the two are not the same.
    """
    read = next((read for ending, read in _READERS if path.lower().endswith(ending)), None)
    if read is None or any(_DIRECTIVE.search(comment) for comment in comments):
        return False
    try:
        return bool(read(old) == read(new))
    except (ValueError, RecursionError, yaml.YAMLError):
        return False


def _json(text: str) -> object:
    # By their texts, so that 1 is neither 1.0 nor true; by pairs, so that order and duplicates count.
    return json.loads(
        text,
        object_pairs_hook=lambda pairs: ("{}", tuple(pairs)),
        parse_int=lambda number: ("number", number),
        parse_float=lambda number: ("number", number),
        parse_constant=lambda word: ("constant", word),
    )


def _toml(text: str) -> object:
    return _ordered(tomllib.loads(text))


def _ordered(value: object) -> object:
    """The value with the order of its keys, and its type beside it."""
    if isinstance(value, dict):
        return ("{}", tuple((key, _ordered(inner)) for key, inner in value.items()))
    if isinstance(value, list):
        return ("[]", tuple(_ordered(inner) for inner in value))
    return (type(value).__name__, repr(value))


_ALWAYS_TEXT = re.compile(r"[A-Za-z@./*][\w@./ *-]+")
"""Plain words that no version of YAML reads as anything but a text, unless they are reserved."""


def _yaml(text: str) -> object:
    """What a parser meets, in order. Aliases are not followed, so that no file grows when it is read."""
    return [_event(event) for event in yaml.parse(text, Loader=yaml.SafeLoader)]


def _event(event: yaml.Event) -> tuple[object, ...]:
    kind = type(event).__name__
    if isinstance(event, yaml.ScalarEvent):
        return (kind, event.anchor, _tag(event), event.value)
    return (kind, *(getattr(event, name, None) for name in ("anchor", "tag", "explicit", "version", "tags")))


_RESOLVER = yaml.SafeLoader("")


def _tag(event: yaml.ScalarEvent) -> str:
    if event.tag is not None:
        return str(event.tag)
    tag = str(_RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit))  # type: ignore[no-untyped-call]
    if event.implicit[0] and tag.endswith(":str") and not _ALWAYS_TEXT.fullmatch(event.value):
        return "plain"
    return tag


_READERS: tuple[tuple[str | tuple[str, ...], Callable[[str], object]], ...] = (
    ((".json", "rc"), _json),
    (".toml", _toml),
    ((".yml", ".yaml"), _yaml),
)
