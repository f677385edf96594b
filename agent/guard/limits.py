"""Limits that only get stricter: lines that differ in nothing but a number, which asks for more now."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from agent.guard.case import Change
from agent.guard.lines import Line

_FLOORS = re.compile(
    r"(?i)(?:cov-)?fail[-_]under|min(?:imum)?(?:[-_]?(?:coverage|score|msi|covered-msi))?|lines|branches|functions"
    r"|statements|mutationthreshold|coveragethreshold"
)
_CEILINGS = re.compile(
    r"(?i)max[-_]?(?:allowed[-_]?)?(?:warnings|errors|problems|violations|complexity|line[-_]length|len|lines|args|params"
    r"|statements|branches|returns|locals|attributes|depth|nested[-_]\w+|retries)|(?:\w+-)?complexity|line[-_]length"
    r"|maximum"
)
_MAY_BE_NONE = re.compile(
    r"(?i)max[-_]?(?:allowed[-_]?)?(?:warnings|errors|problems|violations|retries)|maximum"
)
"""Ceilings of which zero is the strictest, and does not mean that there is none."""
# ``minimum = 0.8``, ``<minimum>0.8``, ``"lines": 80``, ``--max-warnings 10``
_LIMIT = re.compile(
    r"(?<![\w.-])(?:--)?(?P<key>[A-Za-z][\w-]*)(?P<sign>[\"']?\s*[:=>]\s*[\"']?|\s+)(?P<value>\d+(?:\.\d+)?)(?![\w.])"
)


def stricter_lines(change: Change) -> set[int]:
    """The ``id`` of each changed line, of either side, that has a twin with limits at least as strict."""
    pairs = defaultdict(list)
    for line in change.removed:
        pairs[_masked(line)].append(line)
    found: set[int] = set()
    for line in change.added:
        twins = pairs.get(_masked(line))
        if twins and _is_stricter(old := twins.pop(0), line):
            found |= {id(old), id(line)}
    return found


def only_stricter(change: Change) -> bool:
    """Nothing else changes in the file."""
    told = stricter_lines(change)
    lines = [line for line in (*change.added, *change.removed) if line.text.strip()]
    return bool(lines) and all(id(line) in told for line in lines)


def _masked(line: Line) -> str:
    return "".join(_LIMIT.sub(lambda match: f"{match['key']}{match['sign']}\0", line.text).split())


def _is_stricter(old: Line, new: Line) -> bool:
    before, after = (list(_LIMIT.finditer(line.text)) for line in (old, new))
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a["value"] != b["value"]]
    return bool(changed) and _all_stricter(changed)


def _all_stricter(pairs: Iterable[tuple[re.Match[str], re.Match[str]]]) -> bool:
    for old, new in pairs:
        key, before, after = old["key"], float(old["value"]), float(new["value"])
        higher = _FLOORS.fullmatch(key) and after >= before
        lower = _CEILINGS.fullmatch(key) and after <= before and (after > 0 or _MAY_BE_NONE.fullmatch(key))
        if not (higher or lower):
            return False
    return True
