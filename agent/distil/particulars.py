"""What tells one failure from another where the line that states the cause says the same of both."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from agent.distil.places import relative, without_roots
from agent.distil.story import Story

NEAR = 8
"""So many lines below or above belong to what is said."""
HOOK = 40
"""So many lines may a hook of pre-commit print."""
WARNINGS = 4000
"""So many lines above are searched for the warnings that were too many."""
_FILE = re.compile(r'(?:E {1,12}|\s{1,20})?File "([^"\n]{1,300})", line \d{1,7}(?:,? in (\S+))?')
_ELSEWHERE = re.compile(r"/|~|[A-Za-z]:")
_CHANGED = re.compile(r"\* \d{1,4} dependencies (?:were|are) \w+: \S.*")
_HOOK = re.compile(r"- hook id: (\S+)")
_NEXT_HOOK = re.compile(r"\S.*\.{3,}(?:\([\w ]{1,40}\))?(?:Passed|Failed|Skipped)$")
_MODIFIED = re.compile(
    r"(?:reformatted|[Ff]ixing|[Rr]eformatting|[Ss]orting|[Rr]ewriting|[Ff]ixed) (\S+\.\w{1,8})$"
)
_WARNED = re.compile(r"\s{1,8}\d{1,6}:\d{1,6}\s{1,4}warning\s.*\s(@?[\w/-]{2,80})$")


def particulars(story: Story, row: int) -> tuple[str, ...]:
    """Words of the lines around ``row`` that belong to its message and vary with the cause."""
    text = story.lines[row].core
    for pattern, read in _READERS:
        if pattern.search(text):
            return tuple(dict.fromkeys(read(story, row)))
    return ()


def _source(story: Story, row: int) -> Iterator[str]:
    """The file that Python can't parse, in the frame above."""
    for near in range(row - 1, max(-1, row - NEAR), -1):
        if frame := _FILE.match(story.lines[near].core):
            yield _path(story, frame[1])
            return


def _crashed_in(story: Story, row: int) -> Iterator[str]:
    """The innermost frame that Python's fault handler dumps: https://docs.python.org/3/library/faulthandler.html"""
    for near in range(row + 1, min(row + NEAR, len(story.lines))):
        if frame := _FILE.match(story.lines[near].core):
            yield f"{_path(story, frame[1])} in {frame[2]}"
            return


def _dependencies(story: Story, row: int) -> Iterator[str]:
    """Which dependencies pnpm's lock file lacks, or has otherwise."""
    for line in story.lines[row + 1 : row + 1 + 2 * NEAR]:
        if _CHANGED.fullmatch(line.core.strip()):
            yield line.core.strip()


def _modified(story: Story, row: int) -> Iterator[str]:
    """Which hook of pre-commit changed files, and which, as far as it says."""
    for line in story.lines[max(0, row - NEAR) : row]:
        if hook := _HOOK.fullmatch(line.core.strip()):
            yield f"hook {hook[1]}"
    for line in story.lines[row + 1 : row + HOOK]:
        if _NEXT_HOOK.match(line.core):
            return
        if file := _MODIFIED.fullmatch(line.core.strip()):
            yield _path(story, file[1])


def _too_many(story: Story, row: int) -> Iterator[str]:
    """The rules of ESLint that warned: https://eslint.org/docs/latest/use/command-line-interface#--max-warnings"""
    for line in story.lines[max(0, row - WARNINGS) : row]:
        if warned := _WARNED.fullmatch(line.core):
            yield warned[1]


def _path(story: Story, path: str) -> str:
    """The path in the repository; of one elsewhere its name, since folders differ by the machine."""
    path = relative(without_roots(path, story.roots))
    return path.rsplit("/", 1)[-1] if _ELSEWHERE.match(path) else path


_READERS: tuple[tuple[re.Pattern[str], Callable[[Story, int], Iterator[str]]], ...] = (
    (re.compile(r"^(?:E {1,12})?(?:SyntaxError|IndentationError|TabError): "), _source),
    (re.compile(r"Fatal Python error: "), _crashed_in),
    (re.compile(r"ERR_PNPM_(?:OUTDATED_LOCKFILE|LOCKFILE_CONFIG_MISMATCH)"), _dependencies),
    (re.compile(r"^- files were modified by this hook"), _modified),
    (re.compile(r"\bESLint found too many warnings"), _too_many),
)
"""By the line that states the cause, what else belongs to it."""
