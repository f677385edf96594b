"""What a person asks ``patchpilot heal`` for, and what of it can't be right whatever the checkout holds.

Nothing heavy is imported here: a slip in the arguments is answered at once.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from cli.distil import opened
from patchpilot.errors import PermanentError
from providers.hosts.work_tree import find

HOW = "Give the failing command after two dashes, for instance: patchpilot heal . -- pytest -q"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be run."""

    command: tuple[str, ...] = ()
    suite: str = ""
    job: str = ""
    step: str = ""

    @property
    def script(self) -> str:
        """The command as shell text: one word is a script, as for ``sh -c``; several are its arguments."""
        return self.command[0] if len(self.command) == 1 else shlex.join(self.command)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealRequest:
    """All that was asked for."""

    path: Path
    wanted: Wanted
    log: str = ""
    """File with the log of a run elsewhere, ``-`` for standard input; empty to run the command for one."""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    memory: str = ""
    """Address of the memory's database that was asked for by name."""
    remember: bool = True
    """``DATABASE_URL`` may be used where no address was given."""


def check(request: HealRequest) -> None:
    """Raises :class:`~patchpilot.errors.PermanentError`, with what to do, for what can't be used."""
    find(request.path)
    wanted = request.wanted
    if wanted.command:
        for option, value in (("--job", wanted.job), ("--step", wanted.step)):
            if value:
                raise PermanentError(
                    f"{option} says which command of the CI to take, but a command was given too: leave out "
                    "one"
                )
        if not wanted.script.strip() or "\0" in wanted.script:
            raise PermanentError(f"the command is empty. {HOW}")
    if request.log not in {"", "-"}:
        with opened(request.log):
            pass  # it is there, and a log; standard input can be read only once
