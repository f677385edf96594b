"""Fakes of the ports, so that the graph can be driven in memory; each keeps what it was told."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import SecretStr

from agent.claude import Claude
from agent.heal import advance_on
from agent.toolbox import HealTools
from patchpilot.commands import Medium, Verb
from patchpilot.errors import (
    BudgetExceededError,
    NotFoundError,
    PatchDoesNotApplyError,
    PermanentError,
    UnsafePathError,
)
from patchpilot.failures import Category, Diagnosis, DistilledFailure, LogLine
from patchpilot.fixes import (
    CommandResult,
    Ending,
    Fix,
    GaveUp,
    Limits,
    Outcome,
    PartialResult,
    PastFix,
    Patch,
    ReplayPlan,
    ShellCommand,
    Spend,
)
from patchpilot.heals import HealId, HealState, allowed
from patchpilot.incidents import FailureRecord
from patchpilot.ports import Brief, HumanDecision, Settled, WorkbenchSpec
from patchpilot.redaction import Redactor
from patchpilot.settings import WorkerSettings
from patchpilot.source import CIJob, CIStep, Commit, Repo, RunRef, Sha
from playground.anthropic import ScriptedAnthropic

SHA = Sha("ab12" * 10)
REPO = Repo("github", "acme/widget")
RUN = RunRef(provider="github_actions", repo=REPO, run_id="77", url="https://ci.example/runs/77")


class KilledError(BaseException):
    """As if the process ended here: no handler of ours catches it."""


@dataclass
class MemoryBudget:
    """What may be spent, in memory."""

    limit: Decimal = Decimal(1)
    spent: Spend = field(default_factory=Spend)

    def check(self, *, expected_dollars: float, expected_tokens: int = 0) -> None:
        if self.spent.dollars + Decimal(str(expected_dollars)) > self.limit:
            raise BudgetExceededError(f"the next call could pass the limit of ${self.limit} for this heal")

    def record(self, spend: Spend) -> None:
        self.spent += spend


@dataclass
class MemoryJournal:
    """The heal's record in memory, with the same rules of moving as the stored one."""

    current: HealState = HealState.QUEUED
    record: FailureRecord = field(
        default_factory=lambda: FailureRecord(
            id=1,
            run=RUN,
            workflow="ci",
            workflow_path=".github/workflows/ci.yml",
            branch="main",
            default_branch="main",
            head_sha=SHA,
            author="ana",
            commit_subject="Round prices",
            pull_request=None,
            from_fork=False,
            received_at=datetime.now(UTC),
        )
    )
    reasons: list[tuple[HealState, str]] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    proposals: list[Fix] = field(default_factory=list)
    effects: set[int] = field(default_factory=set)
    effect_calls: int = 0
    reruns: int = 0
    said: list[str] = field(default_factory=list)
    doing: list[str] = field(default_factory=list)
    partials: list[PartialResult] = field(default_factory=list)
    sent_back: int = 0
    """How many of the proposals are over."""
    retry_hints: list[str] = field(default_factory=list)
    money: MemoryBudget = field(default_factory=MemoryBudget)
    joins: int | None = None
    attempt: int = 1
    before: Callable[[str], None] = lambda _: None
    """Called with the name of every method before it does anything: where a test kills the process."""
    latest: HumanDecision | None = None
    _distilled: DistilledFailure | None = None
    _diagnosis: Diagnosis | None = None

    @property
    def heal_id(self) -> HealId:
        return HealId("c0ffee" * 5 + "00")

    @property
    def reason(self) -> str:
        return self.reasons[-1][1] if self.reasons else ""

    def failure(self) -> FailureRecord:
        return self.record

    def state(self) -> HealState:
        return self.current

    def move(self, to: HealState, *, reason: str = "", rerun: bool = False) -> None:
        self.before(f"move {to.value}")
        if self.current is to:
            return
        if not allowed(self.current, to):
            raise PermanentError(f"{self.current} to {to} is not in the table")
        self.current = to
        self.reasons.append((to, reason))
        self.reruns += rerun

    def may_rerun(self) -> bool:
        return not self.reruns

    @contextmanager
    def step(self, name: str, text: str) -> Iterator[None]:
        self.before(f"step {name}")
        self.steps.append(name)
        yield

    def progress(self, name: str, text: str) -> None:
        self.doing.append(text)

    def note(self, text: str, *, key: str = "") -> None:
        self.said.append(text)

    def settle(self, failure: DistilledFailure) -> Settled:
        self.before("settle")
        self._distilled = failure
        if self.joins is not None:
            self.current = HealState.SUPERSEDED
        return Settled(joined=self.joins)

    def distilled(self) -> DistilledFailure | None:
        return self._distilled

    def diagnosed(self, diagnosis: Diagnosis) -> None:
        self.before("diagnosed")
        self._diagnosis = diagnosis

    def diagnosis(self) -> Diagnosis | None:
        return self._diagnosis

    def propose(self, fix: Fix) -> str:
        self.before("propose")
        if self.current is not HealState.AWAITING_APPROVAL or self.proposals[-1].patch != fix.patch:
            self.move(HealState.AWAITING_APPROVAL)
            self.proposals.append(fix)
        self.before("proposed")
        return f"approval-{len(self.proposals)}"

    def fix(self) -> Fix | None:
        return self.proposals[-1] if len(self.proposals) > self.sent_back else None

    def leave_partial(self, *, patch: Patch, author: str, why: str) -> None:
        self.before("leave_partial")
        self.partials.append(PartialResult(patch=patch, author=author, why=why, attempt=self.attempt))

    def hints(self) -> tuple[str, ...]:
        return tuple(self.retry_hints)

    def decision(self) -> HumanDecision | None:
        return self.latest

    def approve_effects(self) -> None:
        self.before("approve_effects")
        self.effects.add(self.attempt)
        self.effect_calls += 1

    def budget(self) -> MemoryBudget:
        return self.money

    def decide(self, to: HealState, hint: str = "", medium: Medium = Medium.SLACK) -> None:
        """As a person's decision moves the heal from outside."""
        self.move(to, reason="a person decided")
        if to is HealState.REPAIRING:
            self.sent_back = len(self.proposals)
            self.attempt += 1
            self.retry_hints += [hint] if hint else []
            self.latest = HumanDecision(
                verb=Verb.RETRY, actor="ana", text=hint, attempt=self.attempt, medium=medium.value
            )

    def retest(self, sha: Sha) -> None:
        """As a person's re-test moves the heal to a later red run."""
        self.decide(HealState.REPAIRING)
        self.record = replace(self.record, head_sha=sha, run=replace(RUN, run_id="8"))
        self.latest = HumanDecision(verb=Verb.RETEST, actor="ana", text="", attempt=self.attempt)


@dataclass
class LocalBench:
    """A workbench on a folder of this machine, for commands that a test wrote itself."""

    root: Path
    runs: list[str]
    script: Callable[[ShellCommand], CommandResult | None]
    engine: str = "local"
    unprepared: str = ""

    def __post_init__(self) -> None:
        self._git("init", "--quiet")
        self._git("add", "--all", "--force")
        self._git("commit", "--quiet", "--allow-empty", "-m", "base")

    def run(self, command: ShellCommand, *, limits: Limits | None = None) -> CommandResult:
        with self._copy() as copy:
            return self._executed(command, copy)

    def capture(self, command: ShellCommand, *, limits: Limits | None = None) -> tuple[CommandResult, Patch]:
        with self._copy() as copy:
            result = self._executed(command, copy)
            before = self.diff().diff
            shutil.copytree(self.root / ".git", copy / ".git", dirs_exist_ok=True)
            self._git("add", "--all", "--force", cwd=copy)
            whole = self._git("diff", "--cached", "HEAD", cwd=copy)
        if whole == before:
            return result, Patch("")
        self.reset()
        if before:
            self.apply(Patch(before))
        self._git("add", "--all", "--force")
        tree = self._git("write-tree").strip()
        self.reset()
        self.apply(Patch(whole))
        patch = self._git_diff_to(tree)
        self.reset()
        if before:
            self.apply(Patch(before))
        return result, Patch(patch)

    def apply(self, patch: Patch) -> None:
        done = subprocess.run(
            ["git", "apply", "-"],
            input=patch.diff,
            text=True,
            cwd=self.root,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise PatchDoesNotApplyError(done.stderr.strip())

    def reset(self) -> None:
        self._git("reset", "--quiet", "--hard", "HEAD")
        self._git("clean", "-fdq")

    def diff(self) -> Patch:
        self._git("add", "--all", "--force")
        return Patch(self._git("diff", "--cached", "HEAD"))

    def files(self) -> Sequence[str]:
        return sorted(
            str(path.relative_to(self.root))
            for path in self.root.rglob("*")
            if path.is_file() and ".git" not in path.relative_to(self.root).parts
        )

    def read_text(self, path: str) -> str:
        file = self._safe(path)
        if not file.is_file():
            raise NotFoundError(f"no file {path}")
        return file.read_bytes().decode()  # line ends as they are, like the real one

    def write_text(self, path: str, text: str) -> None:
        file = self._safe(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())

    def _safe(self, path: str) -> Path:
        file = (self.root / path).resolve()
        if not file.is_relative_to(self.root.resolve()) or ".git" in Path(path).parts:
            raise UnsafePathError(f"{path!r} is outside the checkout")
        return file

    def _executed(self, command: ShellCommand, folder: Path) -> CommandResult:
        self.runs.append(command.script)
        scripted = self.script(command)
        if scripted is not None:
            return scripted
        done = subprocess.run(
            [*command.shell.split(), "-c", command.script],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        output = done.stdout + done.stderr
        return CommandResult(
            command=command, ending=Ending.EXITED, exit_code=done.returncode, output=output, seconds=0.1
        )

    @contextmanager
    def _copy(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "tree"
            shutil.copytree(self.root, copy, ignore=shutil.ignore_patterns(".git"))
            yield copy

    def _git_diff_to(self, tree: str) -> str:
        self._git("add", "--all", "--force")
        return self._git("diff", "--cached", tree)

    def _git(self, *words: str, cwd: Path | None = None) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "core.autocrlf=false"]
        done = subprocess.run(
            ["git", *identity, *words], cwd=cwd or self.root, capture_output=True, text=True, check=True
        )
        return done.stdout


@dataclass
class LocalBenches:
    """Opens :class:`LocalBench`; ``script`` may answer a command instead of running it."""

    engine: str = "local"
    reason: str = "commands run in a folder"
    runs: list[str] = field(default_factory=list)
    opened: int = 0
    script: Callable[[ShellCommand], CommandResult | None] = lambda _: None
    unprepared: str = ""
    specs: list[WorkbenchSpec] = field(default_factory=list)

    @contextmanager
    def open(self, spec: WorkbenchSpec) -> Iterator[LocalBench]:
        self.opened += 1
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "work"
            shutil.copytree(spec.tree, root)
            self.specs.append(spec)
            yield LocalBench(root, self.runs, self.script, unprepared=self.unprepared or spec.withheld)


@dataclass
class FakeCI:
    """One failed job with a log and a plan for its replay."""

    log: bytes
    plan: ReplayPlan | GaveUp
    all_jobs: tuple[CIJob, ...] = (
        CIJob(id="0", name="docs", failed=False),
        CIJob(id="1", name="test", failed=True, steps=(CIStep(number=3, name="Run tests", failed=True),)),
    )
    trouble: Exception | None = None

    def jobs(self, run: RunRef) -> tuple[CIJob, ...]:
        return self.all_jobs

    def open_log(self, run: RunRef, job: CIJob) -> Iterator[bytes]:
        if self.trouble is not None:
            raise self.trouble
        yield from (self.log[start : start + 1000] for start in range(0, len(self.log), 1000))

    def replay(
        self, tree: Path, *, workflow_path: str, job: CIJob, failure: DistilledFailure | None = None
    ) -> ReplayPlan | GaveUp:
        return self.plan

    def rerun(self, run: RunRef) -> None:
        raise AssertionError("nobody asked for a rerun")


@dataclass
class FakeHost:
    """A code host with one commit, and with those it came from as far as a test names them."""

    files: Mapping[str, str]
    head: Commit | None = None
    trouble: Exception | None = None
    older: dict[Sha, Mapping[str, str]] = field(default_factory=dict)
    """The files of other commits."""
    left_at: Sha | None = None
    """Where the branch left the default branch."""
    since: Patch = field(default_factory=lambda: Patch(""))
    """What was changed since then."""

    def checkout(self, repo: Repo, commit: Sha, into: Path) -> None:
        if self.trouble is not None:
            raise self.trouble
        if commit != SHA and commit not in self.older:
            raise NotFoundError(f"no commit {commit[:7]}")
        for name, text in self.older.get(commit, self.files).items():
            file = into / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")

    def commit(self, repo: Repo, commit: Sha) -> Commit:
        if self.head is None:
            raise NotFoundError("gone")
        return self.head

    def compare(self, repo: Repo, base: Sha, head: Sha) -> Patch:
        return self.since

    def merge_base(self, repo: Repo, base: str, head: Sha) -> Sha:
        if self.left_at is None:
            raise NotFoundError(f"no branch {base}")
        return self.left_at

    def branch_head(self, repo: Repo, branch: str) -> Sha | None:
        return SHA

    def permission(self, repo: Repo, user: Any) -> Any:
        raise AssertionError("the agent asks for no permission")


@dataclass
class FakeMemory:
    """Remembers what it is given."""

    cases: list[PastFix] = field(default_factory=list)

    def recall(self, repo: Repo, failure: DistilledFailure, *, k: int = 5) -> list[PastFix]:
        return self.cases[:k]

    def learn(self, repo: Repo, failure: DistilledFailure, *, past: PastFix, outcome: Outcome) -> None:
        self.cases.append(past)


@dataclass
class World:
    """Everything around one heal, and the graph on a checkpointer in memory."""

    tools: HealTools
    journal: MemoryJournal
    ci: FakeCI
    host: FakeHost
    benches: LocalBenches
    memory: FakeMemory
    checkpoints: InMemorySaver

    def advance(self) -> None:
        advance_on(self.tools, self.checkpoints)

    def equip(self, **changes: Any) -> None:
        """Replace some of the tools."""
        self.tools = replace(self.tools, **changes)


BUGGY = {
    "price.py": "def net(price, percent):\n    return price - price * percent / 10\n",
    # A shell script, because the graph's tests run it hundreds of times.
    "check.sh": (
        "grep -q 'percent / 100' price.py && exit 0\n"
        "echo 'AssertionError: net(200, 10) is 0.0, not 180'\n"
        "exit 1\n"
    ),
}
BUGGY_LOG = b"$ sh check.sh\nAssertionError: net(200, 10) is 0.0, not 180\n"
BUGFIX = """diff --git a/price.py b/price.py
--- a/price.py
+++ b/price.py
@@ -1,2 +1,2 @@
 def net(price, percent):
-    return price - price * percent / 10
+    return price - price * percent / 100
"""


@pytest.fixture
def worker_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> WorkerSettings:
    monkeypatch.chdir(tmp_path)
    return WorkerSettings(
        database_url=SecretStr("postgresql://u:p@localhost/x"),
        redis_url=SecretStr("redis://localhost"),
        flaky_runs=2,
        repair_candidates=2,
    )


@pytest.fixture
def world(tmp_path: Path, worker_settings: WorkerSettings) -> World:
    """A repository with a logic bug, no memory and no model."""
    journal = MemoryJournal()
    plan = ReplayPlan(failing=ShellCommand(script="sh check.sh"), source="ci.yml, job test, step 3")
    ci, host = FakeCI(BUGGY_LOG, plan), FakeHost(BUGGY)
    benches, memory = LocalBenches(), FakeMemory()
    tools = HealTools(
        journal=journal,
        ci=ci,
        host=host,
        workbenches=benches,
        memory=memory,
        model=None,
        redact=Redactor(),
        settings=worker_settings,
        workdir=tmp_path / "heal",
    )
    strict = JsonPlusSerializer(pickle_fallback=False, allowed_msgpack_modules=None)
    return World(tools, journal, ci, host, benches, memory, InMemorySaver(serde=strict))


@pytest.fixture
def remembered() -> PastFix:
    """The right fix of the logic bug, as an earlier incident left it."""
    return PastFix(
        incident=12,
        fingerprint="f",
        patch=Patch(BUGFIX),
        author="a human",
        outcome=Outcome.HUMAN,
        root_cause="the discount is a percentage",
        similarity=1.0,
    )


@pytest.fixture
def killed() -> type[BaseException]:
    return KilledError


@pytest.fixture
def budget() -> MemoryBudget:
    return MemoryBudget()


FAILURE_LOG = "test_price.py::test_net\nE   AssertionError: net(200, 10) is 0.0, not 180\n"
CLAUDE = "claude-sonnet-5-5"
CLAUDE_KEY = "sk-ant-api03-notarealkey-0123456789"


@dataclass
class Desk:
    """Repair tools over one file in memory."""

    text: str = "return price - price * percent / 10\n"
    calls: list[str] = field(default_factory=list)

    def list_files(self, pattern: str) -> str:
        self.calls.append(f"list_files {pattern}")
        return "price.py"

    def search(self, text: str, pattern: str) -> str:
        self.calls.append(f"search {text} {pattern}")
        return "price.py:1: return"

    def read(self, path: str, first: int, last: int) -> str:
        self.calls.append(f"read {path} {first} {last}")
        return self.text

    def edit(self, path: str, old: str, new: str) -> str:
        self.calls.append(f"edit {path}")
        self.text = self.text.replace(old, new)
        return f"edited {path}"

    def run_failing_command(self) -> str:
        self.calls.append("run")
        return "PASSED: exit code 0" if "100" in self.text else "FAILED: exit code 1"

    def run_test(self, test: str) -> str:
        self.calls.append(f"test {test}")
        return "PASSED: exit code 0" if "100" in self.text else "FAILED: exit code 1"

    def diff(self) -> str:
        return "diff --git a/price.py b/price.py\n+" + self.text if "100" in self.text else ""


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def brief() -> Brief:
    failure = DistilledFailure(
        text=FAILURE_LOG, category=Category.TEST, evidence=(LogLine(7, FAILURE_LOG.splitlines()[1]),)
    )
    commit = Commit(sha=Sha("a" * 40), author="Ana", message="Round prices", diff="+ percent / 10\n")
    return Brief(
        repo=Repo("github", "acme/widget"),
        branch="main",
        failure=failure,
        commit=commit,
        failing=ShellCommand(script="pytest -q"),
    )


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def claude(waits):
    @contextmanager
    def scripted(
        *turns, script=None, model=CLAUDE, cache=None, **options
    ) -> Iterator[tuple[Claude, ScriptedAnthropic]]:
        with ScriptedAnthropic(script or turns, cache=cache) as server:
            client = Claude(
                api_key=CLAUDE_KEY, base_url=server.base_url, model=model, sleep=waits.append, **options
            )
            try:
                yield client, server
            finally:
                client.close()

    return scripted
