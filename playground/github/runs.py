"""Workflow runs: started by pushes and pull requests, run on the CI machines, told about by webhook.

State changes under the world's lock; commands run without it.
"""

from __future__ import annotations

import logging
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager

from patchpilot.errors import PermanentError, SandboxUnavailableError
from playground.github import shapes, shapes_work
from playground.github.ci import CIRunner
from playground.github.errors import ApiError
from playground.github.events import Announcer
from playground.github.execution import Execution
from playground.github.expressions import Contexts, WorkflowProblem, holds
from playground.github.feed import Feed
from playground.github.joblog import JobLog
from playground.github.model import Account, Job, PlaygroundRepo, Run, Step, Workflow, now
from playground.github.shapes import Site
from playground.github.workflows import JobPlan, WorkflowPlan, read_workflow
from playground.github.world import World

log = logging.getLogger(__name__)

_FOLDER = ".github/workflows"
_SET_UP = "Set up job"
_COMPLETE = "Complete job"


class Runs:
    """Starts workflow runs and sees them through."""

    def __init__(self, world: World, site: Site, announcer: Announcer, feed: Feed, ci: CIRunner) -> None:
        self._world = world
        self._site = site
        self._announcer = announcer
        self._feed = feed
        self._ci = ci

    # Starting

    def start(
        self,
        repo: PlaygroundRepo,
        event: str,
        *,
        branch: str,
        sha: str,
        actor: Account,
        base: str = "",
        action: str = "",
        pull: int = 0,
        tree_sha: str = "",
    ) -> list[Run]:
        """Start every workflow of commit ``sha`` that wants the event. Hold the world's lock."""
        source = tree_sha or sha
        started = []
        for path, text in _workflow_files(repo, source):
            try:
                plan: WorkflowPlan | None = read_workflow(text, path)
                problem = ""
            except WorkflowProblem as error:
                plan, problem = None, str(error)
            if plan is not None and not plan.wants(event, branch=base or branch, action=action):
                continue
            workflow = self._workflow(repo, path, plan.name if plan else path)
            workflow.runs += 1
            run = Run(
                id=self._world.ids.next(),
                workflow=workflow,
                name=workflow.name,
                number=workflow.runs,
                event=event,
                branch=branch,
                head_sha=sha,
                tree_sha=source,
                actor=actor,
                triggering_actor=actor,
                subject=repo.git.commit(sha).subject,
                definition=text,
                check_suite_id=self._world.ids.next(),
                pull_requests=[pull] if pull else [],
                problem=problem,
            )
            repo.runs[run.id] = run
            if repo.holds_bots and actor.kind == "Bot":
                self._hold(repo, run)
            else:
                self._begin(repo, run, plan, keep=[])
            started.append(run)
        return started

    def rerun(self, repo: PlaygroundRepo, run: Run, *, by: Account, only_failed: bool) -> None:
        """Start another attempt; with ``only_failed`` green jobs are carried over. Hold the world's lock."""
        if run.status != "completed":
            raise ApiError(403, "This workflow is already running")
        previous = run.jobs.get(run.attempt, [])
        keep = [job for job in previous if job.conclusion == "success"] if only_failed else []
        if only_failed and len(keep) == len(previous):
            raise ApiError(403, "This workflow run has no failed jobs to run again")
        run.results[run.attempt] = (run.status, run.conclusion)
        run.attempt += 1
        run.status, run.conclusion = "queued", None
        run.triggering_actor = by
        run.started_at = run.updated_at = now()
        try:
            plan: WorkflowPlan | None = read_workflow(run.definition, run.workflow.path)
        except WorkflowProblem:
            plan = None
        self._begin(repo, run, plan, keep=keep)

    def approve(self, repo: PlaygroundRepo, run: Run) -> None:
        """Let a run that waits for a person begin. Hold the world's lock."""
        if run.conclusion != "action_required":
            raise ApiError(403, "This run is not from a fork pull request or a bot")
        run.status, run.conclusion, run.updated_at = "queued", None, now()
        self._begin(repo, run, read_workflow(run.definition, run.workflow.path), keep=[])

    def cancel(self, run: Run) -> None:
        """Cancel what has not begun yet. Hold the world's lock."""
        if run.status == "completed":
            raise ApiError(409, "Cannot cancel a workflow run that is completed.")
        for job in run.jobs[run.attempt]:
            if job.status == "queued":
                job.status, job.conclusion, job.completed_at = "completed", "cancelled", now()
        self._feed.changed()

    def _hold(self, repo: PlaygroundRepo, run: Run) -> None:
        run.jobs[run.attempt] = []
        self._tell(repo, run, "requested")
        self._finish(repo, run, "action_required")

    def _begin(self, repo: PlaygroundRepo, run: Run, plan: WorkflowPlan | None, *, keep: list[Job]) -> None:
        if plan is None:
            # A file that can't be read gives a failed run without jobs.
            run.jobs[run.attempt] = []
            self._tell(repo, run, "requested")
            self._finish(repo, run, "failure")
            return
        kept = {job.name: job for job in keep}
        run.jobs[run.attempt] = [self._job(run, job, kept.get(job.name)) for job in plan.jobs]
        self._tell(repo, run, "requested")
        self._feed.changed()
        attempt = run.attempt
        self._ci.submit(lambda: self._work(repo, run, plan, attempt))

    def _job(self, run: Run, plan: JobPlan, kept: Job | None) -> Job:
        job = Job(id=self._world.ids.next(), name=plan.name, key=plan.key, attempt=run.attempt)
        names = [_SET_UP, *(step.name for step in plan.steps), _COMPLETE]
        job.steps = [Step(number=number, name=name) for number, name in enumerate(names, start=1)]
        if kept is not None:
            job.status, job.conclusion, job.log = kept.status, kept.conclusion, kept.log
            job.started_at, job.completed_at, job.steps = kept.started_at, kept.completed_at, kept.steps
        return job

    def _workflow(self, repo: PlaygroundRepo, path: str, name: str) -> Workflow:
        found = repo.workflows.setdefault(path, Workflow(id=self._world.ids.next(), path=path, name=name))
        found.name = name
        return found

    # Running, on a CI thread

    def _work(self, repo: PlaygroundRepo, run: Run, plan: WorkflowPlan, attempt: int) -> None:
        try:
            self._run_jobs(repo, run, plan, attempt)
        except Exception:
            log.exception("workflow run broke off", extra={"action": "playground_run_broke", "run": run.id})
            with self._world.lock:
                for job in run.jobs[attempt]:
                    if job.status != "completed":
                        job.status, job.conclusion, job.completed_at = "completed", "cancelled", now()
                self._finish(repo, run, "cancelled")

    def _run_jobs(self, repo: PlaygroundRepo, run: Run, plan: WorkflowPlan, attempt: int) -> None:
        with self._world.lock:
            run.status, run.updated_at = "in_progress", now()
            self._tell(repo, run, "in_progress")
            jobs = list(zip(plan.jobs, run.jobs[attempt], strict=True))
        for job_plan, job in _in_order(jobs):
            if job.status == "queued":
                self._run_job(repo, run, job_plan, job)
        with self._world.lock:
            hidden = {id(job) for job_plan, job in jobs if job_plan.continue_on_error}
            self._finish(repo, run, _overall([job for _, job in jobs if id(job) not in hidden]))

    def _run_job(self, repo: PlaygroundRepo, run: Run, plan: JobPlan, job: Job) -> None:
        contexts = self._contexts(repo, run, plan)
        needed = [other for other in run.jobs[job.attempt] if other.key in plan.needs]
        failed = any(other.conclusion != "success" for other in needed)
        try:
            wanted = holds(plan.condition, contexts, failed=failed)
        except WorkflowProblem as problem:
            self._refuse(repo, run, job, str(problem), conclusion="failure")
            return
        if not wanted:
            with self._changing(repo, run, job):
                job.status, job.conclusion, job.completed_at = "completed", "skipped", now()
            return
        with self._changing(repo, run, job):
            job.status, job.started_at = "in_progress", now()
            _set(job.steps[0], "completed", "success")
        try:
            self._execute(repo, run, plan, job, contexts)
        except SandboxUnavailableError as error:
            message = f"No runner could take this job: {error}"
            self._refuse(repo, run, job, message, conclusion="cancelled")
        except (tarfile.TarError, PermanentError, OSError) as error:
            self._refuse(repo, run, job, f"checking out {run.tree_sha}: {error}", conclusion="failure")

    def _execute(self, repo: PlaygroundRepo, run: Run, plan: JobPlan, job: Job, contexts: Contexts) -> None:
        job_log = JobLog()
        job_log.set_up(repository=repo.full_name, name=job.name)

        def progress(index: int, status: str, conclusion: str | None) -> None:
            with self._world.lock:
                _set(job.steps[index + 1], status, conclusion)
                job.log = job_log.data
            self._feed.changed()

        archive = repo.git.archive(run.tree_sha, "tar")
        with self._ci.workbench(archive, job_id=f"playground-{job.id}") as bench:
            execution = Execution(
                plan=plan,
                bench=bench,
                contexts=contexts,
                variables=_variables(contexts),
                journal=job_log,
                progress=progress,
            )
            conclusion = execution.run()
        job_log.line("Cleaning up orphan processes")
        with self._changing(repo, run, job):
            _set(job.steps[-1], "completed", "success")
            job.log = job_log.data
            job.status, job.conclusion, job.completed_at = "completed", conclusion, now()

    def _refuse(self, repo: PlaygroundRepo, run: Run, job: Job, message: str, *, conclusion: str) -> None:
        job_log = JobLog()
        job_log.error(message)
        with self._changing(repo, run, job):
            job.log = job.log + job_log.data
            job.started_at = job.started_at or now()
            job.status, job.conclusion, job.completed_at = "completed", conclusion, now()
            for step in job.steps:
                if step.status != "completed":
                    _set(step, "completed", conclusion if step.number == 1 else "skipped")

    def _contexts(self, repo: PlaygroundRepo, run: Run, plan: JobPlan) -> Contexts:
        ref = f"refs/pull/{run.pull_requests[0]}/merge" if run.pull_requests else f"refs/heads/{run.branch}"
        github = {
            "sha": run.tree_sha,
            "ref": ref,
            "ref_name": ref.split("/", 2)[2],
            "head_ref": run.branch if run.pull_requests else "",
            "repository": repo.full_name,
            "repository_owner": repo.owner.login,
            "run_id": str(run.id),
            "run_number": str(run.number),
            "run_attempt": str(run.attempt),
            "event_name": run.event,
            "workflow": run.name,
            "job": plan.key,
            "actor": run.actor.login,
        }
        return {
            "github": github,
            "matrix": plan.matrix,
            "env": plan.env,
            "runner": {"os": "Linux", "arch": "X64"},
        }

    # Telling

    @contextmanager
    def _changing(self, repo: PlaygroundRepo, run: Run, job: Job) -> Iterator[None]:
        """Change a job under the lock and tell about it."""
        with self._world.lock:
            yield
            payload = {"action": job.status, "workflow_job": shapes_work.job(self._site, repo, run, job)}
            self._announcer.tell(repo, "workflow_job", payload, sender=run.triggering_actor)
        self._feed.changed()

    def _finish(self, repo: PlaygroundRepo, run: Run, conclusion: str) -> None:
        run.status, run.conclusion, run.updated_at = "completed", conclusion, now()
        self._tell(repo, run, "completed")
        self._feed.changed()

    def _tell(self, repo: PlaygroundRepo, run: Run, action: str) -> None:
        payload: shapes.Json = {
            "action": action,
            "workflow_run": shapes_work.run(self._site, repo, run),
            "workflow": shapes_work.workflow(self._site, repo, run.workflow.path),
        }
        self._announcer.tell(repo, "workflow_run", payload, sender=run.triggering_actor)


def _workflow_files(repo: PlaygroundRepo, sha: str) -> list[tuple[str, str]]:
    return [
        (entry.path, repo.git.blob(entry.sha).decode(errors="replace"))
        for entry in repo.git.tree(sha, path=f"{_FOLDER}/")
        if entry.kind == "blob" and entry.path.endswith((".yml", ".yaml"))
    ]


def _in_order(jobs: list[tuple[JobPlan, Job]]) -> Iterator[tuple[JobPlan, Job]]:
    """The jobs so that each comes after those it needs; that this is possible was checked on reading."""
    left = list(jobs)
    while left:
        waiting = {plan.key for plan, _ in left}
        yield from ((plan, job) for plan, job in left if not waiting & set(plan.needs))
        left = [(plan, job) for plan, job in left if waiting & set(plan.needs)]


def _overall(jobs: list[Job]) -> str:
    conclusions = {job.conclusion for job in jobs}
    for worst in ("failure", "cancelled"):
        if worst in conclusions:
            return worst
    return "skipped" if conclusions == {"skipped"} else "success"


def _set(step: Step, status: str, conclusion: str | None) -> None:
    step.status, step.conclusion = status, conclusion
    if conclusion != "skipped":
        step.started_at = step.started_at or now()
        step.completed_at = now() if status == "completed" else None


def _variables(contexts: Contexts) -> dict[str, str]:
    """The runner's own variables that make sense without network.
    https://docs.github.com/en/actions/reference/workflows-and-actions/variables
    """
    names = ("sha", "ref", "ref_name", "repository", "run_id", "run_attempt", "event_name", "workflow", "job")
    github = contexts["github"]
    return {"GITHUB_ACTIONS": "true", **{f"GITHUB_{name.upper()}": github[name] for name in names}}
