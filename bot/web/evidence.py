"""What a job's detail shows as evidence: why it failed and whose fault that is, and what the sandbox saw."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel

from patchpilot.failures import Blame, CheckVerdict, Diagnosis, in_log_order
from patchpilot.fixes import CommandResult, Fix
from patchpilot.incidents import FailureRecord
from patchpilot.redaction import Redactor
from patchpilot.text import middle_lines, plain

_QUOTED: Final = 8
_OUTPUT_CHARACTERS: Final = 2_000
_redact = Redactor()


class Quoted(BaseModel):
    """A line of the log."""

    number: int
    text: str


class Looked(BaseModel):
    """One look at whose fault it is."""

    name: str
    verdict: CheckVerdict
    detail: str


class SuspectCommit(BaseModel):
    """The commit that is blamed."""

    sha: str
    author: str
    subject: str


class Why(BaseModel):
    """The diagnosis, and what it rests on."""

    category: str
    blame: Blame
    author: str
    """``rules``, or the model that read the log."""
    explanation: str
    disproof: str
    """What would prove it wrong."""
    evidence: list[Quoted]
    suspect_files: list[str]
    suspect_commit: SuspectCommit | None
    """Only where the change is to blame."""
    checks: list[Looked]
    notes: list[str]


class Ran(BaseModel):
    """What a command did in the sandbox."""

    verdict: str
    """``green, 214 passed`` or ``red (exit 1), 1 failed, 213 passed``."""
    passed: bool
    seconds: float
    output: str
    """Beginning and end of it, without what looks like a secret."""


class Proven(BaseModel):
    """Red before the patch, green with it, and the wider suite no worse."""

    command: str
    engine: str
    image: str
    before: Ran
    after: list[Ran]
    suite_command: str
    """What else the repository checks, its tests or a linter; empty where nothing was run."""
    suite_before: Ran | None
    suite_after: Ran | None
    left_out: list[str]
    """What of the CI job the sandbox could not replay."""


class Fact(BaseModel):
    """One input of the confidence."""

    text: str
    worth: float


def why(found: Diagnosis, failure: FailureRecord) -> Why:
    """The diagnosis as the thread shows it."""
    blamed = found.blame is Blame.CHANGE
    return Why(
        category=found.category,
        blame=found.blame,
        author=found.author,
        explanation=found.explanation,
        disproof=found.disproof,
        evidence=[
            Quoted(number=line.number, text=plain(line.text))
            for line in in_log_order(found.evidence, _QUOTED)
        ],
        suspect_files=[str(place) for place in found.suspect_files[:5]],
        suspect_commit=SuspectCommit(
            sha=failure.head_sha, author=failure.author, subject=failure.commit_subject
        )
        if blamed
        else None,
        checks=[Looked(name=one.name, verdict=one.verdict, detail=one.detail) for one in found.checks],
        notes=list(found.notes),
    )


def proven(fix: Fix) -> Proven:
    """What the sandbox saw of a fix."""
    proof = fix.proof
    last = proof.after[-1] if proof.after else proof.before
    return Proven(
        command=plain(_redact(str(proof.before.command))),
        engine=last.engine,
        image=last.image,
        before=_ran(proof.before),
        after=[_ran(run) for run in proof.after],
        suite_command=plain(_redact(proof.suite_after.command.in_short)) if proof.suite_after else "",
        suite_before=_ran(proof.suite_before) if proof.suite_before else None,
        suite_after=_ran(proof.suite_after) if proof.suite_after else None,
        left_out=list(fix.left_out),
    )


def _ran(run: CommandResult) -> Ran:
    # What a command of the repository prints may hold a secret.
    output = middle_lines(plain(_redact(run.output)).strip(), _OUTPUT_CHARACTERS)
    return Ran(verdict=run.verdict, passed=run.passed, seconds=run.seconds, output=output)
