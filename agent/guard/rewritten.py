"""Parts of tests that are told in other words: a pause that is a wait, a try that is an assertion."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.guard.case import Change
from agent.guard.lines import Statement

_PAUSE = re.compile(
    r"^(?:await\s+)?(?:time\.sleep|asyncio\.sleep|Thread\.sleep|time\.Sleep|sleep|usleep|(?:std::)?thread::sleep|cy\.wait"
    r"|page\.waitForTimeout|TimeUnit\.\w+\.sleep)\s*\(.*\)\s*;?$"
)
_WAITS = re.compile(
    r"\.(?:join|[wW]ait\w*|result|acquire|get|await\w*|drain)\s*\(|\bawait\s|^wait\w*\s*\(|<-\s*\w|\buntil\b|[eE]ventually\b"
)


def replaced_pauses(change: Change) -> set[int]:
    """Identities of old pauses of a fixed length where the test waits for what it needs instead."""
    old = [s for s in change.old_statements if s.changed and _PAUSE.match(s.code)]
    new = [s for s in change.new_statements if s.changed]
    if not old or any(_PAUSE.match(s.code) for s in new):
        return set()
    return {id(s) for s in old} if any(_WAITS.search(s.code) for s in new) else set()


_FAILS = re.compile(r"^(?:[\w.]+\.)?fail\s*\(.*\)\s*;?$")
_CATCHES = re.compile(
    r"^\}?\s*catch\s*\(\s*(?:final\s+)?(?P<java>[\w.]+)\s+\w+\s*\)|^\}?\s*catch\s*\(\s*\w+\s*:\s*(?P<kotlin>[\w.]+)\s*\)"
    r"|^except\s+(?P<python>[\w.]+)(?:\s+as\s+\w+)?\s*:"
)
_EXPECTS = re.compile(
    r"\b(?:assertThrows(?:Exactly)?|assertFailsWith|expectThrows|assertRaises|raises|isInstanceOf)\s*[(<]\s*(?P<error>[\w.]+?)"
    r"(?:\.class|::class)?\s*[,)>]"
)
_REACH = 10
"""Statements around the failing call among which its try and catch are looked for."""


def told_by_raising(change: Change) -> set[int]:
    """Identities of old calls of ``fail`` behind a call that must fail, where an assertion says so now.

    ``try { f(); fail(); } catch (E e) {}`` and ``assertThrows(E.class, () -> f())`` ask for the same.
    """
    side = change.old_statements
    calls = [at for at, s in enumerate(side) if s.changed and _FAILS.match(s.code)]
    return {
        id(side[at]) for at in calls if _is_told(_tried(side, at), _caught(side, at), change.new_statements)
    }


def _tried(side: Sequence[Statement], at: int) -> Statement | None:
    """The only statement in front of the failing call inside its try."""
    inside: list[Statement] = []
    for before in reversed(side[max(at - _REACH, 0) : at]):
        if re.match(r"try\b", before.code) and before.indent < side[at].indent:
            return inside[0] if len(inside) == 1 else None
        inside.append(before)
    return None


def _caught(side: Sequence[Statement], at: int) -> str:
    """The error that the test waits for; empty where it does more than that with it."""
    following = side[at + 1 : at + 3]
    match = _CATCHES.match(following[0].code) if following else None
    if match is None or (len(following) > 1 and following[1].code.strip(" }") not in {"", "pass"}):
        return ""
    return next(name for name in match.groups() if name)


def _is_told(tried: Statement | None, error: str, new: Sequence[Statement]) -> bool:
    call = "".join(tried.bare.rstrip("; ").split()) if tried else ""
    return any(
        match["error"] == error and call in "".join(text.split())
        for at, statement in enumerate(new)
        if call and error and statement.changed and (match := _EXPECTS.search(statement.code))
        for text in _with_inner(new, at)
    )


def _with_inner(side: Sequence[Statement], at: int) -> Iterator[str]:
    yield side[at].bare
    yield from (later.bare for later in side[at + 1 : at + 2] if later.indent > side[at].indent)
