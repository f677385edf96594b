"""A pull request's life: the playground's GitHub over HTTP, its webhooks, a database, and the real tasks.

Only the graph is missing: a test proposes and approves in its place.
"""

from __future__ import annotations

import importlib
import queue
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request

from bot.intake import accept
from jobs.roles import EFFECTS, HEAL, Role
from patchpilot.commands import Actor, Command, Medium, Verb
from patchpilot.failures import Blame, Category, Diagnosis, DistilledFailure
from patchpilot.fixes import CommandResult, Ending, Fix, Patch, Proof, ShellCommand
from patchpilot.heals import HealId, HealState
from patchpilot.incidents import HealSnapshot
from patchpilot.settings import EffectsSettings, WorkerSettings
from patchpilot.source import HostUser
from playground.github.ci import CIRunner
from playground.github.server import GitHub, router
from playground.serving import free_port, served
from providers.ci.github_webhooks import GitHubWebhooks
from storage.budget import BudgetLimits
from storage.database import Database
from storage.decisions import decide
from storage.heals import HealJournal, take_heal
from storage.incidents import snapshot_of_heal
from storage.tasks import Task, claim_task, due_tasks, finish_task
from tests.app_keys import KeyPair, key_pair
from tests.plain_bench import PlainBenches

SECRET = "a secret for webhooks"
NAME = "acme/values"
WORKFLOW = """\
name: CI
on:
  push: {branches: [main, topic]}
  pull_request:
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: sh check.sh
"""
CHECK = 'grep -q good value.txt || { echo "AssertionError: the value is $(cat value.txt)"; exit 1; }\n'
WRITES = {
    "actions": "read", "checks": "write", "contents": "write", "issues": "write", "metadata": "read",
    "pull_requests": "write",
}  # fmt: skip
LIMITS = BudgetLimits(
    heal_max_dollars=Decimal(1),
    heal_max_tokens=1000,
    repo_day_max_dollars=Decimal("1.5"),
    repo_day_max_tokens=100_000,
)


def patch(new: str, old: str = "bad") -> Patch:
    head = "diff --git a/value.txt b/value.txt\n--- a/value.txt\n+++ b/value.txt\n"
    return Patch(f"{head}@@ -1 +1 @@\n-{old}\n+{new}\n")


def ran(code: int) -> CommandResult:
    return CommandResult(
        command=ShellCommand(script="sh check.sh"),
        ending=Ending.EXITED,
        exit_code=code,
        output="checked",
        seconds=0.1,
    )


@dataclass
class Life:
    """What happens, and what PatchPilot makes of it."""

    db: Database
    github: GitHub
    roles: dict[str, Role]
    hooks: queue.Queue[tuple[dict[str, str], bytes]] = field(default_factory=queue.Queue)
    name: str = NAME
    done: list[str] = field(default_factory=list)
    """Names of the tasks that were done, in order."""

    def push(self, files: Mapping[str, str], *, branch: str = "main", message: str = "Change it") -> str:
        return self.github.push(self.name, branch, author="ana", message=message, files=files)

    def hear(self) -> None:
        """Let every run come to its end, and take in all webhooks."""
        parser = GitHubWebhooks(SECRET)

        def over() -> bool:
            with self.github.core.world.lock:
                return all(run.status == "completed" for run in self.repo().runs.values())

        assert self.github.wait_until(over, seconds=30), "CI does not end"
        self.github.drain()
        while not self.hooks.empty():
            headers, body = self.hooks.get()
            accept(self.db, parser.parse(headers, body))

    def work(
        self, *, skip: tuple[str, ...] = ("jobs.tasks.heal", "jobs.tasks.learn"), soon: bool = False
    ) -> None:
        """Do what is due; with ``soon`` also what is due later."""
        if soon:
            self.hurry()
        while True:
            tasks = [task for task in due_tasks(self.db, resend_after=0) if task.name not in skip]
            if not tasks:
                return
            for task in tasks:
                self._do(task)

    def hurry(self) -> None:
        from sqlalchemy import func, update

        from storage.models import QueuedTask

        with self.db.transaction() as session:
            session.execute(
                update(QueuedTask).where(QueuedTask.done_at.is_(None)).values(not_before=func.now())
            )

    def _do(self, task: Task) -> None:
        claimed = claim_task(self.db, task.id, owner="test", seconds=60)
        assert claimed is not None
        module, function = task.name.rsplit(".", 1)
        role = self.roles[task.queue]
        assert task.name in role.tasks
        self.done.append(function)
        getattr(importlib.import_module(module), function)(role, task.args)
        finish_task(self.db, claimed)

    def break_it(self, *, value: str = "bad", branch: str = "main") -> HealId:
        """A push that makes CI red; returns the heal of that failure."""
        sha = self.push({"value.txt": f"{value}\n"}, branch=branch, message="Break it")
        self.hear()
        return self.heal_at(sha)

    def heal_at(self, sha: str) -> HealId:
        from storage.incidents import heals

        found = [heal.id for heal in heals(self.db) if heal.failure.head_sha == sha]
        assert len(found) == 1, found
        return found[0]

    def journal(self, heal: HealId) -> HealJournal:
        journal = take_heal(self.db, heal, owner="test", seconds=60, budget=LIMITS)
        assert journal is not None
        return journal

    def propose(self, heal: HealId, diff: Patch | None = None, **more: Any) -> str:
        """What the graph does up to its interrupt."""
        journal = self.journal(heal)
        if journal.state() is HealState.QUEUED:
            journal.move(HealState.INGESTING)
            journal.settle(DistilledFailure(text="log", category=Category.TEST, fingerprint=f"f-{heal[:6]}"))
            journal.move(HealState.DIAGNOSING)
            journal.diagnosed(
                Diagnosis(category=Category.TEST, blame=Blame.CHANGE, root_cause="The value is bad")
            )
            journal.move(HealState.REPAIRING)
        journal.move(HealState.VALIDATING)
        facts: dict[str, Any] = {"confidence": 0.8, **more}
        made = journal.propose(
            Fix(
                patch=diff or patch("good"),
                author="fixer:test",
                summary="Make the value good",
                proof=Proof(before=ran(1), after=(ran(0), ran(0))),
                **facts,
            )
        )
        journal.release()
        return made

    def approve(
        self, heal: HealId, approval_id: str, *, by: str = "ana", options: Mapping[str, str] | None = None
    ) -> None:
        actor = Actor(medium=Medium.SLACK, name="U1", host_user=HostUser(host="github", login=by))
        command = Command(
            verb=Verb.APPROVE,
            actor=actor,
            approval_id=approval_id,
            key=secrets.token_hex(4),
            options=options or {},
        )
        assert decide(self.db, command).ruling == "applied"
        journal = self.journal(heal)
        journal.approve_effects()
        journal.release()

    def open(self, heal: HealId, diff: Patch | None = None) -> HealSnapshot:
        """Propose, approve, open."""
        self.approve(heal, self.propose(heal, diff))
        self.work()
        return self.see(heal)

    def see(self, heal: HealId) -> HealSnapshot:
        found = snapshot_of_heal(self.db, heal)
        assert found is not None
        return found.heal

    def notes(self, heal: HealId) -> dict[str, str]:
        return {note.key: note.text for note in self.see(heal).notes}

    def pull(self, number: int) -> Any:
        return self.repo().pulls[number]

    def repo(self) -> Any:
        return self.github.core.world.repository(self.name)


@pytest.fixture(scope="session")
def keys() -> tuple[KeyPair, KeyPair]:
    return key_pair(), key_pair()


@pytest.fixture
def life(database: Database, database_url: str, tmp_path: Path, keys: Any) -> Iterator[Life]:
    port = free_port()
    hooks: queue.Queue[tuple[dict[str, str], bytes]] = queue.Queue()
    github = GitHub(tmp_path / "github", base_url=f"http://127.0.0.1:{port}", ci=CIRunner(PlainBenches()))
    app = FastAPI()
    app.include_router(router(github))

    @app.post("/hook")
    async def hook(request: Request) -> dict[str, str]:
        hooks.put((dict(request.headers), await request.body()))
        return {}

    writer, reader = keys
    with github, served(app, port=port):
        github.install_app(
            "1", public_key_pem=writer.public, permissions=WRITES, slug="patchpilot",
            webhook_url=f"http://127.0.0.1:{port}/hook", webhook_secret=SECRET,
        )  # fmt: skip
        github.install_app(
            "2", public_key_pem=reader.public, permissions=dict.fromkeys(WRITES, "read"), slug="reader"
        )
        common = {
            "database_url": database_url, "redis_url": "redis://localhost:1/0",
            "github_api_url": github.api_url, "_env_file": None,
        }  # fmt: skip
        effects = EffectsSettings(**common, github_app_id="1", github_private_key=writer.private)
        worker = WorkerSettings(**common, github_reader_app_id="2", github_reader_private_key=reader.private)
        roles = {
            EFFECTS: Role(name=EFFECTS, settings=effects),
            HEAL: Role(name=HEAL, settings=worker),
        }
        for role in roles.values():
            role.__dict__["db"] = database
        github.create_repository(NAME, collaborators={"ana": "admin", "ben": "write", "carl": "read"})
        made = Life(db=database, github=github, roles=roles, hooks=hooks)
        made.push({".github/workflows/ci.yml": WORKFLOW, "check.sh": CHECK, "value.txt": "good\n"})
        made.hear()
        yield made


@pytest.fixture
def make_patch() -> Any:
    return patch
