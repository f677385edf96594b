"""The change of ``.pre-commit-config.yaml`` that keeps the checks: newer releases of its hooks."""

from __future__ import annotations

import re

from agent.guard.case import Change
from agent.guard.lines import Line

_FILE = re.compile(r"(?:^|/)\.pre-commit-config\.ya?ml$")
_REV = re.compile(r"^(?P<before>\s*(?:-\s+)?)rev:\s*(?P<quote>[\"']?)(?P<rev>[\w.+-]+)(?P=quote)\s*$")
# A release: at least two numbers, for "v4" may be a branch that moves.
_RELEASE = re.compile(r"(?P<name>(?:[A-Za-z][A-Za-z_-]*?[-_]?)?v?)(?P<numbers>\d{1,9}(?:\.\d{1,9}){1,3})")
_REPO = re.compile(r"^\s*(?:-\s+)?repo:\s*\S")


def only_newer_hooks(change: Change) -> bool:
    """Every changed line names a newer release of the same repository, and nothing else differs."""
    if not _FILE.search(change.path.lower()) or change.diff.old_path != change.diff.new_path:
        return False
    if len(change.before) != len(change.after) or not change.added:
        return False
    pairs = [(old, new) for old, new in zip(change.before, change.after, strict=True) if old.text != new.text]
    return bool(pairs) and all(_is_newer(old, new) for old, new in pairs) and _are_entries(change)


def _is_newer(old: Line, new: Line) -> bool:
    before, after = _REV.match(old.text), _REV.match(new.text)
    if before is None or after is None or before["before"] != after["before"]:
        return False
    was, now = _RELEASE.fullmatch(before["rev"]), _RELEASE.fullmatch(after["rev"])
    if was is None or now is None or was["name"] != now["name"]:
        return False
    numbers = [tuple(map(int, match["numbers"].split("."))) for match in (was, now)]
    return len(numbers[0]) <= len(numbers[1]) and numbers[0] < numbers[1]


def _are_entries(change: Change) -> bool:
    """The lines stand directly beside the name of their repository, not inside a text of several lines."""
    side = change.after
    return all(
        any(_REPO.match(near.text) for near in side[max(at - 1, 0) : at + 2])
        for at, line in enumerate(side)
        if line.changed
    )
