"""What GitHub's expressions refer to, as far as it can be known without the runner.

``${{ matrix.x }}``, ``${{ env.X }}``, ``${{ inputs.x }}`` of what the repository itself calls, and constants.
Secrets are empty in the sandbox and noted. Everything else is
:class:`UnknownExpressionError`: better no replay than a wrong one.
https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from providers.ci.github_language import UnknownExpressionError, evaluated

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][\w-]*(?:\.[A-Za-z_0-9][\w-]*)*")
_OUTPUT = re.compile(r"steps\.([A-Za-z_][\w-]*)\.outputs\.([A-Za-z_][\w-]*)")
_CONSTANTS = {
    "runner.os": "Linux",
    "runner.arch": "X64",
    "runner.temp": "/tmp",  # noqa: S108 - the sandbox's own
    "github.token": "",
}


def scalar(value: object) -> str:
    """A YAML value as GitHub writes it into text: ``3.10`` read as a number is ``3.1``, true is ``true``."""
    if value is None or isinstance(value, Mapping | list):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


@dataclass(frozen=True, slots=True)
class Later:
    """What the earlier steps of a job tell when they run: their outputs, and variables that they hand on."""

    steps: frozenset[str] = frozenset()
    """Ids of the steps."""
    writers: tuple[str, ...] = ()
    """Scripts that write to ``$GITHUB_ENV``."""
    outputs: Mapping[str, str] = field(default_factory=dict)
    """Outputs of the repository's own actions, with the output of a step in there that each is."""
    met: dict[str, str] = field(default_factory=dict)
    """Expressions met, with what prints their values: :attr:`patchpilot.fixes.ShellCommand.late`."""

    def call(self, expression: str, env: Mapping[str, str]) -> str:
        """The call that prints the value of a plain expression; empty for one that no earlier step tells."""
        expression = self.outputs.get(expression, expression)
        if (found := _OUTPUT.fullmatch(expression)) and found[1] in self.steps:
            return shlex.join(("output", found[1], found[2]))
        area, _, key = expression.partition(".")
        if area.lower() == "env" and _NAME.fullmatch(key) and self.sets(key):
            return shlex.join(("variable", key, env.get(key, "")))
        return ""

    def sets(self, variable: str) -> bool:
        """Whether an earlier step may hand on this variable."""
        return any(re.search(rf"\b{re.escape(variable)}(?:=|<<)", script) for script in self.writers)


@dataclass(frozen=True, slots=True)
class Context:
    """What expressions may refer to; ``root`` is the way from the step's folder to the checkout's root."""

    matrix: Mapping[str, object] = field(default_factory=dict)
    inputs: Mapping[str, object] = field(default_factory=dict)
    """What a reusable workflow or a composite action was called with, as far as it is known."""
    action: str = ""
    """Folder of the composite action, seen from the checkout's root; empty outside of one."""
    env: Mapping[str, str] = field(default_factory=dict)
    root: str = "."
    secrets: set[str] = field(default_factory=set)
    """Names met on the way that are empty here; filled by :meth:`expand`."""
    later: Later | None = None
    """What a run tells stays as it is written, and is noted there."""

    def expand(self, text: str) -> str:
        """Put values in place of expressions; raises :class:`UnknownExpressionError`."""
        return _EXPRESSION.sub(lambda found: self._put(found[0], found[1].strip()), text)

    def value(self, name: str) -> str | float | bool:
        """What a name stands for, for conditions; raises :class:`UnknownExpressionError`.

        Numbers and truth values stay what they are: '0' is true in a condition, 0 is not.
        """
        area = name.partition(".")[0]
        plain = self._plain(name) if area.lower() in {"matrix", "inputs"} else None
        return plain if isinstance(plain, bool | int | float) else self._named(name)

    def _put(self, written: str, expression: str) -> str:
        if self.later is not None and (call := self.later.call(expression, self.env)):
            self.later.met[written] = call
            return written
        return evaluated(expression, known=self.value)

    def _named(self, written: str) -> str:
        name = written.lower()
        area, _, key = written.partition(".")
        match area.lower():
            case "secrets":
                self.secrets.add(key)
                return ""
            case "matrix" | "inputs":
                return scalar(self._plain(written))
            case "env":
                # One that no file defines comes from $GITHUB_ENV, at run time.
                if key not in self.env:
                    raise UnknownExpressionError(written)
                return self.env[key]
        if name == "github.token":
            self.secrets.add("GITHUB_TOKEN")
        known = {**_CONSTANTS, "github.workspace": self.root}
        if self.action:
            known["github.action_path"] = posixpath.normpath(posixpath.join(self.root, self.action))
        if name not in known:
            raise UnknownExpressionError(written)
        return known[name]

    def _plain(self, name: str) -> object:
        """A value of matrix or inputs as YAML has it; ``None`` for a key that this combination lacks."""
        area, _, key = name.partition(".")
        if area.lower() == "inputs":
            if key not in self.inputs:
                raise UnknownExpressionError(name)
            return self.inputs[key]
        value: object = self.matrix
        for part in key.split("."):
            if not isinstance(value, Mapping):
                raise UnknownExpressionError(name)
            value = value.get(part)
            if value is None:
                return None
        if isinstance(value, Mapping | list):
            raise UnknownExpressionError(name)
        return value
