"""Jobs that run at once and write into one log, each line behind the name of its job.

Jenkins does so for parallel branches, concurrently and GNU parallel for commands, yarn and pnpm for the
packages of a workspace. The names are somebody's choice, so they are told from the brackets that tools write
themselves by what they do: few names stand before many lines, or a command begins behind them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

_BRACKET = re.compile(r"\[(@?\w[\w @./:()=,+-]{0,60})\]:?(?: |$)")
# turborepo's, whatever the task is called; Python's logging writes its levels in the same form.
_TASK = re.compile(
    r"(?!(?:DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL):)(@?[\w./-]{1,60}:[a-z][\w:-]{0,30}):(?: |$)"
)
# Lerna and Nx put a mere name in front, so they must have said that it is they.
_LERNA = re.compile(
    r"lerna (?:info|notice|WARN|ERR!|success) |\W{0,12}(?:Lerna \(powered|NX {1,4}Running target)"
)
_NAME = re.compile(r"(@?[\w./-]{1,80}):(?: |$)")
_TAB = re.compile(r"([\w@./:=-]{1,60})\t")
# What tools write in brackets of their own: how grave a line is, a time, how far they are, a status.
_OWN = re.compile(
    r"(?i:error|err|fatal|fail|failed|failure|info|information|notice|note|warn|warning|debug|trace|verbose|log"
    r"|critical|severe|success|passed|pass|ok|done|skip|skipped|run|panicked|timedout|pipeline|command|group"
    r"|section|task|vcs|fetches|setup|taskcluster\b.*|xunit\b.*|gw\d+|\d{3}|\d+/.*|.*\d\d:\d\d.*)"
)
# A job begins with its command, as the shell traces it or npm prints it; some tell how it ended.
_AT_WORK = re.compile(r"[+$>] \S|.{1,120} exited with code \d|Process (?:started|exited)\b")
# pnpm writes "folder script$ command", and then "folder script: " before each line of its output.
_PNPM = re.compile(r"([\w@./-]{1,80} [\w:-]{1,40})\$ \S")
# Where the beginning of a package's output is lost, its script is known by another's, or by the verdict.
_PNPM_SCRIPT = re.compile(
    r"[\w@./-]{1,80} ([\w:-]{1,40})\$ \S"
    r"| ERR_PNPM_RECURSIVE_RUN_FIRST_FAIL\S* {1,2}@?[\w./-]{1,80}@\S{1,40} ([\w:-]{1,40}): "
)
_PNPM_LINE = re.compile(r"([\w@./-]{1,80} ([\w:-]{1,40})):(?: |$)")
# nx sets in what a task that failed printed, below the task's name.
_NX_TASK = re.compile(r"( {2,8})> nx run \S{1,120}")
_MOST = 20
"""More names than this are no names of jobs."""
_PART = 0.3
"""The part of all lines with a name from which on they are the output of jobs, whatever stands behind it."""


def prefixes(texts: Sequence[str]) -> re.Pattern[str] | None:
    """What stands before the lines of each job, where the log holds such lines."""
    names = _of_pnpm(texts)
    if not 0 < len(names) <= _MOST:
        names = (
            _names(texts, _BRACKET, commands=True)
            or _names(texts, _TAB, commands=False)
            or _names(texts, _TASK, commands=False)
        )
        if not names and any(map(_LERNA.match, texts)):
            names = _names(texts, _NAME, commands=False)
    return re.compile("|".join(sorted(names))) if names else None


def indents(texts: Sequence[str]) -> list[int]:
    """By how much each line is set in because a task printed it, not the task's tool."""
    depths: list[int] = []
    depth = 0
    for text in texts:
        if task := _NX_TASK.match(text):
            depth = len(task[1])
        elif depth and text and text[:depth].strip():
            depth = 0
        depths.append(depth)
    return depths


def unbraided(jobs: Sequence[str], *, filled: Sequence[bool]) -> list[int]:
    """The rows in such an order that what one job printed stands together, whatever came between its lines.

    ``jobs`` names the job of each row. One without parts what stands above it from what stands below, unless
    it is empty.
    """
    order: list[int] = []
    braid: dict[str, list[int]] = defaultdict(list)
    last = ""
    for row, job in enumerate(jobs):
        if job or not filled[row]:
            last = job or last
            braid[last].append(row)
            continue
        order += [each for rows in braid.values() for each in rows]
        braid.clear()
        order.append(row)
        last = ""
    return order + [each for rows in braid.values() for each in rows]


def _of_pnpm(texts: Sequence[str]) -> set[str]:
    """Regular expressions of what pnpm puts before the lines of each package."""
    packages = {match[1] for text in texts if (match := _PNPM.match(text))}
    scripts = {match[1] or match[2] for text in texts if (match := _PNPM_SCRIPT.match(text))}
    if scripts:
        lines = (match for text in texts if (match := _PNPM_LINE.match(text)))
        packages |= {match[1] for match in lines if match[2] in scripts}
    return {f"{re.escape(package)}:(?: |$)" for package in packages}


def _names(texts: Sequence[str], prefix: re.Pattern[str], *, commands: bool) -> set[str]:
    """Regular expressions of the prefixes of this form."""
    lines: dict[str, list[str]] = defaultdict(list)
    for text in texts:
        match = prefix.match(text)
        if match and not _OWN.fullmatch(match[1]):
            lines[match[0].rstrip(" ")].append(text[match.end() :])
    borne = sum(map(len, lines.values()))
    if not 2 * len(lines) <= borne or len(lines) > _MOST:
        return set()
    at_work = commands and any(_AT_WORK.match(line) for said in lines.values() for line in said)
    most = len(lines) > 1 and borne > _PART * sum(map(bool, texts))
    return {f"{re.escape(name)} ?" for name in lines} if at_work or most else set()
