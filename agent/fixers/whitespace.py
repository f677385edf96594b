"""Trailing white space, the newline at the end of a file, and line endings, in files that the log names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.fixers.line_rules import line_rules
from agent.fixers.offers import Offer, Scene

_COMPLAINTS = re.compile(
    r"trailing[ -]whitespace|no newline at end of file|end[ -]of[ -]file|blank line at end"
    r"|mixed[ -]line[ -]ending|CRLF|carriage return|\bW29[13]\b|\bW391\b|\bW292\b",
    re.IGNORECASE,
)
_LINE_ENDINGS = re.compile(
    r"mixed[ -]line[ -]ending|CRLF|carriage return|wrong line ending|\beol\b|linebreak-style", re.IGNORECASE
)
_MEANINGFUL = (".md", ".markdown", ".patch", ".diff", ".snap")
"""In these, white space at the end of a line means something, unless the repository says otherwise."""
_PROSE = (".md", ".markdown")
_TRAILING = re.compile(r"trailing[ -](?:white)?spaces?", re.IGNORECASE)


def whitespace(scene: Scene) -> Iterator[Offer]:
    """Tidy the named files if white space is what the log complains about, as ``.editorconfig`` has it."""
    about_endings = bool(_LINE_ENDINGS.search(scene.failure.text))
    if not scene.is_failing_step or not (about_endings or _COMPLAINTS.search(scene.failure.text)):
        return
    edits: dict[str, str] = {}
    for path in dict.fromkeys(place.path for place in scene.failure.files):
        text = scene.read(path)
        rules = line_rules(path, scene.read)
        if text is None or not rules.is_text:
            continue
        trims = _may_trim(scene, path) if rules.trims is None else rules.trims
        ending = (rules.ending or "\n") if about_endings else None
        tidied = tidy(text, trims=trims, ending=ending, final=rules.final_newline is not False)
        if tidied != text:
            edits[path] = tidied
    if edits:
        yield Offer(name="white space", summary="Tidy white space and ends of files", edits=edits)


def _may_trim(scene: Scene, path: str) -> bool:
    """Prose only where the repository's own check complains of this very file's lines."""
    if not path.endswith(_MEANINGFUL):
        return True
    named = re.compile(rf"(?<![\w./-])(?:\./)?{re.escape(path)}(?![\w/-])")
    return path.endswith(_PROSE) and any(
        _TRAILING.search(line) and named.search(line) for line in scene.failure.text.splitlines()
    )


def tidy(text: str, *, trims: bool, ending: str | None = None, final: bool = True) -> str:
    """No white space at line ends, exactly one newline at the end; line endings only where one is given."""
    if ending is not None:
        text = text.replace("\r\n", "\n").replace("\n", ending)
    else:
        ending = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(ending)
    if trims:
        lines = [line.rstrip(" \t\f\v") for line in lines]
    body = ending.join(lines).rstrip("\r\n")
    return body + ending if body and final else body
