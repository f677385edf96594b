"""What came of ``patchpilot heal``: the exit code, and everything a script may want to know."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.age import age
from patchpilot.fixes import CommandResult, Fix, GuardFinding, PartialResult, Severity, ShellCommand, Spend

if TYPE_CHECKING:
    from patchpilot.failures import Diagnosis


class Status(enum.StrEnum):
    """How it ended. The values are part of the JSON that scripts read, so they never change."""

    FIXED = "fixed"
    NOT_FIXED = "not_fixed"
    UNUSABLE = "unusable"
    FLAKY = "flaky"
    NOT_REPRODUCED = "not_reproduced"
    INTERRUPTED = "interrupted"


NOT_APPLIED = 3
_EXIT = {
    Status.FIXED: 0,
    Status.NOT_FIXED: 1,
    Status.UNUSABLE: 2,
    Status.FLAKY: 4,
    Status.NOT_REPRODUCED: 5,
    Status.INTERRUPTED: 130,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HealOutcome:
    """The end of one heal on the command line."""

    status: Status
    reason: str = ""
    """For people: why, and what to do."""
    path: str = ""
    """The top of the checkout."""
    command: ShellCommand | None = None
    source: str = ""
    """Where the command comes from: the command line, or a file that names it."""
    head: str = ""
    """The commit that stands for the files as they were."""
    changed: bool = False
    """The files had changes that are not committed."""
    diagnosis: Diagnosis | None = None
    fix: Fix | None = None
    partial: PartialResult | None = None
    refused: tuple[str, ...] = ()
    """Why what was tried before, or in vain, was not good enough."""
    spend: Spend = field(default_factory=Spend)
    engine: str = ""
    model: str = ""
    seconds: float = field(default_factory=age)
    """Wall time of the whole heal, from the start of the process to this outcome."""
    sandbox_seconds: float = 0.0
    """The part of it that was spent in the sandbox: installing, and running commands."""
    notes: tuple[str, ...] = ()
    applied: bool = False
    proof_was_enough: bool = False
    """Nobody wanted it applied (``--no-apply``)."""
    patch_file: Path | None = None
    """Where the patch was written."""

    @property
    def exit_code(self) -> int:
        """What the process ends with; the table is in ``patchpilot heal --help``."""
        if self.status is Status.FIXED and not (self.applied or self.proof_was_enough):
            return NOT_APPLIED
        return _EXIT[self.status]

    @property
    def needs_override(self) -> bool:
        """The guard holds something against the fix that only a person may wave through."""
        return self.fix is not None and any(
            finding.severity is not Severity.NOTE for finding in self.fix.findings
        )


def as_object(outcome: HealOutcome) -> dict[str, Any]:
    """The JSON object of ``--json``, described in docs/heal.md."""
    return {
        "status": outcome.status.value,
        "exit_code": outcome.exit_code,
        "reason": outcome.reason,
        "path": outcome.path,
        "command": outcome.command.script if outcome.command else "",
        "workdir": outcome.command.workdir if outcome.command else "",
        "source": outcome.source,
        "head": outcome.head,
        "uncommitted_changes": outcome.changed,
        "diagnosis": _diagnosis(outcome.diagnosis),
        "fix": _fix(outcome.fix),
        "partial": _partial(outcome.partial),
        "refused": list(outcome.refused),
        "applied": outcome.applied,
        "patch_file": str(outcome.patch_file) if outcome.patch_file else None,
        "sandbox": outcome.engine,
        "model": outcome.model or None,
        "cost": {
            "dollars": float(outcome.spend.dollars),
            "input_tokens": outcome.spend.input_tokens,
            "output_tokens": outcome.spend.output_tokens,
            "calls": outcome.spend.calls,
        },
        "seconds": round(outcome.seconds, 3),
        "sandbox_seconds": round(outcome.sandbox_seconds, 3),
        "notes": list(outcome.notes),
    }


def _diagnosis(diagnosis: Diagnosis | None) -> dict[str, Any] | None:
    if diagnosis is None:
        return None
    return {
        "category": diagnosis.category.value,
        "blame": diagnosis.blame.value,
        "cause": diagnosis.root_cause,
        "explanation": diagnosis.explanation,
        "disproof": diagnosis.disproof,
        "evidence": [{"line": line.number, "text": line.text} for line in diagnosis.evidence],
        "suspect_files": [{"path": place.path, "line": place.line} for place in diagnosis.suspect_files],
        "checks": [
            {"name": check.name, "verdict": check.verdict.value, "detail": check.detail}
            for check in diagnosis.checks
        ],
        "author": diagnosis.author,
        "notes": list(diagnosis.notes),
    }


def _fix(fix: Fix | None) -> dict[str, Any] | None:
    if fix is None:
        return None
    return {
        "patch": fix.patch.diff,
        "sha256": fix.patch.sha256,
        "files": list(fix.patch.files),
        "added": fix.patch.added,
        "removed": fix.patch.removed,
        "author": fix.author,
        "summary": fix.summary,
        "confidence": fix.confidence,
        "findings": [_finding(finding) for finding in fix.findings],
        "proof": {
            "before": _result(fix.proof.before),
            "after": [_result(result) for result in fix.proof.after],
            "suite_before": _result(fix.proof.suite_before),
            "suite_after": _result(fix.proof.suite_after),
        },
    }


def _finding(finding: GuardFinding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "path": finding.path,
        "line": finding.line,
        "message": finding.message,
    }


def _result(result: CommandResult | None) -> dict[str, Any] | None:
    if result is None:
        return None
    return {
        "command": result.command.script,
        "ending": result.ending.value,
        "exit_code": result.exit_code,
        "seconds": result.seconds,
        "output": result.output,
    }


def _partial(partial: PartialResult | None) -> dict[str, Any] | None:
    if partial is None:
        return None
    return {"patch": partial.patch.diff, "author": partial.author, "why_unproven": partial.why}
