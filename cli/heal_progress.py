"""Progress of a heal on standard error: a live line on a terminal, plain lines in a file or a pipe."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from patchpilot.text import one_line

if TYPE_CHECKING:
    from rich.status import Status

_WORTH_SAYING_SECONDS = 2.0
_EVERY_SECONDS = 5.0
"""In a file, what a step is doing is told at most this often."""


class Progress(Protocol):
    """Told what the heal does (:class:`agent.local_journal.Watcher`), and when it is not to be shown."""

    def begins(self, name: str, text: str) -> None: ...

    def tells(self, name: str, text: str) -> None: ...

    def ends(self, name: str, seconds: float, *, done: bool) -> None: ...

    def notes(self, text: str) -> None: ...

    def stop(self) -> None: ...


def progress(*, quiet: bool) -> Progress:
    """What fits standard error."""
    if quiet:
        return Silent()
    return OnTerminal() if sys.stderr.isatty() else InLines()


class Silent:
    """Tells nothing."""

    def begins(self, name: str, text: str) -> None:
        """Nothing."""

    def tells(self, name: str, text: str) -> None:
        """Nothing."""

    def ends(self, name: str, seconds: float, *, done: bool) -> None:
        """Nothing."""

    def notes(self, text: str) -> None:
        """Nothing."""

    def stop(self) -> None:
        """Nothing."""


@dataclass
class InLines:
    """One line when a step begins, and one when it ends after a while."""

    _running: dict[str, str] = field(default_factory=dict)
    _told: float = 0.0

    def begins(self, name: str, text: str) -> None:
        """Say so."""
        self._running[name] = text
        self._print(f"{text} ...")

    def tells(self, name: str, text: str) -> None:
        """Say so, if nothing was said for a while."""
        if time.monotonic() - self._told >= _EVERY_SECONDS:
            self._print(f"{self._running.get(name, name)}: {text}")

    def ends(self, name: str, seconds: float, *, done: bool) -> None:
        """Say how long it took, if that was long, or that it was broken off."""
        text = self._running.pop(name, name)
        if not done:
            self._print(f"{text}: broken off after {seconds:.1f} s")
        elif seconds >= _WORTH_SAYING_SECONDS:
            self._print(f"{text}: done in {seconds:.1f} s")

    def notes(self, text: str) -> None:
        """Say it."""
        self._print(text)

    def stop(self) -> None:
        """Every line is ended already."""

    def _print(self, text: str) -> None:
        self._told = time.monotonic()
        sys.stderr.write(f"patchpilot: {one_line(text, 300)}\n")
        sys.stderr.flush()


class OnTerminal:
    """Finished steps with a tick and their seconds, the running one with a spinner."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - only a terminal needs it

        self._console = Console(stderr=True, highlight=False)
        self._status: Status | None = None
        self._running: dict[str, str] = {}

    def begins(self, name: str, text: str) -> None:
        """Spin."""
        self._running[name] = text
        self._spin(text)

    def tells(self, name: str, text: str) -> None:
        """Say it beside the spinner."""
        self._spin(f"{self._running.get(name, name)}: {text}")

    def ends(self, name: str, seconds: float, *, done: bool) -> None:
        """Tick it off, or cross it out where it was broken off."""
        from rich.text import Text  # noqa: PLC0415 - as above

        text = self._running.pop(name, name)
        mark = ("✓ ", "green") if done else ("✗ ", "red")
        how = f"  {seconds:.1f} s" if done else f"  broken off after {seconds:.1f} s"
        ended = Text.assemble(mark, one_line(text, 200), (how, "dim"))
        if self._running:
            self._spin(next(reversed(self._running.values())))
        else:
            self.stop()
        self._console.print(ended)

    def notes(self, text: str) -> None:
        """Print it above the spinner."""
        from rich.text import Text  # noqa: PLC0415 - as above

        self._console.print(Text(f"• {one_line(text, 300)}", style="yellow"))

    def stop(self) -> None:
        """Leave the terminal as it was."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _spin(self, text: str) -> None:
        from rich.text import Text  # noqa: PLC0415 - as above

        # A Text, not a string: what a repository names must not be read as markup.
        shown = Text(one_line(text, 160))
        if self._status is None:
            self._status = self._console.status(shown)
            self._status.start()
        else:
            self._status.update(shown)
