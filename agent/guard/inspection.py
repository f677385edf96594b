r"""The way in: judge one patch.

>>> from patchpilot.fixes import Patch
>>> patch = Patch("diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a = 1\n+a = 2\n")
>>> inspect(patch, read_base=lambda path: None)
()
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from agent.guard import tree
from agent.guard.case import ENORMOUS, MAX_CHANGED_LINES, Rule, open_case
from agent.guard.diff import DiffError, read_diff
from agent.guard.moves import in_halves
from agent.guard.neighbours import tests_beside
from agent.guard.table import RULES
from patchpilot.fixes import GuardFinding, Patch, Severity

__all__ = ["DiffError", "inspect", "is_refused"]


def inspect(
    patch: Patch,
    *,
    read_base: Callable[[str], str | None],
    failing_tests: Sequence[str] = (),
    waived: Collection[str] = (),
    max_changed_lines: int = MAX_CHANGED_LINES,
    rules: Sequence[Rule] = RULES,
) -> tuple[GuardFinding, ...]:
    """Everything the guard holds against a patch, in the order of the rules' table.

    ``read_base`` gives the text of a file before the patch, ``None`` where it is not there or not known; the
    rules see more with it. ``failing_tests`` are texts of the tests that the patch is meant to cure, so that
    their literals are recognised in it; without any, those that stand by custom beside the changed code are
    read. ``waived`` names rules that do not count for this patch, such as ``lock-file`` for a fix that a
    package manager made.

    Raises :class:`DiffError` for text that is no diff in git's format, or does not fit the base.
    """
    diffs = read_diff(patch.diff)
    failing = tuple(failing_tests) or tuple(tests_beside(diffs, read_base))
    case = open_case(in_halves(diffs), read_base, failing=failing, max_changed_lines=max_changed_lines)
    if case.size > ENORMOUS:
        rules = [rule for rule in rules if rule.check.__module__ == tree.__name__]
    found = (finding for rule in rules if rule.id not in waived for finding in rule.findings(case))
    return tuple(dict.fromkeys(found))


def is_refused(findings: Sequence[GuardFinding]) -> bool:
    """Whether the patch is stopped, for good or until a named person overrides it."""
    return any(finding.severity is not Severity.NOTE for finding in findings)
