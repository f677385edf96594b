"""What people who watch a repair are told: which tool is at work, and how the runs went so far.

Only our own words and the names of files and tests are told, redacted; the model's text never is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from agent.tool_calls import Call, RunFailingCommand, ToolAnswer, doing

_SHOWN_RUNS = 6


@dataclass
class Narration:
    """Follows the calls of one repair."""

    tell: Callable[[str], None]
    redact: Callable[[str], str]
    _runs: list[str] = field(default_factory=list)
    _last: str = ""

    def thinking(self) -> None:
        """The model is asked what to do next, which takes most of the time: say what it thinks about."""
        self._say(f"thinking, after {self._last}" if self._last else "thinking")

    def call(self, call: Call, answer: ToolAnswer | None) -> None:
        """A call begins, or has been answered."""
        if answer is None:
            self._last = self.redact(doing(call))
            self._say(self._last)
        elif isinstance(call.asked, RunFailingCommand) and not answer.is_error:
            self._runs.append("green" if answer.text.startswith("PASSED") else "red")

    def _say(self, now: str) -> None:
        runs = " → ".join(self._runs[-_SHOWN_RUNS:])
        self.tell(f"{now} (failing command so far: {runs})" if runs else now)
