"""Whether a workflow starts for a pull request of ours, as its ``on:`` says. Pure.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#on
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from providers.ci.github_yaml import load
from providers.ci.overrides import YamlProblemError

_OPENING: Final = {"opened", "synchronize"}
_PULLS: Final = ("pull_request", "pull_request_target")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a workflow's filters are asked about."""

    base: str
    branch: str
    paths: Sequence[str]


def starts(text: str, change: Change) -> bool:
    """Whether a workflow file starts for a branch that is pushed and its pull request; no for no workflow."""
    events = _events(text)
    pulls = (events[name] for name in _PULLS if name in events)
    if any(_for_pull(filters, change) for filters in pulls):
        return True
    push = events.get("push")
    return push is not None and _passes(push, "branches", change.branch) and _paths_pass(push, change.paths)


def listens(text: str) -> bool:
    """Whether a workflow file listens to pull requests or pushes at all."""
    return listens_to_pulls(text) or "push" in _events(text)


def listens_to_pulls(text: str) -> bool:
    """Whether it listens to some pull requests."""
    return any(name in _events(text) for name in _PULLS)


def _events(text: str) -> dict[str, Mapping[str, Any]]:
    try:
        loaded = load(text)
    except YamlProblemError:
        return {}
    wanted = loaded.get("on") if isinstance(loaded, dict) else None
    match wanted:
        case str():
            return {wanted: {}}
        case list():
            return {str(name): {} for name in wanted}
        case dict():
            return {str(name): rule if isinstance(rule, dict) else {} for name, rule in wanted.items()}
        case _:
            return {}


def _for_pull(filters: Mapping[str, Any], change: Change) -> bool:
    kinds = _texts(filters.get("types"))
    if kinds and not _OPENING & set(kinds):
        return False
    return _passes(filters, "branches", change.base) and _paths_pass(filters, change.paths)


def _passes(filters: Mapping[str, Any], key: str, name: str) -> bool:
    ignored = _texts(filters.get(f"{key}-ignore"))
    if ignored and _matches(ignored, name):
        return False
    # A push that only names tags does not start for branches.
    if key not in filters:
        return not ({"tags", "tags-ignore"} & set(filters) and f"{key}-ignore" not in filters)
    return _matches(_texts(filters.get(key)), name)


def _paths_pass(filters: Mapping[str, Any], paths: Sequence[str]) -> bool:
    ignored, wanted = _texts(filters.get("paths-ignore")), _texts(filters.get("paths"))
    if ignored and paths and all(_matches(ignored, path) for path in paths):
        return False
    return not wanted or any(_matches(wanted, path) for path in paths)


def _matches(patterns: Sequence[str], name: str) -> bool:
    """The last pattern that matches decides; ``!`` takes back."""
    found = False
    for pattern in patterns:
        if _glob(pattern.removeprefix("!")).fullmatch(name):
            found = not pattern.startswith("!")
    return found


def _glob(pattern: str) -> re.Pattern[str]:
    """Filter patterns: ``*`` stops at a slash, ``?`` and ``+`` count the character before them.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet
    """
    pieces = re.split(r"(\*\*/|\*\*|\*|\?|\+|\[[^\]]*\])", pattern)
    translated = "".join(
        _TRANSLATED.get(piece, piece if piece.startswith("[") else re.escape(piece)) for piece in pieces
    )
    try:
        return re.compile(translated)
    except re.error:
        return re.compile(re.escape(pattern))


_TRANSLATED: Final = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "?", "+": "+"}


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(entry) for entry in value] if isinstance(value, list) else []
