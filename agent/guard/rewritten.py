"""Parts of tests that are told in other words: a pause that is a wait, a try that is an assertion."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

from agent.guard.case import Change
from agent.guard.lines import Statement

_PAUSE = re.compile(
    r"^(?:await\s+)?(?:time\.sleep|asyncio\.sleep|Thread\.sleep|time\.Sleep|sleep|usleep|(?:std::)?thread::sleep|cy\.wait"
    r"|page\.waitForTimeout|TimeUnit\.\w+\.sleep)\s*\([^;]*\)\s*;?$"
)
_WAITS = re.compile(
    r"\.(?:join|[wW]ait\w*|result|acquire|await\w*|drain)\s*\(|\.get\s*\(\s*(?:\)|[^()]{0,80}\btimeout\b)"
    r"|\bawait\s|^wait\w*\s*\(|<-\s*\w|\buntil\b|[eE]ventually\b"
)


def replaced_pauses(change: Change) -> set[int]:
    """Identities of old pauses of a fixed length where the same function waits for what it needs instead."""
    old = [at for at, s in enumerate(change.old_statements) if s.changed and _PAUSE.match(s.code)]
    if not old or any(s.changed and _PAUSE.match(s.code) for s in change.new_statements):
        return set()
    waits = {
        _function(change.new_statements, at)
        for at, s in enumerate(change.new_statements)
        if s.changed and _WAITS.search(s.code)
    }
    side = change.old_statements
    return {id(side[at]) for at in old if waits and _function(side, at) in waits}


_PART = re.compile(
    r"^\}?\s*(?:async\s+)?(?:if|elif|else|for|while|with|try|except|finally|catch|switch|do|loop|unless|begin)\b"
)
_NAMED = re.compile(
    r"^(?:async\s+)?def\s+(?P<python>\w+)|\bclass\s+(?P<class>\w+)"
    r"|\b(?P<method>\w+)\s*\([^()]*\)\s*(?:throws\s[\w., ]*)?\{$"
)
Home = tuple[tuple[str, ...], ...]


def _home(side: Sequence[Statement], at: int, *, parts: bool = True) -> Home:
    """What the statement stands inside, from near to far; ``parts`` are branches and loops of a function."""
    found: list[tuple[str, ...]] = []
    indent = side[at].indent
    for before in side[at::-1]:
        if before.indent < indent:
            indent = before.indent
            if parts or not _PART.match(before.code):
                found.append(_name(before))
        if indent == 0:
            break
        if before.lines[0].first:
            # What is around is out of sight, and two fragments are no one place.
            return (*found, before.words) if not found else tuple(found)
    return tuple(found)


def _function(side: Sequence[Statement], at: int) -> Home:
    return _home(side, at, parts=False)


def _name(head: Statement) -> tuple[str, ...]:
    """A function's or a class's own name, so that its other words may change; of all else, all words."""
    match = None if _PART.match(head.code) or "=>" in head.code else _NAMED.search(head.code)
    return tuple(name for name in match.groups() if name) if match else head.words


_FAILS = re.compile(r"^(?:[\w.]+\.)?fail\s*\(.*\)\s*;?$")
_CATCHES = re.compile(
    r"^\}?\s*catch\s*\(\s*(?:final\s+)?(?P<java>[\w.]+)\s+\w+\s*\)|^\}?\s*catch\s*\(\s*\w+\s*:\s*(?P<kotlin>[\w.]+)\s*\)"
    r"|^except\s+(?P<python>[\w.]+)(?:\s+as\s+\w+)?\s*:"
)
_EXPECTS = re.compile(
    r"\b(?:assertThrows\w*|assertFailsWith|expectThrows|assertRaises|raises|assertThatThrownBy)\b"
)
_JUMPS = re.compile(r"\b(?:return|raise|throw|break|continue|exit|skip\w*)\b")
_REACH = 5
"""Statements behind an assertion that may be links of its chain."""


def told_by_raising(change: Change) -> set[int]:
    """Identities of old calls of ``fail`` behind a call that must fail, where an assertion says so now.

    ``try { f(); fail(); } catch (E e) {}`` and ``assertThrows(E.class, () -> f())`` ask for the same. One
    assertion speaks for one of them, and stands where the try stood.
    """
    side, new = change.old_statements, change.new_statements
    free = [
        (at, (s.indent, _home(new, at)), _whole(new, at))
        for at, s in enumerate(new)
        if s.changed and _EXPECTS.search(s.code)
    ]
    told: set[int] = set()
    for at, statement in enumerate(side):
        if not free or not (statement.changed and _FAILS.match(statement.code)):
            continue
        start, error = _tried(side, at), _caught(side, at)
        if start is None or not error:
            continue
        call, home = _squeezed(side[start + 1]), (side[start].indent, _home(side, start))
        for one in free:
            where, around, text = one
            if around == home and _asks(call, error, text) and not _is_passed_by(new, where):
                told.add(id(statement))
                free.remove(one)
                break
    return told


def _tried(side: Sequence[Statement], at: int) -> int | None:
    """The try around the failing call, where one statement stands between them."""
    start = at - 2
    if start < 0 or side[start + 1].indent != side[at].indent:
        return None
    is_try = re.match(r"try\b", side[start].code) and side[start].indent < side[at].indent
    return start if is_try else None


def _caught(side: Sequence[Statement], at: int) -> str:
    """The error that the test waits for; empty where it does more than that with it."""
    following = side[at + 1 : at + 3]
    match = _CATCHES.match(following[0].code) if following else None
    if match is None or (len(following) > 1 and following[1].code.strip(" }") not in {"", "pass"}):
        return ""
    return next(name for name in match.groups() if name)


def _squeezed(statement: Statement) -> str:
    return "".join(statement.bare.rstrip("; ").split())


def _whole(side: Sequence[Statement], at: int) -> str:
    """The assertion with the one statement inside it; empty where there are more."""
    chain = takewhile(lambda later: later.code.startswith("."), side[at + 1 : at + _REACH])
    text = _squeezed(side[at]) + "".join(map(_squeezed, chain))
    if not text.endswith(("{", ":")):
        return text
    inner, end = (*side[at + 1 : at + 3], None, None)[:2]
    if inner is None or inner.indent <= side[at].indent or (end and end.indent > side[at].indent):
        return ""
    return text + _squeezed(inner) + (_squeezed(end) if end and text.endswith("{") else "")


_TEXT = r"(?:re\.escape\()?[rf]?(?:\"[^\"]*\"|'[^']*')\)?"


def _asks(call: str, error: str, text: str) -> bool:
    """The text is an assertion that this call, and nothing else, fails with this error."""
    call, error = re.escape(call), re.escape(error)
    block = rf"(?:{call}|\{{{call};?\}})"
    given = r"(?:[\w.]+=)?(?:\w+\.)*"
    forms = (
        rf"with(?:\w+\.)*(?:assertRaises|raises)\({error}(?:,match={_TEXT})?\)(?:as\w+)?:{call}",
        rf"{given}(?:assertThrows(?:Exactly)?|expectThrows)\({error}\.class,\(\)->{block}(?:,\"[^\"]*\")?\)",
        rf"{given}(?:assertThrows|assertFailsWith)(?:<{error}>|\({error}::class(?:\.java)?\))(?:\(\))?\{{{call}\}}",
        rf"(?:\w+\.)*assertThatThrownBy\(\(\)->{block}\)\.isInstanceOf\({error}\.class\).*",
    )
    return any(re.fullmatch(form, text) for form in forms)


def _is_passed_by(side: Sequence[Statement], at: int) -> bool:
    """Something new in front of it, inside the same block, leaves the function."""
    for before in reversed(side[:at]):
        if before.indent < side[at].indent or before.lines[0].first:
            return False
        if before.changed and _JUMPS.search(before.code):
            return True
    return False
