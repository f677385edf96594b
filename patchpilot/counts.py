"""How many tests ran, as their runner says. Exit codes can be had without running a test; counts show it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SILENT_WHEN_GREEN = frozenset({"gradle"})
"""Runners that tell counts only of a red run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The totals of one run, summed over all calls of one runner in it."""

    runner: str
    """``pytest``, ``jest``, ``go test`` …; counts of different runners can't be compared."""
    passed: int = 0
    failed: int = 0
    """Errors of collecting and setting up included."""
    skipped: int = 0
    """Skipped, ignored, pending or expected to fail: there, but not holding anything up."""
    unit: str = "tests"
    """``go test`` without ``-v`` tells packages only."""

    @property
    def collected(self) -> int:
        """All that the runner found."""
        return self.passed + self.failed + self.skipped

    def __str__(self) -> str:
        shown = {"failed": self.failed, "passed": self.passed, "skipped": self.skipped}
        words = [f"{number} {name}" for name, number in shown.items() if number]
        kind = "" if self.unit == "tests" else f" {self.unit}"
        return f"{', '.join(words) or 'none ran'}{kind}"


def lost(before: Counts | None, after: Counts | None, *, green: bool) -> str:
    """What of the tests is gone with a patch, a clause for people; empty if nothing is.

    ``green`` says that the run with the patch was. Without counts before there is nothing to compare.
    """
    if before is None or not before.collected:
        return ""
    if after is None:
        silent = green and before.runner in SILENT_WHEN_GREEN
        gone = f"{before.runner} tells no counts any more (before: {before}), so nothing says that tests ran"
        return "" if silent else gone
    if (after.runner, after.unit) != (before.runner, before.unit):
        return f"{after.runner} ran ({after}) where {before.runner} ran before ({before})"
    return next((said for is_so, said in _worse(before, after) if is_so), "")


def _worse(before: Counts, after: Counts) -> Iterator[tuple[bool, str]]:
    unit, found, known = before.unit, after.collected, before.collected
    yield not found, f"no {unit} ran any more (before: {before})"
    yield found < known, f"only {found} of {known} {unit} were collected"
    yield (
        after.passed < before.passed,
        f"fewer {unit} passed than before ({after.passed} instead of {before.passed})",
    )
    # Tests of a file that could not be read before may bring skips of their own.
    yield (
        after.skipped - before.skipped > found - known,
        f"more {unit} were skipped than before ({after.skipped} instead of {before.skipped})",
    )
