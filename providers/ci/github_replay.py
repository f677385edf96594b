"""How to run in a sandbox what a failing step of a workflow ran.

The rules, in order:

1. ``.patchpilot.yml`` wins (:mod:`providers.ci.overrides`).
2. The job is found in the workflow by the name that GitHub shows, matrix values included; the step by its
   name or, where that says nothing, by its place.
3. *failing* is the step's ``run`` with the environment of workflow, job and step. Earlier steps of the job
   that build something are put before it; steps and commands that install something are left out, because a
   sandbox has no network and its image has the tools.
4. *suite* is every other test step of the job that has no ``if`` and may not fail; where the job has none,
   its other checks (linters, type checkers); where it has none of these either, there is no suite.
5. What can't be known here ends in :class:`~patchpilot.fixes.GaveUp` with what to do about it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from patchpilot.fixes import GaveUp, ReplayPlan, ShellCommand
from patchpilot.source import CIJob
from patchpilot.text import one_line
from providers.ci.github_expressions import UnknownExpressionError
from providers.ci.github_workflow import (
    Step,
    UnusableWorkflowError,
    Workflow,
    failed_step,
    job_of,
    read_workflow,
)
from providers.ci.overrides import FILE, Override, read_overrides
from providers.ci.step_kinds import StepKind, kind_of, without_set_up

_INSTEAD = f"To have it healed, put the command under replay.failing in {FILE}."
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BASH = {"bash -e", "bash --noprofile --norc -eo pipefail", "sh -e"}


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
        return GaveUp(
            f"The failing step uses ${{{{ {one_line(str(error), 80)} }}}}, known only on GitHub. {_INSTEAD}"
        )
    if override.suite:
        return ReplayPlan(failing=plan.failing, suite=_command(override, override.suite), source=plan.source)
    return plan


def _overridden(override: Override) -> ReplayPlan:
    return ReplayPlan(
        failing=_command(override, override.failing),
        suite=_command(override, override.suite) if override.suite else None,
        source=FILE,
    )


def _command(override: Override, script: str) -> ShellCommand:
    return ShellCommand(script=script, env=dict(override.env), workdir=override.working_directory or ".")


def _plan(workflow: Workflow, job: CIJob) -> ReplayPlan:
    found = job_of(workflow, job.name)
    steps = found.steps()
    place = failed_step(steps, job)
    failing = steps[place]
    if not failing.run:
        raise UnusableWorkflowError(
            f"Step {failing.title!r} of job {job.name!r} is the action {one_line(failing.uses, 80)!r}, not a command."
        )
    script = without_set_up(failing.script())
    if not script or kind_of(script) is StepKind.SET_UP:
        raise UnusableWorkflowError(
            f"Step {failing.title!r} installs things or needs Docker, and the sandbox has neither network nor Docker."
        )
    builds = [step for step in steps[:place] if step.dependable and step.kind is StepKind.BUILD]
    suite = _suite(steps, failing)
    notes = [f"{workflow.path}, job {found.id}, step {place + 1}"]
    command = _joined([*builds, failing]) if builds else _single(failing, script)
    wider = _joined([*(step for step in steps if step in builds), *suite]) if suite else None
    if found.secrets:
        notes.append(f"secrets left empty: {', '.join(sorted(found.secrets))}")
    if found.left_out:
        notes.append(f"variables left out: {', '.join(sorted(found.left_out))}")
    return ReplayPlan(failing=command, suite=wider, source="; ".join(notes))


def _suite(steps: Sequence[Step], failing: Step) -> list[Step]:
    others = [step for step in steps if step is not failing and step.dependable]
    tests = [step for step in others if step.kind is StepKind.TEST]
    return tests or [step for step in others if step.kind is StepKind.CHECK]


def _single(step: Step, script: str) -> ShellCommand:
    return ShellCommand(script=script, env=_usable(step.env()), workdir=step.folder(), shell=step.shell())


def _joined(steps: Sequence[Step]) -> ShellCommand:
    """Several steps as one script, each in a shell of its own with its own folder and variables."""
    if len(steps) == 1:
        return _single(steps[0], without_set_up(steps[0].script()))
    parts = []
    for step in steps:
        if step.shell() not in _BASH:
            raise UnusableWorkflowError(
                f"Step {step.title!r} needs the shell {step.shell()!r} beside others."
            )
        exports = [f"export {name}={shlex.quote(value)}" for name, value in _usable(step.env()).items()]
        lines = [f"cd -- {shlex.quote(step.folder())}", *exports, without_set_up(step.script()).rstrip()]
        parts.append("(\n" + "\n".join(lines) + "\n)")
    return ShellCommand(script="\n".join(parts) + "\n")


def _usable(env: Mapping[str, str]) -> dict[str, str]:
    """Variables that a shell can export: odd names and NUL would fail the whole command."""
    return {name: value for name, value in env.items() if _ENV_NAME.fullmatch(name) and "\x00" not in value}
