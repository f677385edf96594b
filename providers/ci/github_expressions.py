"""The part of GitHub's expressions that can be known without the runner.

``${{ matrix.x }}``, ``${{ env.X }}``, ``${{ inputs.x }}`` of what the repository itself calls, constants,
literals, functions of these and ``a || b``. Secrets are empty in the sandbox and noted. Everything else is
:class:`UnknownExpressionError`: better no replay than a wrong one.
https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][\w-]*(?:\.[A-Za-z_0-9][\w-]*)*")
_LITERAL = re.compile(r"'((?:[^']|'')*)'|(true|false|-?\d+(?:\.\d+)?)")
_OUTPUT = re.compile(r"steps\.([A-Za-z_][\w-]*)\.outputs\.([A-Za-z_][\w-]*)")
_CALL = re.compile(r"(?i)(contains|startsWith|endsWith|format)\((.{1,1000})\)", re.DOTALL)
_PLACE = re.compile(r"\{(\d{1,2})\}|\{\{|\}\}")
_ARGUMENT = re.compile(r"\s*('(?:[^']|'')*'|[\w.-]+)\s*(?:,|\Z)")
_CONSTANTS = {
    "runner.os": "Linux",
    "runner.arch": "X64",
    "runner.temp": "/tmp",  # noqa: S108 - the sandbox's own
    "github.token": "",
}


class UnknownExpressionError(Exception):
    """An expression that only the runner can evaluate; the message is its text."""


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
        plain = self._plain(name, name) if area.lower() in {"matrix", "inputs"} else None
        return plain if isinstance(plain, bool | int | float) else self._operand(name, name)

    def _put(self, written: str, expression: str) -> str:
        if self.later is not None and (call := self.later.call(expression, self.env)):
            self.later.met[written] = call
            return written
        return self._evaluate(expression)

    def _evaluate(self, expression: str) -> str:
        # `a || b` is how workflows write a default: the first operand that is not empty, false or 0.
        operands = [part.strip() for part in expression.split("||")]
        value = ""
        for operand in operands:
            value = self._operand(operand, expression)
            if not self._is_false(operand, value):
                break
        return value

    def _is_false(self, operand: str, value: str) -> bool:
        """Only the empty text is false, not '0' in quotation marks; numbers and truth values are by value."""
        literal = _LITERAL.fullmatch(operand)
        if _CALL.fullmatch(operand):
            return value in {"", "false"}
        if literal:
            return (
                not value or literal[2] == "false" or (literal[2] is not None and not literal[2].strip("-0."))
            )
        return not self.value(operand)

    def _operand(self, operand: str, expression: str) -> str:
        if literal := _LITERAL.fullmatch(operand):
            return literal[2] if literal[2] is not None else literal[1].replace("''", "'")
        if call := _CALL.fullmatch(operand):
            return self._called(call[1].lower(), call[2], expression)
        if not _NAME.fullmatch(operand):
            raise UnknownExpressionError(expression)
        return self._named(operand, expression)

    def _named(self, operand: str, expression: str) -> str:
        name = operand.lower()
        area, _, key = operand.partition(".")
        match area.lower():
            case "secrets":
                self.secrets.add(key)
                return ""
            case "matrix" | "inputs":
                return scalar(self._plain(operand, expression))
            case "env":
                # One that no file defines comes from $GITHUB_ENV, at run time.
                if key not in self.env:
                    raise UnknownExpressionError(expression)
                return self.env[key]
        if name == "github.token":
            self.secrets.add("GITHUB_TOKEN")
        known = {**_CONSTANTS, "github.workspace": self.root}
        if self.action:
            known["github.action_path"] = posixpath.normpath(posixpath.join(self.root, self.action))
        if name not in known:
            raise UnknownExpressionError(expression)
        return known[name]

    def _called(self, function: str, written: str, expression: str) -> str:
        """What a function of texts gives; those of GitHub compare without regard to case."""
        arguments, place = [], 0
        while place < len(written) and (found := _ARGUMENT.match(written, place)):
            arguments.append(self._operand(found[1], expression))
            place = found.end()
        if place < len(written) or not arguments:
            raise UnknownExpressionError(expression)
        if function == "format":
            return self._formatted(arguments, expression)
        if len(arguments) != 2:  # noqa: PLR2004 - the text and what is looked for
            raise UnknownExpressionError(expression)
        text, part = (argument.lower() for argument in arguments)
        holds = {
            "contains": part in text,
            "startswith": text.startswith(part),
            "endswith": text.endswith(part),
        }
        return scalar(holds[function])

    @staticmethod
    def _formatted(arguments: list[str], expression: str) -> str:
        try:
            return _PLACE.sub(
                lambda found: arguments[int(found[1]) + 1] if found[1] else found[0][0], arguments[0]
            )
        except IndexError as error:
            raise UnknownExpressionError(expression) from error

    def _plain(self, name: str, expression: str) -> object:
        """A value of matrix or inputs as YAML has it; ``None`` for a key that this combination lacks."""
        area, _, key = name.partition(".")
        if area.lower() == "inputs":
            if key not in self.inputs:
                raise UnknownExpressionError(expression)
            return self.inputs[key]
        value: object = self.matrix
        for part in key.split("."):
            if not isinstance(value, Mapping):
                raise UnknownExpressionError(expression)
            value = value.get(part)
            if value is None:
                return None
        if isinstance(value, Mapping | list):
            raise UnknownExpressionError(expression)
        return value
