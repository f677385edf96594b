"""What a makefile runs: rules that take another's place, and prerequisites that are only more."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.guard.case import Case, Change, Remark
from agent.guard.lines import Line

_MAKEFILE = re.compile(r"(?:^|/)(?:gnu)?makefile$|\.mk$")
_RULE = re.compile(r"^(?P<targets>[\w./ -]+?)\s*:(?![:=])(?P<rest>[^=]*)$")
_PHONY = re.compile(r"^\.PHONY\s*:(?P<names>.*)$")
_OF_CHECKS = re.compile(
    r"(?:test|tests|check|checks|lint|ci|verify|validate|coverage|type-?check|types|unit|integration|e2e|all)"
    r"(?:[-_.]\w+)*"
)
_PREREQUISITE = re.compile(r":\s*[^\s;]")
_DOES_NOTHING = re.compile(r"^[@\s]*(?:(?:echo|printf)\b[^|;&]*|true|:|exit\s+0|/bin/true|)\s*$")


def is_makefile(path: str) -> bool:
    """A makefile or a part of one."""
    return bool(_MAKEFILE.search(path.lower()))


def replaced(case: Case) -> Iterator[Remark]:
    """Targets of checks that something else answers for now."""
    for change in case.changes:
        if not is_makefile(change.path) or change.is_deleted:
            continue
        if why := _shadows(case, change):
            yield Remark(change.path, 0, why)
        yield from _second_recipes(change)
        yield from _no_longer_phony(change)


def _shadows(case: Case, change: Change) -> str:
    """``make`` reads the first of GNUmakefile, makefile and Makefile, and no other."""
    folder, _, name = change.path.rpartition("/")
    if not (change.is_new or change.diff.old_path != change.path) or name not in _FIRST_READ:
        return ""
    left = {side.diff.old_path for side in case.changes if side.diff.old_path != side.diff.new_path}
    others = [f"{folder}/{other}" if folder else other for other in _FIRST_READ[name]]
    if any(other in left for other in others):
        return ""
    hidden = next((other for other in others if case.reads(other) is not None), "")
    if hidden or name == "GNUmakefile":
        return f"make reads this file instead of {hidden or 'the Makefile'}"
    return ""


_FIRST_READ = {"GNUmakefile": ("makefile", "Makefile"), "makefile": ("Makefile",)}


def _second_recipes(change: Change) -> Iterator[Remark]:
    """A second recipe for a target, of which only the last one runs; or one for a check that does nothing."""
    before = {name: len(found) for name, found in _recipes(change.before).items()}
    idle = _idle(change.before)
    for name, recipes in _recipes(change.after).items():
        for line, recipe in recipes:
            nothing = all(map(_DOES_NOTHING.match, recipe)) and not _PREREQUISITE.search(line.bare)
            if line.changed and nothing and _OF_CHECKS.fullmatch(name) and name not in idle:
                yield Remark(change.path, line.number, f"the target {name} does nothing")
        if 0 < before.get(name, 0) < len(recipes) and any(not line.changed for line, _ in recipes):
            yield Remark(change.path, recipes[-1][0].number, f"the target {name} has two recipes")


def _recipes(side: Sequence[Line]) -> dict[str, list[tuple[Line, list[str]]]]:
    """The rules of each target with their commands, but for those of which a condition chooses one."""
    found: dict[str, list[tuple[Line, list[str]]]] = {}
    depth = 0
    for at, line in enumerate(side):
        depth += bool(_IF.match(line.bare)) - bool(_END_IF.match(line.bare))
        match = _RULE.match(line.bare)
        recipe = _recipe(side, at, match["rest"]) if match and depth <= 0 else None
        if match is not None and recipe is not None:
            for name in match["targets"].split():
                found.setdefault(name, []).append((line, recipe))
    return found


_IF = re.compile(r"^\s*if(?:n?eq|n?def)\b")
_END_IF = re.compile(r"^\s*endif\b")


def _recipe(side: Sequence[Line], at: int, rest: str) -> list[str] | None:
    """The commands of the rule that starts here; ``None`` where it has none, or they are out of sight."""
    found = [rest.partition(";")[2]] if ";" in rest else []
    for line in side[at + 1 :]:
        if line.first or not line.text.startswith("\t"):
            break
        found.append(line.bare)
    return found or None


def _idle(side: Sequence[Line]) -> set[str]:
    """Targets that have no recipe, or one that does nothing."""
    found: set[str] = set()
    for at, line in enumerate(side):
        if match := _RULE.match(line.bare):
            recipe = _recipe(side, at, match["rest"])
            if recipe is None or all(map(_DOES_NOTHING.match, recipe)):
                found.update(match["targets"].split())
    return found


def _no_longer_phony(change: Change) -> Iterator[Remark]:
    """A file of that name, and the check never runs again."""
    lost = _phony(change.removed) - _phony(change.after)
    went, stay = _targets(change.removed), _targets(change.after)
    for name in sorted(lost):
        if _OF_CHECKS.fullmatch(name) and (name not in went or name in stay):
            number = next(line.number for line in change.removed if _PHONY.match(line.bare))
            yield Remark(change.path, number, f"a file named {name} would keep this check from running")
            return


def _targets(side: Sequence[Line]) -> set[str]:
    return {name for line in side if (m := _RULE.match(line.bare)) for name in m["targets"].split()}


def _phony(side: Sequence[Line]) -> set[str]:
    return {name for line in side if (m := _PHONY.match(line.bare)) for name in m["names"].split()}


_ONE_SHELL = re.compile(r"^\.ONESHELL\s*:")
_STRICT_FLAGS = re.compile(r"^\.SHELLFLAGS\s*[:?+]*=.*(?:\s|^|=)-\w*e")


def one_shell(change: Change) -> Iterator[Remark]:
    """Of a recipe in one shell only the last command's status counts, unless the shell stops at the first."""
    if not is_makefile(change.path) or any(_STRICT_FLAGS.match(line.bare) for line in change.after):
        return
    had = any(_ONE_SHELL.match(line.bare) for line in change.before)
    for line in change.added if not had else ():
        if _ONE_SHELL.match(line.bare):
            yield Remark(change.path, line.number, "only the last command of a recipe counts now")


_PREREQUISITES = re.compile(r"^(?P<target>[\w./-]+|\.PHONY)\s*:(?P<names>[\w./ -]*)$")


def grown(change: Change) -> set[int]:
    """The ``id`` of each removed rule that has the same prerequisites in the same order now, and more."""
    if not is_makefile(change.path):
        return set()
    new = {m["target"]: m["names"].split() for line in change.added if (m := _asked(line))}
    found: set[int] = set()
    for line in change.removed:
        if (old := _asked(line)) and old["target"] in new:
            rest = iter(new[old["target"]])
            if all(name in rest for name in old["names"].split()):
                found.add(id(line))
    return found


def _asked(line: Line) -> re.Match[str] | None:
    return _PREREQUISITES.match(line.bare.rstrip())
