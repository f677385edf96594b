"""The whole way from a log to what it says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from agent.distil.asides import asides
from agent.distil.findings import find
from agent.distil.fingerprint import fingerprint
from agent.distil.jobs import unbraided
from agent.distil.lines import read
from agent.distil.places import places, relative, without_roots
from agent.distil.selection import choose, render, shown
from agent.distil.skim import skim
from agent.distil.story import Story, tell
from agent.distil.verdict import Verdict, judge
from agent.distil.whereabouts import frames, in_packages
from agent.distil.wording import LENGTH
from patchpilot.failures import DistilledFailure, LogLine

DEFAULT_BYTES = 8000
LEAST_BYTES = 200
_WHOLE_FILE = re.compile(r"(?:/|[A-Za-z]:[\\/])[^\s:]{1,300}\.\w{1,5}(?:::|$)")
"""A test that is a file, or one in it, by its absolute path."""
_TOLD = 200.0
"""More than any line is worth by itself."""
_NAMING = 50.0
"""Lines of at least this worth may name the files to look at."""


def distil(
    chunks: Iterable[bytes],
    *,
    max_bytes: int = DEFAULT_BYTES,
    step: str = "",
    redact: Callable[[str], str] | None = None,
) -> DistilledFailure:
    """Read a failed CI log of any length, in memory that does not grow with it.

    Args:
        chunks: The log's bytes in order, in pieces of any size.
        max_bytes: Upper bound of ``text`` in UTF-8 bytes; at least 200.
        step: Name of the failing step where the provider knows it; else it is read from the log.
        redact: Takes text and returns it without secrets. Everything in the answer has passed through it.
    """
    if max_bytes < LEAST_BYTES:
        raise ValueError(f"max_bytes is {max_bytes}, but fewer than {LEAST_BYTES} bytes hold no log")
    skimmed = skim(chunks)
    printed = read(skimmed.lines)
    order = unbraided([line.job for line in printed], filled=[bool(line.text) for line in printed])
    # What each of the programs that ran at once said is read by itself; printed it is as it came.
    lines = [printed[row] for row in order]
    story = tell(lines, find(lines))
    story.aside = asides(story)
    verdict = judge(story, step=step)
    clean = redact or _unchanged
    worth = [value for _, value in sorted(zip(order, _shown_first(story, verdict), strict=True))]
    rows = choose(printed, worth, max_bytes=max_bytes, total_lines=skimmed.total_lines)
    text = clean(render(printed, rows, total_lines=skimmed.total_lines))
    return DistilledFailure(
        text=_within(text, max_bytes),
        category=verdict.category,
        tool=verdict.tool,
        cause=clean(verdict.cause),
        fingerprint=fingerprint(
            category=verdict.category,
            tool=verdict.tool,
            step=step,
            messages=verdict.messages,
            tests=verdict.tests,
        ),
        tests=tuple(dict.fromkeys(_below_the_checkout(clean(test), story.roots) for test in verdict.tests)),
        files=places(
            (clean(text) for text in _telling(story, verdict)),
            roots=story.roots,
        ),
        evidence=tuple(LogLine(lines[row].number, clean(shown(lines[row].text))) for row in verdict.evidence),
        step=clean(step or _step(story)),
        total_lines=skimmed.total_lines,
        total_bytes=skimmed.total_bytes,
    )


def _shown_first(story: Story, verdict: Verdict) -> list[float]:
    """What each line is worth where room is short: first comes what the cause was read from."""
    worth = list(story.worth)
    for row in verdict.told:
        worth[row] += _TOLD
    return worth


def _telling(story: Story, verdict: Verdict) -> list[str]:
    """The lines that may name files: the evidence first, then the most valuable others."""
    ranked = sorted(
        (row for row in range(len(story.lines)) if story.worth[row] >= _NAMING and row not in story.aside),
        key=lambda row: (-story.worth[row], row),
    )
    rows = dict.fromkeys([*verdict.evidence, *ranked[:200]])
    # The sentence may name a frame of a stack, too far down to be read otherwise.
    whole = verdict.cause if len(verdict.cause) < LENGTH else verdict.cause.rsplit(" ", 1)[0]
    packages = in_packages(story)
    above = (frame for row in verdict.evidence for frame in frames(story, row))
    return [*(packages.get(row) or story.placed(row) for row in rows), whole, *above]


def _below_the_checkout(test: str, roots: Sequence[str]) -> str:
    """The name of a test as the repository knows it: Node's calls a file by its absolute path."""
    return relative(without_roots(test, roots)) if _WHOLE_FILE.match(test) else test


def _step(story: Story) -> str:
    """The failing step as the log names it."""
    if not story.steps:
        return ""
    text = story.lines[story.steps[0][0]].core
    for mark in ("##[group]Run ", "##[section]Starting: ", "$ ", "+ "):
        if text.startswith(mark):
            return text.removeprefix(mark)[:120]
    return ""


def _within(text: str, max_bytes: int) -> str:
    """Redaction may lengthen a text; the budget holds all the same."""
    data = text.encode()
    return text if len(data) <= max_bytes else data[:max_bytes].decode("utf-8", "ignore")


def _unchanged(text: str) -> str:
    return text
