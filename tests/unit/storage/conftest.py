"""A small world to record things in: runs, heals in a wanted state, proposals."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from patchpilot.commands import Actor, Command, Medium, Verb
from patchpilot.failures import Category, DistilledFailure, PullRequestClosed, RunFinished
from patchpilot.fixes import CommandResult, Ending, Fix, Patch, Proof, ShellCommand
from patchpilot.heals import HealId, HealState
from patchpilot.source import HostUser, PullRequest, Repo, RunRef, Sha
from storage.budget import BudgetLimits
from storage.database import Database
from storage.decisions import Decided, decide
from storage.heals import HealJournal, record_pull_request, take_heal
from storage.intake import Recorded, record_failure, record_success

REPO = Repo("github", "acme/widget")
LIMITS = BudgetLimits(
    heal_max_dollars=Decimal("1.00"),
    heal_max_tokens=1000,
    repo_day_max_dollars=Decimal("1.50"),
    repo_day_max_tokens=2_500,
)
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class World:
    """Records events and drives heals as the other rooms do."""

    db: Database
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def run(
        self,
        *,
        succeeded: bool = False,
        branch: str = "main",
        workflow: str = "CI",
        repo: Repo = REPO,
        run_id: str = "",
        attempt: int = 1,
        sha: str = "",
        minutes: int | None = None,
        delivery: str = "",
        from_fork: bool = False,
        pull_request: int | None = None,
        subject: str = "Change",
    ) -> RunFinished:
        """A run that ended; every call is another run of another commit unless told otherwise."""
        number = next(self.numbers)
        return RunFinished(
            delivery_id=delivery or secrets.token_hex(8),
            run=RunRef(
                provider="github_actions", repo=repo, run_id=run_id or str(number), attempt=attempt, url="u"
            ),
            workflow=workflow,
            branch=branch,
            head_sha=Sha(sha or f"{number:040x}"),
            succeeded=succeeded,
            author="ana",
            commit_subject=subject,
            from_fork=from_fork,
            pull_request=pull_request,
            finished_at=None if minutes is None else START + timedelta(minutes=minutes),
        )

    def red(self, **facts: object) -> Recorded:
        return record_failure(self.db, self.run(**facts))  # type: ignore[arg-type]

    def green(self, **facts: object) -> Recorded:
        return record_success(self.db, self.run(succeeded=True, **facts))  # type: ignore[arg-type]

    def take(self, heal: HealId | None, *, seconds: float = 60, limits: BudgetLimits = LIMITS) -> HealJournal:
        assert heal is not None
        journal = take_heal(self.db, heal, owner="test", seconds=seconds, budget=limits)
        assert journal is not None
        return journal

    def awaiting(self, *, fingerprint: str = "f1", diff: str = "", **facts: object) -> HealJournal:
        """A heal whose fix waits for a decision; its lease is released."""
        journal = self.take(self.red(**facts).heal)
        self.advance(journal, fingerprint=fingerprint)
        journal.propose(fix(diff or DIFF))
        journal.release()
        return journal

    def advance(self, journal: HealJournal, *, fingerprint: str = "f1") -> None:
        """From queued to validating."""
        journal.move(HealState.INGESTING)
        journal.settle(distilled(fingerprint))
        journal.move(HealState.DIAGNOSING)
        journal.move(HealState.REPAIRING)
        journal.move(HealState.VALIDATING)

    def approval(self, journal: HealJournal) -> str:
        from storage.incidents import snapshot_of_heal

        found = snapshot_of_heal(self.db, journal.heal_id)
        assert found is not None
        return found.heal.approval_id

    def state(self, heal: HealId | None) -> HealState:
        from storage.incidents import snapshot_of_heal

        assert heal is not None
        found = snapshot_of_heal(self.db, heal)
        assert found is not None
        return found.heal.state

    def pr_open(self, *, number: int = 12, **facts: object) -> HealJournal:
        """A heal with an open pull request."""
        journal = self.awaiting(**facts)
        decide(self.db, command(Verb.APPROVE, approval_id=self.approval(journal)))
        record_pull_request(self.db, journal.heal_id, pull(journal.heal_id, number=number))
        return journal

    def decide(self, verb: Verb, **facts: object) -> Decided:
        return decide(self.db, command(verb, **facts))  # type: ignore[arg-type]


DIFF = "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n"


def distilled(fingerprint: str = "f1", cause: str = "AssertionError: 1 != 2") -> DistilledFailure:
    return DistilledFailure(text="log", category=Category.TEST, fingerprint=fingerprint, cause=cause)


def fix(diff: str = DIFF) -> Fix:
    red = CommandResult(
        command=ShellCommand(script="pytest"), ending=Ending.EXITED, exit_code=1, output="red\x00", seconds=1
    )
    return Fix(patch=Patch(diff), author="fixer:ruff", summary="Sort imports", proof=Proof(before=red))


def pull(heal: HealId, *, number: int = 12) -> PullRequest:
    return PullRequest(
        repo=REPO,
        number=number,
        url=f"https://host/pull/{number}",
        branch=branch_of(heal),
        head_sha=Sha("b" * 40),
    )


def branch_of(heal: HealId) -> str:
    return f"patchpilot/fix/{heal[:12]}"


def closed(heal: HealId, *, merged: bool, number: int = 12) -> PullRequestClosed:
    return PullRequestClosed(
        delivery_id=secrets.token_hex(8),
        repo=REPO,
        number=number,
        branch=branch_of(heal),
        head_sha=Sha("b" * 40),
        merged=merged,
        merge_sha=Sha("c" * 40) if merged else None,
        by="ben",
    )


def command(
    verb: Verb,
    *,
    incident: int | None = None,
    approval_id: str = "",
    text: str = "",
    key: str = "",
    by: str = "ana",
) -> Command:
    return Command(
        verb=verb,
        actor=Actor(medium=Medium.SLACK, name="U1", host_user=HostUser(host="github", login=by)),
        incident=incident,
        approval_id=approval_id,
        text=text,
        key=key or secrets.token_hex(6),
    )


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@pytest.fixture
def make() -> type[Make]:
    return Make


class Make:
    """Values that tests need beside the world (tests are no package, so they can't import this file)."""

    distilled: Callable[..., DistilledFailure] = staticmethod(distilled)
    fix: Callable[..., Fix] = staticmethod(fix)
    pull: Callable[..., PullRequest] = staticmethod(pull)
    closed: Callable[..., PullRequestClosed] = staticmethod(closed)
    command: Callable[..., Command] = staticmethod(command)
    branch_of: Callable[[HealId], str] = staticmethod(branch_of)
    limits = LIMITS
    repo = REPO
