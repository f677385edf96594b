"""How to run in a sandbox what a failing step of a workflow ran.

The rules, in order:

1. ``.patchpilot.yml`` wins (:mod:`providers.ci.overrides`).
2. The job is found in the workflow by the name that GitHub shows, matrix values included; the step by its
   name or, where that says nothing, by its place.
3. *failing* is the step's ``run`` with the environment of workflow, job and step. Earlier steps of the job
   run ahead of it (:mod:`providers.ci.earlier`), each as it stands; steps and commands that install something
   are left out, because a sandbox has no network and its image has the tools. What steps hand on by
   ``$GITHUB_ENV``, ``$GITHUB_PATH`` and ``$GITHUB_OUTPUT`` is filled in when they run.
4. *suite* is every other test step of the job that has no ``if`` and may not fail; where the job has none,
   the test steps of the workflow's other jobs; then in the same way other checks (linters, type checkers).
   Where there are none of these either, there is no suite.
5. What can't be known here ends in :class:`~patchpilot.fixes.GaveUp` with what to do about it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from patchpilot.failures import DistilledFailure
from patchpilot.fixes import GaveUp, ReplayPlan, Toolchain
from patchpilot.images import ImageTable
from patchpilot.source import CIJob, CIStep
from patchpilot.text import one_line
from providers.ci.earlier import Earlier
from providers.ci.equipment import command, equipped
from providers.ci.github_expressions import Later, UnknownExpressionError
from providers.ci.github_workflow import (
    Job,
    Step,
    UnusableWorkflowError,
    Workflow,
    failed_step,
    job_of,
    other_jobs,
    read_workflow,
    reported,
    shown_names,
)
from providers.ci.overrides import Override
from providers.ci.recipe import Run, likeliest, wider
from providers.ci.replaying import NO_IMAGES, replayed
from providers.ci.step_kinds import StepKind
from providers.ci.toolchains import from_action

_STARTS_CONTAINERS = re.compile(r"\bdocker(?:-compose|\s+compose)\b[^\n;&|]{0,200}\bup\b|\bdocker\s+run\b")
_MAX_SCRIPT = 20_000


def replay(
    tree: Path,
    *,
    workflow_path: str,
    job: CIJob,
    images: ImageTable = NO_IMAGES,
    failure: DistilledFailure | None = None,
) -> ReplayPlan | GaveUp:
    """Read from the checkout at ``tree`` what ``job``'s failing step ran.

    Where the workflow doesn't tell, what the log says (``failure``) may let the project's own files tell.
    """

    def read(override: Override) -> ReplayPlan:
        try:
            workflow = read_workflow(tree, workflow_path)
            return _plan(tree, workflow, job, override=override, images=images)
        except UnknownExpressionError as error:
            raise UnusableWorkflowError(
                f"The failing step uses ${{{{ {one_line(str(error), 80)} }}}}, known only on GitHub."
            ) from error

    return replayed(tree, job, read, images=images, failure=failure)


def job_names(tree: Path, workflow_path: str) -> tuple[str, ...]:
    """The jobs of a workflow, as GitHub shows them; raises :class:`UnusableWorkflowError`."""
    return shown_names(read_workflow(tree, workflow_path))


def likeliest_step(tree: Path, workflow_path: str, job_name: str) -> CIStep | None:
    """The step of a job that says red or green, for when nobody knows which one failed.

    Raises :class:`UnusableWorkflowError` where there is no such job.
    """
    steps = job_of(read_workflow(tree, workflow_path), job_name).steps()
    place = likeliest([Run(title=step.title, script=step.run) for step in steps])
    return None if place is None else CIStep(number=place + 1, name=steps[place].title, failed=True)


def _plan(
    tree: Path, workflow: Workflow, job: CIJob, *, override: Override, images: ImageTable
) -> ReplayPlan:
    found = job_of(workflow, job.name)
    steps = found.steps()
    place = failed_step(steps, job)
    earlier, later = _earlier(steps[:place], reported(steps[:place], job))
    failing = _failing(replace(steps[place], later=later))
    suite = wider([_runs(one.steps()) for one in [found, *other_jobs(found)]], failing)
    plan = replace(
        earlier.ahead_of(failing, tree, late=later.met),
        suite=command(override, override.suite) if override.suite else suite.command,
        image=override.image,
        source=f"{found.workflow.path}, job {found.id}, step {place + 1}",
        notes=(*_notes(found), *_missing(steps[:place])),
    )
    return equipped(
        plan,
        tree,
        images=images,
        runs=_read(steps[: place + 1]),
        toolchains=_toolchains(tree, steps[:place]),
        job_image=found.container(),
    )


def _earlier(steps: Sequence[Step], seen: Sequence[CIStep | None]) -> tuple[Earlier, Later]:
    """The commands before the failing one, and what they tell when they run."""
    earlier, later = Earlier(), Later()
    for step, report in zip(steps, seen, strict=True):
        if report is not None and report.skipped:
            continue
        if step.uses.startswith("./"):
            earlier.cannot(step.title, "it is an action of the repository itself, which is not read")
        if not isinstance(step.body.get("run"), str):
            continue
        try:
            # That GitHub ran it says more than its condition.
            condition = True if report is not None else replace(step, later=later).condition()
            if condition is False:
                continue
            run = _run(replace(step, later=later), condition=condition if isinstance(condition, str) else "")
        except UnknownExpressionError as error:
            earlier.cannot(
                step.title, f"it needs ${{{{ {one_line(str(error), 80)} }}}}, known only on GitHub"
            )
            continue
        except UnusableWorkflowError as error:
            earlier.cannot(step.title, str(error).rstrip("."))
            continue
        earlier.runs.append(run)
        if run.machineless:
            later = Later(
                steps=later.steps | {step.id} if step.id else later.steps,
                writers=(*later.writers, run.script) if "GITHUB_ENV" in run.script else later.writers,
                met=later.met,
            )
    return earlier, later


def _failing(step: Step) -> Run:
    """The failing step, unless nothing of it is left without what installs things."""
    if not step.run:
        uses = one_line(step.uses, 80)
        raise UnusableWorkflowError(f"The failing step {step.title!r} is the action {uses!r}, not a command.")
    run = _run(step)
    if not run.replayable:
        raise UnusableWorkflowError(
            f"The failing step {step.title!r} installs things or needs Docker, "
            "and the sandbox has neither network nor Docker."
        )
    return run


def _run(step: Step, *, condition: str = "") -> Run:
    return Run(
        title=step.title,
        script=step.script(),
        env=step.env(),
        folder=step.folder(),
        shell=step.shell(),
        dependable=step.dependable,
        name=step.id,
        own_env=step.own_env(),
        condition=condition,
        may_fail=step.may_fail,
    )


def _runs(steps: Sequence[Step]) -> list[Run]:
    """The steps that can stand in a suite or before it."""
    return [_run(step) for step in steps if step.kind is not StepKind.SET_UP and step.dependable]


def _read(steps: Sequence[Step]) -> Iterator[Run]:
    """All steps only to be read: for what they install."""
    for step in steps:
        try:
            yield Run(title="", script=step.script(), folder=step.folder())
        except (UnknownExpressionError, UnusableWorkflowError):
            continue


def _toolchains(tree: Path, steps: Sequence[Step]) -> list[Toolchain]:
    found = (from_action(step.uses, step.inputs(), tree) for step in steps if step.uses)
    return [one for one in found if one is not None]


def _missing(steps: Sequence[Step]) -> Iterator[str]:
    """What earlier steps put in place that is not there, or elsewhere, for people."""
    for step in steps:
        inputs = step.inputs() if step.uses.startswith("actions/checkout@") else {}
        if inputs.get("repository"):
            other = one_line(inputs["repository"], 80)
            yield f"The repository {other!r}, which the job checks out as well, is missing in the sandbox."
        elif posixpath.normpath(inputs.get("path") or ".") != ".":
            folder = one_line(inputs["path"], 80)
            yield (
                f"The job checks the repository out into {folder!r}; here its files are at the root, so set "
                "`replay` in .patchpilot.yml where the command looks for that folder."
            )
        if _STARTS_CONTAINERS.search(step.run[:_MAX_SCRIPT]):
            title = one_line(step.title, 80)
            yield f"The containers that the step {title!r} starts are missing in the sandbox."


def _notes(found: Job) -> Iterator[str]:
    """What is different in the sandbox, for people."""
    services = found.services()
    if services:
        yield f"The job's services are missing in the sandbox: {one_line(', '.join(services))}."
    if found.secrets:
        yield f"Secrets are left empty: {one_line(', '.join(sorted(found.secrets)))}."
    if found.left_out:
        yield f"Variables left out, known only on GitHub: {one_line(', '.join(sorted(found.left_out)))}."
