"""Fixed answers for errors of code that stood: in a ``catch`` of a promise, behind ``??``, in a wrapper."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from agent.guard.case import Change
from agent.guard.lines import Statement, squeezed
from agent.guard.swallowing import EMPTY_CATCH

Found = tuple[int, str]
"""Line and reason."""


def given(change: Change) -> Iterator[Found]:
    """Where an error of code that stood gives an answer that is written down."""
    if change.is_test:
        return
    if change.language == "javascript":
        yield from _caught(change)
        yield from _optional(change)
    yield from _wrapped(change)


_CATCH = re.compile(
    r"^(?P<tried>.{0,400}?)\.catch\s*\(\s*(?:async\s+)?(?:\(\s*(?P<error>\w*)[^()]*\)|(?P<bare>\w+))\s*=>\s*"
    r"(?P<answer>\(\s*\{|\[|[\"'`\d]|(?:true|false)\b|new\s|\{\s*return\s*(?:\(?\s*[{\[\"'`\d]|true\b|false\b))(?P<rest>.*)$"
)
_MULTILINE_CATCH = re.compile(
    r"^(?P<tried>.{0,400}?)\.catch\s*\(\s*(?:async\s+)?(?:\(\s*(?P<error>\w*)[^()]*\)|(?P<bare>\w+))\s*=>\s*\{$"
)
_RETURNS_LITERAL = re.compile(r"^return\s*\(?\s*(?:[{\[\"'`\d]|true\b|false\b)")


def _caught(change: Change) -> Iterator[Found]:
    """``fetch(url).catch(() => ({ ok: true }))`` where ``fetch(url)`` stood."""
    old = "\n".join(squeezed(statement.bare) for statement in change.old_statements)
    side = change.new_statements
    for at, statement in enumerate(side):
        # One that drops the error altogether is told of as that.
        if not statement.changed or EMPTY_CATCH.search(statement.code):
            continue
        match = _CATCH.match(statement.bare)
        if match is not None:
            answer = match["answer"] + match["rest"]
        else:
            match = _MULTILINE_CATCH.match(statement.bare)
            following = side[at + 1].bare if at + 1 < len(side) else ""
            if match is None or not _RETURNS_LITERAL.match(following):
                continue
            answer = following
        error = match["error"] or match["bare"]
        keeps = error and re.search(rf"\b{error}\b", answer)
        # On a line of its own it belongs to what stands above.
        tried = squeezed(match["tried"] or (side[at - 1].bare if at else "")).rstrip(";")
        if not keeps and tried and tried in old and squeezed(statement.bare) not in old:
            yield statement.number, f"an error gives a fixed answer: {statement.bare[:80]}"


_FALLBACK = re.compile(
    r"^(?P<tried>.{0,300}\?\.\s*\(.{0,200}?)\s*(?:\?\?|\|\|)\s*(?:\{\s*\w|\[\s*[\w\"'{]|[\"'`](?![\"'`])|[1-9]|0[\w.])"
)


def _optional(change: Change) -> Iterator[Found]:
    """``res?.json?.() ?? { id: 7 }`` where ``res.json()`` stood."""
    old = "\n".join(squeezed(statement.bare) for statement in change.old_statements if statement.changed)
    for statement in change.new_statements:
        match = _FALLBACK.match(statement.bare) if statement.changed else None
        if match is None:
            continue
        called = squeezed(match["tried"]).replace("?.(", "(").replace("?.[", "[").replace("?.", ".")
        if called in old:
            yield statement.number, f"what can't be called gives a fixed answer: {statement.bare[:80]}"


_BROAD = re.compile(
    r"^(?:except(?:\s(?=[^:]*\b(?:Base)?Exception\b)[^:]*+|\s*):$|\}?\s*catch\s*(?:\(\s*\w+\s*\))?\s*\{$)"
)
_CALLS_GIVEN = re.compile(
    r"\b(?P<function>[A-Za-z_]\w*)\s*\(\s*(?:\*\w+|\*\*\w+|\.\.\.\w+)|\b(?P<applied>[A-Za-z_]\w*)\.(?:apply|call)\s*\(\s*this\b"
)
_CALLS = re.compile(r"(?:\breturn|=)\s*(?:await\s+)?(?P<function>[A-Za-z_]\w*)\s*\(")
_LITERAL = (
    r"(?:-?\d[\w.]*|\"[^\"]*\"|'[^']*'|True|False|true|false|None|null|undefined"
    r"|\[[^\[\]]*\]|\{[^{}]*\}|\([^()]*\))"
)
_GIVES = re.compile(rf"^return\s+{_LITERAL}\s*;?$")
_DEFINES = re.compile(
    r"^(?:export\s+)?(?:(?:async\s+)?def|(?:async\s+)?function|const|let)\s+(?P<name>\w+)\b(?P<parameters>.*)$"
)
_MOST_WRAPPERS = 20
"""New wrappers whose use is looked for."""
_LONGEST_TRY = 10
"""Statements in front of a handler among which its ``try`` is looked for."""


def _wrapped(change: Change) -> Iterator[Found]:
    """A new wrapper answers for any error of what it is given, and a function that stood is given to it."""
    side = change.new_statements
    for number, name in islice(_wrappers(side), _MOST_WRAPPERS):
        if _is_put_on(side, name):
            yield number, f"any error of what {name} is given becomes a fixed answer"


def _wrappers(side: Sequence[Statement]) -> Iterator[tuple[int, str]]:
    for at, statement in enumerate(side[:-1]):
        is_handler = statement.changed and _BROAD.match(statement.code)
        if not is_handler or not _GIVES.match(side[at + 1].bare):
            continue
        tried = [one for one in side[max(at - _LONGEST_TRY, 0) : at] if one.indent > statement.indent]
        called = next((match for one in tried if (match := _CALLS_GIVEN.search(one.code))), None)
        given = next((match for one in tried if (match := _CALLS.search(one.code))), None)
        if called is not None:
            name = _wrapper_of(side, at, called["function"] or called["applied"])
        else:
            name = _wrapper_of(side, at, given["function"], within=1) if given else ""
        if name:
            yield statement.number, name


def _wrapper_of(side: Sequence[Statement], at: int, function: str, *, within: int = 0) -> str:
    """The function around the handler, and around ``within`` more, that has ``function`` for a parameter."""
    indent = side[at].indent
    for before in side[at::-1]:
        if before.indent >= indent:
            continue
        indent = before.indent
        match = _DEFINES.match(before.code)
        if match and re.search(rf"\b{function}\b", match["parameters"]):
            return match["name"] if within <= 0 else ""
        within -= match is not None
        if not indent or before.lines[0].first:
            break
    return ""


def _is_put_on(side: Sequence[Statement], name: str) -> bool:
    """As a decorator of a function that stood, or called with one."""
    decorates = re.compile(rf"^@(?:\w+\.)*{name}\b")
    calls = re.compile(rf"(?:=|\breturn|\bexport\s+default)\s*{name}\s*\(")
    for at, statement in enumerate(side):
        if not statement.changed:
            continue
        if calls.search(statement.code):
            return True
        following = next((one for one in side[at + 1 : at + 4] if not one.code.startswith("@")), None)
        if decorates.match(statement.code) and following is not None and not following.changed:
            return True
    return False
