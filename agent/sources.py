"""Where candidates come from, in order: the repository's own tools, memory, then the model.

Cheap and certain first. Each source has its turn once per attempt; what it proposes is only a candidate
until :mod:`agent.nodes.validate` has proven it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from agent.bench_tools import BenchTools
from agent.fixers.bench import FixerBench
from agent.fixers.snapshots import asked_for
from agent.nodes.diagnose import head_commit
from agent.nodes.retrieve import recall, reference
from agent.nodes.state import State
from agent.reproduction import Reproduced
from agent.toolbox import HealTools
from patchpilot.errors import (
    BudgetExceededError,
    ModelRefusedError,
    PatchDoesNotApplyError,
    TemporaryError,
    UnsafePathError,
)
from patchpilot.failures import DistilledFailure
from patchpilot.fixes import Candidate, GaveUp, PastFix, Patch
from patchpilot.incidents import incident_name
from patchpilot.ports import Brief, Model, Workbench
from patchpilot.text import one_line

MODEL: Final = "model:"
"""How the keys of the model's turns begin."""

AGAIN: Final = "again"
"""The key of a re-tested proposal's turn."""

SENT_BACK: Final = "sent back"
"""The key of the turn of a proposal that a person sent back, where no other is found."""

_SAME = 1.0


@dataclass(frozen=True, kw_only=True)
class Source:
    """One turn of one source."""

    key: str
    """Remembered once it has had its turn; its prefix tells what kind of source it is."""
    propose: Callable[[Workbench], Candidate | GaveUp]
    of: str = ""
    """The source that the patch came from at first, where this one only brings it back."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """All sources for one reproduced failure."""

    tools: HealTools
    state: State
    failure: DistilledFailure
    reproduced: Reproduced

    def __iter__(self) -> Iterator[Source]:
        again = self.state.get("again") or {}
        if again:
            yield Source(key=AGAIN, propose=_Again(self.tools, again), of=again["key"])
        # What a person asked for gives the tools another turn, should theirs be over.
        asked = asked_for(self.tools.journal.hints())
        yield Source(key="fixer:snapshots" if asked else "fixer:tools", propose=self._by_tools)
        for past in self._past():
            kind = "memory" if past.similarity >= _SAME else "similar"
            yield Source(key=f"{kind}:{reference(past)}", propose=_Remembered(past, kind))
        if self.tools.model is not None:
            for number in range(1, self.tools.settings.repair_candidates + 1):
                yield Source(key=f"{MODEL}{number}", propose=_ByModel(self.tools.model, self, number))

    def _past(self) -> list[PastFix]:
        wanted = set(self.state.get("past") or [])
        return [past for past in recall(self.tools) if reference(past) in wanted]

    def _by_tools(self, bench: Workbench) -> Candidate | GaveUp:
        return FixerBench(
            bench=bench,
            failure=self.failure,
            plan=self.reproduced.plan,
            limits=self.tools.limits,
            shown=self.tools.journal.step,
            redact=self.tools.redact,
            hints=self.tools.journal.hints(),
        ).mend()


@dataclass(frozen=True)
class _Again:
    """The proposal itself, at the commit that its branch has moved to."""

    tools: HealTools
    candidate: dict[str, str]

    def __call__(self, bench: Workbench) -> Candidate | GaveUp:
        commit = self.tools.journal.failure().head_sha[:7]
        with self.tools.journal.step("re-test", f"Putting the same patch on {commit}"):
            patch = Patch(self.candidate["diff"])
            try:
                try:
                    bench.apply(patch)
                except PatchDoesNotApplyError:
                    bench.apply(_anywhere(patch))
            except (PatchDoesNotApplyError, UnsafePathError) as error:
                return no_longer(self.tools, f"it does not apply there ({one_line(str(error), 160)})")
        # Where lines have moved, the text says where they are now; else it is the same to the byte.
        author, summary = self.candidate["author"], self.candidate["summary"]
        return Candidate(patch=bench.diff(), author=author, summary=summary)


def no_longer(tools: HealTools, why: str) -> GaveUp:
    """Tell people that the re-tested patch is not good any more; another one is looked for then."""
    commit = tools.journal.failure().head_sha[:7]
    text = f"The same patch is no fix any more at {commit}: {why}. Another one is looked for there."
    tools.journal.note(tools.redact(text), key=f"re-test:{commit}")
    return GaveUp(f"the earlier patch at {commit}: {why}")


@dataclass(frozen=True)
class _Remembered:
    past: PastFix
    kind: str
    """``memory`` for this very failure, ``similar`` for one like it."""

    def __call__(self, bench: Workbench) -> Candidate | GaveUp:
        name = incident_name(self.past.incident)
        if not _apply_what_fits(bench, self.past.patch):
            return GaveUp(f"the fix of {name} does not apply to the code as it is now")
        summary = f"Apply the fix that worked for {name}: {one_line(self.past.root_cause, 120)}"
        return Candidate(patch=bench.diff(), author=f"{self.kind}:{name}", summary=summary)


def _apply_what_fits(bench: Workbench, patch: Patch) -> bool:
    """The whole patch, else those of its files that still fit; the proof tells whether that is enough."""
    try:
        bench.apply(patch)
    except (PatchDoesNotApplyError, UnsafePathError):
        for part in patch.by_file():
            with suppress(PatchDoesNotApplyError, UnsafePathError):
                try:
                    bench.apply(part)
                except PatchDoesNotApplyError:
                    bench.apply(_anywhere(part))
    return not bench.diff().is_empty


def _anywhere(patch: Patch) -> Patch:
    """The patch with hunks that need not stand at the top of their file.

    Git takes a hunk of line 1 to be anchored there (``match_beginning`` in its apply.c), so a notice that has
    come above it since would keep a remembered fix out. Lines of content never start with ``@@``.
    """
    return Patch(_AT_THE_TOP.sub(r"@@ -2\1 +2\2 @@", patch.diff))


_AT_THE_TOP = re.compile(r"^@@ -1(,\d+)? \+1(,\d+)? @@", re.MULTILINE)


@dataclass(frozen=True)
class _ByModel:
    model: Model
    sources: Sources
    number: int

    def __call__(self, bench: Workbench) -> Candidate | GaveUp:
        tools = self.sources.tools
        name = f"model {self.number}"
        with tools.journal.step(name, f"{self.model.name} is working on a fix{self._why_again()}"):
            try:
                return self.model.repair(
                    self._brief(),
                    self._bench_tools(bench),
                    budget=tools.journal.budget(),
                    tell=lambda text: tools.journal.progress(name, tools.redact(text)),
                )
            except (BudgetExceededError, ModelRefusedError) as error:
                return GaveUp(str(error), final=True, stopped=True)
            except TemporaryError as error:
                if not self.sources.state.get("proven"):
                    # It may be a while until the next try, and nobody is thinking meanwhile.
                    waits = f"waiting to ask {self.model.name} again: {one_line(str(error), 160)}"
                    tools.journal.progress(name, tools.redact(waits))
                    raise
                # People need not wait for the model to come back when a fix is proven already.
                return GaveUp(str(error), final=True, stopped=True)

    def _why_again(self) -> str:
        if self.number == 1:
            return ""
        if self.sources.state.get("proven"):
            return " again, as a smaller one may do"
        return " again, knowing why the last try was refused"

    def _bench_tools(self, bench: Workbench) -> BenchTools:
        plan = self.sources.reproduced.plan
        tools = self.sources.tools
        return BenchTools(bench, failing=plan.failing, limits=tools.limits, redact=tools.redact)

    def _brief(self) -> Brief:
        tools = self.sources.tools
        record = tools.journal.failure()
        commit = head_commit(tools)
        if commit is not None:
            commit = replace(commit, diff=tools.redact(commit.diff), message=tools.redact(commit.message))
        return Brief(
            repo=record.run.repo,
            branch=record.branch,
            failure=self.sources.failure,
            commit=commit,
            past=tuple(recall(tools)),
            hints=tools.journal.hints(),
            diagnosis=tools.journal.diagnosis(),
            failing=self.sources.reproduced.plan.failing,
            refused=tuple(self.sources.state.get("refused") or ()),
            earlier=tuple(self._earlier()),
        )

    def _earlier(self) -> Iterator[Patch]:
        """What was proposed and turned down, by people or by its own CI, and what came to no proof since."""
        for known in (self.sources.state.get("turned_down"), self.sources.state.get("partial")):
            if known:
                yield Patch(known["diff"])


def _left_behind(patch: Patch, tools: HealTools) -> Candidate:
    name = tools.model.name if tools.model is not None else "the model"
    summary = f"Repair by {name}, which was stopped before it could say more"
    return Candidate(patch=patch, author=f"claude:{name}", summary=summary)


@dataclass(kw_only=True)
class Turns:
    """Which sources have had their turn, and what came of it."""

    tried: list[str]
    """Keys of the sources."""
    refused: list[str]
    """Why what they proposed was not good enough."""
    partial: dict[str, str] = field(default_factory=dict)
    """The latest change that a model, or a tool, left behind without proposing it."""
    stopped: str = ""
    """Why the model that made the candidate could not say that it is one."""

    def first_candidate(self, sources: Sources, bench: Workbench) -> tuple[Source, Candidate] | None:
        """Give each source that has not had it its turn, until one proposes something.

        The workbench is clean before each turn.
        """
        for source in sources:
            if source.key in self.tried:
                continue
            self.tried.append(source.key)
            bench.reset()
            outcome = source.propose(bench)
            match outcome:
                case Candidate(patch=patch) if not patch.is_empty:
                    return source, outcome
                case GaveUp():
                    self._gave_up(source, outcome, sources, bench)
                    if outcome.stopped and not (left := bench.diff()).is_empty:
                        self.stopped = outcome.reason
                        return source, _left_behind(left, sources.tools)
                case _:
                    self.refused.append("a patch without any change")
        return None

    def _gave_up(self, source: Source, outcome: GaveUp, sources: Sources, bench: Workbench) -> None:
        self.refused.append(outcome.reason)
        if outcome.partial:
            self.partial = {"diff": bench.diff().diff, "author": outcome.partial, "why": outcome.reason}
        if not source.key.startswith(MODEL):
            return
        if outcome.final:
            rest = [other.key for other in sources if other.key.startswith(MODEL)]
            self.tried += [key for key in rest if key not in self.tried]
        diff = bench.diff()
        if not diff.is_empty and sources.tools.model is not None:
            author = f"claude:{sources.tools.model.name}"
            self.partial = {"diff": diff.diff, "author": author, "why": outcome.reason}
