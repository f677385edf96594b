"""From raw bytes to lines of text: escapes, carriage returns and the CI system's own prefixes removed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from agent.distil.events import of_go_test
from agent.distil.jobs import indents, prefixes
from patchpilot.text import plain

_CLOCK = r"\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
_STAMPS = (
    # GitHub Actions, GitLab (with a stream mark such as "00O"), Azure; "job<tab>step<tab>" is added by gh.
    re.compile(
        rf"(?:[^\t\n]{{1,120}}\t[^\t\n]{{1,120}}\t)?\ufeff?\d{{4}}-\d\d-\d\dT{_CLOCK}(?:Z|[+-]\d\d:?\d\d)"
        r"(?: \d\d[OE][+ ]?| )?"
    ),
    # Taskcluster.
    re.compile(rf"\[(?:task|vcs|fetches|setup) \d{{4}}-\d\d-\d\dT{_CLOCK}Z\] ?"),
    # Jenkins with the Timestamper plugin.
    re.compile(rf"\[\d{{4}}-\d\d-\d\d[T ]{_CLOCK}(?:Z|[+-]\d\d:?\d\d)?\] ?"),
    re.compile(rf"{_CLOCK}(?: |$)"),
    re.compile(rf"\[{_CLOCK}\](?: |$)"),
)
# Prefixes that one program puts before the lines of another: compose, turborepo, nx, and buildx, which
# numbers its steps; the others run no more than one at once.
_BEARERS = re.compile(
    r"(?:(?P<service>[A-Za-z][\w@./-]{0,60}) +\| |(?P<step>#\d{1,4}) \d{1,6}\.\d{1,3} "
    r"|(?P<task>@?[\w./-]{1,60}:(?:build|test|lint|check|type-?check|compile|format|e2e|ci)[\w:-]{0,30}): "
    r"|\d\d:\d\d:\d\d {1,8}(?:INFO|WARNING|ERROR|CRITICAL|FATAL) - {1,2}"
    r"|\s{0,12}\[(?:junit|exec|java|javac|testng|echo|mvn)\] ?)"
)
_STEP = re.compile(r"#\d{1,4}(?= )")
"""What buildx puts before its own words on a step."""
# Escapes that a program wrote with a caret, and those that choose a character set.
_OTHER_ESCAPES = re.compile(r"\^\[\[[0-9;]{0,20}[mKGJH]|\x1b[()*+][0-9A-Z]")
_SEGMENTS = 24
"""Of a line redrawn more often than this by carriage returns, only the last states are read."""


LINE_LIMIT = 4096
"""Longest line in bytes that any pattern ever sees."""


@dataclass(frozen=True, slots=True)
class RawLine:
    """One line as it stood in the log, cut to :data:`LINE_LIMIT` bytes; ``number`` starts at 1."""

    number: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Line:
    """One line as a person would see it."""

    number: int
    text: str
    """Without timestamps, escapes and control characters."""
    core: str
    """What patterns read: ``text`` without the prefix of a program that relays another's output."""
    job: str = ""
    """Of programs that run at once, the one that printed the line, as its prefix names it."""


def cut(line: bytes) -> bytes:
    """At most :data:`LINE_LIMIT` bytes: the head and a short tail, since messages start or end a line."""
    if len(line) <= LINE_LIMIT:
        return line
    return line[: LINE_LIMIT - 1024] + " … ".encode() + line[-900:]


def read(raw: Sequence[RawLine]) -> list[Line]:
    """Make lines readable. A raw line may give several (carriage returns) that share its number."""
    numbers, texts = _segments(raw)
    numbers, texts = of_go_test(numbers, _unstamped(texts, numbers))
    spacing = _spacing(texts)
    jobs = prefixes(texts)
    bearers = _bearers(texts)
    # Where no step of buildx printed anything, it is a debugger that numbers its frames.
    steps = any(job.startswith("#") for job in bearers.values())
    depths = indents(texts)
    bare = (text[depth:] for text, depth in zip(texts, depths, strict=True))
    borne = [_borne(text, jobs, bearers, steps=steps) for text in bare]
    # A service of compose may run several commands at once.
    inner = prefixes([core for core, _ in borne]) if bearers and jobs is None else None
    return [
        Line(number, text, *_within(core, job, inner))
        for row, (number, text, (core, job)) in enumerate(zip(numbers, texts, borne, strict=True))
        if row not in spacing
    ]


def _segments(raw: Sequence[RawLine]) -> tuple[list[int], list[str]]:
    numbers: list[int] = []
    pieces: list[bytes] = []
    for line in raw:
        data = line.data.rstrip(b"\r")
        if b"\r" not in data:
            numbers.append(line.number)
            pieces.append(data)
            continue
        states = [state for state in data.split(b"\r") if state.strip()]
        for state in states[-_SEGMENTS:]:
            numbers.append(line.number)
            pieces.append(state)
    text = b"\n".join(pieces).decode("utf-8", "replace")
    texts = _OTHER_ESCAPES.sub("", text).split("\n") if pieces else []
    # One line at a time: an escape sequence that never ends must not swallow the lines after it.
    return numbers, [(text if text.isprintable() else plain(text)).rstrip() for text in texts]


def _unstamped(texts: list[str], numbers: list[int]) -> list[str]:
    """Remove the timestamps of the CI system: those that most lines carry. Others belong to the message."""
    # A line that was redrawn bears one stamp, however many states it went through.
    begins = (number != before for before, number in pairwise([-1, *numbers]))
    filled = [text for text, begin in zip(texts, begins, strict=True) if text and begin][:4000]
    for stamp in _STAMPS:
        if sum(stamp.match(text) is not None for text in filled) > 0.6 * len(filled):
            return [stamp.sub("", text, count=1) if stamp.match(text) else text for text in texts]
    return texts


def _spacing(texts: list[str]) -> set[int]:
    """Rows of the empty lines in double-spaced passages, which some terminals make of every line end."""
    empty = [not text for text in texts]
    return {
        row
        for row in range(4, len(texts) - 4)
        if empty[row - 4 : row + 5 : 2] == [True] * 5 and not any(empty[row - 3 : row + 4 : 2])
    }


def _bearers(texts: list[str]) -> dict[str, str]:
    """The prefixes that stand before lines, as they look before an empty one, and whose they are."""
    found = (match for text in texts if (match := _BEARERS.match(text)))
    return {match[0].rstrip(): job for match in found if (job := _bearer(match))}


def _borne(
    text: str, jobs: re.Pattern[str] | None, bearers: Mapping[str, str], *, steps: bool
) -> tuple[str, str]:
    """The line without the prefixes before it, and the job that they name."""
    if text in bearers:
        return "", bearers[text]
    name = ""
    if jobs and (job := jobs.match(text)):
        text, name = text[job.end() :], job[0].strip()
    if match := _BEARERS.match(text):
        return text[match.end() :], name or _bearer(match)
    step = _STEP.match(text) if steps else None
    return text, name or (step[0] if step else "")


def _within(core: str, job: str, inner: re.Pattern[str] | None) -> tuple[str, str]:
    """The same without the prefix of a job in the job, which its name then tells."""
    match = inner.match(core) if inner else None
    return (core[match.end() :], f"{job} {match[0].strip()}") if match else (core, job)


def _bearer(match: re.Match[str]) -> str:
    return match["service"] or match["step"] or match["task"] or ""
