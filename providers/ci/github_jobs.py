"""Which job of a workflow, and which step of it, GitHub speaks of; jobs of workflows that it calls, too.

https://docs.github.com/en/actions/how-tos/reuse-automations/reuse-workflows
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from patchpilot.source import CIJob, CIStep
from patchpilot.text import one_line
from providers.ci.github_expressions import scalar
from providers.ci.github_language import UnknownExpressionError
from providers.ci.github_matrix import combinations, display_names, guessed_combination
from providers.ci.github_workflow import Job, Step, UnusableWorkflowError, Workflow, mapping, read_workflow

# Steps that the runner adds by itself: https://github.com/actions/runner
_RUNNERS_OWN = ("Set up job", "Complete job", "Initialize containers", "Stop containers", "Set up runner")
_MAX_DEPTH = 10
"""GitHub lets workflows call each other this deep."""
_SHOWN_STEPS = 12
_BELOW = " / "
"""Between the names of a job that calls a workflow and of a job in there."""
_EMPTY: Mapping[str, object] = {"boolean": False, "number": 0}
"""What an input is that nobody gives, by its type; others are empty texts."""


def job_of(tree: Path, workflow: Workflow, name: str) -> Job:
    """The job that GitHub shows as ``name``; raises :class:`UnusableWorkflowError`."""
    found = _find(tree, workflow, name, {}, _MAX_DEPTH)
    if not any(step.run or step.own_action for step in found.steps()):
        raise UnusableWorkflowError(f"Job {one_line(name)!r} runs no commands, only actions.")
    return found


def shown_names(tree: Path, workflow: Workflow) -> tuple[str, ...]:
    """All jobs under the names that GitHub shows."""
    return tuple(dict.fromkeys(_shown(tree, workflow, {}, _MAX_DEPTH)))


def other_jobs(job: Job) -> list[Job]:
    """The workflow's other jobs that always run, each in its first combination."""
    found = []
    for job_id, body in job.workflow.jobs.items():
        known = combinations(body.get("strategy"))
        if job_id != job.id and known and not {"uses", "if"} & set(body):
            found.append(Job(job_id, body, job.workflow, known[0], job.inputs))
    return found


def failed_step(steps: Sequence[Step], job: CIJob) -> int:
    """Index of the step that failed; raises :class:`UnusableWorkflowError`."""
    failed = job.failed_step
    if failed is None:
        raise UnusableWorkflowError(
            f"No step of job {job.name!r} is reported as failed: it may never have started."
        )
    wanted = one_line(failed.name)
    same = [index for index, step in enumerate(steps) if step.is_called(wanted)]
    if same:
        # Equal names are told apart by their order.
        before = sum(step.name == failed.name and step.number < failed.number for step in job.steps)
        return same[min(before, len(same) - 1)]
    shown = [step for step in job.steps if not step.name.startswith((*_RUNNERS_OWN, "Post ", "Pre "))]
    if failed in shown and len(shown) == len(steps):
        return shown.index(failed)
    titles = [one_line(step.title, 60) for step in steps]
    there = ", ".join(repr(title) for title in titles[:_SHOWN_STEPS])
    more = f" and {len(titles) - _SHOWN_STEPS} more" if len(titles) > _SHOWN_STEPS else ""
    raise UnusableWorkflowError(
        f"Step {wanted!r} of job {job.name!r} is not a step of the workflow file, which has {there}{more}."
    )


def reported(steps: Sequence[Step], job: CIJob) -> list[CIStep | None]:
    """What GitHub reports of each step; ``None`` for one that it doesn't name."""
    rest = list(job.steps)
    found: list[CIStep | None] = []
    for step in steps:
        place = next((at for at, one in enumerate(rest) if step.is_called(one_line(one.name))), None)
        found.append(None if place is None else rest[place])
        rest = rest if place is None else rest[place + 1 :]
    return found


def _find(tree: Path, workflow: Workflow, name: str, inputs: Mapping[str, object], depth: int) -> Job:
    candidates = list(_named(workflow, inputs))
    # The most exact way of naming first, over all jobs, before any looser one.
    for rank in range(3):
        for names, job in candidates:
            if len(names) > rank and names[rank] == name and "uses" not in job.body:
                return job
    for names, job in candidates:
        caller = next((one for one in names if name.startswith(one + _BELOW)), None)
        if "uses" in job.body and (caller is not None or name in names):
            called, given = _called(tree, job, depth)
            return _find(tree, called, name[len(caller + _BELOW) :] if caller else "", given, depth - 1)
    for job_id, body in workflow.jobs.items():
        if not combinations(body.get("strategy")):
            guess = guessed_combination(job_id, body, name)
            if guess is not None:
                return Job(job_id, body, workflow, guess, inputs)
    raise UnusableWorkflowError(f"No job of {workflow.path} is called {one_line(name)!r}.")


def _shown(tree: Path, workflow: Workflow, inputs: Mapping[str, object], depth: int) -> Iterator[str]:
    for names, job in _named(workflow, inputs):
        if not names:
            continue
        if "uses" not in job.body:
            yield names[0]
            continue
        try:
            called, given = _called(tree, job, depth)
            yield from (f"{names[0]}{_BELOW}{name}" for name in _shown(tree, called, given, depth - 1))
        except UnusableWorkflowError:
            yield names[0]


def _named(workflow: Workflow, inputs: Mapping[str, object]) -> list[tuple[list[str], Job]]:
    return [
        (
            list(display_names(job_id, body, combination, inputs)),
            Job(job_id, body, workflow, combination, inputs),
        )
        for job_id, body in workflow.jobs.items()
        for combination in combinations(body.get("strategy"))
    ]


def _called(tree: Path, job: Job, depth: int) -> tuple[Workflow, Mapping[str, object]]:
    """The workflow that a job calls, and with what; raises :class:`UnusableWorkflowError`."""
    uses = scalar(job.body["uses"])
    if not uses.startswith("./"):
        raise UnusableWorkflowError(
            f"Job {job.id!r} is a workflow of another repository ({one_line(uses, 80)}), which is not read."
        )
    if depth <= 0:
        raise UnusableWorkflowError(f"Job {job.id!r} calls workflows that call each other without an end.")
    workflow = read_workflow(tree, posixpath.normpath(uses))
    handed = mapping(job.body.get("with"))
    given = {}
    for key, declared in workflow.inputs.items():
        rules = mapping(declared)
        kind = scalar(rules.get("type"))
        written = handed.get(key, rules.get("default", _EMPTY.get(kind, "")))
        try:
            value = job.context().expand(written) if isinstance(written, str) else written
        except UnknownExpressionError:
            continue
        given[scalar(key)] = value == "true" if kind == "boolean" and isinstance(value, str) else value
    return workflow, given
