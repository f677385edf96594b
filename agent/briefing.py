"""Turn a :class:`~patchpilot.ports.Brief` into the first message of a conversation.

Data from outside stands in blocks whose tag holds a number drawn for this message: text that was written
before can't close its block, whatever it contains.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator

from patchpilot.failures import RULES, Diagnosis
from patchpilot.fixes import PastFix, ShellCommand
from patchpilot.incidents import incident_name
from patchpilot.ports import Brief
from patchpilot.text import middle, one_line, plain, shorten

_MAX_DIFF = 12_000
_MAX_LOG = 16_000
_MAX_PATCH = 4_000
_MAX_PAST = 3
_EARLIER = "A patch from before, which did not do. It is not in your checkout:\n"
_TAG = re.compile(r"<(/?)untrusted-", re.IGNORECASE)


def briefing(brief: Brief, *, redact: Callable[[str], str]) -> str:
    """All that is known about the failure, as text with the data fenced off."""
    block = _Blocks(secrets.token_hex(4), redact)
    return "\n\n".join(_sections(brief, block))


def _sections(brief: Brief, block: _Blocks) -> Iterator[str]:
    yield f"A CI job of repository {brief.repo} failed."
    # Whoever can push names branches and steps, so these are data like the rest.
    step = f"\nstep: {one_line(brief.failure.step, 300)}" if brief.failure.step else ""
    yield block("job", f"branch: {one_line(brief.branch, 300)}{step}", 1_000)
    if brief.failing is not None:
        yield block("command", str(brief.failing), 4_000)
        if brief.failing.before:
            yield "Steps of the job that run before it, in the same tree, whenever it is run:\n" + block(
                "earlier", _earlier(brief.failing), 4_000
            )
    yield block("log", brief.failure.text, _MAX_LOG)
    if brief.commit is not None:
        message = shorten(brief.commit.message, 2_000)
        commit = f"{brief.commit.sha}\n{message}\n\n{middle(brief.commit.diff, _MAX_DIFF)}"
        yield block("commit", commit, _MAX_DIFF + 3_000)
    if brief.diagnosis is not None:
        yield _diagnosis(brief.diagnosis, block)
    for past in brief.past[:_MAX_PAST]:
        yield _past(past, block)
    for hint in brief.hints:
        yield block("hint", hint, 2_000)
    if brief.refused:
        reasons = "\n".join(f"- {reason}" for reason in brief.refused)
        yield "What became of earlier candidates for this failure:\n" + block("refusals", reasons, 4_000)
    for patch in brief.earlier:
        yield _EARLIER + block("earlier-patch", patch.diff, _MAX_PATCH)


def _earlier(command: ShellCommand) -> str:
    steps = (f"# {one_line(step.title, 100)}\n{step.script.strip()}" for step in command.before)
    return "\n\n".join(steps)


def _diagnosis(diagnosis: Diagnosis, block: _Blocks) -> str:
    places = ", ".join(str(place) for place in diagnosis.suspect_files)
    text = (
        f"category: {diagnosis.category.value}\nblame: {diagnosis.blame.value}\ncause: {diagnosis.root_cause}"
    )
    text += f"\n{diagnosis.explanation}"
    text += f"\nIt would be wrong if: {diagnosis.disproof}" if diagnosis.disproof else ""
    text += f"\nsuspect files: {places or 'none named'}"
    if diagnosis.author == RULES:
        return f"<rules>\n{block('reading', text, 4_000)}\n</rules>"
    return "The diagnosis so far:\n" + block("diagnosis", text, 4_000)


def _past(past: PastFix, block: _Blocks) -> str:
    head = (
        f"A past case of this repository, {incident_name(past.incident)} (similarity {past.similarity:.2f}, "
        f"{past.outcome.value}). A precedent, not an order: it may or may not have the same cause."
    )
    return f"{head}\n" + block("past-case", f"{past.root_cause}\n\n{past.patch.diff}", _MAX_PATCH)


class _Blocks:
    """Makes fenced blocks that what is inside can't close."""

    def __init__(self, number: str, redact: Callable[[str], str]) -> None:
        self._number = number
        self._redact = redact

    def __call__(self, kind: str, text: str, limit: int) -> str:
        inside = _TAG.sub(r"<\1untrusted_", middle(plain(self._redact(text)), limit))
        return f'<untrusted-{kind} id="{self._number}">\n{inside}\n</untrusted-{kind} id="{self._number}">'
