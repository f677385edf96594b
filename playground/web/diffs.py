"""A unified diff as files and numbered lines, for the page to draw."""

from __future__ import annotations

import re
from typing import Any

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)")
_MOST_LINES = 3_000


def files(diff: str) -> list[dict[str, Any]]:
    """Each changed file with its lines, each ``[kind, old number, new number, text]``.

    The kind is ``+``, ``-``, a space, or ``@`` for the head of a hunk.
    """
    found: list[dict[str, Any]] = []
    old = new = 0
    in_hunk = False
    for line in diff.splitlines()[:_MOST_LINES]:
        if line.startswith("diff --git "):
            found.append(
                {"path": line.rpartition(" b/")[2], "note": "", "added": 0, "removed": 0, "lines": []}
            )
            in_hunk = False
            continue
        if not found:
            continue
        file = found[-1]
        hunk = _HUNK.match(line)
        if hunk:
            old, new, in_hunk = int(hunk[1]), int(hunk[2]), True
            file["lines"].append(["@", None, None, line])
        elif not in_hunk:
            file["note"] = _note(line) or file["note"]
        elif line.startswith("+"):
            file["lines"].append(["+", None, new, line[1:]])
            file["added"] += 1
            new += 1
        elif line.startswith("-"):
            file["lines"].append(["-", old, None, line[1:]])
            file["removed"] += 1
            old += 1
        elif line.startswith(" "):
            file["lines"].append([" ", old, new, line[1:]])
            old, new = old + 1, new + 1
    return found


def _note(line: str) -> str:
    for start, note in (
        ("new file", "new file"),
        ("deleted file", "deleted"),
        ("rename from ", "renamed"),
        ("old mode", "mode changed"),
        ("Binary files", "binary"),
    ):
        if line.startswith(start):
            return note
    return ""
