"""Run a plan's command here, as the sandbox would but without one: only for commands that a test wrote."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from patchpilot.fixes import CommandResult, Ending, ShellCommand
from sandbox import inside, sequence


def executed(tree: Path, command: ShellCommand, *, path: str = "/usr/bin:/bin") -> CommandResult:
    """What the command does in ``tree``, its earlier steps ahead of it."""
    whole = sequence.composed(command)
    script = tree.parent / f"{tree.name}.step"
    script.write_text(
        whole.script.replace("_kept=/tmp/.patchpilot/steps", f"_kept={shlex.quote(f'{script}s')}")
    )
    words = [word.replace("{0}", str(script)) for word in inside.shell_words(whole.shell)]
    env = {"PATH": path, "HOME": "/nonexistent", **whole.env}
    done = subprocess.run(
        words, cwd=tree / whole.workdir, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    output, stopped_at = sequence.read(command, done.stdout)
    return CommandResult(
        command=command, ending=Ending.EXITED, exit_code=done.returncode, output=output, seconds=0.0,
        stopped_at=stopped_at,
    )  # fmt: skip
