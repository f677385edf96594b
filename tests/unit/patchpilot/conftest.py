"""Incidents as the pure rules see them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from patchpilot.failures import Blame, Category, Diagnosis, DistilledFailure, LogLine
from patchpilot.heals import HealId, HealState
from patchpilot.incidents import FailureRecord, HealSnapshot, IncidentId, IncidentSnapshot
from patchpilot.source import Repo, RunRef, Sha

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def made_incident(
    *,
    repo: str = "acme/widget",
    branch: str = "main",
    workflow: str = "CI",
    tests: tuple[str, ...] = (),
    state: HealState = HealState.DIAGNOSING,
    pull_request: int | None = None,
    private: bool = False,
    diagnosed: bool = False,
    approval_id: str = "",
    failures: int = 1,
    number: int = 7,
) -> IncidentSnapshot:
    where = Repo("github", repo)
    failure = FailureRecord(
        id=1,
        run=RunRef(provider="github_actions", repo=where, run_id="1", url="https://github.test/run/1"),
        workflow=workflow,
        workflow_path="",
        branch=branch,
        default_branch="main",
        head_sha=Sha("a" * 40),
        author="ana",
        commit_subject="Round at the end",
        pull_request=pull_request,
        from_fork=False,
        received_at=NOON,
        private=private,
    )
    diagnosis = Diagnosis(
        category=Category.TEST,
        blame=Blame.CHANGE,
        root_cause="Rounds twice",
        evidence=(LogLine(9, "1 != 2"),),
    )
    heal = HealSnapshot(
        id=HealId("h" * 32),
        incident=IncidentId(number),
        state=state,
        reason="",
        attempt=1,
        approval_id=approval_id,
        failure=failure,
        distilled=DistilledFailure(
            text="log", category=Category.TEST, cause="AssertionError: 1 != 2", tests=tests
        ),
        diagnosis=diagnosis if diagnosed else None,
        created_at=NOON,
        updated_at=NOON,
    )
    return IncidentSnapshot(
        id=IncidentId(number),
        repo=where,
        branch=branch,
        workflow=workflow,
        title="AssertionError: 1 != 2",
        fingerprint="f",
        failures=failures,
        first_seen=NOON,
        last_seen=NOON,
        heal=heal,
    )


@pytest.fixture
def incident():
    return made_incident
