"""A job's log in the form in which GitHub Actions serves it.

Each line starts with a time to a tenth of a microsecond; groups and errors are marked with ``##[...]``; the
first line carries a byte order mark; the lines of a script are cyan.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

_COMMAND = re.compile(r"::(error|warning|notice|debug|group|endgroup)(?: [^:]*)?::(.*)")
_BOM = "\ufeff"


class JobLog:
    """Collects the lines of one job."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._last = datetime.now(UTC)

    @property
    def data(self) -> bytes:
        """The log so far, as it is served."""
        return (_BOM + "\n".join(self._lines) + "\n").encode() if self._lines else b""

    def line(self, text: str, *, at: datetime | None = None) -> None:
        """Add a line; times never go backwards."""
        self._last = max(self._last, at or datetime.now(UTC))
        self._lines.append(f"{self._last:%Y-%m-%dT%H:%M:%S.%f}0Z {text}")

    def group(self, title: str, *lines: str) -> None:
        """Add a folded group."""
        self.line(f"##[group]{title}")
        for line in lines:
            self.line(line)
        self.line("##[endgroup]")

    def error(self, text: str) -> None:
        """Add an error as the runner marks it."""
        self.line(f"##[error]{text}")

    def set_up(self, *, repository: str, name: str) -> None:
        """What the runner says before the first step."""
        self.line("Current runner version: '2.328.0'")
        self.group("Operating System", "Playground sandbox", "Linux")
        self.group("GITHUB_TOKEN Permissions", "Contents: read", "Metadata: read")
        self.line("Secret source: Actions")
        self.line("Prepare workflow directory")
        self.line("Prepare all required actions")
        self.line(f"Complete job name: {name}")
        self.line(
            f"Job of {repository} runs in a sandbox without network; each step has a fresh copy of the tree"
        )

    def action(self, uses: str, inputs: Mapping[str, str], env: Mapping[str, str]) -> None:
        """A step that uses an action; the playground has the tools already and only says so."""
        shown = [f"  {key}: {value}" for key, value in inputs.items()]
        self.group(f"Run {uses}", *(["with:", *shown] if shown else []), *_environment(env))
        self.line(f"{uses}: provided by the playground")

    def script(self, script: str, *, interpreter: str, env: Mapping[str, str]) -> None:
        """The head of a step that runs a script."""
        lines = script.rstrip("\n").split("\n")
        shown = [f"\x1b[36;1m{line}\x1b[0m" for line in lines]
        self.group(f"Run {lines[0]}", *shown, f"shell: {interpreter} {{0}}", *_environment(env))

    def output(self, text: str, *, seconds: float) -> None:
        """What a script printed, its times spread over the time that it took."""
        lines = text.split("\n")
        if lines and not lines[-1]:
            lines.pop()
        end = datetime.now(UTC)
        begin = max(self._last, end - timedelta(seconds=seconds))
        for number, line in enumerate(lines):
            self.line(_translated(line), at=begin + (end - begin) * number / len(lines))


def _environment(env: Mapping[str, str]) -> list[str]:
    return ["env:", *(f"  {key}: {value}" for key, value in env.items())] if env else []


def _translated(line: str) -> str:
    """Workflow commands appear in the log as marks.
    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    command = _COMMAND.fullmatch(line.rstrip("\r"))
    return f"##[{command[1]}]{command[2]}" if command else line
