"""Incidents to render, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from patchpilot.failures import Blame, Category, Diagnosis, DistilledFailure, Location, LogLine
from patchpilot.fixes import CommandResult, Ending, Fix, Patch, Proof, ShellCommand, Spend
from patchpilot.heals import HealId, HealState
from patchpilot.incidents import (
    DecisionRecord,
    FailureRecord,
    HealSnapshot,
    IncidentId,
    IncidentSnapshot,
    ProgressStep,
)
from patchpilot.source import Repo, RunRef, Sha

AT = datetime(2026, 3, 2, 9, 12, tzinfo=UTC)
DIFF = """\
diff --git a/ledger/money.py b/ledger/money.py
--- a/ledger/money.py
+++ b/ledger/money.py
@@ -1,2 +1 @@
-import os
 import decimal
"""


def ran(*, exit_code: int, output: str) -> CommandResult:
    command = ShellCommand(script="ruff check .")
    return CommandResult(
        command=command,
        ending=Ending.EXITED,
        exit_code=exit_code,
        output=output,
        seconds=0.4,
        engine="docker",
        image="sha256:1234",
    )


@pytest.fixture
def fix():
    return Fix(
        patch=Patch(DIFF),
        author="fixer:ruff",
        summary="Remove an unused import",
        proof=Proof(
            before=ran(exit_code=1, output="F401 `os` imported but unused"),
            after=(ran(exit_code=0, output="All checks passed!"),) * 2,
            suite_after=ran(exit_code=0, output="12 passed"),
        ),
        confidence=0.93,
    )


@pytest.fixture
def incident(fix):
    """An incident that waits for approval."""
    failure = FailureRecord(
        id=1,
        run=RunRef(
            provider="github_actions",
            repo=Repo("github", "acme/ledger"),
            run_id="77",
            url="https://github.test/acme/ledger/actions/runs/77",
        ),
        workflow="CI",
        workflow_path=".github/workflows/ci.yml",
        branch="main",
        default_branch="main",
        head_sha=Sha("a" * 40),
        author="ana",
        commit_subject="Round at the end",
        pull_request=None,
        from_fork=False,
        received_at=AT,
    )
    distilled = DistilledFailure(
        text="F401 `os` imported but unused",
        category=Category.LINT,
        tool="ruff",
        cause="F401 `os` imported but unused",
        fingerprint="f" * 16,
        evidence=(LogLine(14, "ledger/money.py:1:8: F401 `os` imported but unused"),),
    )
    diagnosis = Diagnosis(
        category=Category.LINT,
        blame=Blame.CHANGE,
        root_cause="An import that nothing uses",
        evidence=distilled.evidence,
        suspect_files=(Location("ledger/money.py", 1),),
        notes=("no model key is set",),
    )
    heal = HealSnapshot(
        id=HealId("0" * 32),
        incident=IncidentId(12),
        state=HealState.AWAITING_APPROVAL,
        reason="",
        attempt=1,
        approval_id="opaque",
        failure=failure,
        distilled=distilled,
        diagnosis=diagnosis,
        fix=fix,
        spend=Spend(dollars=Decimal("0.12"), input_tokens=1000, output_tokens=10, calls=1),
        steps=(ProgressStep(name="ingest", text="read the log", done=True, at=AT, seconds=0.4),),
        approval_expires_at=AT,
        created_at=AT,
        updated_at=AT,
    )
    return IncidentSnapshot(
        id=IncidentId(12),
        repo=Repo("github", "acme/ledger"),
        branch="main",
        workflow="CI",
        title="F401 `os` imported but unused",
        fingerprint="f" * 16,
        failures=4,
        first_seen=AT,
        last_seen=AT,
        heal=heal,
    )


@pytest.fixture
def in_state(incident):
    """The same incident in another state."""

    def make(state: HealState, **changes: object) -> IncidentSnapshot:
        return replace(incident, heal=replace(incident.heal, state=state, **changes))

    return make


@pytest.fixture
def decided():
    def make(verb: str, *, text: str = "", actor: str = "ana") -> DecisionRecord:
        return DecisionRecord(
            verb=verb, actor=actor, medium="slack", patch_sha256=Patch(DIFF).sha256, text=text, at=AT
        )

    return make
