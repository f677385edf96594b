"""Steps of a pipeline that is written as a program: their failure is asked for, and then let go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agent.guard.case import Change, Remark
from agent.guard.lines import Line
from agent.guard.shells import CHECKERS

_GROOVY = re.compile(r"(?:^|/)(?:jenkinsfile[^/]*|[^/]*\.(?:groovy|jenkinsfile))$")
_STEP = re.compile(r"\b(?:sh|bat|powershell|pwsh)\b[\s(\"']")
_ASKS = re.compile(r"\breturnStatus\s*:\s*true\b")
_KEEPS = re.compile(r"(?P<name>\w+)\s*=\s*(?:steps\.)?(?:sh|bat|powershell|pwsh)\b")
_USES = re.compile(
    r"\b(?:return|if|assert|switch|while)\b.*\b(?:sh|bat|powershell|pwsh)\b|[!=]=\s*\d|\bexit\s*\("
)
_CHECK = re.compile(rf"(?<![\w-])(?:{CHECKERS})(?![\w-])|\b(?:tests?|check|lint|verify)\b")
_LENIENT = re.compile(rf"(?<![\w-])(?:{CHECKERS})\b[^|]*\|\|\s*(?:true|:|exit\s+0|echo)|\bset\s+\+e\b")
_TRY = re.compile(r"\btry\s*\{")
_CATCH = re.compile(r"\bcatch\s*(?:\([^)]*\))?\s*\{")
_HANDS_ON = re.compile(r"\b(?:throw|error|exit|fail\w*|FAILURE|unstable)\b")


def unheeded(change: Change) -> Iterator[Remark]:
    """A command's status is given to nobody, or its failure is caught and only told of."""
    if not _GROOVY.search(change.path.lower()):
        return
    for at, line in enumerate(change.after):
        if not line.changed:
            continue
        if _ASKS.search(line.bare) and not _is_heeded(change.after, at):
            yield Remark(change.path, line.number, f"nobody minds the status: {line.text.strip()[:80]}")
        elif _STEP.search(line.bare) and _LENIENT.search(line.bare):
            yield Remark(change.path, line.number, f"a command may fail: {line.text.strip()[:80]}")
        elif _CATCH.search(line.code) and _runs_check(change.after, at) and not _hands_on(change.after, at):
            yield Remark(change.path, line.number, f"a step's failure is caught: {line.text.strip()[:80]}")


def _is_heeded(side: Sequence[Line], at: int) -> bool:
    text = side[at].bare
    if _USES.search(text):
        return True
    kept = _KEEPS.search(text)
    if kept is None:
        return not _STEP.search(text)  # its beginning is on another line
    name = re.compile(rf"\b{re.escape(kept['name'])}\b")
    return any(name.search(line.bare) for line in side[at + 1 : at + 1 + _FAR])


_FAR = 30
"""Lines of one block that are looked at."""


def _runs_check(side: Sequence[Line], at: int) -> bool:
    """Between ``try`` and ``catch`` is a command that checks."""
    for line in reversed(side[max(at - _FAR, 0) : at + 1]):
        if _STEP.search(line.bare) and _CHECK.search(line.bare):
            return True
        if _TRY.search(line.code):
            return False
    return False


def _hands_on(side: Sequence[Line], at: int) -> bool:
    """The handler says in the end that it failed; so does one whose end is out of sight."""
    start = _CATCH.search(side[at].code)
    depth = 0
    for line in side[at : at + _FAR]:
        code = line.code[start.end() - 1 :] if start and line is side[at] else line.code
        bare = line.bare[start.end() - 1 :] if start and line is side[at] else line.bare
        inner = re.sub(r"\b(?:echo|println)\b[^;}]*", "", bare)
        if _HANDS_ON.search(inner):
            return True
        depth += code.count("{") - code.count("}")
        if depth <= 0:
            return False
    return True
