"""Texts written in pieces, and environments asked by another name: both hide what a line asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable

from agent.guard.case import Change
from agent.guard.lines import Statement

_TEXT = re.compile(r"\"((?>[^\"\\]|\\.)*+)\"|'((?>[^'\\]|\\.)*+)'|`((?>[^`\\]|\\.)*+)`")
# What may stand between two pieces of one text: nothing, or the sign that puts them together.
_SEAM = re.compile(r"\s*(?:\+|\.\.|<>|\.)?\s*")
_LISTED = re.compile(r"\s*,\s*")
_PUT_TOGETHER = re.compile(r"\bjoin\b|\bconcat\b")


_REVERSED = re.compile(
    r"\"([^\"]{1,60})\"\s*(?:\[::-1\]|\.split\(\s*\"\"\s*\)\.reverse\(\)\.join\(\s*\"\"\s*\))"
)
_FILLED = re.compile(
    r"\"([^\"]{0,60}?)(?:%s|\{\})([^\"]{0,60})\"\s*(?:%\s*\(?|\.format\(\s*)\"([^\"]{1,60})\""
)


def joined(code: str) -> str:
    """The code with texts in one piece: ``"GITHUB_" "ACTIONS"``, ``"org.ju" + "nit"``, ``"".join([…])``."""
    is_list = bool(_PUT_TOGETHER.search(code))
    parts: list[str] = []
    at = 0
    for match in _TEXT.finditer(code):
        between = code[at : match.start()]
        inside = next((group for group in match.groups() if group is not None), "")
        follows = parts and (_SEAM.fullmatch(between) or (is_list and _LISTED.fullmatch(between)))
        if follows:
            parts[-1] = parts[-1][:-1] + inside + '"'
        else:
            parts += [between, f'"{inside}"']
        at = match.end()
    whole = "".join(parts) + code[at:]
    whole = _FILLED.sub(lambda match: f'"{match[1]}{match[3]}{match[2]}"', whole)
    return _REVERSED.sub(lambda match: f'"{match[1][::-1]}"', whole)


_ALIAS = re.compile(
    r"\bimport\s+(?:\w+\s*,\s*){0,8}(?P<what>getenv|environ)\s+as\s+(?P<name>\w+)"
    r"|^(?:(?:const|let|var)\s+)?(?P<bound>\w+)\s*:?=\s*(?:os\.)?(?P<source>process\.env|os\.environ(?:\.get)?|os\.getenv"
    r"|os\.Getenv|os\.LookupEnv|environ|getenv)\s*;?$"
    r"|\{\s*env\s*:\s*(?P<taken>\w+)\s*\}\s*=\s*(?:process\b|require\()|\bimport\s*\{\s*env\s+as\s+(?P<imported>\w+)\s*\}"
)


def aliases(side: Iterable[Statement]) -> dict[str, str]:
    """Other names for the environment, with the one that everybody knows."""
    found: dict[str, str] = {}
    for statement in side:
        match = _ALIAS.search(statement.code)
        if match:
            name = match["name"] or match["bound"] or match["taken"] or match["imported"]
            found[name] = match["what"] or match["source"] or "process.env"
    return found


_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")


def plainly(change: Change) -> Iterable[tuple[Statement, str]]:
    """The changed statements that say more in plain words than as they are written, with those words."""
    known = aliases(change.new_statements)
    for statement in change.new_statements:
        if not statement.changed:
            continue
        text = joined(statement.bare)
        if known:
            text = _NAME.sub(lambda match: known.get(match[0], match[0]), text)
        if _unspaced(text) != _unspaced(statement.bare):
            yield statement, text


def _unspaced(text: str) -> str:
    return "".join(text.split()).replace("'", '"').replace("`", '"')
