"""What fixers see and what they offer."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from agent.fixers.recipes import expanded
from agent.fixers.scripts import Invocation, invocations
from patchpilot.failures import DistilledFailure
from patchpilot.fixes import ShellCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One red command and the tree it is red on."""

    failure: DistilledFailure
    command: ShellCommand
    files: Sequence[str]
    """Relative paths of all files of the tree."""
    read: Callable[[str], str | None]
    """A file's text; ``None`` where there is no such text file."""
    is_failing_step: bool = True
    """The command of the failed step; false for the wider suite, which nothing in the log is about."""
    hints: tuple[str, ...] = ()
    """What people asked for when they had the heal try again."""

    def calls(self, *tools: str) -> Iterator[Invocation]:
        """Where the command calls one of these tools, by itself or through a launcher such as ``uv run``."""
        return (call for call in self.invocations() if call.tool in tools)

    def invocations(self) -> Iterator[Invocation]:
        """All calls of the command, those of its ``make`` targets and package scripts included."""
        return invocations(self.command.script, self.read_here)

    def texts(self) -> Iterator[str]:
        """The command's script, and the recipes and package scripts that it runs."""
        return (part.text for part in expanded(self.command.script, self.read_here))

    @property
    def folder(self) -> str:
        """Where the command runs, relative to the root of the checkout; empty for the root."""
        folder = posixpath.normpath(self.command.workdir)
        return "" if folder == "." else folder

    def here(self, path: str, folder: str = "") -> str:
        """A path that the command names, relative to the root of the checkout."""
        return posixpath.normpath(posixpath.join(self.command.workdir, folder, path))

    def read_here(self, path: str) -> str | None:
        """The text of a file that the command names."""
        return self.read(self.here(path))

    def blames(self, *tools: str) -> bool:
        """Whether the log says that one of these tools failed, however it was called (``make lint``)."""
        return self.is_failing_step and self.failure.tool.lower() in tools

    def script(self, text: str) -> ShellCommand:
        """The same surroundings with another script."""
        return replace(self.command, script=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Something that may mend the failure: a command to run, or edits known already."""

    name: str
    """For people: ``ruff check --fix``."""
    summary: str
    """One sentence for the card and the commit message."""
    command: ShellCommand | None = None
    edits: Mapping[str, str] = field(default_factory=dict)
    """New text by path, for changes that need no tool."""
    keeps: Callable[[str, bool], bool] | None = None
    """Of what the command changes, which paths count (and whether they are new); ``None`` for all."""
    unproven: str = ""
    """Why it may be right although the command stays red with it, and what to do then; empty if it can't."""


Fixer = Callable[[Scene], Iterable[Offer]]


def rewritten(
    scene: Scene,
    call: Invocation,
    *,
    name: str,
    summary: str,
    drop: Sequence[str] = (),
    drop_with_value: Sequence[str] = (),
    add: Sequence[str] = (),
) -> Offer:
    """The same call with flags taken away and added: the repository's own paths and configuration stay."""
    kept = call.without(drop, with_value=drop_with_value)
    return Offer(name=name, summary=summary, command=scene.script(kept.with_flags(add).script))
