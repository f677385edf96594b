"""Errors that a test in JavaScript handed to its runner, and no longer does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.guard.case import Change, Remark
from agent.guard.lines import Statement

_HANDS_ON = re.compile(
    r"(?<![\w.])(?P<how>done|next|callback|cb)\(\s*(?P<error>e|er|err|error|\w+Err(?:or)?)\s*\)"
)
_ENDS = re.compile(r"(?<![\w.])(?:done|next|callback|cb)\(\s*(?:null|undefined)?\s*\)")


def dropped(change: Change) -> Iterator[Remark]:
    """``done(err)`` becomes ``done()``, and nothing else looks at the error."""
    if change.language != "javascript":
        return
    old, new = ([s for s in side if s.changed] for side in (change.old_statements, change.new_statements))
    gone = [match for s in old if (match := _HANDS_ON.search(s.code))]
    come = sum(bool(_HANDS_ON.search(s.code)) for s in new)
    ends = [s for s in new if _ENDS.search(s.code)]
    if len(gone) > come and ends and not _is_looked_at(gone[0]["error"], new):
        yield Remark(change.path, ends[0].number, f"an error is dropped: {ends[0].bare[:80]}")


def _is_looked_at(error: str, new: Sequence[Statement]) -> bool:
    word = re.compile(rf"(?<![\w.]){re.escape(error)}\b")
    return any(
        re.search(r"(?i)assert|expect|should|throw|^if\b", s.code) and word.search(s.code) for s in new
    )
