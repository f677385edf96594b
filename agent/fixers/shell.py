"""Shell text cut into simple commands, without running or fully understanding it."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator

ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
MAX_SCRIPT = 8_000
"""Characters of a script that are read."""
_OPERATORS = frozenset("();<>|&")
_IN_QUOTES = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"")
_GLOBS = str.maketrans("*?", "\ufdd0\ufdd1")
_GLOBS_AGAIN = str.maketrans("\ufdd0\ufdd1", "*?")
"""Stand in, while a line is split, for stars that quotes keep from the shell: code points of no character."""


class Literal(str):
    """A word whose stars are not the shell's: the tool itself is to see ``src/**/*.ts``."""

    __slots__ = ()


def simple_commands(script: str, folder: str = "") -> Iterator[tuple[str, list[str]]]:
    """Each simple command with the folder it runs in, as far as plain ``cd`` tells."""
    outer: list[str] = []
    for line in script.replace("\\\n", " ").splitlines():
        for operator, words in _split_line(line):
            if words[:1] == ["cd"] and len(words) == 2:  # noqa: PLR2004 - cd and where to
                inside = not words[1].startswith(("/", "~", "-", "$"))
                folder = posixpath.normpath(posixpath.join(folder, words[1])) if inside else folder
                folder = "" if folder == "." else folder
            elif words:
                yield folder, words
            if "(" in operator:
                outer.append(folder)
            elif ")" in operator and outer:
                folder = outer.pop()


def _split_line(line: str) -> Iterator[tuple[str, list[str]]]:
    """The words of each command with the operator that ends it."""
    shielded = _IN_QUOTES.sub(lambda match: match[0].translate(_GLOBS), line)
    lexer = shlex.shlex(shielded, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    words: list[str] = []
    try:
        for word in lexer:
            if set(word) <= _OPERATORS:
                yield word, words
                words = []
            else:
                plain = word.translate(_GLOBS_AGAIN)
                words.append(word if plain == word else Literal(plain))
    except ValueError:  # an open quote: a script over several lines, which is not read any further
        return
    yield "", words


def quoted(word: str) -> str:
    """The word as shell text; globs and assignments keep their meaning."""
    assignment = ASSIGNMENT.match(word)
    if assignment:
        return assignment.group() + shlex.quote(word[assignment.end() :])
    # Quoting a glob that was not quoted in the script would hand the tool a literal star.
    if isinstance(word, Literal):
        return shlex.quote(word)
    return word if re.fullmatch(r"[\w@%+=:,./*?\-]+", word) else shlex.quote(word)
