"""How to run in a sandbox what a failing step of a workflow ran.

The rules, in order:

1. ``.patchpilot.yml`` wins (:mod:`providers.ci.overrides`).
2. The job is found in the workflow by the name that GitHub shows, matrix values included; the step by its
   name or, where that says nothing, by its place. Workflows and composite actions of the repository itself
   are read in the place of what calls them (:mod:`providers.ci.github_jobs`,
   :mod:`providers.ci.github_own_actions`).
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

import itertools
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from patchpilot.failures import DistilledFailure
from patchpilot.fixes import GaveUp, ReplayPlan, Toolchain
from patchpilot.images import ImageTable
from patchpilot.source import CIJob, CIStep
from patchpilot.text import one_line
from providers.ci.earlier import Earlier
from providers.ci.equipment import command, equipped
from providers.ci.github_expressions import Later
from providers.ci.github_jobs import failed_step, job_of, other_jobs, reported, shown_names
from providers.ci.github_language import UnknownExpressionError
from providers.ci.github_matrix import combination_of
from providers.ci.github_own_actions import MAX_STEPS, inlined, inner_steps, outputs
from providers.ci.github_workflow import Job, Step, UnusableWorkflowError, Workflow, read_workflow
from providers.ci.overrides import Override
from providers.ci.recipe import Run, likeliest, wider
from providers.ci.replaying import NO_IMAGES, replayed
from providers.ci.step_kinds import StepKind
from providers.ci.toolchains import from_action, from_image, unlike

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
            return _plan(tree, workflow, job, override=override, images=images, failure=failure)
        except UnknownExpressionError as error:
            raise UnusableWorkflowError(
                f"The failing step uses ${{{{ {one_line(str(error), 80)} }}}}, known only on GitHub."
            ) from error

    return replayed(tree, job, read, images=images, failure=failure)


def job_names(tree: Path, workflow_path: str) -> tuple[str, ...]:
    """The jobs of a workflow, as GitHub shows them; raises :class:`UnusableWorkflowError`."""
    return shown_names(tree, read_workflow(tree, workflow_path))


def likeliest_step(tree: Path, workflow_path: str, job_name: str) -> CIStep | None:
    """The step of a job that says red or green, for when nobody knows which one failed.

    Raises :class:`UnusableWorkflowError` where there is no such job.
    """
    steps = job_of(tree, read_workflow(tree, workflow_path), job_name).steps()
    place = likeliest([_told(tree, step) for step in steps])
    return None if place is None else CIStep(number=place + 1, name=steps[place].title, failed=True)


def _plan(
    tree: Path,
    workflow: Workflow,
    job: CIJob,
    *,
    override: Override,
    images: ImageTable,
    failure: DistilledFailure | None,
) -> ReplayPlan:
    found = job_of(tree, workflow, job.name)
    steps = found.steps()
    place = failed_step(steps, job)
    within, failed = _reached(tree, steps[place], failure)
    walk = _Walk(tree)
    walk.over(steps[:place], reported(steps[:place], job))
    walk.over(within)
    failing = _failing(replace(failed, later=walk.later), failure)
    suite = wider([_runs(inlined(tree, one.steps())) for one in [found, *_nearest(tree, found)]], failing)
    read = [*inlined(tree, steps[:place]), *within, failed]
    plan = replace(
        walk.earlier.ahead_of(failing, tree, late=walk.later.met),
        suite=command(override, override.suite) if override.suite else suite.command,
        image=override.image,
        source=f"{found.workflow.path}, job {found.id}{combination_of(found.combination)}, step {place + 1}"
        + (f", {one_line(failed.title, 60)!r} of {steps[place].uses}" if failed.caller else ""),
        notes=(*_notes(found), *_missing(read[:-1])),
    )
    return equipped(
        plan,
        tree,
        images=images,
        runs=_read(read),
        toolchains=_toolchains(tree, read[:-1]),
        job_image=found.container(),
    )


def _reached(tree: Path, step: Step, failure: DistilledFailure | None) -> tuple[list[Step], Step]:
    """The step that failed, with those ahead of it in an action of the repository itself.

    GitHub reports such an action as one step; its log names the commands, else the likeliest is taken.
    """
    if not step.own_action:
        return [], step
    inner = [one for one in inlined(tree, inner_steps(tree, step)) if one.run and not _never_runs(one)]
    named = failure.step if failure is not None else ""
    place = next((at for at, one in enumerate(inner) if named and named in {one.title, one.logged}), None)
    if place is None:
        place = likeliest([_told(tree, one) for one in inner])
    if place is None:
        raise UnusableWorkflowError(
            f"The failing step {step.title!r} is an action of the repository, and none of its commands is a "
            "test or a check."
        )
    return inner[:place], inner[place]


def _never_runs(step: Step) -> bool:
    try:
        return step.condition() is False
    except UnknownExpressionError:
        return False


def _told(tree: Path, step: Step) -> Run:
    """A step as it is written, only to be judged; of an action of the repository, all of its commands."""
    return Run(title=step.title, script=step.run or "\n".join(one.run for one in inlined(tree, [step])))


@dataclass(slots=True)
class _Walk:
    """Goes over the steps before the failing one: their commands, and what they tell when they run."""

    tree: Path
    earlier: Earlier = field(default_factory=Earlier)
    later: Later = field(default_factory=Later)
    taken: int = 0

    def over(self, steps: Sequence[Step], seen: Sequence[CIStep | None] = ()) -> None:
        """Steps in order, each with what GitHub reports of it, if it does."""
        for step, report in itertools.zip_longest(steps, seen):
            if report is not None and report.skipped:
                continue
            try:
                self._take(step, ran=report is not None)
            except UnknownExpressionError as error:
                why = f"it needs ${{{{ {one_line(str(error), 80)} }}}}, known only on GitHub"
                self.earlier.cannot(step.title, why)
            except UnusableWorkflowError as error:
                self.earlier.cannot(step.title, str(error).rstrip("."))

    def _take(self, step: Step, *, ran: bool) -> None:
        self.taken += 1
        if self.taken > MAX_STEPS or not (step.own_action or isinstance(step.body.get("run"), str)):
            return
        # That GitHub ran it says more than its condition.
        condition = True if ran else replace(step, later=self.later).condition()
        if condition is False:
            return
        if step.own_action:
            self._enter(step, certain=condition is True)
        else:
            self._add(step, condition if isinstance(condition, str) else "")

    def _enter(self, step: Step, *, certain: bool) -> None:
        inner = inner_steps(self.tree, step)
        if not certain:
            raise UnusableWorkflowError("whether this action runs is told only by earlier steps")
        if self.later.steps & {one.id for one in inner}:
            raise UnusableWorkflowError("its steps have ids that other steps of the job have too")
        self.over(inner)
        if step.id:
            self.later = replace(self.later, outputs={**self.later.outputs, **outputs(self.tree, step)})

    def _add(self, step: Step, condition: str) -> None:
        run = _run(replace(step, later=self.later), condition=condition)
        self.earlier.runs.append(run)
        if run.machineless:
            told = self.later
            self.later = replace(
                told,
                steps=told.steps | {step.id} if step.id else told.steps,
                writers=(*told.writers, run.script) if "GITHUB_ENV" in run.script else told.writers,
            )


def _failing(step: Step, failure: DistilledFailure | None) -> Run:
    """The failing step, unless nothing of it is left without what installs things."""
    if not step.run:
        uses = one_line(step.uses, 80)
        raise UnusableWorkflowError(f"The failing step {step.title!r} is the action {uses!r}, not a command.")
    run = _run(step).about(failure)
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


def _runs(steps: Iterable[Step]) -> list[Run]:
    """The steps that can stand in a suite or before it."""
    return [_run(step) for step in steps if step.kind is not StepKind.SET_UP and step.dependable]


def _read(steps: Sequence[Step]) -> Iterator[Run]:
    """All steps only to be read: for what they install."""
    for step in steps:
        try:
            yield Run(title="", script=step.script(), folder=step.folder())
        except (UnknownExpressionError, UnusableWorkflowError):
            continue


def _nearest(tree: Path, found: Job) -> list[Job]:
    """The workflow's other jobs, those that set up the same language first."""
    own = _languages(tree, found)
    return sorted(other_jobs(found), key=lambda other: unlike(own, _languages(tree, other)))


def _languages(tree: Path, job: Job) -> list[Toolchain]:
    return [*from_image(job.container()), *_toolchains(tree, inlined(tree, job.steps()))]


def _toolchains(tree: Path, steps: Iterable[Step]) -> list[Toolchain]:
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
