"""Commands of a job put together for the sandbox, whichever CI ran them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from patchpilot.failures import Category, DistilledFailure
from patchpilot.fixes import EarlierStep, ShellCommand
from patchpilot.text import one_line
from providers.ci.step_kinds import StepKind, installs_by_lock, kind_of, without_set_up

_AS_ROOT = re.compile(r"^[ \t]*sudo\s.*$", re.MULTILINE)
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
BASH = {"bash -e", "bash --noprofile --norc -eo pipefail", "bash -eo pipefail", "sh -e"}
"""Shells whose scripts can stand together in one ``bash`` script."""


class UnusableConfigError(Exception):
    """A CI's configuration doesn't tell what to run; the message is a sentence for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One command of a job with all that it runs with; nothing in it is left to expand."""

    title: str
    """As the CI shows it."""
    script: str
    env: Mapping[str, str] = field(default_factory=dict)
    folder: str = "."
    shell: str = "bash -e"
    dependable: bool = True
    """It always runs and must succeed."""
    name: str = ""
    own_env: tuple[str, ...] = ()
    condition: str = ""
    may_fail: bool = False
    background: bool = False
    """See :class:`~patchpilot.fixes.EarlierStep`, for a step that runs before another."""
    by_lock: bool = False
    """What installs by a lock file stays in: it is what failed, perhaps."""

    def about(self, failure: DistilledFailure | None) -> Run:
        """The failing step's own run, given what its log says, if that is known."""
        may_be = not self.replayable if failure is None else failure.category is Category.DEPENDENCY
        return replace(self, by_lock=may_be and installs_by_lock(self.script))

    @property
    def kind(self) -> StepKind:
        """What its script is for."""
        return kind_of(self.script)

    @property
    def stripped(self) -> str:
        """Its script without what installs something, whatever is left."""
        return without_set_up(self.script, by_lock=self.by_lock)

    @property
    def replayable(self) -> str:
        """Its script without what installs something; empty where nothing is left."""
        script = self.stripped
        checks = self.by_lock or kind_of(script) is not StepKind.SET_UP
        return script if script.strip() and checks else ""

    @property
    def machineless(self) -> str:
        """The same without what only sets up the CI's machine, as one may who is root there."""
        script = self.replayable
        # A block of the shell may not be empty, so something stays where a command was.
        return _AS_ROOT.sub(":", script) if _AS_ROOT.sub("", script).strip() else ""

    @property
    def joinable(self) -> bool:
        """Whether it can stand with others in one script."""
        return self.dependable and self.shell in BASH


def alone(run: Run, before: Sequence[Run] = (), late: Mapping[str, str] | None = None) -> ShellCommand:
    """One command, with those that run ahead of it and the expressions that these fill in."""
    return ShellCommand(
        script=run.stripped,
        env=usable(run.env),
        workdir=run.folder,
        shell=run.shell,
        before=tuple(_earlier(one) for one in before),
        own_env=run.own_env if before else (),
        late=dict(late or {}),
    )


def _earlier(run: Run) -> EarlierStep:
    return EarlierStep(
        title=run.title,
        script=run.machineless,
        env=usable(run.env),
        workdir=run.folder,
        shell=run.shell,
        own_env=run.own_env,
        name=run.name,
        condition=run.condition,
        may_fail=run.may_fail,
        background=run.background,
    )


def joined(runs: Sequence[Run], before: Sequence[Run] = ()) -> ShellCommand:
    """Several commands as one script, each in a shell of its own with its own folder and variables."""
    if len(runs) == 1:
        return alone(runs[0], before)
    parts = []
    for run in runs:
        exports = [f"export {name}={shlex.quote(value)}" for name, value in usable(run.env).items()]
        strict = ["set -o pipefail"] if "pipefail" in run.shell else []
        lines = [
            f"cd -- {shlex.quote(run.folder)}",
            *strict,
            *exports,
            run.stripped.rstrip(),
        ]
        parts.append("(\n" + "\n".join(lines) + "\n)")
    return ShellCommand(
        script="\n".join(parts) + "\n",
        before=tuple(_earlier(one) for one in before),
        said="; ".join(one_line(run.stripped, 80) for run in runs),
    )


def likeliest(runs: Sequence[Run]) -> int | None:
    """The command that probably failed where the CI doesn't say: the first test, else check, else build."""
    for kind in (StepKind.TEST, StepKind.CHECK, StepKind.BUILD):
        for place, run in enumerate(runs):
            if run.kind is kind and run.replayable:
                return place
    return None


@dataclass(frozen=True, slots=True)
class Suite:
    """A wider check."""

    runs: Sequence[Run]
    before: Sequence[Run] = ()

    @property
    def command(self) -> ShellCommand | None:
        """All of it as one command; ``None`` where there is nothing to check."""
        return joined(self.runs, self.before) if self.runs else None


def wider(jobs: Iterable[Sequence[Run]], failing: Run) -> Suite:
    """The wider check: the first job's other tests, else other jobs', else checks, after what they build on.

    What is neither a build, a test nor a check may fail there: the wider check only has to be no worse.
    """
    listed = list(jobs)
    for kind in (StepKind.TEST, StepKind.CHECK):
        for runs in listed:
            chosen = [one for one in runs if _widens(one, kind, failing)]
            if chosen:
                first, until = runs.index(chosen[0]), runs.index(chosen[-1])
                return Suite(
                    [one for one in runs[first : until + 1] if one in chosen or _builds(one)],
                    [
                        one if one.kind is StepKind.BUILD else replace(one, may_fail=True)
                        for one in runs[:first]
                        if _builds(one) or (one.kind is StepKind.OTHER and one.joinable and one.machineless)
                    ],
                )
    return Suite(())


def _builds(run: Run) -> bool:
    return run.kind is StepKind.BUILD and run.joinable


def _widens(run: Run, kind: StepKind, failing: Run) -> bool:
    return run.kind is kind and run.joinable and bool(run.replayable) and run.script != failing.script


def usable(env: Mapping[str, str]) -> dict[str, str]:
    """Variables that a shell can export: odd names and NUL would fail the whole command."""
    return {name: value for name, value in env.items() if _ENV_NAME.fullmatch(name) and "\x00" not in value}
