"""The small part of GitHub's expression language that workflows commonly use.

``${{ matrix.python }}``, ``${{ env.X }}``, ``${{ github.sha }}``, ``${{ secrets.TOKEN }}`` (always empty
here), and in ``if:`` the status functions, ``==``, ``!=``, ``!``, ``&&`` and ``||`` without parentheses.
Anything else is a problem of the workflow and is reported as one rather than guessed at.
https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import re
from collections.abc import Mapping

Contexts = Mapping[str, Mapping[str, str]]

_PLACE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_LOOKUP = re.compile(r"([A-Za-z_][\w-]*)\.([A-Za-z_][\w.-]*)")
_STATUS = {"always()", "success()", "failure()", "cancelled()"}


class WorkflowProblem(Exception):  # noqa: N818 -- the file of somebody else is the problem, not this program
    """The workflow file cannot be run; the message says why, for the people who wrote it."""


def fill(text: str, contexts: Contexts) -> str:
    """Put values in place of ``${{ ... }}``."""
    return _PLACE.sub(lambda place: _text(place[1].strip(), contexts), text)


def holds(condition: str, contexts: Contexts, *, failed: bool) -> bool:
    """Whether a step or job with this ``if:`` runs, ``failed`` telling whether something before it did.

    Without a status function in it, a condition also asks for success, as on GitHub.
    """
    place = _PLACE.fullmatch(condition.strip())
    expression = (place[1] if place else condition).strip()
    if not expression:
        return not failed
    asks_status = any(function in expression for function in _STATUS)
    return (asks_status or not failed) and _any_of(expression, contexts, failed=failed)


def _any_of(expression: str, contexts: Contexts, *, failed: bool) -> bool:
    return any(
        all(_truth(term.strip(), contexts, failed=failed) for term in choice.split("&&"))
        for choice in expression.split("||")
    )


def _truth(term: str, contexts: Contexts, *, failed: bool) -> bool:
    for sign in ("==", "!="):
        if sign in term:
            left, right = (_text(side.strip(), contexts).lower() for side in term.split(sign, 1))
            return (left == right) == (sign == "==")
    if term.startswith("!"):
        return not _truth(term[1:].strip(), contexts, failed=failed)
    if term in _STATUS:
        return {"always()": True, "success()": not failed, "failure()": failed, "cancelled()": False}[term]
    return _text(term, contexts).lower() not in {"", "false", "0", "null"}


def _text(expression: str, contexts: Contexts) -> str:
    if re.fullmatch(r"'(?:[^']|'')*'", expression):
        return expression[1:-1].replace("''", "'")
    if re.fullmatch(r"-?\d+(?:\.\d+)?|true|false|null", expression):
        return expression
    found = _LOOKUP.fullmatch(expression)
    if found is None or (found[1] not in contexts and found[1] != "secrets"):
        raise WorkflowProblem(f"the expression ${{{{ {expression} }}}} is not supported here")
    return contexts.get(found[1], {}).get(found[2], "")
