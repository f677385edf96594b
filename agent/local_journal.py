"""A heal's record in memory, for one heal on one machine that a person watches on the terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from patchpilot.errors import BudgetExceededError, PermanentError
from patchpilot.failures import Diagnosis, DistilledFailure
from patchpilot.fixes import Fix, PartialResult, Patch, Spend
from patchpilot.heals import HealId, HealState, allowed
from patchpilot.incidents import FailureRecord
from patchpilot.ports import HumanDecision, Settled


class Watcher(Protocol):
    """Whoever is told what the heal does."""

    def begins(self, name: str, text: str) -> None:
        """A step begins."""
        ...

    def tells(self, name: str, text: str) -> None:
        """What the running step is doing."""
        ...

    def ends(self, name: str, seconds: float, *, done: bool) -> None:
        """A step ends; not ``done`` where something broke it off."""
        ...

    def notes(self, text: str) -> None:
        """Something that people should know."""
        ...


@dataclass
class LocalBudget:
    """What one heal may spend (:class:`patchpilot.ports.Budget`); fails closed."""

    dollars: Decimal
    tokens: int
    spent: Spend = field(default_factory=Spend)

    def check(self, *, expected_dollars: float, expected_tokens: int = 0) -> None:
        """Refuse the call that could pass a limit."""
        expected = Decimal(str(expected_dollars))
        # Not a number, or less than nothing, is no estimate.
        if not expected.is_finite() or expected < 0:
            raise PermanentError(f"a model call can't be expected to cost {expected_dollars} dollars")
        if self.spent.dollars + expected > self.dollars or self.spent.dollars >= self.dollars:
            raise BudgetExceededError(
                f"the next model call could pass this heal's limit of ${self.dollars:.2f} (spent "
                f"${self.spent.dollars:.2f}); HEAL_MAX_DOLLARS sets it"
            )
        used = self.spent.input_tokens + self.spent.output_tokens
        if used + expected_tokens > self.tokens or used >= self.tokens:
            raise BudgetExceededError(
                f"the next model call could pass this heal's limit of {self.tokens:,} tokens (used "
                f"{used:,}); HEAL_MAX_TOKENS sets it"
            )

    def record(self, spend: Spend) -> None:
        """Book what a call cost."""
        self.spent += spend


@dataclass
class LocalJournal:
    """The record (:class:`patchpilot.ports.Journal`). One process has it, so nobody can take it over."""

    heal_id: HealId
    record: FailureRecord
    watcher: Watcher
    money: LocalBudget
    asked: list[str] = field(default_factory=list)
    """Hints of the person."""
    current: HealState = HealState.QUEUED
    reason: str = ""
    """Why the heal ended as it did."""
    steps: list[tuple[str, float]] = field(default_factory=list)
    """What was done, with seconds."""
    said: list[str] = field(default_factory=list)
    partial: PartialResult | None = None
    attempt: int = 1
    _distilled: DistilledFailure | None = None
    _diagnosis: Diagnosis | None = None
    _fix: Fix | None = None

    def failure(self) -> FailureRecord:
        """The command that failed, as a red run."""
        return self.record

    def state(self) -> HealState:
        """Where the heal stands."""
        return self.current

    def move(self, to: HealState, *, reason: str = "", rerun: bool = False) -> None:  # noqa: ARG002 - see may_rerun
        """Make an allowed move."""
        if self.current is to:
            return
        if not allowed(self.current, to):
            raise PermanentError(f"a heal does not go from {self.current.value} to {to.value}")
        self.current, self.reason = to, reason

    @contextmanager
    def step(self, name: str, text: str) -> Iterator[None]:
        """Show a step from its start to its end."""
        started = time.monotonic()
        done = False
        self.watcher.begins(name, text)
        try:
            yield
            done = True
        finally:
            seconds = time.monotonic() - started
            self.steps.append((text, seconds))
            self.watcher.ends(name, seconds, done=done)

    def progress(self, name: str, text: str) -> None:
        """Say what the running step does."""
        self.watcher.tells(name, text)

    def note(self, text: str, *, key: str = "") -> None:  # noqa: ARG002 - there is no thread
        """Tell the person something."""
        self.said.append(text)
        self.watcher.notes(text)

    def settle(self, failure: DistilledFailure) -> Settled:
        """There are no other incidents that it could belong to."""
        self._distilled = failure
        return Settled()

    def distilled(self) -> DistilledFailure | None:
        """What the log says."""
        return self._distilled

    def diagnosed(self, diagnosis: Diagnosis) -> None:
        """Keep the diagnosis."""
        self._diagnosis = diagnosis

    def diagnosis(self) -> Diagnosis | None:
        """The latest diagnosis."""
        return self._diagnosis

    def propose(self, fix: Fix) -> str:
        """Keep the fix; a person decides next."""
        self._fix = fix
        self.move(HealState.AWAITING_APPROVAL)
        return fix.patch.sha256

    def fix(self) -> Fix | None:
        """The proposed fix."""
        return self._fix

    def leave_partial(self, *, patch: Patch, author: str, why: str) -> None:
        """Keep a change that nobody has proven."""
        self.partial = PartialResult(patch=patch, author=author, why=why, attempt=self.attempt)

    def hints(self) -> tuple[str, ...]:
        """What the person asked for."""
        return tuple(self.asked)

    def try_again(self, hint: str) -> None:
        """The person wants another fix; the graph goes on from here when it is advanced."""
        self.move(HealState.REPAIRING)
        self.attempt += 1
        self.asked += [hint] if hint.strip() else []
        self._fix = None

    def decision(self) -> HumanDecision | None:
        """The person's answer is the heal's state."""
        return None

    def approve_effects(self) -> None:
        """Whoever asked the person applies the patch; there is nobody to hand it to."""

    def may_rerun(self) -> bool:
        """There is no CI that could run it again."""
        return False

    def budget(self) -> LocalBudget:
        """What may be spent."""
        return self.money
