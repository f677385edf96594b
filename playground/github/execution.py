"""Runs the steps of one job in the sandbox and writes its log.

One simplification against GitHub: each step starts from a fresh copy of the checked-out tree, because a
workbench throws away what a command wrote. A workflow whose later step needs files of an earlier one must do
both in one step. ``uses:`` steps are shown as done; the sandbox has Python, pytest and ruff already and no
network to fetch others.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from patchpilot.errors import PermanentError, SandboxUnavailableError
from patchpilot.fixes import CommandResult, Ending, Limits, ShellCommand
from patchpilot.ports import Workbench
from playground.github.expressions import Contexts, WorkflowProblem, fill, holds
from playground.github.joblog import JobLog
from playground.github.workflows import JobPlan, StepPlan

_SHELLS = {
    "": "bash -e",
    "bash": "bash --noprofile --norc -eo pipefail",
    "sh": "sh -e",
    "python": "python",
}
"""https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell"""

_KILLED = 137
_MAX_SECONDS = 300.0

FAILING_ACTION = "acme/always-fails"
"""The one action that is red: a job can fail without any command of its own."""

Progress = Callable[[int, str, str | None], None]
"""Told the index of a step, its status and its conclusion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One job that is about to run."""

    plan: JobPlan
    bench: Workbench
    contexts: Contexts
    variables: Mapping[str, str]
    """The runner's own variables, ``GITHUB_SHA`` and the like."""
    journal: JobLog
    progress: Progress

    def run(self) -> str:
        """Run all steps and return the job's conclusion: success, failure or cancelled."""
        failed = False
        for index, step in enumerate(self.plan.steps):
            try:
                conclusion = self._step(index, step, failed=failed)
            except (WorkflowProblem, PermanentError) as problem:
                self.journal.error(str(problem))
                self.progress(index, "completed", "failure")
                conclusion = "failure"
            except SandboxUnavailableError as error:
                # Says nothing about the code, so it must not look red.
                self.journal.error(f"The runner has received a shutdown signal: {error}")
                self.progress(index, "completed", "cancelled")
                return "cancelled"
            failed = failed or (conclusion == "failure" and not step.continue_on_error)
        return "failure" if failed else "success"

    def _step(self, index: int, step: StepPlan, *, failed: bool) -> str:
        env = {key: fill(value, self.contexts) for key, value in {**self.plan.env, **step.env}.items()}
        contexts = {**self.contexts, "env": env}
        if not holds(step.condition, contexts, failed=failed):
            self.progress(index, "completed", "skipped")
            return "skipped"
        self.progress(index, "in_progress", None)
        if step.uses:
            inputs = {key: fill(value, contexts) for key, value in step.inputs.items()}
            self.journal.action(step.uses, inputs, env)
            conclusion = "success"
            if step.uses.partition("@")[0] == FAILING_ACTION:
                self.journal.error("This action always fails.")
                conclusion = "failure"
        else:
            conclusion = self._script(step, env, contexts)
        shown = "success" if conclusion == "failure" and step.continue_on_error else conclusion
        self.progress(index, "completed", shown)
        return conclusion

    def _script(self, step: StepPlan, env: Mapping[str, str], contexts: Contexts) -> str:
        shell = _shell(step.shell)
        script = fill(step.run, contexts)
        self.journal.script(script, interpreter=f"/usr/bin/{shell}", env=env)
        seconds = min(step.timeout_minutes * 60, _MAX_SECONDS)
        command = ShellCommand(
            script=script,
            env={**self.variables, **env},
            workdir=fill(step.workdir, contexts) or ".",
            shell=shell,
        )
        result = self.bench.run(command, limits=Limits(seconds=seconds))
        self.journal.output(result.output, seconds=result.seconds)
        return self._verdict(step, result, seconds)

    def _verdict(self, step: StepPlan, result: CommandResult, seconds: float) -> str:
        match result.ending:
            case Ending.EXITED if result.exit_code == 0:
                return "success"
            case Ending.EXITED:
                self.journal.error(f"Process completed with exit code {result.exit_code}.")
            case Ending.TIMEOUT:
                self.journal.error(f"The action '{step.name}' has timed out after {seconds / 60:g} minutes.")
            case Ending.OUT_OF_MEMORY:
                self.journal.line("Killed")
                self.journal.error(f"Process completed with exit code {_KILLED}.")
            case Ending.OUTPUT_LIMIT:
                self.journal.error("The step wrote more output than the playground keeps and was stopped.")
            case Ending.SANDBOX_ERROR:
                raise SandboxUnavailableError(f"running {step.name!r} in the sandbox")
        return "failure"


def _shell(wanted: str) -> str:
    """The command line for a ``shell:`` key; a custom one names the script as ``{0}``."""
    if wanted in _SHELLS:
        return _SHELLS[wanted]
    words = shlex.split(wanted) if wanted.count("'") % 2 == 0 and wanted.count('"') % 2 == 0 else []
    if not words or "{0}" not in words:
        raise WorkflowProblem(
            f"the shell {wanted!r} is unknown here: use bash, sh, python or a line with {{0}}"
        )
    return shlex.join(word for word in words if word != "{0}")
