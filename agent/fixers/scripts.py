"""Find the calls of a tool in a shell script, without running or fully understanding it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from agent.fixers.recipes import Read, expanded
from agent.fixers.shell import ASSIGNMENT, quoted, simple_commands

_LAUNCHERS = frozenset(
    {
        *("bundle", "uv", "uvx", "poetry", "pdm", "pipenv", "hatch", "rye", "pipx", "tox", "nox"),
        *("python", "python3", "py", "npx", "npm", "pnpm", "yarn", "bunx", "bun", "node"),
        *(
            "run",
            "exec",
            "dlx",
            "-m",
            "--",
            "env",
            "time",
            "command",
            "--no-sync",
            "--frozen",
            "--no-install",
        ),
    }
)
"""Words that may stand before the tool itself: ``uv run ruff``, ``python -m black``, ``npx prettier``."""

_NODE_TOOLS = frozenset(
    {
        "eslint",
        "prettier",
        "biome",
        "stylelint",
        "oxlint",
        "markdownlint",
        "markdownlint-cli2",
        "jest",
        "vitest",
        "ava",
        "tsc",
        "xo",
        "standard",
    }
)
"""What a package script finds in ``node_modules/.bin``."""

_TWO_WORD_TOOLS = {
    "ruff": ("check", "format"),
    "cargo": ("fmt", "clippy"),
    "pre-commit": ("run",),
    "golangci-lint": ("run", "fmt"),
    "biome": ("check", "ci", "lint", "format"),
}
_SUBSTITUTION = re.compile(r"\$\(([^()]{1,500})\)|`([^`]{1,500})`")


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of a tool: ``uv run ruff check . --diff`` has the tool ``ruff check``."""

    tool: str
    before: tuple[str, ...]
    """Assignments and launchers, in order."""
    words: tuple[str, ...]
    """The tool's own words."""
    args: tuple[str, ...]
    folder: str = ""
    """Where the script went by ``cd`` before the call, relative to where it started."""

    @property
    def text(self) -> str:
        """The call as shell text, safely quoted."""
        return " ".join(quoted(word) for word in (*self.before, *self.words, *self.args))

    @property
    def script(self) -> str:
        """The call where the script makes it."""
        return f"cd {shlex.quote(self.folder)} && {self.text}" if self.folder else self.text

    def without(self, flags: Sequence[str], *, with_value: Sequence[str] = ()) -> Invocation:
        """The call without these flags; those of ``with_value`` lose the word behind them too."""
        kept: list[str] = []
        skip = False
        for word in self.args:
            if skip:
                skip = False
            elif word in with_value:
                skip = True
            elif word not in flags and not word.startswith(
                tuple(f"{flag}=" for flag in (*flags, *with_value))
            ):
                kept.append(word)
        return replace(self, args=tuple(kept))

    def with_flags(self, flags: Sequence[str]) -> Invocation:
        """The call with these flags in front of its arguments, unless it has them."""
        return replace(self, args=(*(flag for flag in flags if flag not in self.args), *self.args))

    def after(self, flags: Sequence[str]) -> Invocation:
        """The call with these flags behind its arguments, unless it has them."""
        return replace(self, args=(*self.args, *(flag for flag in flags if flag not in self.args)))

    def with_variables(self, assignments: Sequence[str]) -> Invocation:
        """The call with these variables set."""
        return replace(self, before=(*assignments, *self.before))


def invocations(script: str, read: Read = lambda _: None) -> Iterator[Invocation]:
    """All calls of tools in the script, in order; also inside ``$(...)``.

    With ``read``, which gives the text of a file, also those of the ``make`` targets and package scripts
    that it runs.
    """
    for part in expanded(script, read):
        for text in (part.text, *_substituted(part.text)):
            for folder, words in simple_commands(text, part.folder):
                call = _invocation(words, folder)
                if call is not None and not call.before and call.words[0] in _NODE_TOOLS:
                    call = replace(call, before=part.launcher)
                if call is not None:
                    yield call


def _substituted(script: str) -> Iterator[str]:
    for match in _SUBSTITUTION.finditer(script):
        yield match.group(1) or match.group(2)


def _invocation(words: list[str], folder: str) -> Invocation | None:
    for index, word in enumerate(words):
        if ASSIGNMENT.match(word) or word in _LAUNCHERS:
            continue
        name = word.rsplit("/", 1)[-1]
        size = 2 if words[index + 1 : index + 2] and words[index + 1] in _TWO_WORD_TOOLS.get(name, ()) else 1
        own = tuple(words[index : index + size])
        tool = " ".join((name, *own[1:]))
        return Invocation(tool, tuple(words[:index]), own, tuple(words[index + size :]), folder)
    return None
