"""Try the fixers on a workbench, one after the other, until the failing command and the suite are green."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from agent.distil import distil
from agent.fixers.offers import Offer, Scene
from agent.fixers.table import FIXERS
from patchpilot.errors import NotFoundError, PatchDoesNotApplyError, UnsafePathError
from patchpilot.failures import DistilledFailure
from patchpilot.fixes import (
    Candidate,
    CommandResult,
    Ending,
    GaveUp,
    Limits,
    Patch,
    ReplayPlan,
    ShellCommand,
)
from patchpilot.ports import Workbench
from patchpilot.text import one_line

MAX_OFFERS = 12
"""Commands tried at most in one heal."""

_MOST_NAMES = 4
_MOST_LEFT = 140

_SHELLS = ("bash", "sh", "dash", "zsh")


class Shown(Protocol):
    """Shows one step to people while it runs."""

    def __call__(self, name: str, text: str) -> AbstractContextManager[None]: ...


@dataclass(frozen=True, kw_only=True)
class FixerBench:
    """A workbench with the failure that is to be mended on it."""

    bench: Workbench
    failure: DistilledFailure
    plan: ReplayPlan
    limits: Limits
    shown: Shown
    redact: Callable[[str], str]
    hints: tuple[str, ...] = ()
    """What people asked for when they had the heal try again."""

    def mend(self) -> Candidate | GaveUp:
        """Apply offers until the failing command is green, then those that the wider suite still needs.

        A lint and a format error in one job need two tools: each offer that changes something stays
        applied, and the next one works on the result.
        """
        used: list[Offer] = []
        idle: list[str] = []
        last: CommandResult | None = None
        for offer in self._offers():
            if not self._applied(offer):
                idle.append(offer.name)
                continue
            used.append(offer)
            last = self._run(self.plan.failing)
            if last.passed and (self.plan.suite is None or self._run(self.plan.suite).passed):
                return self._candidate(used)
        if last is not None and last.passed:
            return self._candidate(used)
        if last is not None:
            names = _named([offer.name for offer in used])
            why = next((offer.unproven for offer in used if offer.unproven), "")
            if why:
                return GaveUp(why, partial=f"fixer:{names}")
            also = f"; {_named(idle)} changed nothing that helps" if idle else ""
            left = self._left(last)
            return GaveUp(f"{names} changed files, but the failing command is still red{left}{also}")
        if idle:
            return GaveUp(f"{_named(idle)} changed nothing that helps")
        return GaveUp("no tool of the repository fixes this kind of failure")

    def _offers(self) -> Iterator[Offer]:
        count = 0
        seen: set[str] = set()
        for scene in self._scenes():
            for fixer in FIXERS:
                for offer in fixer(scene):
                    identity = (
                        f"{offer.name} {offer.command.script if offer.command else sorted(offer.edits)}"
                    )
                    if identity in seen:
                        continue
                    seen.add(identity)
                    count += 1
                    if count > MAX_OFFERS:
                        return
                    yield offer

    def _scenes(self) -> Iterator[Scene]:
        for command, is_failing in ((self.plan.failing, True), (self.plan.suite, False)):
            if command is not None and command.shell.split()[0].rsplit("/", 1)[-1] in _SHELLS:
                yield Scene(
                    failure=self.failure,
                    command=command,
                    files=self.bench.files(),
                    read=self._read,
                    is_failing_step=is_failing,
                    hints=self.hints,
                )

    def _read(self, path: str) -> str | None:
        try:
            return self.bench.read_text(path)
        except (NotFoundError, UnsafePathError, UnicodeDecodeError):
            return None

    def _applied(self, offer: Offer) -> bool:
        """Whether the offer changed anything; its change stays in the tree then."""
        before = self.bench.diff()
        with self.shown(f"fix: {offer.name}", f"Trying {offer.name}"):
            if offer.command is None:
                for path, text in offer.edits.items():
                    self.bench.write_text(path, text)
            else:
                self._capture(offer.command, offer.keeps)
        return self.bench.diff() != before

    def _capture(self, command: ShellCommand, keeps: Callable[[str, bool], bool] | None) -> None:
        result, patch = self.bench.capture(command, limits=self.limits)
        if result.ending is not Ending.EXITED or patch.is_empty:
            return
        if keeps is None and command.before:
            # What the job's earlier steps make is none of the fixer's doing.
            made = set(self.bench.capture(replace(command, script=":"), limits=self.limits)[1].files)
            patch = _kept(patch, lambda path, _: path not in made)
        elif keeps is not None:
            patch = _kept(patch, keeps)
        try:
            self.bench.apply(patch)
        except (PatchDoesNotApplyError, UnsafePathError):
            return

    def _run(self, command: ShellCommand) -> CommandResult:
        return self.bench.run(command, limits=self.limits)

    def _left(self, red: CommandResult) -> str:
        """What is to be mended by hand, where the output says so."""
        cause = one_line(distil([red.output.encode()], redact=self.redact).cause, _MOST_LEFT)
        return f": {cause}" if cause else ""

    def _candidate(self, used: list[Offer]) -> Candidate:
        names = list(dict.fromkeys(offer.name for offer in used))
        summaries = list(dict.fromkeys(offer.summary for offer in used))
        return Candidate(
            patch=self.bench.diff(),
            author="fixer:" + " + ".join(names),
            summary=", ".join([summaries[0], *(text[0].lower() + text[1:] for text in summaries[1:])]),
        )


def _named(names: Sequence[str]) -> str:
    """The first few, for people."""
    once = list(dict.fromkeys(names))
    more = len(once) - _MOST_NAMES
    return ", ".join(once[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _kept(patch: Patch, keeps: Callable[[str, bool], bool]) -> Patch:
    parts = (part for part in patch.by_file() if keeps(part.files[0], part.creates))
    return Patch("".join(part.diff for part in parts))
