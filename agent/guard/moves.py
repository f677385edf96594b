"""Files that change what they are by moving: judged as a deletion and an addition.

``git mv pytest.ini docs/old.ini`` takes the settings away as ``git rm`` does, and what comes to a place that
decides outcomes, such as ``conftest.py``, counts there with all its lines. A file that stays what it was, a
module that goes to another package or a test to another folder of tests, is one change as git shows it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from agent.guard import builds, places
from agent.guard.diff import FileDiff

_KINDS: tuple[Callable[[str], bool], ...] = (
    places.is_quality,
    places.is_mixed,
    places.is_script,
    places.is_requirements,
    places.is_expectation,
    places.is_package_source,
    places.is_loaded,
    places.is_in_place_of_tools,
    builds.is_build_file,
)
"""What a file is to those who read it by its name or place."""


_Folders = frozenset[tuple[str, str]]


def in_halves(diffs: Sequence[FileDiff]) -> Iterator[FileDiff]:
    """The same changes, and those that a move from one kind of place to another amounts to."""
    folders = frozenset(pair for diff in diffs for pair in _moved_folders(diff))
    for diff in diffs:
        if not diff.old_path or not diff.new_path or diff.old_path == diff.new_path:
            yield diff
            continue
        if _leaves(diff, folders):
            yield replace(diff, new_path="", new_mode="", binary=False, doubts=(), moved_to=diff.new_path)
        yield replace(diff, old_path="", moved_from=diff.old_path) if _arrives(diff) else diff


def _arrives(diff: FileDiff) -> bool:
    """A tool or a test reads it in its new place that did not read it in the old one."""
    if places.is_collected(diff.old_path):  # a rule of its own looks whether it still is
        return False
    return any(kind(diff.new_path) and not kind(diff.old_path) for kind in _KINDS)


def _leaves(diff: FileDiff, folders: _Folders) -> bool:
    """A tool or a test that read it in its old place does not find it in the new one."""
    old, new = diff.old_path, diff.new_path
    if places.is_collected(old):
        return False
    if any(kind(old) and not kind(new) for kind in _KINDS):
        return True
    if places.is_found_by_name(old):
        return not _goes_along(old, new, folders) and not _is_another_spelling(old, new)
    if places.is_loaded(old):
        # From further up it is loaded for more tests than before.
        wider = PurePosixPath(old).parent.is_relative_to(PurePosixPath(new).parent)
        return not wider and not _goes_along(old, new, folders)
    return places.is_test(old) and places.is_code(old) and not places.is_code(new)


def _goes_along(old: str, new: str, folders: _Folders) -> bool:
    """Its tool finds it beside the code that it is about, and that code moves in the same way."""
    before, after = old.rpartition("/"), new.rpartition("/")
    return before[2] == after[2] and (before[0], after[0]) in folders


_CODE = frozenset((".js", ".cjs", ".mjs", ".ts", ".cts", ".mts"))
_DATA = frozenset(("", ".json", ".yml", ".yaml"))
_READ_AS_CODE = re.compile(
    r"(?:jest|vitest|eslint|prettier|playwright|cypress|ava|karma)\.(?:config|conf|setup|workspace)\.[cm]?[jt]s"
    r"|\.(?:eslintrc|mocharc)\.c?js|\.(?:prettierrc|stylelintrc|lintstagedrc)\.[cm]?js"
)
_READ_AS_DATA = re.compile(
    r"\.(?:eslintrc|prettierrc|stylelintrc|lintstagedrc|nycrc)(?:\.(?:json|ya?ml))?|\.mocharc\.(?:json|ya?ml)"
    r"|\.golangci\.ya?ml|\.yamllint(?:\.ya?ml)?|\.markdownlint\.(?:json|ya?ml)"
)
_TASKS = (
    frozenset(("Makefile", "makefile", "GNUmakefile")),
    frozenset(("justfile", "Justfile")),
    frozenset(("Rakefile", "rakefile")),
    frozenset(("biome.json", "biome.jsonc")),
)
"""Names under which one tool looks for one file."""


def _is_another_spelling(old: str, new: str) -> bool:
    """``jest.config.cjs`` for ``jest.config.js``: in the same folder, its tool finds it by either name."""
    before, after = PurePosixPath(old), PurePosixPath(new)
    if before.parent != after.parent:
        return False
    if any({before.name, after.name} <= names for names in _TASKS):
        return True
    (stem, suffix), (new_stem, new_suffix) = _parts(before.name), _parts(after.name)
    if stem != new_stem:
        return False
    if suffix in _CODE and new_suffix in _CODE:
        return bool(_READ_AS_CODE.fullmatch(after.name))
    return suffix in _DATA and new_suffix in _DATA and bool(_READ_AS_DATA.fullmatch(after.name))


def _parts(name: str) -> tuple[str, str]:
    stem, dot, ending = name.rpartition(".")
    return (stem, dot + ending) if stem else (name, "")


def _moved_folders(diff: FileDiff) -> Iterator[tuple[str, str]]:
    """The folders, old and new, from which a module that moves is seen at the same place."""
    if not (diff.old_path and diff.new_path and _is_ordinary_code(diff.old_path)):
        return
    old, new = diff.old_path.split("/"), diff.new_path.split("/")
    while old and new and old.pop() == new.pop():
        yield "/".join(old), "/".join(new)


def _is_ordinary_code(path: str) -> bool:
    return places.is_code(path) and not places.is_found_by_name(path) and not places.is_loaded(path)
