"""The three roles as real processes on this machine, each with its own slice of the environment."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from playground import tether

log = logging.getLogger(__name__)

_PASSED_ON: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")
"""What a role gets of our own environment. Its secrets it gets one by one."""
_RESTART_SECONDS: Final = 0.5


@dataclass
class _Process:
    arguments: list[str]
    environment: dict[str, str]
    log: Path
    running: subprocess.Popen[bytes] | None = None
    wanted: bool = True


@dataclass
class Processes:
    """Starts roles, starts them again when they die, and stops them on leaving."""

    folder: Path
    """Log files go here, one per process."""
    _processes: dict[str, _Process] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        threading.Thread(target=self._watch, name="supervisor", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        with self._lock:
            running = [process.running for process in self._processes.values() if process.running]
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(timeout=8)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(self, name: str, arguments: list[str], environment: Mapping[str, str]) -> None:
        """Run ``patchpilot`` with ``arguments`` and keep it running; its log begins anew."""
        passed_on = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
        process = _Process(arguments, {**passed_on, **environment}, self.folder / f"{name}.log")
        process.log.unlink(missing_ok=True)  # of an earlier run in a folder that is kept
        with self._lock:
            self._processes[name] = process
            self._spawn(process)

    def pid(self, name: str) -> int:
        """The process id of ``name`` as it runs now; 0 while it is down."""
        with self._lock:
            running = self._processes[name].running
            return running.pid if running and running.poll() is None else 0

    def kill(self, name: str) -> None:
        """End ``name`` with SIGKILL; it is started again like any that dies."""
        with self._lock:
            running = self._processes[name].running
        if running is not None:
            running.kill()
            running.wait()

    def pause(self, name: str) -> None:
        """Stop ``name`` and leave it stopped until :meth:`resume`."""
        with self._lock:
            self._processes[name].wanted = False
        self.kill(name)

    def resume(self, name: str) -> None:
        """Let ``name`` run again."""
        with self._lock:
            self._processes[name].wanted = True

    def log_of(self, name: str) -> str:
        """What ``name`` has logged so far."""
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _watch(self) -> None:
        while not self._stop.wait(_RESTART_SECONDS):
            with self._lock:
                for name, process in self._processes.items():
                    died = process.running is not None and process.running.poll() is not None
                    if process.wanted and died and not self._stop.is_set():
                        log.info("process restarted", extra={"action": "process_restarted", "role": name})
                        self._spawn(process)

    def _spawn(self, process: _Process) -> None:
        with process.log.open("ab") as output:
            process.running = subprocess.Popen(  # noqa: S603 - our own interpreter and module, arguments are ours
                tether.command([sys.executable, "-m", "cli", *process.arguments], ending=signal.SIGTERM),
                env=process.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
