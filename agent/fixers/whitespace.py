"""Trailing white space, the newline at the end of a file, and line endings, in files that the log names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.fixers.offers import Offer, Scene

_COMPLAINTS = re.compile(
    r"trailing[ -]whitespace|no newline at end of file|end[ -]of[ -]file|blank line at end"
    r"|mixed[ -]line[ -]ending|CRLF|carriage return|\bW29[13]\b|\bW391\b|\bW292\b",
    re.IGNORECASE,
)
_LINE_ENDINGS = re.compile(r"mixed[ -]line[ -]ending|CRLF|carriage return", re.IGNORECASE)
_MEANINGFUL = (".md", ".markdown", ".patch", ".diff", ".snap")
"""In these, white space at the end of a line means something."""


def whitespace(scene: Scene) -> Iterator[Offer]:
    """Tidy the named files if white space is what the log complains about."""
    if not scene.is_failing_step or not _COMPLAINTS.search(scene.failure.text):
        return
    unify = bool(_LINE_ENDINGS.search(scene.failure.text))
    edits: dict[str, str] = {}
    for path in dict.fromkeys(place.path for place in scene.failure.files):
        text = scene.read(path)
        if text is None:
            continue
        tidied = tidy(text, keep_trailing=path.endswith(_MEANINGFUL), unify=unify)
        if tidied != text:
            edits[path] = tidied
    if edits:
        yield Offer(name="white space", summary="Tidy white space and ends of files", edits=edits)


def tidy(text: str, *, keep_trailing: bool, unify: bool) -> str:
    """No white space at line ends, exactly one newline at the end; line endings only when asked for."""
    if unify:
        text = text.replace("\r\n", "\n")
    ending = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(ending)
    if not keep_trailing:
        lines = [line.rstrip(" \t\f\v") for line in lines]
    body = ending.join(lines).rstrip("\r\n")
    return body + ending if body else ""
