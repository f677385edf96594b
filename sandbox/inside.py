"""What runs inside: one POSIX script that unpacks the tree, runs the command and reports on it.

Both engines start it the same way. Standard input carries a tar of the tree, standard error the command's
output, standard output our own small report: ``start``, then ``end STATUS OOM_KILLS``, then, for a capture,
a tar with a list of all files and those that changed. The command is not given that stream. Code that forges
it all the same can say nothing that it could not also do: exit with 0 and write any file of its tree.
"""

from __future__ import annotations

import io
import re
import shlex
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from patchpilot.errors import PermanentError
from patchpilot.fixes import EarlierStep, Ending, Limits, ShellCommand
from sandbox import repository
from sandbox.trees import SANDBOX_ID, is_safe

GRACE_SECONDS = 5
"""The command inside ends itself this long after the limit, should we not be there any more to end it."""
REPORT_BYTES = 64_000
CAPTURE_BYTES = 32_000_000
"""The most that the report stream may carry without and with a capture."""

TOOLBOX = "/opt/toolbox"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_STEP = "tmp/.patchpilot/step"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REPORT = re.compile(rb"\Astart\n(?:end (\d{1,3}) (\d{1,9})\n)?", re.ASCII)

# $1 length of the tar, $2 1 for a capture and 2 for the making of a layer, $3 folder; the rest is for env.
_SCRIPT = (
    r"""
set -u
umask 022
exec 3>&1 1>&2
mkdir -p /tmp/home /tmp/.patchpilot
if [ "$2" != 2 ] && [ -f /opt/prepared/place.tar ] && ! tar -x -o -f /opt/prepared/place.tar -C /src; then
  echo "sandbox: placing what was installed failed"
  exit 125
fi
if ! head -c "$1" | tar -x -o -f - -C / 2>/tmp/.patchpilot/unpack; then
  echo "sandbox: unpacking the tree failed"
  head -n 5 /tmp/.patchpilot/unpack
  exit 125
fi
if [ "$2" != 2 ] && [ -f /opt/prepared/over.tar ] && ! tar -x -o -f /opt/prepared/over.tar -C /src; then
  echo "sandbox: placing what was installed failed"
  exit 125
fi
if [ ! -d "/src/$3" ]; then
  echo "sandbox: the checkout has no folder $3"
  exit 125
fi
"""
    + repository.SETUP
    + r"""
if [ "$2" = 1 ]; then
  : >/tmp/.patchpilot/mark
  sleep 0.02
fi
echo start >&3
(
  cd "/src/$3" || exit 125
  shift 3
  exec 3>&-
  exec env -i "$@"
) </dev/null
status=$?
kills=$(cat /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control 2>/dev/null |
  sed -n 's/^oom_kill //p')
echo "end $status ${kills:-0}" >&3
if [ "$2" = 1 ]; then
  cd /src || exit 125
  find . -name .git -prune -o -type f -print0 >/tmp/.patchpilot/present
  find . -name .git -prune -o -type f -cnewer /tmp/.patchpilot/mark -size -2049 -print0 \
    >/tmp/.patchpilot/changed
  tar -c -f - -C /tmp/.patchpilot present -C /src --no-recursion --null -T /tmp/.patchpilot/changed >&3
fi
exit "$status"
"""
)

# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell
_SHELLS = {
    "": "bash -e {0}",
    "bash": "bash --noprofile --norc -eo pipefail {0}",
    "sh": "sh -e {0}",
    "python": "python {0}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What was installed beforehand (:mod:`sandbox.layers`) and how commands find it."""

    key: str
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables to set; an empty one is taken away."""
    path: tuple[str, ...] = ()
    """Folders before all others on the search path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One command, ready for an engine: what to start and what to send it."""

    job_id: str
    tree: Path
    """A tar of the tree without its end mark, see :func:`sandbox.trees.archive`."""
    tree_bytes: int
    tail: bytes
    """The rest of that tar: the step's script and the end mark."""
    folder: str
    argv: tuple[str, ...]
    """The command without its environment."""
    env: Mapping[str, str]
    limits: Limits
    capture: bool = False
    image: str = ""
    layer: Layer | None = None
    makes_layer: bool = False

    def environment(self, own: Mapping[str, str]) -> dict[str, str]:
        """The command's exact environment; ``own`` is the engine's part of it."""
        given = dict(own)
        if self.layer is not None:
            given |= self.layer.env
            given["PATH"] = ":".join((*self.layer.path, own.get("PATH") or PATH))
        return environment({name: value for name, value in given.items() if value}, self.env)

    def arguments(self, environment: Mapping[str, str]) -> list[str]:
        """The whole command line to start inside, under the root user's or nobody's rights alike."""
        length = self.tree_bytes + len(self.tail)
        variables = [f"{name}={value}" for name, value in environment.items()]
        mode = "2" if self.makes_layer else "1" if self.capture else "0"
        return [
            *("timeout", "-s", "KILL", f"{self.limits.seconds + GRACE_SECONDS:.0f}"),
            *("sh", "-c", _SCRIPT, "sh", str(length), mode, self.folder),
            *variables,
            *self.argv,
        ]

    @property
    def report_bytes(self) -> int:
        """How much the report stream may carry."""
        return CAPTURE_BYTES if self.capture else REPORT_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What an engine saw of a job."""

    exit_code: int
    output: bytes
    report: bytes
    seconds: float
    image: str
    timed_out: bool = False
    overflowed: bool = False
    out_of_memory: bool = False
    oversized: bool = False
    """It was ended for what it wrote to disk; only a layer in the making can be."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the script inside reported."""

    started: bool
    exit_code: int | None = None
    oom_kills: int = 0
    archive: bytes = field(default=b"", repr=False)


def read_report(data: bytes) -> Report:
    """Parse the report stream; whatever does not fit reads as not started or not ended."""
    match = _REPORT.match(data)
    if match is None:
        return Report(started=False)
    if match[1] is None:
        return Report(started=True)
    return Report(True, int(match[1]), int(match[2]), data[match.end() :])  # noqa: FBT003 - one word says it


def ending_of(ended: Ended) -> Ending:
    """Only an end that the script inside reported, and the engine confirms, says anything about the code."""
    report = read_report(ended.report)
    if ended.overflowed:
        return Ending.OUTPUT_LIMIT
    # A child may be killed for memory and its parent exit with 0 all the same, so this outranks any status.
    if ended.out_of_memory or report.oom_kills:
        return Ending.OUT_OF_MEMORY
    if ended.timed_out:
        return Ending.TIMEOUT
    if report.exit_code is None or report.exit_code != ended.exit_code:
        return Ending.SANDBOX_ERROR
    return Ending.EXITED


def step_archive(script: str, *, tracked: bytes = b"") -> bytes:
    """The tar members that follow the tree: the step's script, and what :mod:`sandbox.repository` commits.

    The end mark closes the whole.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, data in ((_STEP, script.encode(errors="surrogateescape")), (repository.TRACKED, tracked)):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o644
            member.uid = member.gid = SANDBOX_ID
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def argv_of(command: ShellCommand) -> tuple[str, ...]:
    """``bash -e`` and ``bash -e {0}`` both become ``bash -e FILE``, as CI runners do it."""
    return tuple(word.replace("{0}", f"/{_STEP}") for word in shell_words(command.shell))


def shell_words(shell: str) -> tuple[str, ...]:
    """A step's shell as a command line with ``{0}`` where the script's place belongs."""
    shell = shell.strip()
    try:
        words = shlex.split(_SHELLS.get(shell, shell))
    except ValueError as error:
        raise PermanentError(f"the shell {shell[:80]!r} can't be read: {error}") from error
    if any("\0" in word for word in words):
        raise PermanentError("the shell has a NUL character")
    if not any("{0}" in word for word in words):
        words.append("{0}")
    return tuple(words)


def folder_of(command: ShellCommand | EarlierStep) -> str:
    """The working folder, checked to lie inside the checkout."""
    parts = [part for part in command.workdir.split("/") if part not in {"", "."}]
    folder = "/".join(parts)
    if command.workdir.startswith("/") or (folder and not is_safe(folder)):
        raise PermanentError(f"the working folder {command.workdir[:200]!r} is not inside the checkout")
    return folder or "."


def environment(own: Mapping[str, str], asked: Mapping[str, str]) -> dict[str, str]:
    """The exact environment of a command: ours, the engine's ``own`` and what the step sets.

    It is an allow-list: nothing of this process's environment is in it. Search paths that a step sets keep
    ours behind them, so that its tools are still found.
    """
    merged = {
        "HOME": "/tmp/home",  # noqa: S108 - a folder inside the sandbox
        "PATH": PATH,
        "LANG": "C.UTF-8",
        "CI": "true",
        "PYTHONDONTWRITEBYTECODE": "1",
        # There is no network, so what asks for it may give up at once: npm would wait for minutes.
        "npm_config_fetch_retries": "0",
        **own,
    }
    for name, value in asked.items():
        if not _VARIABLE.fullmatch(name) or "\0" in value:
            raise PermanentError(f"the step sets a variable {name[:80]!r} that no shell can hold")
        keep = name in {"PATH", "PYTHONPATH"} and merged.get(name)
        merged[name] = f"{value}:{merged[name]}" if keep and value else (merged[name] if keep else value)
    return merged


def tree_room(limits: Limits) -> int:
    """Bytes for the checkout inside. It lies in memory and counts against it, so half of the limit."""
    return limits.memory_mb * 2**20 // 2


def temporary_room(limits: Limits) -> int:
    """Bytes for ``/tmp`` inside, an eighth of the limit."""
    return limits.memory_mb * 2**20 // 8


def shared_room(limits: Limits) -> int:
    """Bytes for ``/dev/shm`` inside."""
    return min(16 * 2**20, temporary_room(limits))
