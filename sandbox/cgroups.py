"""Limits on a group of processes, where this machine lets us set them: control groups, version 1 or 2.

Resource limits (``ulimit``) count per process, so a command that forks gets its memory many times over.
A control group counts them together, and tells afterwards whether one was killed for memory.
https://docs.kernel.org/admin-guide/cgroup-v2.html, https://docs.kernel.org/admin-guide/cgroup-v1/
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from patchpilot.fixes import Limits

ROOT = Path("/sys/fs/cgroup")
PREFIX = "patchpilot-"
_PERIOD = 100_000  # microseconds, the kernel's own default
_GONE_SECONDS = 2.0
_KILLS = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)

FILES = {
    "memory": ("memory.max", "memory.limit_in_bytes"),
    "pids": ("pids.max", "pids.max"),
    "cpu": ("cpu.max", "cpu.cfs_quota_us"),
}
"""Controllers and the file that shows each is there, by version 2 and 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cgroups:
    """Where groups can be made: a parent folder for each controller (one for all in version 2)."""

    parents: dict[str, Path]
    unified: bool

    @property
    def controllers(self) -> frozenset[str]:
        """What can be limited here, of ``memory``, ``pids`` and ``cpu``."""
        return frozenset(self.parents)

    @contextlib.contextmanager
    def group(self, limits: Limits) -> Iterator[Group]:
        """A fresh group; on leaving, what is still in it is killed and it is removed."""
        name = f"{PREFIX}{os.getpid()}-{uuid.uuid4().hex[:12]}"
        folders = {controller: parent / name for controller, parent in self.parents.items()}
        group = Group(folders)
        try:
            for folder in set(folders.values()):
                folder.mkdir()
            for controller, folder in folders.items():
                for file, value in self._values(controller, limits):
                    _write(folder / file, value)
            yield group
        finally:
            group.remove()

    def _values(self, controller: str, limits: Limits) -> list[tuple[str, str]]:
        memory = str(limits.memory_mb * 2**20)
        quota = str(int(limits.cpus * _PERIOD))
        values = {
            "memory": [("memory.max", memory), ("memory.swap.max", "0"), ("memory.oom.group", "0")],
            "pids": [("pids.max", str(limits.processes + 6))],
            "cpu": [("cpu.max", f"{quota} {_PERIOD}")],
        }
        older = {
            "memory": [("memory.limit_in_bytes", memory), ("memory.memsw.limit_in_bytes", memory)],
            "pids": values["pids"],
            "cpu": [("cpu.cfs_period_us", str(_PERIOD)), ("cpu.cfs_quota_us", quota)],
        }
        return (values if self.unified else older)[controller]


@dataclass(frozen=True, slots=True)
class Group:
    """One command's control groups."""

    folders: dict[str, Path]

    @property
    def doors(self) -> list[str]:
        """Files into which a process writes its id to join."""
        return sorted({str(folder / "cgroup.procs") for folder in self.folders.values()})

    @property
    def oom_kills(self) -> int:
        """How many processes of the group were killed for memory; 0 without a memory controller."""
        folder = self.folders.get("memory")
        if folder is None:
            return 0
        for name in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError):
                if match := _KILLS.search((folder / name).read_text()):
                    return int(match[1])
        return 0

    def remove(self) -> None:
        """Kill what is left and remove the folders. Killed processes need a moment to be gone."""
        deadline = time.monotonic() + _GONE_SECONDS
        for folder in set(self.folders.values()):
            while folder.exists():
                _kill_all(folder)
                try:
                    folder.rmdir()
                except OSError:
                    if time.monotonic() > deadline:
                        return  # the reaper tries again
                    time.sleep(0.01)


def find() -> Cgroups | None:
    """Where this process may make groups with limits, ``None`` where it may not at all."""
    lines = [line.split(":", 2) for line in _own_groups()]
    older = {name: path for _, names, path in lines for name in names.split(",") if name}
    parents = {
        controller: parent
        for controller, (_, file) in FILES.items()
        if controller in older and (parent := _usable(ROOT / controller, older[controller], file)) is not None
    }
    if parents:
        return Cgroups(parents=parents, unified=False)
    unified = next((path for number, names, path in lines if number == "0" and not names), None)
    if unified is None:
        return None
    parents = {
        controller: parent
        for controller, (file, _) in FILES.items()
        if (parent := _usable(ROOT, unified, file)) is not None
    }
    return Cgroups(parents=parents, unified=True) if parents else None


def leftovers() -> list[Group]:
    """Groups whose maker is not alive any more."""
    cgroups = find()
    if cgroups is None:
        return []
    return [
        Group({"any": folder})
        for parent in set(cgroups.parents.values())
        for folder in parent.glob(f"{PREFIX}*-*")
        if not _alive(folder.name.removeprefix(PREFIX).split("-")[0])
    ]


def _own_groups() -> list[str]:
    try:
        return Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []


def _usable(mount: Path, own: str, file: str) -> Path | None:
    """The nearest group from our own upwards in which a child group with ``file`` can be made.

    In version 2 a group that holds processes can't pass controllers on, so it is often a parent's.
    """
    place = mount / own.lstrip("/")
    while place == mount or mount in place.parents:
        probe = place / f"{PREFIX}{os.getpid()}-probe-{uuid.uuid4().hex[:8]}"
        try:
            probe.mkdir()
        except OSError:
            place = place.parent
            continue
        try:
            if os.access(probe / file, os.W_OK) and os.access(probe / "cgroup.procs", os.W_OK):
                return place
        finally:
            probe.rmdir()
        place = place.parent
    return None


def _write(file: Path, value: str) -> None:
    # Swap accounting and group kills are missing on some kernels; the limit itself has been probed for.
    if file.exists():
        file.write_text(value)


def _kill_all(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for pid in (folder / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def _alive(pid: str) -> bool:
    return not pid.isdigit() or Path(f"/proc/{pid}").exists()
