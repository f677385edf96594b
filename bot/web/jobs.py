"""``/api/jobs``: heals as JSON, and decisions on them for scripts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Query, Response
from pydantic import BaseModel, Field

from bot.parts import BotParts
from bot.web.bearer import Problem, answers, bearer
from bot.web.evidence import Fact, Proven, Why, proven, why
from bot.web.readers import Reader, Reads
from patchpilot.commands import Actor, Command, Medium, Ruling, Verb
from patchpilot.fixes import Severity, made_by
from patchpilot.heals import OPEN, HealId, HealState
from patchpilot.incidents import HealSnapshot, IncidentSnapshot, incident_name
from patchpilot.source import HostUser
from patchpilot.states import PAST, heal_word
from storage.incidents import heals, snapshot_of_heal

_STATUS: Final = {
    Ruling.APPLIED: 200,
    Ruling.ALREADY: 409,
    Ruling.OUTDATED: 409,
    Ruling.DENIED: 403,
    Ruling.UNKNOWN: 404,
    Ruling.ANSWERED: 202,
    Ruling.REPEATED: 409,
}
_NOT_READ: Final[dict[int | str, dict[str, Any]]] = {
    404: {
        "model": Problem,
        "description": "There is no such job, or it is of a private repository that who asks may not read.",
    }
}


class Job(BaseModel):
    """One heal, in brief. "Job" is what the API and the metrics call it."""

    id: str
    incident: str
    repository: str
    branch: str
    commit: str
    state: HealState
    state_word: str
    """The state for people, as Slack names it."""
    open: bool
    """Not over yet: one of those that a figure called open counts."""
    cause: str | None
    """The first cause in the failing tool's own words; null until the log is read."""
    reason: str
    run_url: str
    pull_request_url: str
    created_at: datetime
    updated_at: datetime


class JobPage(BaseModel):
    """Newest first. ``next`` is the ``before`` of the next page, ``null`` on the last."""

    jobs: list[Job]
    next: datetime | None


class Step(BaseModel):
    """One line of the progress list."""

    name: str
    text: str
    done: bool
    seconds: float | None
    doing: str
    """What it is at right now; empty once it is done."""
    attempt: int
    """The try of the heal that it belongs to: 1 at first, one more per retry and per re-test."""


class Decided(BaseModel):
    """A decision that was taken."""

    verb: str
    done: str
    """The verb for people, as Slack says it afterwards."""
    actor: str
    by: str
    """Who decided, for people: somebody by their @name, or what decided in nobody's name."""
    medium: str
    patch_sha256: str
    text: str
    at: datetime


class Finding(BaseModel):
    """One thing that the patch guard holds against a patch."""

    rule: str
    path: str
    line: int
    message: str
    to_override: bool
    """Who approves overrides it; else it is only noted."""


class JobDetail(Job):
    """One heal with its evidence."""

    title: str
    failures: int
    category: str | None
    fingerprint: str | None
    diagnosis: str | None
    why: Why | None
    """What the diagnosis rests on."""
    excerpt: str | None
    patch: str | None
    patch_sha256: str | None
    author: str | None
    """Who made the patch, as a kind and a name: ``fixer:ruff format``."""
    made_by: str | None
    """The same for people."""
    findings: list[Finding]
    """What the patch guard holds against the patch."""
    confidence: float | None
    facts: list[Fact]
    """What the confidence is computed from."""
    on_pull_request: int | None
    """Pull request on which the patch would be handed over; where there is none, one is opened."""
    base: str
    """Commit that the patch is proved on: ``commit``, or after a re-test a later one."""
    moved_to: str | None
    """A later commit of the branch, red in the same way: nobody can approve until it is tested anew."""
    reproduced: bool | None
    cured: bool | None
    proof: Proven | None
    """What the sandbox saw of the patch."""
    partial: str | None
    """A change that nobody has proven, for people to start from; it can't be approved."""
    partial_why: str | None
    first_approved_by: str
    """Who has approved, where a second person has to as well; empty otherwise."""
    dollars: float
    tokens: int
    steps: list[Step]
    decisions: list[Decided]


class DecisionRequest(BaseModel):
    """A decision by API: the caller acts as ``login``, whose live permission is checked."""

    verb: Verb
    login: str = Field(min_length=1, max_length=100)
    patch_sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")
    """What was looked at; required to approve."""
    text: str = Field(default="", max_length=2_000)
    key: str = Field(default="", max_length=100)
    """An idempotency key: the same key again is applied once."""


class DecisionAnswer(BaseModel):
    """How it ended."""

    ruling: Ruling
    text: str


def router(parts: BotParts) -> APIRouter:
    """Listing, detail and decisions."""
    routes = APIRouter(prefix="/api/jobs", tags=["jobs"])

    @routes.get("", summary="List heals, newest first")
    def list_jobs(
        state: HealState | None = None,
        before: datetime | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        *,
        open_only: Annotated[
            bool, Query(alias="open", description="Only those of incidents that are not over.")
        ] = False,
        reads: Reader,
    ) -> JobPage:
        states = frozenset([state]) if state is not None else None
        if open_only:
            states = OPEN & states if states else OPEN
        found = heals(parts.db, states=states, limit=limit, before=before)
        following = found[-1].created_at if len(found) == limit else None
        shown = [Job.model_validate(_brief(heal)) for heal in found if reads(heal.failure)]
        return JobPage(jobs=shown, next=following)

    @routes.get("/{job_id}", summary="One heal with its evidence", responses=_NOT_READ)
    def show_job(job_id: str, reads: Reader) -> JobDetail:
        return JobDetail.model_validate(_detail(_find(parts, job_id, reads)))

    @routes.get(
        "/{job_id}/patch",
        summary="The proposed patch, to download and git apply",
        response_class=Response,
        responses=_NOT_READ,
    )
    def download_patch(job_id: str, reads: Reader) -> Response:
        incident = _find(parts, job_id, reads)
        fix, partial = incident.heal.fix, incident.heal.partial
        # What nobody has proven (a fork's, for instance) says so in its name.
        patch = fix.patch if fix else partial.patch if partial else None
        if patch is None:
            raise HTTPException(404, f"{incident.name} has no patch (yet)")
        unproven = "" if fix else "-unproven"
        name = f"{incident.name.lower()}-{patch.sha256[:12]}{unproven}.patch"
        return Response(
            patch.diff,
            # A type that no browser renders: the patch is hostile text.
            media_type="application/octet-stream",
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "X-Content-Type-Options": "nosniff",
            },
        )

    @routes.post(
        "/{job_id}/decisions",
        summary="Approve, retry, retest, reject or escalate",
        dependencies=[Depends(bearer(parts))],
        responses=answers(
            _202="Noted, and nothing applied: a second person has to approve, or there was nothing to do.",
            _403="`login` may not take this decision, or changing calls are off (the bot has no API_TOKEN).",
            _404="There is no such job.",
            _409="Decided already, or outdated: what was looked at is not what waits any more.",
        ),
    )
    def decide_job(job_id: str, request: DecisionRequest) -> DecisionAnswer:
        incident = _find(parts, job_id)
        fix = incident.heal.fix
        if request.verb is Verb.APPROVE and (fix is None or fix.patch.sha256 != request.patch_sha256):
            raise HTTPException(409, "patch_sha256 is not that of the patch that waits for approval")
        user = HostUser(host=incident.repo.host, login=request.login)
        answer = parts.door.decide(
            Command(
                verb=request.verb,
                actor=Actor(medium=Medium.API, name=request.login, host_user=user),
                incident=incident.id,
                approval_id=incident.heal.waiting_approval,
                text=request.text,
                key=f"api:{request.key}" if request.key else "",
            )
        )
        if answer.ruling is not Ruling.APPLIED:
            raise HTTPException(_STATUS[answer.ruling], answer.text)
        return DecisionAnswer(ruling=answer.ruling, text=answer.text)

    return routes


def _find(parts: BotParts, job_id: str, reads: Reads = lambda _: True) -> IncidentSnapshot:
    found = snapshot_of_heal(parts.db, HealId(job_id[:64]))
    if found is None or not reads(found.heal.failure):
        # The same for both: that a private repository has failed is nobody's business.
        raise HTTPException(
            404,
            f"there is no job {job_id[:64]!r} that you may read; GET /api/jobs lists them, those of private "
            "repositories for whoever has signed in at / or sends the API token",
        )
    return found


def _brief(heal: HealSnapshot) -> dict[str, object]:
    failure = heal.failure
    return {
        "id": heal.id,
        "incident": incident_name(heal.incident),
        "repository": failure.run.repo.full_name,
        "branch": failure.branch,
        "commit": failure.head_sha,
        "state": heal.state,
        "state_word": heal_word(heal),
        "open": heal.state in OPEN,
        "cause": heal.distilled.cause if heal.distilled else None,
        "reason": heal.reason,
        "run_url": failure.run.url,
        "pull_request_url": heal.pull_request_url,
        "created_at": heal.created_at,
        "updated_at": heal.updated_at,
    }


def _handed_over_on(heal: HealSnapshot) -> int | None:
    """People's own, or that of an earlier round of ours."""
    theirs = heal.failure.pull_request if heal.failure.on_somebodys_pull_request else 0
    return theirs or heal.pull_request_number or None


def _detail(incident: IncidentSnapshot) -> dict[str, object]:
    heal = incident.heal
    fix, distilled, diagnosis = heal.fix, heal.distilled, heal.diagnosis
    return {
        **_brief(heal),
        "title": incident.title,
        "failures": incident.failures,
        "category": distilled.category if distilled else None,
        "fingerprint": distilled.fingerprint if distilled else None,
        "excerpt": distilled.text if distilled else None,
        "diagnosis": diagnosis.root_cause if diagnosis else None,
        "why": why(diagnosis, heal.failure) if diagnosis else None,
        "patch": fix.patch.diff if fix else None,
        "patch_sha256": fix.patch.sha256 if fix else None,
        "author": fix.author if fix else None,
        "made_by": made_by(fix.author) if fix else None,
        "findings": [
            {
                "rule": one.rule,
                "path": one.path,
                "line": one.line,
                "message": one.message,
                "to_override": one.severity is not Severity.NOTE,
            }
            for one in (fix.findings if fix else ())
        ],
        "on_pull_request": _handed_over_on(heal),
        "base": heal.base.head_sha,
        "moved_to": heal.moved_to,
        "confidence": fix.confidence if fix else None,
        "facts": [{"text": fact.text, "worth": fact.worth} for fact in (fix.facts if fix else ())],
        "reproduced": fix.proof.reproduced if fix else None,
        "cured": fix.proof.cured if fix else None,
        "proof": proven(fix) if fix else None,
        "partial": heal.partial.patch.diff if heal.partial and not fix else None,
        "partial_why": heal.partial.why if heal.partial and not fix else None,
        "first_approved_by": heal.first_approved_by,
        "dollars": float(heal.spend.dollars),
        "tokens": heal.spend.input_tokens + heal.spend.output_tokens,
        "steps": [
            {
                "name": step.name,
                "text": step.text,
                "done": step.done,
                "seconds": step.seconds,
                "doing": step.doing,
                "attempt": step.attempt,
            }
            for step in heal.steps
        ],
        "decisions": [
            {
                "verb": decision.verb,
                "done": PAST.get(decision.verb, decision.verb),
                "actor": decision.actor,
                "by": decision.by,
                "medium": decision.medium,
                "patch_sha256": decision.patch_sha256,
                "text": decision.text,
                "at": decision.at,
            }
            for decision in heal.decisions
        ],
    }
