"""What to run where neither a CI's configuration nor ``.patchpilot.yml`` says: read off the project's files.

The folder is the one whose project the failing files and tests lie in; without them the root, or the only
project below it. The answer is a plan only where the files leave one reading: a guess that runs something
else than what failed would prove nothing.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from patchpilot.failures import Category, DistilledFailure
from patchpilot.fixes import GaveUp, ReplayPlan, ShellCommand
from patchpilot.images import ImageTable
from patchpilot.text import one_line
from providers.ci.equipment import INSTEAD, command, equipped
from providers.ci.overrides import Override, has_plain_file
from providers.ci.project import Project
from providers.ci.projects import LANGUAGES, Language, makefile_tests
from providers.ci.recipe import Run

_NO_IMAGES = ImageTable()
_SURE = {Category.TEST, Category.LINT, Category.FORMAT, Category.TYPE}
"""Kinds of failure that a project's own tools show again; others may lie in the job's own steps."""
_MAX_FOLDERS = 3_000
_MAX_DEPTH = 4
_SKIPPED = {"node_modules", "vendor", "third_party", "dist", "build", "target", "venv", "site-packages"}


@dataclass(frozen=True, slots=True)
class _Found:
    language: Language
    project: Project
    check: str
    """The command that shows a linter's failure, empty for tests."""


def detect(
    tree: Path,
    *,
    failure: DistilledFailure | None = None,
    images: ImageTable = _NO_IMAGES,
    given: str = "",
) -> ReplayPlan | GaveUp:
    """The command that probably failed, narrowed to the failing tests where they are known.

    With a command ``given``, that one, and what the project that it is run for needs around it.
    """
    found = _project(tree, failure)
    if isinstance(found, GaveUp):
        return found
    if found is None:
        return _made(tree, images)
    language, project = found.language, found.project
    tests = language.tests(project)
    narrowed = _narrowed(found, failure) if failure and not found.check else ""
    script = given or found.check or narrowed or tests
    if not script:
        return GaveUp(
            f"{_place(project.folder)} is a {language.name} project without tests to be seen. {INSTEAD}"
        )
    why = f"a {language.name} project in {_place(project.folder)}"
    plan = ReplayPlan(
        failing=ShellCommand(script=script, workdir=project.folder, env={"CI": "true"}),
        suite=ShellCommand(script=tests, workdir=project.folder, env={"CI": "true"})
        if tests and tests != script
        else None,
        source=f"detected: {one_line(script, 120)}, from {why}",
    )
    runs = [
        Run(title="", script=one, folder=project.folder)
        for one in (language.installs(project, script), script)
    ]
    return equipped(plan, tree, images=images, runs=runs, toolchains=[language.toolchain(project)])


def or_detected(
    known: GaveUp,
    tree: Path,
    failure: DistilledFailure | None,
    *,
    override: Override,
    images: ImageTable = _NO_IMAGES,
) -> ReplayPlan | GaveUp:
    """Where a configuration tells no plan: one by detection, whose source says so, else what is known.

    Only for a failure that tests, linters or type checkers have shown: others may lie in the job's own steps.
    """
    if failure is None or failure.category not in _SURE:
        return known
    found = detect(tree, failure=failure, images=images)
    if isinstance(found, GaveUp):
        return known
    reason = one_line(known.reason.removesuffix(INSTEAD))
    return replace(
        found,
        source=f"{found.source}; the job's own step can't be replayed: {reason}",
        suite=command(override, override.suite) if override.suite else found.suite,
        image=override.image or found.image,
    )


def _made(tree: Path, images: ImageTable) -> ReplayPlan | GaveUp:
    """No language is known, but there may be a Makefile with tests."""
    if not makefile_tests(Project(tree, ".")):
        return GaveUp(f"No project is known by its files here. {INSTEAD}")
    plan = ReplayPlan(
        failing=ShellCommand(script="make test", env={"CI": "true"}),
        source="detected: make test, from the target in the Makefile",
    )
    return equipped(plan, tree, images=images, runs=[])


def _project(tree: Path, failure: DistilledFailure | None) -> _Found | GaveUp | None:
    paths = _paths(tree, failure) if failure else []
    tool = failure.tool if failure else ""
    wanted = [language for language in LANGUAGES if tool and tool in language.tools]
    for path in paths:
        fitting = [language for language in LANGUAGES if path.endswith(language.suffixes)]
        for folder in _upwards(posixpath.dirname(path) or "."):
            for language in wanted or fitting:
                if language.has(Project(tree, folder)):
                    return _found(language, Project(tree, folder), failure)
    folders = ["."] if any(language.has(Project(tree, ".")) for language in wanted or LANGUAGES) else None
    several = [
        (language, Project(tree, folder))
        for folder in (folders or _below(tree))
        for language in wanted or LANGUAGES
        if language.has(Project(tree, folder))
    ]
    if len(several) == 1:
        return _found(*several[0], failure)
    if several and several[0][1].folder == "." and makefile_tests(several[0][1]) and not wanted:
        return None
    with_tests = [one for one in several if one[0].tests(one[1])]
    if len(with_tests) == 1:
        return _found(*with_tests[0], failure)
    if not several:
        return None
    names = ", ".join(f"{language.name} in {_place(project.folder)}" for language, project in several[:5])
    return GaveUp(f"Several projects could have failed ({names}). {INSTEAD}")


def _found(language: Language, project: Project, failure: DistilledFailure | None) -> _Found:
    check = ""
    if failure and failure.category in _SURE - {Category.TEST}:
        check = language.check(project, failure.tool)
    return _Found(language, project, check)


def _narrowed(found: _Found, failure: DistilledFailure) -> str:
    inside = found.project.folder
    relative = []
    for test in failure.tests:
        path, colons, rest = test.partition("::")
        if colons and inside != "." and path.startswith(f"{inside}/"):
            relative.append(f"{path[len(inside) + 1 :]}::{rest}")
        else:
            relative.append(test)
    return found.language.narrowed(found.project, relative)


def _paths(tree: Path, failure: DistilledFailure) -> list[str]:
    """Files of the checkout that the failure names, tests first."""
    named = [test.partition("::")[0] for test in failure.tests] + [place.path for place in failure.files]
    found = []
    for path in dict.fromkeys(named):
        plain = posixpath.normpath(path)
        if plain not in {"", "."} and not plain.startswith(("/", "..")) and has_plain_file(tree, plain):
            found.append(plain)
    return found[:50]


def _upwards(folder: str) -> Iterator[str]:
    while folder not in {"", "."}:
        yield folder
        folder = posixpath.dirname(folder)
    yield "."


def _below(tree: Path) -> Iterable[str]:
    """Folders of the checkout, nearer ones first, as far as projects usually lie."""
    level: Sequence[PurePosixPath] = [PurePosixPath()]
    count = 0
    for _ in range(_MAX_DEPTH):
        deeper = []
        for folder in level:
            try:
                entries = sorted((tree / folder).iterdir())
            except OSError:
                continue
            for entry in entries:
                count += 1
                if count > _MAX_FOLDERS:
                    return
                hidden = entry.name.startswith(".") or entry.name in _SKIPPED
                if not hidden and not entry.is_symlink() and entry.is_dir():
                    deeper.append(folder / entry.name)
                    yield (folder / entry.name).as_posix()
        level = deeper


def _place(folder: str) -> str:
    return "the root" if folder == "." else re.sub(r"[^\w./ -]", "?", folder)[:80]
