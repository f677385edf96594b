"""Where a message belongs that doesn't say so itself: the frames above it, the package that is told below."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from agent.distil.story import Story

FRAMES = 60
"""So many lines of a traceback above its last line are read."""
_FRAME = re.compile(r'\s{1,20}File "[^"\n]{1,300}", line \d')
_INDENTED = re.compile(r"\s+\S")
_FILE = re.compile(r"\s{1,20}(\w[\w.-]{0,100}\.go):\d{1,6}: ")
_ENDS = re.compile(r"(?:FAIL|ok|---|\?) {0,2}\t(\S+)(?:\t| \[|$)")
_HOSTED = re.compile(
    r"(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org)/[^/\s]+/[^/\s]+(?:/v\d{1,3})?$"
)
_BUILT = re.compile(r"# (\S+/\S+)(?: \[\S+\])?$")
_BUILT_FILE = re.compile(r"(?:\./)?((?:[\w.-]+/)*)[\w.-]+\.go:\d")


def frames(story: Story, row: int) -> Iterator[str]:
    """The frames of Python's traceback that ends at the row, innermost first."""
    for near in range(row - 1, max(-1, row - FRAMES), -1):
        text = story.lines[near].core
        if not _INDENTED.match(text):
            return
        if _FRAME.match(text):
            yield text


def in_packages(story: Story) -> Mapping[int, str]:
    """Lines of Go's tests that name a file alone, with the folder of the package that is told below.

    A package is told by its import path (https://pkg.go.dev/cmd/go#hdr-Import_path_syntax). Its folder is
    what stands behind the module: three parts where a well-known site hosts it, else what the log shows of
    another package, whose errors name files with their folder.
    """
    placed: dict[int, str] = {}
    if not any(rule.tool == "go test" for rules in story.by_row.values() for rule in rules):
        return MappingProxyType(placed)
    folder = ""
    module = _module(story)
    for row in range(len(story.lines) - 1, -1, -1):
        text = story.lines[row].core
        if end := _ENDS.match(text):
            folder = _folder(end[1], module)
        elif folder and (named := _FILE.match(text)):
            placed[row] = text.replace(named[1], f"{folder}/{named[1]}", 1)
    return MappingProxyType(placed)


def _folder(package: str, module: str) -> str:
    parts = package.split("/")
    root = module or next(
        (path for n in (4, 3) if _HOSTED.match(path := "/".join(parts[:n])) and n <= len(parts)), ""
    )
    return package.removeprefix(f"{root}/") if root and package.startswith(f"{root}/") else ""


def _module(story: Story) -> str:
    """The module's path, from a package whose folder a line below it shows."""
    for row, line in enumerate(story.lines[:-1]):
        built = _BUILT.match(line.core)
        file = _BUILT_FILE.match(story.lines[row + 1].core) if built else None
        folder = file[1].rstrip("/") if file else ""
        if built and folder and built[1].endswith(f"/{folder}"):
            return built[1].removesuffix(f"/{folder}")
    return ""
