"""A workflow file, read: jobs, their steps, and what each step would run with.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from patchpilot.text import one_line
from providers.ci.github_expressions import Context, Later, scalar
from providers.ci.github_language import Late, UnknownExpressionError, holds
from providers.ci.github_matrix import Combination
from providers.ci.github_yaml import load
from providers.ci.known_actions import command_of, folder_of
from providers.ci.overrides import YamlProblemError, read_plain_file
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


class UnusableWorkflowError(UnusableConfigError):
    """The workflow doesn't tell what to run; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow file whose outer shape is right."""

    path: str
    jobs: Mapping[str, Mapping[str, object]]
    env: Mapping[str, object] = field(default_factory=dict)
    run_defaults: Mapping[str, object] = field(default_factory=dict)
    inputs: Mapping[str, object] = field(default_factory=dict)
    """What it declares to be called with, as written."""


@dataclass(frozen=True, slots=True)
class Job:
    """One job with one combination of its matrix."""

    id: str
    body: Mapping[str, object]
    workflow: Workflow
    combination: Combination
    inputs: Mapping[str, object] = field(default_factory=dict)
    """What the workflow was called with by another one of the repository."""
    secrets: set[str] = field(default_factory=set)
    """Secrets that its commands name; they are empty in the sandbox."""
    left_out: set[str] = field(default_factory=set)
    """Variables whose value only GitHub knows."""

    def steps(self) -> tuple[Step, ...]:
        """All steps, ``uses`` ones too, in order."""
        listed = self.body.get("steps")
        entries = listed if isinstance(listed, list) else []
        return tuple(Step(self, entry if isinstance(entry, Mapping) else {}) for entry in entries)

    def context(self) -> Context:
        """What expressions outside of its steps may refer to."""
        return Context(matrix=self.combination, inputs=self.inputs)

    def default(self, key: str) -> str:
        """``defaults.run`` of the job, else of the workflow."""
        own = mapping(mapping(self.body.get("defaults")).get("run"))
        return scalar(own.get(key) or self.workflow.run_defaults.get(key))

    def container(self) -> str:
        """The image that the job runs in, empty where it runs on the machine itself."""
        named = self.body.get("container")
        named = named.get("image") if isinstance(named, Mapping) else named
        try:
            return self.context().expand(scalar(named))
        except UnknownExpressionError:
            return ""

    def services(self) -> tuple[str, ...]:
        """Names of the containers that run beside the job."""
        return tuple(str(name) for name in mapping(self.body.get("services")))

    def on_windows(self) -> bool:
        """Whether the default shell is PowerShell."""
        label = scalar(self.body.get("runs-on")) if isinstance(self.body.get("runs-on"), str) else ""
        try:
            label = self.context().expand(label)
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
    caller: Step | None = None
    """The step that uses the repository's own composite action that this one is part of."""
    given: Mapping[str, object] = field(default_factory=dict)
    """What that action was called with."""

    @property
    def id(self) -> str:
        """What later steps call it by."""
        return scalar(self.body.get("id"))

    @property
    def may_fail(self) -> bool:
        """Whether the job goes on where it fails; unknown expressions mostly stand for a release's matrix."""
        written = self.body.get("continue-on-error")
        if self.caller is not None and self.caller.may_fail:
            return True
        try:
            return self.context(".").expand(scalar(written)) not in {"", "false"}
        except UnknownExpressionError:
            return True

    def condition(self) -> bool | str:
        """Whether it runs, or a shell test of it; raises ``UnknownExpressionError``."""
        written = self.body.get("if")
        if written is None:
            return True
        context = self.context(".")
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

    @property
    def own_action(self) -> bool:
        """Whether it uses an action of the repository itself."""
        return self.uses.startswith("./")

    def inputs(self) -> dict[str, str]:
        """What ``with`` hands to an action; what only GitHub knows is left out."""
        known = {}
        for key, value in mapping(self.body.get("with")).items():
            with contextlib.suppress(UnknownExpressionError, UnusableWorkflowError):
                known[scalar(key)] = self.context(".").expand(scalar(value)).strip()
        return known

    @property
    def title(self) -> str:
        """The name that GitHub shows: ``name``, else made from what it runs."""
        try:
            return one_line(self.context(".").expand(self._written_title()))
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
    def certain(self) -> bool:
        """Whether it, and what it is part of, always runs and must succeed."""
        own = "if" not in self.body and not self.body.get("continue-on-error")
        return own and (self.caller is None or self.caller.certain)

    @property
    def dependable(self) -> bool:
        """A command that always runs, must succeed, and can be told without GitHub."""
        if "run" not in self.body or not self.run or not self.certain:
            return False
        try:
            self.script(), self.folder(), self.shell()
        except (UnknownExpressionError, UnusableWorkflowError):
            return False
        return True

    def script(self) -> str:
        """The script with expressions filled in; those that only a run tells stay as they are written."""
        return self.context(self._way_up(), later=self.later).expand(self.run)

    def folder(self) -> str:
        """Where it runs, relative to the root of the checkout."""
        if self.uses:
            # `defaults.run` is for `run` alone.
            written = folder_of(self.uses, self.inputs()) or "."
        else:
            own = scalar(self.body.get("working-directory"))
            written = own or self._default("working-directory") or "."
        folder = posixpath.normpath(self.context(".").expand(written) or ".")
        if folder.startswith(("/", "..")):
            raise UnusableWorkflowError(
                f"Step {self.title!r} runs in {folder[:80]!r}, outside the repository."
            )
        return folder

    def shell(self) -> str:
        """The interpreter's command line, without the script's place."""
        word = "" if self.uses else scalar(self.body.get("shell")) or self._default("shell")
        if not word and self.job.on_windows():
            word = "pwsh"
        word = self.context(".").expand(word)
        if word in _WINDOWS:
            raise UnusableWorkflowError(
                f"Step {self.title!r} runs in {word}; the sandbox is Linux with bash."
            )
        return SHELLS[word] if word in SHELLS else word.replace("{0}", "").strip()

    def env(self) -> dict[str, str]:
        """Variables of workflow, job and step, nearer ones win; those that only GitHub knows are left out."""
        values = {"CI": "true", "GITHUB_WORKSPACE": self._way_up(), **dict.fromkeys(_SINKS, "/dev/null")}
        if self.caller is not None:
            values["GITHUB_ACTION_PATH"] = self.context(self._way_up()).expand("${{ github.action_path }}")
        # What the container was made with is there for every step, unless the job says otherwise.
        made_with = mapping(mapping(self.job.body.get("container")).get("env"))
        for step, level in ((self, made_with), *self._variables()):
            for key, value in level.items():
                try:
                    context = step.context(self._way_up(), values, later=self.later)
                    values[scalar(key)] = context.expand(scalar(value))
                    self.job.left_out.discard(scalar(key))
                except UnknownExpressionError:
                    values.pop(scalar(key), None)
                    self.job.left_out.add(scalar(key))
        return values

    @property
    def logged(self) -> str:
        """What the log heads its output with, which knows no names."""
        try:
            return one_line(self.context(".").expand(self._headed()))
        except UnknownExpressionError:
            return one_line(self._headed())

    def _written_title(self) -> str:
        return scalar(self.body.get("name")) or self._headed()

    def _headed(self) -> str:
        script = "" if self.uses else self.run
        first = next((line for line in script.splitlines() if line.strip()), "")
        return f"Run {first.strip() or self.uses}"

    def _way_up(self) -> str:
        """From the step's folder to the root of the checkout, whose absolute place only the sandbox knows."""
        folder = self.folder()
        return "/".join(".." for _ in PurePosixPath(folder).parts) or "."

    def own_env(self) -> tuple[str, ...]:
        """Names of the variables that are the step's own, and not its job's."""
        return tuple(scalar(key) for _, level in self.own_variables() for key in level)

    def _variables(self) -> Iterator[tuple[Step, Mapping[str, object]]]:
        """Variables as written, from the outermost, each with the step that knows its expressions."""
        outermost = self
        while outermost.caller is not None:
            outermost = outermost.caller
        for level in (self.job.workflow.env, self.job.body.get("env")):
            yield outermost, mapping(level)
        yield from self.own_variables()

    def own_variables(self) -> Iterator[tuple[Step, Mapping[str, object]]]:
        """Those of the step, and of the steps whose actions it is part of."""
        if self.caller is not None:
            yield from self.caller.own_variables()
        yield self, mapping(self.body.get("env"))

    def _default(self, key: str) -> str:
        """What the job says for its steps; it doesn't hold within an action."""
        return self.job.default(key) if self.caller is None else ""

    def context(
        self, root: str, env: Mapping[str, str] | None = None, *, later: Later | None = None
    ) -> Context:
        """What its expressions may refer to; ``root`` leads from where it runs to the checkout's root."""
        known = self._plain_env(root) if env is None else env
        return Context(
            matrix=self.job.combination,
            inputs=self.job.inputs if self.caller is None else self.given,
            action="" if self.caller is None else posixpath.normpath(self.caller.uses),
            env=known,
            root=root,
            secrets=self.job.secrets,
            later=later,
        )

    def _plain_env(self, root: str) -> dict[str, str]:
        """Variables for ``${{ env.X }}``; those that are themselves unknown are simply not there."""
        values: dict[str, str] = {}
        for step, level in self._variables():
            for key, value in level.items():
                try:
                    values[scalar(key)] = step.context(root, values).expand(scalar(value))
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
        content = mapping(load(text))
    except YamlProblemError as error:
        raise UnusableWorkflowError(f"The workflow file {path} is no valid YAML ({error}).") from error
    listed = mapping(content.get("jobs")).items()
    jobs = {scalar(key): value for key, value in listed if isinstance(value, Mapping)}
    if not jobs:
        raise UnusableWorkflowError(f"The workflow file {path} has no jobs.")
    defaults = mapping(mapping(content.get("defaults")).get("run"))
    events = mapping(content.get("on"))
    declared = mapping(mapping(events.get("workflow_call")).get("inputs"))
    return Workflow(path, jobs, mapping(content.get("env")), defaults, declared)


def mapping(value: object) -> Mapping[str, object]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}
