"""What to scan for so that each rule is tried where it may hold, worked out once and kept beside the rules.

Taking six hundred patterns apart costs a tenth of a second, which is a third of what reading one log takes.
So the answer is committed, with a digest of the patterns that it belongs to; where it is not of these
patterns it is worked out again, so that a rule that was edited is never missed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from importlib.resources import files

from agent.distil.needles import needles

TELLING = 3
"""Least length in bytes of a literal worth scanning for."""
TABLE = "needles.json"


def keys_of(patterns: Sequence[str]) -> list[list[str]]:
    """For each pattern the regular expressions to scan for, of which one holds wherever the pattern does.

    They are the pattern's literals, or the pattern itself where those are too short to tell anything.
    """
    return [
        [re.escape(literal) for literal in found] or [pattern]
        for pattern, found in zip(patterns, literals_of(patterns), strict=True)
    ]


def literals_of(patterns: Sequence[str]) -> list[list[str]]:
    """For each pattern its literals, in lower case; none where they are too short to tell anything."""
    kept = json.loads(files("agent.distil.rules").joinpath(TABLE).read_bytes())
    if kept["patterns"] == _digest(patterns):
        return [list(found) for found in kept["literals"]]
    return [_literals(pattern) for pattern in patterns]


def table_of(patterns: Sequence[str]) -> str:
    """The text of the kept table, a pattern a line. A test compares and, when asked, renews it."""
    literals = ",\n".join(json.dumps(_literals(pattern), ensure_ascii=False) for pattern in patterns)
    return f'{{"patterns": "{_digest(patterns)}", "literals": [\n{literals}\n]}}\n'


def _digest(patterns: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(patterns).encode()).hexdigest()


def _literals(pattern: str) -> list[str]:
    found = needles(pattern)
    return sorted(found) if all(len(literal.encode()) >= TELLING for literal in found) else []
