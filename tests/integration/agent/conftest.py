"""A heal with nothing faked but the code host: real PostgreSQL, real journal, real sandbox, real tools."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from agent.heal import HealTools, advance, prepare_checkpoints
from patchpilot.commands import Actor, Command, Medium, Ruling, Verb
from patchpilot.errors import NotFoundError
from patchpilot.failures import DistilledFailure, RunFinished
from patchpilot.fixes import GaveUp, ReplayPlan
from patchpilot.heals import HealId
from patchpilot.incidents import HealSnapshot
from patchpilot.ports import Model, Workbenches, WorkbenchSpec
from patchpilot.redaction import Redactor
from patchpilot.settings import SandboxEngine, SandboxSettings, WorkerSettings
from patchpilot.source import CIJob, CIStep, Commit, Repo, RunRef, Sha
from sandbox import NoWorkbenches, open_workbenches
from storage.budget import BudgetLimits
from storage.database import Database
from storage.decisions import decide
from storage.heals import take_heal
from storage.incidents import snapshot_of_heal
from storage.intake import record_failure
from storage.memory import PostgresMemory

SHA = Sha("c0de" * 10)
PARENT = Sha("beef" * 10)
REPO = Repo("github", "acme/ledger")


@dataclass
class OneRun:
    """A CI provider and a code host with one red run of one commit."""

    log: str
    plan: ReplayPlan | GaveUp
    files: Mapping[str, str]
    diff: str = ""
    parent: Mapping[str, str] | None = None
    """The files of the commit before, if there is one."""
    before: Callable[[str], None] = field(default=lambda _: None)

    def jobs(self, run: RunRef) -> tuple[CIJob, ...]:
        self.before("jobs")
        return (CIJob(id="9", name="test", failed=True, steps=(CIStep(number=2, name="Run", failed=True),)),)

    def open_log(self, run: RunRef, job: CIJob) -> Iterator[bytes]:
        self.before("open_log")
        yield self.log.encode()

    def replay(
        self, tree: Path, *, workflow_path: str, job: CIJob, failure: DistilledFailure | None = None
    ) -> ReplayPlan | GaveUp:
        self.before("replay")
        return self.plan

    def rerun(self, run: RunRef) -> None:
        raise AssertionError("nobody asked for a rerun")

    def checkout(self, repo: Repo, commit: Sha, into: Path) -> None:
        self.before("checkout")
        known = {SHA: self.files, PARENT: self.parent}.get(commit)
        if known is None:
            raise NotFoundError(f"no commit {commit}")
        for name, text in known.items():
            file = into / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")

    def commit(self, repo: Repo, commit: Sha) -> Commit:
        self.before("commit")
        parents = () if self.parent is None else (PARENT,)
        return Commit(sha=commit, author="Ana", message="Tidy up", parents=parents, diff=self.diff)

    def compare(self, repo: Repo, base: Sha, head: Sha) -> Any:
        raise AssertionError("the agent compares nothing")

    branch_head = permission = merge_base = compare


@dataclass
class Killable:
    """Workbenches that tell when they are opened, which is where a worker may die."""

    real: Workbenches
    run: OneRun

    @property
    def engine(self) -> str:
        return self.real.engine

    @property
    def reason(self) -> str:
        return self.real.reason

    def open(self, spec: WorkbenchSpec) -> Any:
        self.run.before("open")
        return self.real.open(spec)


@dataclass
class Case:
    """One recorded failure and all it takes to heal it, as a worker would."""

    db: Database
    settings: WorkerSettings
    run: OneRun
    workbenches: Workbenches
    folder: Path
    model: Model | None = None
    heal: HealId = field(init=False)
    incident: int = field(init=False)

    def record(self, run_id: str = "1", attempt: int = 1) -> None:
        event = RunFinished(
            delivery_id=f"delivery-{run_id}-{attempt}",
            run=RunRef(provider="github_actions", repo=REPO, run_id=run_id, attempt=attempt),
            workflow="ci",
            workflow_path=".github/workflows/ci.yml",
            branch="main",
            head_sha=SHA,
            succeeded=False,
        )
        recorded = record_failure(self.db, event)
        assert recorded.heal is not None
        assert recorded.incident is not None
        self.heal, self.incident = recorded.heal, recorded.incident

    def advance(self) -> HealSnapshot:
        """One task of a worker: lease, graph, release; a new scratch folder each time."""
        limits = BudgetLimits(
            heal_max_dollars=Decimal(1),
            heal_max_tokens=400_000,
            repo_day_max_dollars=Decimal(20),
            repo_day_max_tokens=4_000_000,
        )
        journal = take_heal(self.db, self.heal, owner="test", seconds=60, budget=limits)
        assert journal is not None
        self.folder.mkdir(exist_ok=True)
        try:
            advance(
                HealTools(
                    journal=journal,
                    ci=self.run,
                    host=self.run,
                    workbenches=Killable(self.workbenches, self.run),
                    memory=PostgresMemory(self.db),
                    model=self.model,
                    redact=Redactor(),
                    settings=self.settings,
                    workdir=self.folder / f"work-{len(list(self.folder.iterdir()))}",
                ),
                checkpoints=self.db.checkpoint_pool(),
            )
        finally:
            journal.release()
        return self.snapshot()

    def snapshot(self) -> HealSnapshot:
        snapshot = snapshot_of_heal(self.db, self.heal)
        assert snapshot is not None
        return snapshot.heal

    def decide(self, verb: Verb, text: str = "") -> None:
        command = Command(
            verb=verb,
            actor=Actor(medium=Medium.SLACK, name="U1"),
            approval_id=self.snapshot().approval_id,
            incident=self.incident,
            text=text,
            key=f"{verb.value}-{text}",
        )
        assert decide(self.db, command).ruling is Ruling.APPLIED


@pytest.fixture(scope="session")
def real_workbenches() -> Iterator[Workbenches]:
    opened = open_workbenches(SandboxSettings(engine=SandboxEngine.BUBBLEWRAP))
    if isinstance(opened, NoWorkbenches):
        message = f"no sandbox here: {opened.reason}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    yield opened
    opened.close()


@pytest.fixture
def case(
    database: Database,
    database_url: str,
    real_workbenches: Workbenches,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[OneRun], Case]:
    """Record a run as failed and get what a worker needs to heal it."""
    monkeypatch.chdir(tmp_path)
    prepare_checkpoints(database.checkpoint_pool())
    settings = WorkerSettings(
        database_url=SecretStr(database_url), redis_url=SecretStr("redis://localhost"), flaky_runs=2
    )

    def record(run: OneRun) -> Case:
        made = Case(
            db=database,
            settings=settings,
            run=run,
            workbenches=real_workbenches,
            folder=tmp_path / "scratch",
        )
        made.record()
        return made

    return record


@pytest.fixture
def one_run() -> type[OneRun]:
    return OneRun
