"""The boot self-test: does this sandbox hold, here and now?

Kernels, engines and their defaults differ, so before the first untrusted command the known ways out are
tried for real. A worker that finds one open must not run anything.
"""

from __future__ import annotations

import json
import os
import shlex
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from patchpilot.errors import SandboxUnavailableError
from patchpilot.fixes import Ending, Limits, ShellCommand
from patchpilot.ports import Workbenches, WorkbenchSpec
from patchpilot.text import one_line, shorten

_HARMLESS = {"HOME", "PATH", "LANG", "CI", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PWD", "SHLVL", "_"}
_HARMLESS |= {"HOSTNAME", "TERM", "USER", "LOGNAME", "SHELL", "TZ", "LC_ALL", "LC_CTYPE", "OLDPWD"}


@dataclass(frozen=True, slots=True)
class Probe:
    """One way out and whether it is shut."""

    name: str
    blocked: bool
    detail: str


def probe(workbenches: Workbenches, *, private: Iterable[str] | None = None) -> list[Probe]:
    """Try every way out in one sandboxed command.

    ``private`` names the variables that must not be seen, by default those of this process. The sandbox
    needs a ``python3``. Raises :class:`SandboxUnavailableError` when the test itself could not be run,
    which is no proof of anything.
    """
    names = sorted((set(os.environ) if private is None else set(private)) - _HARMLESS)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        tree.mkdir()
        source = resources.files(__package__).joinpath("escapes.py").read_text(encoding="utf-8")
        (tree / "escapes.py").write_text(source, encoding="utf-8")
        command = ShellCommand(script=f"exec python3 escapes.py {shlex.join(names)}", shell="sh -e")  # noqa: S604 - our own field of that name
        spec = WorkbenchSpec(tree=tree, job_id="self-test", limits=Limits(seconds=60))
        with workbenches.open(spec) as bench:
            result = bench.run(command)
    if result.ending is not Ending.EXITED or result.exit_code != 0:
        words = shorten(one_line(result.output, 600), 300)
        raise SandboxUnavailableError(f"the sandbox's self-test did not run ({result.ending}): {words}")
    try:
        rows = json.loads(result.output.splitlines()[-1])
        return [Probe(str(name), blocked is True, str(detail)) for name, blocked, detail in rows]
    except (IndexError, ValueError, TypeError) as error:
        raise SandboxUnavailableError("the sandbox's self-test gave no result") from error
