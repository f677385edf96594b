"""Where candidates come from, in order: the repository's own tools, memory, then the model.

Cheap and certain first. Each source has its turn once per attempt; what it proposes is only a candidate
until :mod:`agent.nodes.validate` has proven it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from agent.bench_tools import BenchTools
from agent.fixers.bench import FixerBench
from agent.nodes.diagnose import head_commit
from agent.nodes.retrieve import recall, reference
from agent.nodes.state import State
from agent.reproduction import Reproduced
from agent.toolbox import HealTools
from patchpilot.errors import (
    BudgetExceededError,
    ModelRefusedError,
    PatchDoesNotApplyError,
    UnsafePathError,
)
from patchpilot.failures import DistilledFailure
from patchpilot.fixes import Candidate, GaveUp, PastFix, Patch
from patchpilot.incidents import incident_name
from patchpilot.ports import Brief, Model, Workbench
from patchpilot.text import one_line

MODEL_ROUNDS = 2
"""How often the model may propose in one attempt; the second time it is told why the first was refused."""

_SAME = 1.0


@dataclass(frozen=True, kw_only=True)
class Source:
    """One turn of one source."""

    key: str
    """Remembered once it has had its turn; its prefix tells what kind of source it is."""
    propose: Callable[[Workbench], Candidate | GaveUp]


@dataclass(frozen=True, kw_only=True)
class Sources:
    """All sources for one reproduced failure."""

    tools: HealTools
    state: State
    failure: DistilledFailure
    reproduced: Reproduced

    def __iter__(self) -> Iterator[Source]:
        yield Source(key="fixer:tools", propose=self._by_tools)
        for past in self._past():
            kind = "memory" if past.similarity >= _SAME else "similar"
            yield Source(key=f"{kind}:{reference(past)}", propose=_Remembered(past))
        if self.tools.model is not None:
            for number in range(1, MODEL_ROUNDS + 1):
                yield Source(key=f"model:{number}", propose=_ByModel(self.tools.model, self, number))

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
        ).mend()


@dataclass(frozen=True)
class _Remembered:
    past: PastFix

    def __call__(self, bench: Workbench) -> Candidate | GaveUp:
        name = incident_name(self.past.incident)
        if not _apply_what_fits(bench, self.past.patch):
            return GaveUp(f"the fix of {name} does not apply to the code as it is now")
        summary = f"Apply the fix that worked for {name}: {one_line(self.past.root_cause, 120)}"
        return Candidate(patch=bench.diff(), author=f"memory:{name}", summary=summary)


def _apply_what_fits(bench: Workbench, patch: Patch) -> bool:
    """The whole patch, else those of its files that still fit; the proof tells whether that is enough."""
    try:
        bench.apply(patch)
    except (PatchDoesNotApplyError, UnsafePathError):
        for part in by_file(patch):
            try:
                bench.apply(part)
            except (PatchDoesNotApplyError, UnsafePathError):
                continue
    return not bench.diff().is_empty


def by_file(patch: Patch) -> list[Patch]:
    """One patch per file of a git diff."""
    parts: list[list[str]] = []
    for line in patch.diff.splitlines(keepends=True):
        if line.startswith("diff --git "):
            parts.append([])
        if parts:
            parts[-1].append(line)
    return [Patch("".join(lines)) for lines in parts]


@dataclass(frozen=True)
class _ByModel:
    model: Model
    sources: Sources
    number: int

    def __call__(self, bench: Workbench) -> Candidate | GaveUp:
        tools = self.sources.tools
        again = " again, knowing why the first try was refused" if self.number > 1 else ""
        text = f"{self.model.name} is working on a fix{again}"
        with tools.journal.step(f"model {self.number}", text):
            try:
                return self.model.repair(
                    self._brief(), self._bench_tools(bench), budget=tools.journal.budget()
                )
            except (BudgetExceededError, ModelRefusedError) as error:
                return GaveUp(str(error))

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
        )


def first_candidate(
    sources: Sources, bench: Workbench, *, tried: list[str], refused: list[str]
) -> tuple[Source, Candidate] | None:
    """Give each source that has not had it its turn, until one proposes something.

    ``tried`` and ``refused`` are added to. The workbench is clean before each turn.
    """
    for source in sources:
        if source.key in tried:
            continue
        tried.append(source.key)
        bench.reset()
        outcome = source.propose(bench)
        match outcome:
            case Candidate(patch=patch) if not patch.is_empty:
                return source, outcome
            case GaveUp(reason=reason):
                refused.append(reason)
            case _:
                refused.append("a patch without any change")
    return None
