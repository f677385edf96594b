"""Find the calls of a tool in a shell script, without running or fully understanding it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

_LAUNCHERS = frozenset(
    {
        *("uv", "uvx", "poetry", "pdm", "pipenv", "hatch", "rye", "pipx", "tox", "nox"),
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

_TWO_WORD_TOOLS = {
    "ruff": ("check", "format"),
    "cargo": ("fmt", "clippy"),
    "pre-commit": ("run",),
    "golangci-lint": ("run", "fmt"),
    "biome": ("check", "ci", "lint", "format"),
}
_OPERATORS = frozenset("();<>|&")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_SUBSTITUTION = re.compile(r"\$\(([^()]{1,500})\)|`([^`]{1,500})`")
_MAX_SCRIPT = 8_000


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of a tool: ``uv run ruff check . --diff`` has the tool ``ruff check``."""

    tool: str
    before: tuple[str, ...]
    """Assignments and launchers, in order."""
    words: tuple[str, ...]
    """The tool's own words."""
    args: tuple[str, ...]

    @property
    def text(self) -> str:
        """The call as shell text, safely quoted."""
        return " ".join(_quoted(word) for word in (*self.before, *self.words, *self.args))

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


def invocations(script: str) -> Iterator[Invocation]:
    """All calls of tools in the script, in order; also inside ``$(...)``."""
    for text in (script[:_MAX_SCRIPT], *_substituted(script[:_MAX_SCRIPT])):
        for words in _simple_commands(text):
            call = _invocation(words)
            if call is not None:
                yield call


def _substituted(script: str) -> Iterator[str]:
    for match in _SUBSTITUTION.finditer(script):
        yield match.group(1) or match.group(2)


def _simple_commands(script: str) -> Iterator[list[str]]:
    for line in script.replace("\\\n", " ").splitlines():
        yield from _split_line(line)


def _split_line(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    words: list[str] = []
    try:
        for word in lexer:
            if set(word) <= _OPERATORS:
                yield words
                words = []
            else:
                words.append(word)
    except ValueError:  # an open quote: a script over several lines, which is not read any further
        return
    yield words


def _invocation(words: list[str]) -> Invocation | None:
    for index, word in enumerate(words):
        if _ASSIGNMENT.match(word) or word in _LAUNCHERS:
            continue
        name = word.rsplit("/", 1)[-1]
        size = 2 if words[index + 1 : index + 2] and words[index + 1] in _TWO_WORD_TOOLS.get(name, ()) else 1
        own = tuple(words[index : index + size])
        tool = " ".join((name, *own[1:]))
        return Invocation(tool, tuple(words[:index]), own, tuple(words[index + size :]))
    return None


def _quoted(word: str) -> str:
    assignment = _ASSIGNMENT.match(word)
    if assignment:
        return assignment.group() + shlex.quote(word[assignment.end() :])
    # Globs were unquoted in the script: quoting them now would hand the tool a literal star.
    return word if re.fullmatch(r"[\w@%+=:,./*?\-]+", word) else shlex.quote(word)
