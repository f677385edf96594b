"""Tests that a patch turns into rows of data: nothing is lost where a row says what the test said."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from agent.guard.brackets import Words, enclosed, split
from agent.guard.case import Case, Change
from agent.guard.inventory import Definition, inventory
from agent.guard.lines import Statement, plain_words

_DECORATORS = 6
"""Statements in front of a test among which its rows are looked for."""
_LONGEST_BODY = 200
"""Statements of a test that are compared."""


def told_by_rows(case: Case, change: Change) -> dict[str, frozenset[int]]:
    """Old tests that are a row of another now, or of themselves, with the identities of their statements."""
    return case.once(("rows", change.path), lambda: _told(case, change))


def _told(case: Case, change: Change) -> dict[str, frozenset[int]]:
    if change.language not in {"python", "javascript"} or change.is_new or change.is_deleted:
        return {}
    tests = inventory(case)
    instances = {
        instance
        for test in tests.new.get(change.path, ())
        for row in _rows(change, test)
        if (instance := _instance(_body(change.new_statements, test.index), row))
    }
    told: dict[str, frozenset[int]] = {}
    for test in tests.old.get(change.path, ()) if instances else ():
        body = _body(change.old_statements, test.index)
        if body and tuple(statement.words for statement in body) in instances:
            told[test.name] = frozenset(id(statement) for statement in body)
    return told


def _instance(body: Sequence[Statement], row: dict[str, Words]) -> tuple[Words, ...]:
    """The test as it runs with that row."""
    return tuple(
        tuple(word for name in statement.words for word in row.get(name, (name,))) for statement in body
    )


def _body(side: Sequence[Statement], start: int) -> list[Statement]:
    body: list[Statement] = []
    for statement in side[start + 1 : start + 1 + _LONGEST_BODY]:
        if statement.indent <= side[start].indent or statement.lines[0].first:
            break
        body.append(statement)
    return body


def _rows(change: Change, test: Definition) -> Iterator[dict[str, Words]]:
    if change.language == "javascript":
        yield from _rows_of_each(test.statement.words)
        return
    side = change.new_statements
    above = [s for s in side[max(test.index - _DECORATORS, 0) : test.index] if "parametrize(" in s.code]
    if len(above) == 1 and above[0].changed:
        yield from _rows_of_pytest(above[0].bare)


def _rows_of_pytest(decorator: str) -> Iterator[dict[str, Words]]:
    try:
        tree = ast.parse(decorator.removeprefix("@"), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    match tree:
        case ast.Call(args=[names, ast.List(elts=rows) | ast.Tuple(elts=rows)]):
            parameters = _names(names)
        case _:
            return
    for row in rows:
        match row:
            case ast.Call(func=ast.Attribute(attr="param") | ast.Name(id="param"), args=values):
                pass
            case ast.Tuple(elts=values) | ast.List(elts=values) if len(parameters) > 1:
                pass
            case _:
                values = [row]
        if len(values) == len(parameters):
            yield {
                name: plain_words(ast.unparse(value)) for name, value in zip(parameters, values, strict=True)
            }


def _names(node: ast.expr) -> list[str]:
    match node:
        case ast.Constant(value=str(text)):
            return re.findall(r"\w+", text)
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return [
                one.value for one in elements if isinstance(one, ast.Constant) and isinstance(one.value, str)
            ]
    return []


def _rows_of_each(words: Words) -> Iterator[dict[str, Words]]:
    """``it.each([[0, 'none'], [1, 'one']])('says %s', (count, text) => {`` of Jest and Vitest."""
    start = next((at for at in range(len(words) - 1) if words[at : at + 2] == ("each", "(")), None)
    table = enclosed(words, start + 1) if start is not None else None
    if start is None or not table or table[0] != "[":
        return
    call = words[start + len(table) + 3 :]
    parameters = _parameters(call)
    for row in split(enclosed(table, 0) or (), ","):
        values = split(enclosed(row, 0) or (), ",") if row[:1] == ("[",) else [row]
        if len(values) == len(parameters):
            yield dict(zip(parameters, values, strict=True))


def _parameters(call: Words) -> list[str]:
    arrow = next((at for at in range(len(call) - 1) if call[at : at + 2] == ("=", ">")), 0)
    opening = next((at for at in range(arrow - 1, 0, -1) if call[at] == "("), 0)
    inside = enclosed(call, opening) if opening else None
    return [part[0] for part in split(inside or (), ",") if part]
