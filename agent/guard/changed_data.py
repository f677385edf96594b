"""Data of existing tests that is changed by a statement below it, not where it is written down."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.guard.case import Case, Change, Remark
from agent.guard.inventory import inventory
from agent.guard.lines import Statement

_NAME = r"[A-Za-z_$][\w$]*"
_DATA = re.compile(
    rf"^(?:export\s+)?(?:(?:const|let|var|(?:private\s+)?static(?:\s+final)?\s+[\w<>\[\], ]+)\s+)?"
    rf"(?P<name>{_NAME})\s*(?::[^=]+)?:?="
    r"\s*(?:[\[{(](?!\s*[\]})])|\[\]\w|map\[|(?:List|Map|Set)\.of\(\w|Arrays\.asList\(\w)"
)
"""What is empty at first collects something, and is emptied again between tests."""
# Fewer rows, or others.
_TAKES = re.compile(
    rf"^(?:del\s+(?P<deleted>{_NAME})\s*\[|(?P<called>{_NAME})\s*(?:\[[^\]]*\]\s*)*\."
    r"(?:pop|popitem|remove|clear|shift|splice|fill|pop_back|removeIf|delete|discard)\s*\()"
)
_SETS = re.compile(rf"^(?P<owner>{_NAME})\s*(?:(?:\[[^\]]*\]\s*|\.\w+\s*){{1,8}})(?:[-+*/|&]|//|\*\*)?=(?!=)")
# ``rows = rows[:1]``, ``rows = [r for r in rows if …]``
_FROM_ITSELF = re.compile(rf"^(?P<name>{_NAME})\s*=\s*(?P<value>.*)$")
_GROWS = (
    r"^{name}\s*\+|^{name}\.concat\(|^\[\s*(?:\*|\.\.\.){name}\s*,|^append\(\s*{name}\s*,"
    r"|^(?:sorted|list|tuple|set|reversed)\(\s*{name}\s*\)$"
)
"""More rows than before, or the same."""
_OF_RUNNERS = frozenset(
    [
        "pytestmark",
        "collect_ignore",
        "os",
        "sys",
        "self",
        "this",
        "cls",
        "module",
        "exports",
        "window",
        "globalThis",
        "settings",
        "config",
        "environ",
        "rcParams",
        "app",
    ]
)
"""Names that tests set to prepare themselves."""


def changed(case: Case, change: Change) -> Iterator[Remark]:
    """Statements of a patch that take from, set or build anew what existing tests get their data from."""
    if change.is_new or change.is_deleted:
        return
    tests = inventory(case)
    told = {word for s in change.old_statements for word in s.words}
    had = {match["name"] for s in change.old_statements if s.indent == 0 and (match := _DATA.match(s.code))}
    gone_over = _gone_over(change)
    made = {
        match["name"]
        for s in change.new_statements
        if s.changed and (match := _DATA.match(s.code)) and not _changed_name(s)[0]
    }
    old = {s.words for s in change.old_statements if s.changed}
    for statement in change.new_statements:
        if not statement.changed or statement.words in old or tests.is_new_test(change, statement.number):
            continue
        name, is_plain = _changed_name(statement)
        if (match := _SETS.match(statement.bare)) and not _had_key(match, told):
            continue
        # At the top of a file of Python, what is not made by the patch was there before.
        is_known = name in had or (is_plain and statement.indent == 0 and change.language == "python")
        is_known = is_known or (is_plain and name in gone_over and not _SETS.match(statement.code))
        if name and is_known and name not in _OF_RUNNERS and name not in made - had and name[:2] != "__":
            what = f"the data of existing tests is changed: {statement.bare[:80]}"
            yield Remark(change.path, statement.number, what)
    yield from _other_rows(case, change)


_OVER = re.compile(
    rf"\b(?:in|of|range|:)\s+(?:enumerate\(\s*)?(?P<name>{_NAME})(?!\w|\()|^(?P<each>{_NAME})\.(?:forEach|each|iter)\b"
)


def _gone_over(change: Change) -> set[str]:
    """Names of data inside tests that loops go over, both as they were."""
    kept = [s for s in change.new_statements if not s.changed]
    data = {match["name"] for s in kept if (match := _DATA.match(s.code))}
    loops = {match["name"] or match["each"] for s in kept for match in _OVER.finditer(s.code)}
    return data & loops


def _changed_name(statement: Statement) -> tuple[str, bool]:
    """The name whose value changes, and whether that is plain without seeing where it was made."""
    code = statement.code
    if match := _TAKES.match(code):
        return match["deleted"] or match["called"], True
    if match := _SETS.match(code):
        return match["owner"], "[" in match.group() and "." not in match.group()
    match = _FROM_ITSELF.match(code)
    name = match["name"] if match else ""
    if match is None or not re.search(rf"(?<![\w.]){re.escape(name)}\b", match["value"]):
        return "", False
    return ("", False) if re.search(_GROWS.format(name=re.escape(name)), match["value"]) else (name, True)


def _had_key(match: re.Match[str], told: set[str]) -> bool:
    """The part that is set was there: one more key takes nothing away."""
    keys = _KEY.findall(match.group().partition(match["owner"])[2])
    return not keys or keys[-1] in told


_KEY = re.compile(r"[A-Za-z_$][\w$]*")


_CALLED_ROWS = re.compile(
    r"\bparametrize\(\s*(?:\"[^\"]*\"|'[^']*')\s*,\s*(?P<rows>[A-Za-z_][\w.]*\(.*)$|\.each\(\s*(?P<each>[A-Za-z_$][\w.$]*\([^()]*\))\s*\)\("
    r"|@MethodSource\((?P<source>.*)\)$"
)


def _other_rows(case: Case, change: Change) -> Iterator[Remark]:
    """The rows of a test come from a call, and that is another one now."""
    old, new = (
        [s for s in side if s.changed and _CALLED_ROWS.search(s.bare)]
        for side in (change.old_statements, change.new_statements)
    )
    for before, after in zip(old, new, strict=True) if len(old) == len(new) else ():
        if case.renamed_words(before) != after.words and _head(before) == _head(after):
            yield Remark(change.path, after.number, f"a test goes over other rows: {after.bare[:80]}")


def _head(statement: Statement) -> str:
    return statement.bare.partition(",")[0]
