"""Python tests that ask for one more fixture of pytest, which only prepares the ground for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from agent.guard.case import Case, Change
from agent.guard.inventory import Definition
from agent.guard.lines import Statement, cut, statements
from agent.guard.standins import is_stand_in

_OF_PYTEST = frozenset(
    ("tmp_path", "tmp_path_factory", "tmpdir", "monkeypatch", "capsys", "capfd", "caplog", "recwarn")
)
_HEAD = re.compile(r"^(?P<kind>(?:async\s+)?def)\s+(?P<name>\w+)\s*\((?P<parameters>[^()]*)\)\s*(?:->.*)?:$")
_PARAMETER = re.compile(r"\s*(?P<name>[a-z_]\w*)\s*(?::\s*[\w.| ]+(?:\[[\w.| ]*\])?\s*)?")
_FIXTURE = re.compile(r"^@pytest\.fixture(?:\(\s*(?:scope\s*=\s*[\"']\w+[\"'])?\s*\))?$")
_OUTCOMES = re.compile(
    r"\b(?:skip\w*|xfail|importorskip|exit|_exit|abort|kill|\w+_marker|applymarker|request|exec|eval|compile|modules"
    r"|globals|locals|vars|\w*setattr\w*|\w*delattr\w*|setitem|delitem|\w*[Pp]atch(?:er)?|\w*[Mm]ock\w*|syspath_prepend"
    r"|lambda|class|except|suppress|raises|\w*warnings?\w*|atexit|write\w*|open|copy\w*|touch|dump\w*|import_module"
    r"|import|reload|__\w+__)\b"
)
"""What decides how a test ends, what it runs, or what it finds, rather than where it runs."""
_SETS = re.compile(r"^(?!os\.environ\[)[\w.]+(?:\.\w+|\[[^=]*\])\s*(?:[-+*/|&]|//|\*\*)?=(?!=)")


def only_asks_for_fixtures(case: Case, change: Change, before: Definition, after: Definition) -> bool:
    """The test has more parameters and is otherwise as it was.

    What it has more are fixtures of pytest, or such as the patch or the repository show to do no more than
    set up; the test makes no use of them, so none takes the place of something that it called by that name.
    """
    if change.language != "python":
        return False
    heads = [_HEAD.match(test.statement.bare) for test in (before, after)]
    if heads[0] is None or heads[1] is None or heads[0]["kind"] != heads[1]["kind"]:
        return False
    had, has = (_parameters(head["parameters"]) for head in heads if head)
    if had is None or has is None or not had < has:
        return False
    body = _body(change.new_statements, after.index)
    if [s.bare for s in body] != [s.bare for s in _body(change.old_statements, before.index)]:
        return False
    used = {word for statement in body for word in statement.words}
    return all(name not in used and _prepares(case, change, name) for name in has - had)


def _parameters(text: str) -> set[str] | None:
    """Their names; ``None`` where one has a default or is not plain."""
    matches = [_PARAMETER.fullmatch(part) for part in text.split(",") if part.strip()]
    names = {match["name"] for match in matches if match}
    return names if all(matches) and len(names) == len(matches) else None


def _body(side: Sequence[Statement], start: int) -> list[Statement]:
    body: list[Statement] = []
    for statement in side[start + 1 :]:
        if statement.indent <= side[start].indent or statement.lines[0].first:
            break
        body.append(statement)
    return body


def _prepares(case: Case, change: Change, name: str) -> bool:
    if name in _OF_PYTEST:
        return True
    for side in _where_fixtures_are(case, change):
        starts = [at for at, s in enumerate(side) if (head := _HEAD.match(s.bare)) and head["name"] == name]
        if starts:
            return len(starts) == 1 and _is_harmless(side, starts[0])
    return False


def _where_fixtures_are(case: Case, change: Change) -> Iterator[Sequence[Statement]]:
    """The file itself, then each ``conftest.py`` from its folder up, as pytest looks for them."""
    yield change.new_statements
    for folder in PurePosixPath(change.path).parents:
        path = str(folder / "conftest.py")
        touched = next((one for one in case.changes if path in {one.diff.old_path, one.diff.new_path}), None)
        if touched is not None:
            yield touched.new_statements
        elif (text := case.reads(path)) is not None:
            rows = ((number, line, False) for number, line in enumerate(text.split("\n"), 1))
            yield tuple(statements(cut(rows, "python", first=False), braces=False))


def _is_harmless(side: Sequence[Statement], at: int) -> bool:
    head, decorator = _HEAD.match(side[at].bare), side[at - 1] if at else None
    if head is None or decorator is None or not _FIXTURE.match(decorator.bare) or side[at].lines[0].first:
        return False
    if at > 1 and side[at - 2].bare.startswith("@"):
        return False
    asked = _parameters(head["parameters"])
    return (
        asked is not None
        and asked <= _OF_PYTEST
        and not any(
            _OUTCOMES.search(s.code.replace("monkeypatch.", "")) or _SETS.match(s.code) or is_stand_in(s.code)
            for s in _body(side, at)
        )
    )
