"""A workflow file, read: jobs, their steps, and what each step would run with.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from patchpilot.source import CIJob, CIStep
from patchpilot.text import one_line
from providers.ci.github_conditions import Late, holds
from providers.ci.github_expressions import Context, Later, UnknownExpressionError, scalar
from providers.ci.github_matrix import Combination, combinations, display_names, guessed_combination
from providers.ci.known_actions import command_of, folder_of
from providers.ci.overrides import YamlProblemError, load_yaml, read_plain_file
from providers.ci.recipe import UnusableConfigError
from providers.ci.step_kinds import StepKind, kind_of

SHELLS: Mapping[str, str] = {
    # What GitHub runs for each word; without `shell` it is `bash -e`, without pipefail.
    "": "bash -e",
    "bash": "bash --noprofile --norc -eo pipefail",
    "sh": "sh -e",
    "python": "python",
}
_WINDOWS = {"pwsh", "powershell", "cmd"}
# Files through which steps talk to the runner. Nobody reads them where a step runs alone, but writing must
# not fail there either.
_SINKS = ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")
# Steps that the runner adds by itself: https://github.com/actions/runner
_RUNNERS_OWN = ("Set up job", "Complete job", "Initialize containers", "Stop containers", "Set up runner")


class UnusableWorkflowError(UnusableConfigError):
    """The workflow doesn't tell what to run; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow file whose outer shape is right."""

    path: str
    jobs: Mapping[str, Mapping[str, object]]
    env: Mapping[str, object] = field(default_factory=dict)
    run_defaults: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """One job with one combination of its matrix."""

    id: str
    body: Mapping[str, object]
    workflow: Workflow
    combination: Combination
    secrets: set[str] = field(default_factory=set)
    """Secrets that its commands name; they are empty in the sandbox."""
    left_out: set[str] = field(default_factory=set)
    """Variables whose value only GitHub knows."""

    def steps(self) -> tuple[Step, ...]:
        """All steps, ``uses`` ones too, in order."""
        listed = self.body.get("steps")
        entries = listed if isinstance(listed, list) else []
        return tuple(Step(self, entry if isinstance(entry, Mapping) else {}) for entry in entries)

    def default(self, key: str) -> str:
        """``defaults.run`` of the job, else of the workflow."""
        own = _mapping(_mapping(self.body.get("defaults")).get("run"))
        return scalar(own.get(key) or self.workflow.run_defaults.get(key))

    def container(self) -> str:
        """The image that the job runs in, empty where it runs on the machine itself."""
        named = self.body.get("container")
        named = named.get("image") if isinstance(named, Mapping) else named
        try:
            return Context(matrix=self.combination).expand(scalar(named))
        except UnknownExpressionError:
            return ""

    def services(self) -> tuple[str, ...]:
        """Names of the containers that run beside the job."""
        return tuple(str(name) for name in _mapping(self.body.get("services")))

    def on_windows(self) -> bool:
        """Whether the default shell is PowerShell."""
        label = scalar(self.body.get("runs-on")) if isinstance(self.body.get("runs-on"), str) else ""
        try:
            label = Context(matrix=self.combination).expand(label)
        except UnknownExpressionError:
            return False
        return label.startswith("windows")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a job; methods expand expressions and may raise ``UnknownExpressionError``."""

    job: Job
    body: Mapping[str, object]
    later: Later | None = None
    """What the steps before it tell when they run; ``None`` where these are not run."""

    @property
    def id(self) -> str:
        """What later steps call it by."""
        return scalar(self.body.get("id"))

    @property
    def may_fail(self) -> bool:
        """Whether the job goes on where it fails; unknown expressions mostly stand for a release's matrix."""
        written = self.body.get("continue-on-error")
        try:
            return self._context(".").expand(scalar(written)) not in {"", "false"}
        except UnknownExpressionError:
            return True

    def condition(self) -> bool | str:
        """Whether it runs, or a shell test of it; raises ``UnknownExpressionError``."""
        written = self.body.get("if")
        if written is None:
            return True
        context = self._context(".")
        later = self.later or Later()

        def known(name: str) -> str | float | bool | Late:
            call = later.call(name, context.env) if name.lower().startswith("env.") else ""
            return Late(f'"$({call})"') if call else context.value(name)

        return holds(scalar(written), known=known, steps=later.steps)

    @property
    def run(self) -> str:
        """The script as written, or the command that a known action runs; empty for other actions."""
        written = self.body.get("run")
        if isinstance(written, str):
            return written
        return command_of(self.uses, self.inputs()) if self.uses else ""

    @property
    def uses(self) -> str:
        """The action, empty for a command."""
        return scalar(self.body.get("uses"))

    def inputs(self) -> dict[str, str]:
        """What ``with`` hands to an action; what only GitHub knows is left out."""
        known = {}
        for key, value in _mapping(self.body.get("with")).items():
            with contextlib.suppress(UnknownExpressionError, UnusableWorkflowError):
                known[scalar(key)] = self._context(".").expand(scalar(value)).strip()
        return known

    @property
    def title(self) -> str:
        """The name that GitHub shows: ``name``, else made from what it runs."""
        try:
            return one_line(self._context(".").expand(self._written_title()))
        except UnknownExpressionError:
            return one_line(self._written_title())

    def is_called(self, name: str) -> bool:
        """Whether GitHub shows this step as ``name``."""
        return name in {self.title, one_line(self._written_title())}

    @property
    def kind(self) -> StepKind:
        """What its script is for."""
        return kind_of(self.run)

    @property
    def dependable(self) -> bool:
        """A command that always runs, must succeed, and can be told without GitHub."""
        if "run" not in self.body or not self.run or "if" in self.body or self.body.get("continue-on-error"):
            return False
        try:
            self.script(), self.folder(), self.shell()
        except (UnknownExpressionError, UnusableWorkflowError):
            return False
        return True

    def script(self) -> str:
        """The script with expressions filled in; those that only a run tells stay as they are written."""
        return self._context(self._way_up(), later=self.later).expand(self.run)

    def folder(self) -> str:
        """Where it runs, relative to the root of the checkout."""
        if self.uses:
            # `defaults.run` is for `run` alone.
            written = folder_of(self.uses, self.inputs()) or "."
        else:
            own = scalar(self.body.get("working-directory"))
            written = own or self.job.default("working-directory") or "."
        folder = posixpath.normpath(self._context(".").expand(written) or ".")
        if folder.startswith(("/", "..")):
            raise UnusableWorkflowError(
                f"Step {self.title!r} runs in {folder[:80]!r}, outside the repository."
            )
        return folder

    def shell(self) -> str:
        """The interpreter's command line, without the script's place."""
        word = "" if self.uses else scalar(self.body.get("shell")) or self.job.default("shell")
        if not word and self.job.on_windows():
            word = "pwsh"
        word = self._context(".").expand(word)
        if word in _WINDOWS:
            raise UnusableWorkflowError(
                f"Step {self.title!r} runs in {word}; the sandbox is Linux with bash."
            )
        return SHELLS[word] if word in SHELLS else word.replace("{0}", "").strip()

    def env(self) -> dict[str, str]:
        """Variables of workflow, job and step, nearer ones win; those that only GitHub knows are left out."""
        values = {"CI": "true", "GITHUB_WORKSPACE": self._way_up(), **dict.fromkeys(_SINKS, "/dev/null")}
        # What the container was made with is there for every step, unless the job says otherwise.
        made_with = _mapping(self.job.body.get("container")).get("env")
        for level in (made_with, self.job.workflow.env, self.job.body.get("env"), self.body.get("env")):
            for key, value in _mapping(level).items():
                try:
                    context = self._context(self._way_up(), values, later=self.later)
                    values[scalar(key)] = context.expand(scalar(value))
                    self.job.left_out.discard(scalar(key))
                except UnknownExpressionError:
                    values.pop(scalar(key), None)
                    self.job.left_out.add(scalar(key))
        return values

    def _written_title(self) -> str:
        script = "" if self.uses else self.run
        first = next((line for line in script.splitlines() if line.strip()), "")
        return scalar(self.body.get("name")) or f"Run {first.strip() or self.uses}"

    def _way_up(self) -> str:
        """From the step's folder to the root of the checkout, whose absolute place only the sandbox knows."""
        folder = self.folder()
        return "/".join(".." for _ in PurePosixPath(folder).parts) or "."

    def own_env(self) -> tuple[str, ...]:
        """Names of the variables that are the step's own."""
        return tuple(scalar(key) for key in _mapping(self.body.get("env")))

    def _context(
        self, root: str, env: Mapping[str, str] | None = None, *, later: Later | None = None
    ) -> Context:
        known = self._plain_env(root) if env is None else env
        return Context(
            matrix=self.job.combination, env=known, root=root, secrets=self.job.secrets, later=later
        )

    def _plain_env(self, root: str) -> dict[str, str]:
        """Variables for ``${{ env.X }}``; those that are themselves unknown are simply not there."""
        values: dict[str, str] = {}
        for level in (self.job.workflow.env, self.job.body.get("env"), self.body.get("env")):
            for key, value in _mapping(level).items():
                try:
                    values[scalar(key)] = self._context(root, values).expand(scalar(value))
                except UnknownExpressionError:
                    values.pop(scalar(key), None)
        return values


def read_workflow(tree: Path, path: str) -> Workflow:
    """Read a workflow file from a checkout; raises :class:`UnusableWorkflowError`."""
    if not path:
        raise UnusableWorkflowError("The CI provider did not say which workflow file ran.")
    if path.startswith("dynamic/"):
        raise UnusableWorkflowError(
            f"{one_line(path, 80)!r} is run by GitHub itself and has no workflow file."
        )
    text = read_plain_file(tree, path)
    if text is None:
        raise UnusableWorkflowError(
            f"The workflow file {one_line(path, 120)!r} is not in the failing commit."
        )
    try:
        content = _mapping(load_yaml(text))
    except YamlProblemError as error:
        raise UnusableWorkflowError(f"The workflow file {path} is no valid YAML ({error}).") from error
    listed = _mapping(content.get("jobs")).items()
    jobs = {scalar(key): value for key, value in listed if isinstance(value, Mapping)}
    if not jobs:
        raise UnusableWorkflowError(f"The workflow file {path} has no jobs.")
    defaults = _mapping(_mapping(content.get("defaults")).get("run"))
    return Workflow(path, jobs, _mapping(content.get("env")), defaults)


def job_of(workflow: Workflow, name: str) -> Job:
    """The job that GitHub shows as ``name``; raises :class:`UnusableWorkflowError`."""
    candidates = list(_named(workflow))
    # The most exact way of naming first, over all jobs, before any looser one.
    for rank in range(3):
        for names, job in candidates:
            if len(names) > rank and names[rank] == name:
                return _with_commands(job, name)
    for job_id, body in workflow.jobs.items():
        if not combinations(body.get("strategy")):
            guess = guessed_combination(job_id, body, name)
            if guess is not None:
                return _with_commands(Job(job_id, body, workflow, guess), name)
    caller = name.partition(" / ")[0]
    if " / " in name and any(caller in names for names, job in candidates if "uses" in job.body):
        raise UnusableWorkflowError(
            f"Job {one_line(name)!r} comes from a reusable workflow, which is not read."
        )
    raise UnusableWorkflowError(f"No job of {workflow.path} is called {one_line(name)!r}.")


def shown_names(workflow: Workflow) -> tuple[str, ...]:
    """All jobs under the names that GitHub shows."""
    return tuple(dict.fromkeys(names[0] for names, _ in _named(workflow) if names))


def other_jobs(job: Job) -> list[Job]:
    """The workflow's other jobs that always run, each in its first combination."""
    found = []
    for job_id, body in job.workflow.jobs.items():
        known = combinations(body.get("strategy"))
        if job_id != job.id and known and not {"uses", "if"} & set(body):
            found.append(Job(job_id, body, job.workflow, known[0]))
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
    raise UnusableWorkflowError(f"Step {wanted!r} of job {job.name!r} is not a step of the workflow file.")


def reported(steps: Sequence[Step], job: CIJob) -> list[CIStep | None]:
    """What GitHub reports of each step; ``None`` for one that it doesn't name."""
    rest = list(job.steps)
    found: list[CIStep | None] = []
    for step in steps:
        place = next((at for at, one in enumerate(rest) if step.is_called(one_line(one.name))), None)
        found.append(None if place is None else rest[place])
        rest = rest if place is None else rest[place + 1 :]
    return found


def _named(workflow: Workflow) -> list[tuple[list[str], Job]]:
    return [
        (list(display_names(job_id, body, combination)), Job(job_id, body, workflow, combination))
        for job_id, body in workflow.jobs.items()
        for combination in combinations(body.get("strategy"))
    ]


def _with_commands(job: Job, name: str) -> Job:
    if "uses" in job.body:
        raise UnusableWorkflowError(
            f"Job {one_line(name)!r} comes from a reusable workflow, which is not read."
        )
    if not any(step.run for step in job.steps()):
        raise UnusableWorkflowError(f"Job {one_line(name)!r} runs no commands, only actions.")
    return job


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
