"""What a repository says about the ends of its lines: ``.editorconfig`` and ``.gitattributes``.

https://spec.editorconfig.org and https://git-scm.com/docs/gitattributes
"""

from __future__ import annotations

import configparser
import fnmatch
import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Read = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class LineRules:
    """How one file ends its lines; ``None`` where the repository does not say."""

    ending: str | None = None
    """``\\n`` or ``\\r\\n``."""
    trims: bool | None = None
    """No white space at the end of a line."""
    final_newline: bool | None = None
    is_text: bool = True


def line_rules(path: str, read: Read) -> LineRules:
    """The rules for ``path``; what git is told about line ends outranks what editors are told."""
    editor: dict[str, str] = {}
    attributes: dict[str, str] = {}
    for folder in _above(path):
        inner = path[len(folder) :].lstrip("/")
        for pattern, values in _sections(read(posixpath.join(folder, ".editorconfig")) or ""):
            if any(_matches(inner, one) for one in _braces(pattern)):
                editor.update(values)
        for line in (read(posixpath.join(folder, ".gitattributes")) or "").splitlines()[:500]:
            words = line.split()
            if len(words) > 1 and not words[0].startswith("#") and _matches(inner, words[0]):
                attributes.update(_attribute(word) for word in words[1:])
    ending = attributes.get("eol") or editor.get("end_of_line", "").lower()
    return LineRules(
        ending={"lf": "\n", "crlf": "\r\n"}.get(ending),
        trims=_flag(editor.get("trim_trailing_whitespace")),
        final_newline=_flag(editor.get("insert_final_newline")),
        is_text=attributes.get("text") != "unset" and attributes.get("binary") != "set",
    )


def _above(path: str) -> Iterator[str]:
    """The folders above a file, the root first: what is said nearer counts more."""
    parts = path.split("/")[:-1]
    yield from ("/".join(parts[:depth]) for depth in range(len(parts) + 1))


def _sections(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, delimiters=("=", ":"))
    try:
        parser.read_string("[DEFAULT]\n" + text[:50_000])
    except configparser.Error:
        return
    for name in parser.sections():
        yield name, {key: (value or "").strip() for key, value in parser.items(name)}


_MOST_BRACES = 50


def _braces(pattern: str) -> list[str]:
    """``*.{js,ts}`` names two patterns."""
    pending: list[str] = [pattern]
    plain: list[str] = []
    while pending and len(pending) + len(plain) <= _MOST_BRACES:
        one = pending.pop()
        match = re.search(r"\{([^{}]*,[^{}]*)\}", one)
        if match is None:
            plain.append(one)
        else:
            pending += [one[: match.start()] + part + one[match.end() :] for part in match[1].split(",")]
    return plain


def _matches(path: str, pattern: str) -> bool:
    """A pattern without a slash means a file's name, wherever it is."""
    if "/" not in pattern.strip("/"):
        return fnmatch.fnmatchcase(path.rsplit("/", 1)[-1], pattern.strip("/"))
    return fnmatch.fnmatchcase(path, pattern.lstrip("/"))


def _attribute(word: str) -> tuple[str, str]:
    name, _, value = word.lstrip("-!").partition("=")
    return name, value or ("unset" if word.startswith("-") else "set")


def _flag(value: str | None) -> bool | None:
    return {"true": True, "false": False}.get((value or "").lower())
