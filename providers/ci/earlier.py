"""Which of a job's earlier steps are run ahead of the failing one.

A step that builds, generates, makes a folder or sets a variable may be what the failing one is about, so it
is run. Tests and checks cost time and mostly change nothing; they are run where something says that they
matter: they hand variables on, make a file that the failing step names, or are what it reports on. Where the
failure is not reproduced without the others, it is tried with them (:class:`~patchpilot.fixes.OtherWay`).
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from patchpilot.fixes import OtherWay, ReplayPlan
from patchpilot.text import one_line
from providers.ci.recipe import Run, alone
from providers.ci.step_kinds import StepKind

_HANDS_ON = re.compile(r"GITHUB_(?:ENV|PATH|OUTPUT)|BASH_ENV|::set-output")
_ASKS_GIT = re.compile(r"\bgit\s+(?:-\S+\s+)*(?:diff|status|ls-files|diff-index|diff-files)\b")
_REPORTS = re.compile(
    r"\bcoverage\s+(?:report|xml|html|json|lcov|combine)\b|\bdiff-cover\b|\bnyc\s+report\b|\bc8\s+report\b"
    r"|\bgo\s+tool\s+cover\b|\bgcovr?\b|\blcov\b|\bjunit2html\b"
)
_WORD = re.compile(r"[\w@%+~-][\w./@%+~-]*")
_MAX_SCRIPT = 20_000
_MAX_STEPS = 60


@dataclass(slots=True)
class Earlier:
    """The steps before the failing one, in order."""

    runs: list[Run] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Those that CI ran and that can't be told here, each a sentence for people."""

    def cannot(self, title: str, why: str) -> None:
        """Note a step that is left out."""
        self.left_out.append(
            f"The earlier step {one_line(title, 80)!r} is left out here: {one_line(why, 160)}."
        )

    def ahead_of(self, failing: Run, tree: Path, *, late: Mapping[str, str] | None = None) -> ReplayPlan:
        """The plan of the failing step with what has to run before it, and how else it may be tried."""
        able = [run for run in self.runs if run.machineless][-_MAX_STEPS:]
        wanted = [run for run in able if _matters(run, failing, tree)]
        others: tuple[OtherWay, ...] = ()
        if len(wanted) < len(able):
            more = [one_line(run.title, 60) for run in able if run not in wanted]
            note = f"Run after the job's earlier tests and checks as well: {', '.join(more)}."
            others = (OtherWay(failing=alone(failing, able, late), note=note, left_out=tuple(self.left_out)),)
        installing = [one_line(run.title, 60) for run in self.runs if run.script and not run.machineless]
        return ReplayPlan(
            failing=alone(failing, wanted, late),
            left_out=tuple(self.left_out),
            others=others,
            installing=tuple(installing[:_MAX_STEPS]),
        )


def _matters(run: Run, failing: Run, tree: Path) -> bool:
    kind = run.kind
    if kind not in {StepKind.TEST, StepKind.CHECK} or run.background or _HANDS_ON.search(run.script):
        return True
    if kind is StepKind.TEST and _REPORTS.search(failing.script):
        return True
    if kind is StepKind.CHECK and _ASKS_GIT.search(failing.script):
        return True
    return bool(_made(run, tree) & _named(failing))


def _made(run: Run, tree: Path) -> set[str]:
    """Files that the step names and the checkout doesn't have: it may make them."""
    return {path for path in _named(run) if not os.path.lexists(tree / path)}


def _named(run: Run) -> set[str]:
    words = _WORD.findall(run.script[:_MAX_SCRIPT])
    paths = (
        posixpath.normpath(posixpath.join(run.folder, word)) for word in words if re.search(r"[./]", word)
    )
    return {path for path in paths if re.search(r"\w\.\w|/", path) and not path.startswith(("..", "/"))}
