"""The part of GitHub's expressions that can be known without the runner.

``${{ matrix.x }}``, ``${{ env.X }}``, a few constants, literals and ``a || b``. Secrets are empty in the
sandbox and noted. Everything else is :class:`Unknown`: better no replay than a wrong one.
https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][\w-]*(?:\.[A-Za-z_0-9][\w-]*)*")
_LITERAL = re.compile(r"'((?:[^']|'')*)'|(true|false|-?\d+(?:\.\d+)?)")
_CONSTANTS = {
    "runner.os": "Linux",
    "runner.arch": "X64",
    "runner.temp": "/tmp",  # noqa: S108 - the sandbox's own
    "github.actor": "",
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
class Context:
    """What expressions may refer to; ``root`` is the way from the step's folder to the checkout's root."""

    matrix: Mapping[str, object] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    root: str = "."
    secrets: set[str] = field(default_factory=set)
    """Names met on the way that are empty here; filled by :meth:`expand`."""

    def expand(self, text: str) -> str:
        """Put values in place of expressions; raises :class:`UnknownExpressionError`."""
        return _EXPRESSION.sub(lambda found: self._evaluate(found[1].strip()), text)

    def _evaluate(self, expression: str) -> str:
        # `a || b` is how workflows write a default: the first operand that is not empty, false or 0.
        operands = [part.strip() for part in expression.split("||")]
        value = ""
        for operand in operands:
            value = self._operand(operand, expression)
            if value not in {"", "false", "0"}:
                break
        return value

    def _operand(self, operand: str, expression: str) -> str:
        if literal := _LITERAL.fullmatch(operand):
            return literal[2] if literal[2] is not None else literal[1].replace("''", "'")
        if not _NAME.fullmatch(operand):
            raise UnknownExpressionError(expression)
        name = operand.lower()
        area, _, key = operand.partition(".")
        match area.lower():
            case "secrets":
                self.secrets.add(key)
                return ""
            case "matrix":
                return self._matrix(key, expression)
            case "env":
                # One that no file defines comes from $GITHUB_ENV, at run time.
                if key not in self.env:
                    raise UnknownExpressionError(expression)
                return self.env[key]
        if name == "github.workspace":
            return self.root
        if name == "github.token":
            self.secrets.add("GITHUB_TOKEN")
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        raise UnknownExpressionError(expression)

    def _matrix(self, key: str, expression: str) -> str:
        value: object = self.matrix
        for part in key.split("."):
            if not isinstance(value, Mapping):
                raise UnknownExpressionError(expression)
            # A key that this combination lacks is empty, as on GitHub.
            value = value.get(part)
            if value is None:
                return ""
        if isinstance(value, Mapping | list):
            raise UnknownExpressionError(expression)
        return scalar(value)
