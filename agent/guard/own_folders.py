"""Assertions about a file that a test now keeps in a folder of its own, under the name that it had."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.guard.lines import Statement

_NAME = r"[A-Za-z_]\w*"
# How a folder of the test's own gets its name, besides the fixtures of pytest.
_MADE = re.compile(
    rf"^(?:const\s+|let\s+)?(?P<name>{_NAME})\s*:?=\s*(?:Path\()?"
    r"(?:t\.TempDir\(\)|tempfile\.mkdtemp\([^()]*\)|tempfile\.TemporaryDirectory\([^()]*\)\.name)\)?$"
    rf"|\bwith\s+(?:tempfile\.)?TemporaryDirectory\([^()]*\)\s+as\s+(?P<managed>{_NAME})\s*:$"
)
_PARAMETER = re.compile(r"^(?:async\s+)?def\s+\w+\([^()]*\b(?P<name>tmp_path|tmpdir)\b")
_TEXT = r"[\"'](?P<file>[\w.-]+)[\"']"
_PATH = re.compile(r"[\"'](?P<path>[\w.~/-]*?(?P<file>[\w-]*\.\w[\w.-]*))[\"']")
"""A text that names a file with an ending, in a folder or not."""
_WRITES = re.compile(
    r"(?i)\b(?:write\w*|touch|copy\w*|move|rename|replace|symlink\w*|mkdir\w*|dump\w*|create\w*|to_csv|to_json|savefig)\b"
    r"|\bopen\s*\(.*[\"'](?:[wax][bt+]*|r[bt]*\+[bt]*)[\"']"
)


def put_in_own_folder(
    old: Statement, new: Statement, before: Sequence[Statement], after: Sequence[Statement]
) -> set[str]:
    """The old paths of files of which the assertion asks the same, now in a folder of the test's own.

    Empty where that can't be told.

    ``before`` and ``after`` are all statements of the file on either side. The code must have been led there
    as well: some call of the test had the old path and has the new one. And the test writes nothing that it
    did not write before, or it would read its own answer.
    """
    paths = {match["file"]: match["path"] for match in _PATH.finditer(old.bare)}
    # Looked through are only files in which such an assertion is: this is asked of each edited one.
    named = _named_files(after) if paths and old.bare != new.bare else {}
    shared = [name for name in paths if name in new.bare or any(name in text for text in named.values())]
    folder = _own_folder(after) if shared and old.bare != new.bare else None
    if folder is None:
        return set()
    if used := {name: text for name, text in named.items() if folder.fullmatch(text)}:
        new = _spelled_out(new, used)
        after = [_spelled_out(s, used) for s in after]
    moved = {match["file"] for match in _PATH.finditer(_inside(folder, new.bare))} & paths.keys()
    moved = {name for name in moved if _inside(folder, new.bare) != new.bare}
    if not moved or _told(old.bare, moved) != _told(_inside(folder, new.bare), moved):
        return set()
    gone, come = ([s for s in side if s.changed] for side in (before, after))
    if any(len(_paths(gone, name)) != 1 for name in moved):
        return set()  # two files would be one now
    kept = {_told(s.bare, moved) for s in gone}
    if any(_WRITES.search(s.bare) and _told(_inside(folder, s.bare), moved) not in kept for s in come):
        return set()
    left = {match["path"] for s in after for match in _PATH.finditer(folder.sub("", s.bare))}
    is_led = all(paths[name] not in left and _is_given(folder, name, gone, come) for name in moved)
    return {paths[name] for name in moved} if is_led else set()


_NAMED_FILE = re.compile(
    rf"^(?P<name>{_NAME})\s*=\s*(?P<file>{_NAME}\s*/\s*{_TEXT.replace('file', 'last')})$"
)


def _named_files(side: Sequence[Statement]) -> dict[str, str]:
    """Names that the patch gives to a file in some folder, holding nothing else: ``out = tmp_path / "x"``."""
    found = {m["name"]: m["file"] for s in side if s.changed and (m := _NAMED_FILE.match(s.bare))}
    return {
        name: text
        for name, text in found.items()
        if sum(len(re.findall(_BINDS.format(name=name), s.code)) for s in side) == 1
    }


# An assignment, a loop, a ``with`` or a parameter gives the name a value.
_BINDS = (
    r"(?<![\w.]){name}\s*(?:[-+*/|]|//)?=(?!=)|(?<![\w.]){name}\s*:=|\b(?:as|for)\s+{name}\b"
    r"|\bdef\b.*[(,]\s*{name}\b"
)


def _spelled_out(statement: Statement, names: dict[str, str]) -> Statement:
    """The statement with the path of the file in place of its name, but where it gets that name."""
    if _NAMED_FILE.match(statement.bare):
        return statement
    text = statement.bare
    for name, path in names.items():
        pieces = re.split(rf"(?<![\w.\"'/-]){name}(?![\w\"'])(?!\s*=(?!=))", text)
        text = path.join(pieces)
    return Statement(statement.lines, text, statement.code)


def _paths(side: Sequence[Statement], name: str) -> set[str]:
    return {match["path"] for s in side for match in _PATH.finditer(s.bare) if match["file"] == name}


def _own_folder(side: Sequence[Statement]) -> re.Pattern[str] | None:
    """What finds an expression for a file in such a folder."""
    names: set[str] = set()
    made = False
    for statement in side:
        if _FUNCTION.match(statement.bare):
            made = False
        match = _MADE.search(statement.bare)
        if match and made:
            return None  # of two folders, one may be looked into and the other written to
        made = made or match is not None
        for found in (match, _PARAMETER.search(statement.bare)):
            names |= {name for name in found.groups() if name} if found else set()
    if len(names) != 1:
        return None
    one = next(iter(names))
    # A name that is also given another value may be any folder.
    again = re.compile(rf"(?<![\w.]){one}\s*(?::=|=(?!=))|\bas\s+{one}\b|\bfor\s+{one}\b")
    if any(again.search(s.bare) and not _MADE.search(s.bare) for s in side):
        return None
    one = rf"(?<![\w.]){one}"
    return re.compile(
        rf"(?:os\.path\.join|filepath\.Join|path\.Join)\(\s*{one}\s*,\s*{_TEXT}\s*\)"
        rf"|\b(?:str|Path)\(\s*{one}\s*/\s*[\"'](?P<wrapped>[\w.-]+)[\"']\s*\)"
        rf"|(?<![\w)\]])\(\s*{one}\s*/\s*[\"'](?P<grouped>[\w.-]+)[\"']\s*\)(?=\.)"
        rf"|{one}\s*/\s*[\"'](?P<joined>[\w.-]+)[\"']"
    )


_FUNCTION = re.compile(r"^(?:async\s+)?def\b|^func\b")


def _inside(folder: re.Pattern[str], text: str) -> str:
    """The text with the bare name of each file in the test's own folder."""
    return folder.sub(lambda match: '"' + next(name for name in match.groups() if name) + '"', text)


def _told(text: str, moved: set[str]) -> str:
    """The text with the bare names of these files, spaces and quotes aside."""
    bare = _PATH.sub(lambda m: f'"{m["file"]}"' if m["file"] in moved else m.group(), text)
    plain = re.sub(r'\b(?:Path|str)\(("[^"]*")\)', r"\1", bare.replace("'", '"'))
    return re.sub(r"\s+", " ", _READ.sub(r"\1.read_text()", plain)).strip()


_READ = re.compile(r"\bopen\((\"[^\"]*\")(?:,\s*\"r\")?\)\.read\(\)")


def _is_given(
    folder: re.Pattern[str], name: str, gone: Sequence[Statement], come: Sequence[Statement]
) -> bool:
    """The code is told of the new place as of the old one: in a call that asserts nothing, or twice."""
    told = {_told(s.bare, {name}) for s in gone}
    for statement in come:
        text = _told(_inside(folder, statement.bare), {name})
        times = text.count(f'"{name}"')
        is_call = "(" in text and not _ASIDE.search(text) and not _WRITES.search(statement.bare)
        if text in told and times and (times > 1 or (is_call and not _ASSERTS.search(statement.code))):
            return True
    return False


# Of the language, not of the code under test.
_ASIDE = re.compile(
    r"(?i)\b(?:os|shutil|pathlib|logging|log|fmt|subprocess)\.|\b(?:print|unlink|Path|remove|exists|is_file|glob)\s*\("
)
_ASSERTS = re.compile(r"(?i)assert|expect|^if\b|\bshould|\brequire\b")
