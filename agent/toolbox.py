"""What the healing graph needs of the outside, handed in by the worker that runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from patchpilot.calibration import Calibration
from patchpilot.fixes import Limits
from patchpilot.policy import Policy
from patchpilot.ports import CIProvider, CodeHost, Journal, Memory, Model, Workbenches
from patchpilot.settings import WorkerSettings


@dataclass(frozen=True, kw_only=True)
class HealTools:
    """Everything one heal may touch. There is no token that can write among it."""

    journal: Journal
    ci: CIProvider
    host: CodeHost
    workbenches: Workbenches
    memory: Memory
    model: Model | None
    """``None`` without a model key: fixers and memory heal alone then, and people are told so."""
    redact: Callable[[str], str]
    """Replaces secrets; everything that leaves for the model, Slack or a pull request passes through it."""
    settings: WorkerSettings
    workdir: Path
    """Scratch of this heal. It may be gone after a restart: nothing in it is ever needed, only reused."""
    policy: Policy = field(default_factory=Policy)
    """What the repository lets us do; it is never read from the change that failed."""
    calibration: Calibration = field(default_factory=Calibration)
    """Turns the formula's score into the confidence that is shown."""

    @property
    def limits(self) -> Limits:
        """What one sandboxed command may use, from the settings."""
        sandbox = self.settings.sandbox
        return Limits(
            memory_mb=sandbox.memory_mb,
            seconds=sandbox.timeout_seconds,
            processes=sandbox.processes,
            cpus=sandbox.cpus,
        )
