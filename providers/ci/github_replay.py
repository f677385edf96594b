"""How to run in a sandbox what a failing step of a workflow ran.

The rules, in order:

1. ``.patchpilot.yml`` wins (:mod:`providers.ci.overrides`).
2. The job is found in the workflow by the name that GitHub shows, matrix values included; the step by its
   name or, where that says nothing, by its place.
3. *failing* is the step's ``run`` with the environment of workflow, job and step. Earlier steps of the job
   that build something are put before it; steps and commands that install something are left out, because a
   sandbox has no network and its image has the tools.
4. *suite* is every other test step of the job that has no ``if`` and may not fail; where the job has none,
   the test steps of the workflow's other jobs; then in the same way other checks (linters, type checkers).
   Where there are none of these either, there is no suite.
5. What can't be known here ends in :class:`~patchpilot.fixes.GaveUp` with what to do about it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from patchpilot.fixes import GaveUp, ReplayPlan, ShellCommand
from patchpilot.source import CIJob
from patchpilot.text import one_line
from providers.ci.github_expressions import UnknownExpressionError
from providers.ci.github_workflow import (
    Job,
    Step,
    UnusableWorkflowError,
    Workflow,
    failed_step,
    job_of,
    other_jobs,
    read_workflow,
)
from providers.ci.overrides import FILE, Override, read_overrides
from providers.ci.step_kinds import StepKind, kind_of, without_set_up

_INSTEAD = f"To have it healed, put the command under replay.failing in {FILE}."
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
BASH = {"bash -e", "bash --noprofile --norc -eo pipefail", "sh -e"}
"""Shells whose scripts can stand together in one ``bash`` script."""


def replay(tree: Path, *, workflow_path: str, job: CIJob) -> ReplayPlan | GaveUp:
    """Read from the checkout at ``tree`` what ``job``'s failing step ran."""
    overrides = read_overrides(tree)
    if isinstance(overrides, GaveUp):
        return overrides
    override = overrides.for_job(job.name)
    if override.failing:
        return _overridden(override)
    try:
        workflow = read_workflow(tree, workflow_path)
        plan = _plan(workflow, job)
    except UnusableWorkflowError as error:
        return GaveUp(f"{error} {_INSTEAD}")
    except UnknownExpressionError as error:
        expression = one_line(str(error), 80)
        return GaveUp(f"The failing step uses ${{{{ {expression} }}}}, known only on GitHub. {_INSTEAD}")
    suite = _command(override, override.suite) if override.suite else plan.suite
    return replace(plan, suite=suite, image=override.image)


def _overridden(override: Override) -> ReplayPlan:
    return ReplayPlan(
        failing=_command(override, override.failing),
        suite=_command(override, override.suite) if override.suite else None,
        image=override.image,
        source=FILE,
    )


def _command(override: Override, script: str) -> ShellCommand:
    return ShellCommand(script=script, env=dict(override.env), workdir=override.working_directory or ".")


def _plan(workflow: Workflow, job: CIJob) -> ReplayPlan:
    found = job_of(workflow, job.name)
    steps = found.steps()
    place = failed_step(steps, job)
    failing = steps[place]
    script = _replayable(failing)
    before = _builds(steps[:place]) if failing.shell() in BASH else []
    suite = _suite(found, failing)
    return ReplayPlan(
        failing=_joined([*before, failing]) if before else _single(failing, script),
        suite=_joined(suite) if suite else None,
        source=_source(found, place),
    )


def _builds(steps: Sequence[Step]) -> list[Step]:
    return [step for step in steps if step.kind is StepKind.BUILD and _joinable(step)]


def _replayable(failing: Step) -> str:
    """The failing step's script without what installs things."""
    if not failing.run:
        uses = one_line(failing.uses, 80)
        raise UnusableWorkflowError(
            f"The failing step {failing.title!r} is the action {uses!r}, not a command."
        )
    script = without_set_up(failing.script())
    if not script or kind_of(script) is StepKind.SET_UP:
        raise UnusableWorkflowError(
            f"The failing step {failing.title!r} installs things or needs Docker, "
            "and the sandbox has neither network nor Docker."
        )
    return script


def _suite(found: Job, failing: Step) -> list[Step]:
    """The wider check, with the builds that it needs, in order."""
    jobs = [found, *other_jobs(found)]
    for kind in (StepKind.TEST, StepKind.CHECK):
        for job in jobs:
            steps = job.steps()
            chosen = [one for one in steps if one.kind is kind and _joinable(one) and one.run != failing.run]
            if chosen:
                needed = _builds(steps[: steps.index(chosen[-1])])
                return [step for step in steps if step in chosen or step in needed]
    return []


def _joinable(step: Step) -> bool:
    return step.dependable and step.shell() in BASH


def _source(found: Job, place: int) -> str:
    """Where the commands come from and what is different here, for people."""
    notes = [f"{found.workflow.path}, job {found.id}, step {place + 1}"]
    if found.secrets:
        notes.append(f"secrets left empty: {', '.join(sorted(found.secrets))}")
    if found.left_out:
        notes.append(f"variables left out: {', '.join(sorted(found.left_out))}")
    return "; ".join(notes)


def _single(step: Step, script: str) -> ShellCommand:
    return ShellCommand(script=script, env=_usable(step.env()), workdir=step.folder(), shell=step.shell())


def _joined(steps: Sequence[Step]) -> ShellCommand:
    """Several steps as one script, each in a shell of its own with its own folder and variables."""
    if len(steps) == 1:
        return _single(steps[0], without_set_up(steps[0].script()))
    parts = []
    for step in steps:
        exports = [f"export {name}={shlex.quote(value)}" for name, value in _usable(step.env()).items()]
        strict = ["set -o pipefail"] if "pipefail" in step.shell() else []
        lines = [
            f"cd -- {shlex.quote(step.folder())}",
            *strict,
            *exports,
            without_set_up(step.script()).rstrip(),
        ]
        parts.append("(\n" + "\n".join(lines) + "\n)")
    return ShellCommand(script="\n".join(parts) + "\n")


def _usable(env: Mapping[str, str]) -> dict[str, str]:
    """Variables that a shell can export: odd names and NUL would fail the whole command."""
    return {name: value for name, value in env.items() if _ENV_NAME.fullmatch(name) and "\x00" not in value}
