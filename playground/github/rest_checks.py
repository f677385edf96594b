"""Check runs. https://docs.github.com/en/rest/checks/runs"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from playground.github import shapes_work
from playground.github.api import Answer, Body, Call, Route
from playground.github.core import Core
from playground.github.errors import ApiError, invalid, not_found, unprocessable
from playground.github.model import Account, CheckRun, PlaygroundRepo, now
from playground.github.shapes import Json

_REPO = "/repos/{owner}/{repo}"
_COMPLETED = "completed"

Status = Literal["queued", "in_progress", "completed", "waiting", "requested", "pending"]
Conclusion = Literal[
    "action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out"
]


def routes() -> tuple[Route, ...]:
    """The table of this part."""
    return (
        Route("POST", f"{_REPO}/check-runs", create_check, "checks:write"),
        Route("GET", f"{_REPO}/check-runs/{{id}}", get_check, "checks:read"),
        Route("PATCH", f"{_REPO}/check-runs/{{id}}", update_check, "checks:write"),
        Route("GET", f"{_REPO}/check-runs/{{id}}/annotations", list_annotations, "checks:read"),
        Route("GET", f"{_REPO}/commits/{{ref:path}}/check-runs", list_checks, "checks:read"),
    )


class Annotation(Body):
    """A remark on a line."""

    path: str
    start_line: int
    end_line: int
    annotation_level: Literal["notice", "warning", "failure"]
    message: str
    title: str | None = None
    raw_details: str | None = None
    start_column: int | None = None
    end_column: int | None = None


class Output(Body):
    """What a check run shows; at most 50 annotations a request."""

    title: str | None = None
    summary: Annotated[str, StringConstraints(max_length=65535)]
    text: Annotated[str, StringConstraints(max_length=65535)] | None = None
    annotations: list[Annotation] = Field(default_factory=list, max_length=50)


class Action(Body):
    """A button of a check run."""

    label: Annotated[str, StringConstraints(max_length=20)]
    description: Annotated[str, StringConstraints(max_length=40)]
    identifier: Annotated[str, StringConstraints(max_length=20)]


class CheckChange(Body):
    """Fields that may be set when creating and when updating."""

    name: str | None = None
    details_url: str | None = None
    external_id: str | None = None
    status: Status | None = None
    conclusion: Conclusion | None = None
    started_at: str | None = None
    completed_at: str | None = None
    output: Output | None = None
    actions: list[Action] | None = Field(default=None, max_length=3)


class NewCheck(CheckChange):
    """A check run to make."""

    name: str
    head_sha: str


def create_check(call: Call) -> Answer:
    """Make a check run on a commit."""
    wanted = call.read(NewCheck)
    if call.repo.git.kind(wanted.head_sha) != "commit":
        raise unprocessable(f"No commit found for SHA: {wanted.head_sha}")
    app = call.caller.via_app
    if app is None:
        raise ApiError(403, "You must authenticate via a GitHub App.")
    check = CheckRun(
        id=call.core.world.ids.next(), name=wanted.name, head_sha=wanted.head_sha, app=app, started_at=now()
    )
    _apply(check, wanted)
    call.repo.check_runs[check.id] = check
    _tell(call, check, "created")
    return Answer(shapes_work.check_run(call.core.site, call.repo, check), 201)


def update_check(call: Call) -> Answer:
    """Change a check run; only the App that made it may."""
    check = call.repo.check_runs.get(call.number("id"))
    if check is None:
        raise not_found()
    if check.app is not call.caller.via_app:
        raise ApiError(403, "Invalid app_id for check run: this check run belongs to another App")
    before = check.status
    _apply(check, call.read(CheckChange))
    if check.status == _COMPLETED and before != _COMPLETED:
        _tell(call, check, _COMPLETED)
    return Answer(shapes_work.check_run(call.core.site, call.repo, check))


def _apply(check: CheckRun, change: CheckChange) -> None:
    if change.status == _COMPLETED and change.conclusion is None:
        raise invalid("CheckRun", "conclusion", code="missing_field")
    check.name = change.name or check.name
    check.details_url = change.details_url or check.details_url
    check.external_id = change.external_id or check.external_id
    check.started_at = _moment(change.started_at, "started_at") or check.started_at
    if change.conclusion is not None:  # a conclusion completes it: the documentation says so
        check.status, check.conclusion = _COMPLETED, change.conclusion
        check.completed_at = _moment(change.completed_at, "completed_at") or now()
    elif change.status is not None:
        check.status, check.conclusion, check.completed_at = change.status, None, None
    if change.output is not None:
        check.output = change.output.model_dump(include={"title", "summary", "text"})
        check.annotations += [one.model_dump() for one in change.output.annotations]
    if change.actions is not None:
        check.actions = [one.model_dump() for one in change.actions]


def _moment(text: str | None, name: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise invalid("CheckRun", name) from None


def get_check(call: Call) -> Answer:
    """One check run, also of Actions."""
    wanted = call.number("id")
    for check in checks_of(call.core, call.repo):
        if check.id == wanted:
            return Answer(shapes_work.check_run(call.core.site, call.repo, check))
    raise not_found()


def list_annotations(call: Call) -> Answer:
    """The remarks of a check run."""
    check = call.repo.check_runs.get(call.number("id"))
    if check is None:
        raise not_found()
    return call.listed([{**one, "blob_href": call.core.site.page(call.repo)} for one in check.annotations])


def list_checks(call: Call) -> Answer:
    """The check runs of a commit, those of Actions among them."""
    sha = call.repo.git.resolve(call.params["ref"])
    if sha is None:
        raise unprocessable(f"No commit found for SHA: {call.params['ref']}")
    name, status, app = call.query.get("check_name"), call.query.get("status"), call.query.get("app_id")
    found: list[Json] = [
        shapes_work.check_run(call.core.site, call.repo, check)
        for check in checks_of(call.core, call.repo)
        if check.head_sha == sha
        and name in {None, check.name}
        and status in {None, check.status}
        and app in {None, str(check.app.id)}
    ]
    return call.listed(found, under="check_runs")


def checks_of(core: Core, repo: PlaygroundRepo) -> Iterator[CheckRun]:
    """All check runs, newest first: each latest job of Actions is one too, with the job's own id."""
    jobs = [
        CheckRun(
            id=job.id,
            name=job.name,
            head_sha=run.head_sha,
            app=core.actions_app,
            status=job.status,
            conclusion=job.conclusion,
            details_url=f"{core.site.page(repo)}/actions/runs/{run.id}/job/{job.id}",
            started_at=job.started_at,
            completed_at=job.completed_at,
        )
        for run in repo.runs.values()
        for job in run.jobs[run.attempt]
    ]
    made = [*repo.check_runs.values(), *jobs]
    return iter(sorted(made, key=lambda check: check.id, reverse=True))


def press(core: Core, repo: PlaygroundRepo, check: CheckRun, identifier: str, *, by: Account) -> None:
    """A person presses a button of a check run: only the App that made it hears of it."""
    if identifier not in {action["identifier"] for action in check.actions}:
        raise LookupError(f"check run {check.name!r} has no action {identifier!r}")
    payload: Json = {
        "action": "requested_action",
        "check_run": shapes_work.check_run(core.site, repo, check),
        "requested_action": {"identifier": identifier},
    }
    core.announcer.tell(repo, "check_run", payload, sender=by, only_app=check.app.id)


def _tell(call: Call, check: CheckRun, action: str) -> None:
    payload: Json = {"action": action, "check_run": shapes_work.check_run(call.core.site, call.repo, check)}
    call.core.announcer.tell(call.repo, "check_run", payload, sender=call.actor, only_app=check.app.id)
