"""Workflow runs, jobs, logs and re-runs. https://docs.github.com/en/rest/actions"""

from __future__ import annotations

import io
import re
import zipfile

from playground.github import shapes_work
from playground.github.api import Answer, Call, Route
from playground.github.errors import ApiError, not_found
from playground.github.faults import Fault, FaultKind
from playground.github.model import Job, Run
from playground.github.runs import Runs

_ACTIONS = "/repos/{owner}/{repo}/actions"
_RUN = f"{_ACTIONS}/runs/{{id}}"


def routes() -> tuple[Route, ...]:
    """The table of this part."""
    return (
        Route("GET", f"{_ACTIONS}/runs", list_runs, "actions:read"),
        Route("GET", _RUN, get_run, "actions:read"),
        Route("GET", f"{_RUN}/attempts/{{attempt}}", get_run, "actions:read"),
        Route("GET", f"{_RUN}/jobs", list_jobs, "actions:read"),
        Route("GET", f"{_RUN}/attempts/{{attempt}}/jobs", list_jobs, "actions:read"),
        Route("GET", f"{_RUN}/logs", download_run_logs, "actions:read"),
        Route("GET", f"{_RUN}/attempts/{{attempt}}/logs", download_run_logs, "actions:read"),
        Route("GET", f"{_RUN}/artifacts", list_artifacts, "actions:read"),
        Route("POST", f"{_RUN}/rerun", rerun, "actions:write"),
        Route("POST", f"{_RUN}/rerun-failed-jobs", rerun_failed, "actions:write"),
        Route("POST", f"{_RUN}/cancel", cancel, "actions:write"),
        Route("POST", f"{_RUN}/approve", approve, "actions:write"),
        Route("GET", f"{_ACTIONS}/jobs/{{id}}", get_job, "actions:read"),
        Route("GET", f"{_ACTIONS}/jobs/{{id}}/logs", download_job_log, "actions:read"),
        Route("POST", f"{_ACTIONS}/jobs/{{id}}/rerun", rerun_job, "actions:write"),
        Route("GET", f"{_ACTIONS}/workflows", list_workflows, "actions:read"),
        Route("GET", f"{_ACTIONS}/workflows/{{id}}", get_workflow, "actions:read"),
        Route("GET", f"{_ACTIONS}/workflows/{{id}}/runs", list_runs, "actions:read"),
    )


def list_runs(call: Call) -> Answer:
    """Runs, newest first, by branch, event, status, head_sha, actor, and workflow."""
    path = _workflow_path(call) if "id" in call.params else None
    wanted = call.query
    found = [
        run
        for run in reversed(call.repo.runs.values())
        if path in {None, run.workflow.path}
        and wanted.get("branch") in {None, run.branch}
        and wanted.get("event") in {None, run.event}
        and wanted.get("head_sha") in {None, run.head_sha}
        and wanted.get("actor") in {None, run.actor.login}
        and wanted.get("status") in {None, run.status, run.conclusion}
    ]
    return call.listed(
        [shapes_work.run(call.core.site, call.repo, run) for run in found], under="workflow_runs"
    )


def get_run(call: Call) -> Answer:
    """One run, as it is or as an earlier attempt was."""
    run, attempt = _run(call), _attempt(call)
    return Answer(shapes_work.run(call.core.site, call.repo, run, attempt=attempt))


def list_jobs(call: Call) -> Answer:
    """The jobs of an attempt; without one in the path, of the latest, or of all with ``filter=all``."""
    run = _run(call)
    if "attempt" not in call.params and call.query.get("filter") == "all":
        jobs = [job for attempt in run.jobs.values() for job in attempt]
    else:
        jobs = run.jobs[_attempt(call) or run.attempt]
    return call.listed([shapes_work.job(call.core.site, call.repo, run, job) for job in jobs], under="jobs")


def get_job(call: Call) -> Answer:
    """One job."""
    run, job = _job(call)
    return Answer(shapes_work.job(call.core.site, call.repo, run, job))


def download_job_log(call: Call) -> Answer:
    """Redirect to the log as text."""
    _, job = _job(call)
    fault = call.core.faults.log()
    if job.status == "queued" or not job.log or (fault and fault.kind is FaultKind.LOG_MISSING):
        raise not_found()
    location = call.core.offer(lambda: _spoiled(job.log, fault), "text/plain; charset=utf-8")
    return Answer(status=302, headers={"Location": location})


def download_run_logs(call: Call) -> Answer:
    """Redirect to a zip with a file for each job."""
    run = _run(call)
    jobs = run.jobs[_attempt(call) or run.attempt]
    if run.status != "completed" and not any(job.log for job in jobs):
        raise not_found()
    location = call.core.offer(lambda: _zipped(jobs), "application/zip")
    return Answer(status=302, headers={"Location": location})


def _zipped(jobs: list[Job]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, job in enumerate(jobs):
            archive.writestr(f"{number}_{re.sub(r'[/:]', '_', job.name)}.txt", job.log)
    return buffer.getvalue()


def _spoiled(log: bytes, fault: Fault | None) -> bytes:
    if fault is None:
        return log
    if fault.kind is FaultKind.LOG_BINARY:
        return bytes(range(256)) * 4096
    line = b"2026-01-05T08:00:00.0000000Z Downloading a large model: 12345678 of 98765432 bytes\n"
    return line * int(fault.megabytes * 1_000_000 / len(line)) + log


def list_artifacts(call: Call) -> Answer:
    """Artifacts: none."""
    _run(call)
    return call.listed([], under="artifacts")


def rerun(call: Call) -> Answer:
    """Run all jobs again."""
    return _rerun(call, _run(call), only_failed=False)


def rerun_failed(call: Call) -> Answer:
    """Run the failed jobs again."""
    return _rerun(call, _run(call), only_failed=True)


def rerun_job(call: Call) -> Answer:
    """Run a job again. The playground runs all failed ones of its run."""
    return _rerun(call, _job(call)[0], only_failed=True)


def _rerun(call: Call, run: Run, *, only_failed: bool) -> Answer:
    _runs(call).rerun(call.repo, run, by=call.actor, only_failed=only_failed)
    return Answer({}, 201)


def cancel(call: Call) -> Answer:
    """Cancel a run."""
    _runs(call).cancel(_run(call))
    return Answer({}, 202)


def approve(call: Call) -> Answer:
    """Let a run begin that waits for a person."""
    _runs(call).approve(call.repo, _run(call))
    return Answer({}, 201)


def list_workflows(call: Call) -> Answer:
    """The workflow files."""
    shown = [shapes_work.workflow(call.core.site, call.repo, path) for path in call.repo.workflows]
    return call.listed(shown, under="workflows")


def get_workflow(call: Call) -> Answer:
    """One workflow by its number or file name."""
    return Answer(shapes_work.workflow(call.core.site, call.repo, _workflow_path(call)))


def _workflow_path(call: Call) -> str:
    for path, one in call.repo.workflows.items():
        if call.params["id"] in {str(one.id), path.rsplit("/", 1)[-1]}:
            return path
    raise not_found()


def _runs(call: Call) -> Runs:
    if call.core.runs is None:
        raise ApiError(403, "Actions is disabled for this repository")
    return call.core.runs


def _run(call: Call) -> Run:
    found = call.repo.runs.get(call.number("id"))
    if found is None:
        raise not_found()
    return found


def _attempt(call: Call) -> int:
    """The attempt in the path, checked; 0 where there is none."""
    if "attempt" not in call.params:
        return 0
    attempt = call.number("attempt")
    if attempt not in _run(call).jobs:
        raise not_found()
    return attempt


def _job(call: Call) -> tuple[Run, Job]:
    wanted = call.number("id")
    for run, job in call.repo.jobs():
        if job.id == wanted:
            return run, job
    raise not_found()
