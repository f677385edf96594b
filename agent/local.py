"""The healing graph on one machine: the same nodes, with checkpoints in memory and a command instead of a CI.

The command runs once before the graph starts, because its output is the log. That run is not wasted: it is
handed to the graph as its first look at the failure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from langgraph.checkpoint.memory import InMemorySaver

from agent.heal import advance_on
from agent.local_journal import LocalJournal
from agent.reproduction import (
    green_for_want_of_a_command,
    lacking,
    not_about_the_code,
    reached,
    until_mixed,
)
from agent.toolbox import HealTools
from patchpilot.errors import TemporaryError
from patchpilot.failures import DistilledFailure
from patchpilot.fixes import (
    CommandResult,
    Limits,
    Outcome,
    PastFix,
    Patch,
    ReplayPlan,
    ShellCommand,
)
from patchpilot.ports import Workbench, Workbenches, WorkbenchSpec
from patchpilot.source import Repo

_TRIES = 4


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What the command did before anything else was done."""

    results: tuple[CommandResult, ...]
    plan: ReplayPlan
    """How it was run: without the earlier steps that only a CI can run, or in another way than the first."""

    @property
    def red(self) -> CommandResult | None:
        """The first run that failed."""
        return next((result for result in self.results if not result.passed), None)

    @property
    def problem(self) -> str:
        """Why the runs say nothing about the code; empty if they do."""
        unprepared = " ".join(self.plan.left_out)
        said = (
            not_about_the_code(result, unprepared=unprepared) or green_for_want_of_a_command(result)
            for result in self.results
        )
        return next(filter(None, said), "")


def first_look(tools: HealTools, spec: WorkbenchSpec, plan: ReplayPlan) -> FirstLook:
    """Run the command; if it is green, again until it is red or clearly green, in all ways that there are."""
    with (
        tools.journal.step("run", "Running the command in a sandbox"),
        tools.workbenches.open(spec) as bench,
    ):
        look = _looked(tools, bench, plan)
        for way in plan.others:
            if look.red is not None:
                break
            other = _looked(tools, bench, plan.by(way))
            if other.red is not None:
                return other
        return look


def _looked(tools: HealTools, bench: Workbench, plan: ReplayPlan) -> FirstLook:
    plan, first = reached(tools, bench, plan)
    plan = lacking(bench, plan)
    results = [first]
    if first.passed and not green_for_want_of_a_command(first):
        watched = _Watched(bench, results)
        until_mixed(tools, watched, plan, passed=1)
    return FirstLook(tuple(results), plan)


@dataclass
class LocalHeal:
    """One heal of one command; advance it as often as a person asks for another fix."""

    tools: HealTools
    journal: LocalJournal
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    checkpoints: InMemorySaver = field(default_factory=InMemorySaver)

    @property
    def refused(self) -> tuple[str, ...]:
        """Why what was tried was not good enough, in order."""
        found = self.checkpoints.get_tuple({"configurable": {"thread_id": str(self.journal.heal_id)}})
        state = found.checkpoint["channel_values"] if found else {}
        return tuple(state.get("refused") or ())

    def advance(self) -> None:
        """Run the graph until it ends or waits for the person.

        What may pass (an overloaded model) is waited for a few times, as long as it asks for; then, or where
        that would be longer than a task may take, it is raised as
        :class:`~patchpilot.errors.TemporaryError`, and this may be called again.
        """
        ends = self.clock() + self.tools.settings.task_deadline_seconds
        for left in reversed(range(_TRIES)):
            try:
                advance_on(self.tools, self.checkpoints)
            except TemporaryError as error:
                seconds = error.retry_after
                if not left:
                    raise
                if self.clock() + seconds >= ends:
                    raise TemporaryError(
                        f"{error}, with {seconds:,.0f} s to wait, which is longer than this heal may take "
                        "(TASK_DEADLINE_SECONDS)",
                        retry_after=seconds,
                    ) from error
                self.journal.note(f"{error}; trying again in {seconds:,.0f} s")
                with self.journal.step("wait", f"Waiting {seconds:,.0f} s, as asked; Ctrl-C ends the heal"):
                    self.sleep(seconds)
            else:
                return


@dataclass
class _ForwardingWorkbenches:
    real: Workbenches

    @property
    def engine(self) -> str:
        """As the real ones say."""
        return self.real.engine

    @property
    def reason(self) -> str:
        """As the real ones say."""
        return self.real.reason


@dataclass
class SeenWorkbenches(_ForwardingWorkbenches):
    """Workbenches of which the first hands back runs that have been made already.

    The first bench that is opened is on the failing commit, to reproduce the failure
    (:mod:`agent.nodes.generate`).
    """

    command: ShellCommand
    seen: list[CommandResult]

    @contextmanager
    def open(self, spec: WorkbenchSpec) -> Iterator[Workbench]:
        """A bench that has the runs in store, then is an ordinary one."""
        seen, self.seen = self.seen, []
        with self.real.open(spec) as bench:
            yield _Seen(bench, self.command, seen) if seen else bench


@dataclass
class _Forwarding:
    """A bench that leaves everything to another."""

    bench: Workbench

    @property
    def engine(self) -> str:
        return self.bench.engine

    @property
    def unprepared(self) -> str:
        """As the real one says."""
        return self.bench.unprepared

    def run(self, command: ShellCommand, *, limits: Limits | None = None) -> CommandResult:
        return self.bench.run(command, limits=limits)

    def capture(self, command: ShellCommand, *, limits: Limits | None = None) -> tuple[CommandResult, Patch]:
        return self.bench.capture(command, limits=limits)

    def apply(self, patch: Patch) -> None:
        self.bench.apply(patch)

    def reset(self) -> None:
        self.bench.reset()

    def diff(self) -> Patch:
        return self.bench.diff()

    def files(self) -> Sequence[str]:
        return self.bench.files()

    def read_text(self, path: str) -> str:
        return self.bench.read_text(path)

    def write_text(self, path: str, text: str) -> None:
        self.bench.write_text(path, text)


@dataclass
class _Watched(_Forwarding):
    """Keeps the results of its runs."""

    results: list[CommandResult]

    def run(self, command: ShellCommand, *, limits: Limits | None = None) -> CommandResult:
        result = self.bench.run(command, limits=limits)
        self.results.append(result)
        return result


@dataclass
class _Seen(_Forwarding):
    """Answers with runs that were made on the same files, as long as there are some."""

    command: ShellCommand
    seen: list[CommandResult]

    def run(self, command: ShellCommand, *, limits: Limits | None = None) -> CommandResult:
        if self.seen and command == self.command and self.bench.diff().is_empty:
            return self.seen.pop(0)
        return self.bench.run(command, limits=limits)


@dataclass
class TimedWorkbenches(_ForwardingWorkbenches):
    """Workbenches whose time is taken: what installing and the commands took, as a person waits for them."""

    seconds: float = 0.0

    @contextmanager
    def open(self, spec: WorkbenchSpec) -> Iterator[Workbench]:
        """A bench whose runs are timed too."""
        with ExitStack() as stack:
            with self.counted():
                bench = stack.enter_context(self.real.open(spec))
            yield _Timed(bench, self)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Add what is done meanwhile."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds += time.monotonic() - started


@dataclass
class _Timed(_Forwarding):
    """Adds up what its commands take."""

    watch: TimedWorkbenches

    def run(self, command: ShellCommand, *, limits: Limits | None = None) -> CommandResult:
        with self.watch.counted():
            return self.bench.run(command, limits=limits)

    def capture(self, command: ShellCommand, *, limits: Limits | None = None) -> tuple[CommandResult, Patch]:
        with self.watch.counted():
            return self.bench.capture(command, limits=limits)


class NoMemory:
    """Remembers nothing (:class:`patchpilot.ports.Memory`)."""

    def recall(self, repo: Repo, failure: DistilledFailure, *, k: int = 5) -> list[PastFix]:  # noqa: ARG002
        """There are no past cases."""
        return []

    def learn(self, repo: Repo, failure: DistilledFailure, *, past: PastFix, outcome: Outcome) -> None:
        """Forgotten at once."""
