"""A workbench without a sandbox: runs our own samples' commands as plain processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patchpilot.fixes import CommandResult, Ending, Limits, ShellCommand
from patchpilot.ports import WorkbenchSpec


@dataclass
class PlainBench:
    """One checkout. Only for commands that the test itself wrote."""

    tree: Path

    def run(self, command: ShellCommand, *, limits: Limits | None = None) -> CommandResult:
        done = subprocess.run(
            [*command.shell.split(), "-c", command.script],
            cwd=self.tree / command.workdir,
            env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", **command.env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=limits.seconds if limits else 60,
        )
        return CommandResult(
            command=command, ending=Ending.EXITED, exit_code=done.returncode, output=done.stdout, seconds=0.0
        )


class PlainBenches:
    engine = "none"
    reason = "a test"

    @contextmanager
    def open(self, spec: WorkbenchSpec) -> Iterator[Any]:
        yield PlainBench(spec.tree)
