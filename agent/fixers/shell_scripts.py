"""A shell script of the repository, as far as plain text tells what it runs."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

from agent.fixers.shell import MAX_SCRIPT, quoted

_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", ".", "source"})
_SHEBANG = re.compile(r"#!\s*\S*?(?:/|\benv\s+)(?:ba|da|z|k)?sh\b")
_OWN_FOLDER = re.compile(
    r'\$\(\s*dirname\s+(?:--\s+)?"?\$(?:0|\{0\}|BASH_SOURCE|\{BASH_SOURCE(?:\[0\])?\})"?\s*\)'
)
_ASSIGNMENT = re.compile(
    r"^[ \t]*(?:(?:export|readonly|local)[ \t]+)?([A-Za-z_]\w*)="
    r"(?:\"([^\"$`\\\n]*)\"|'([^'\n]*)'|([\w@%+:,./*-]*))[ \t]*$",
    re.MULTILINE,
)
_USE = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")
_ARGUMENTS = re.compile(r'"\$@"|\$@|"\$\*"|\$\*')
_LONGEST = 200_000


def shell_script(words: list[str], read: Callable[[str], str | None]) -> str:
    """The text of the shell script that these words run; empty if they run none of the repository.

    Its arguments, its own folder and variables with a plain value are put in; the rest stays as written.
    """
    by_shell = words[:1] != [] and words[0].rsplit("/", 1)[-1] in _SHELLS
    rest = words[1:] if by_shell else words
    while by_shell and rest and re.fullmatch(r"-[a-z]+", rest[0]) and "c" not in rest[0]:
        rest = rest[2:] if rest[0].endswith("o") else rest[1:]
    if not rest or rest[0].startswith(("/", "-", "~", "$")) or not (by_shell or "/" in rest[0]):
        return ""
    text = (read(rest[0]) or "")[:_LONGEST]
    if not text or not (by_shell or _SHEBANG.match(text) or rest[0].endswith((".sh", ".bash"))):
        return ""
    return _put_in(text[:MAX_SCRIPT], rest[0], rest[1:])


def _put_in(text: str, path: str, arguments: list[str]) -> str:
    folder = posixpath.dirname(path) or "."
    text = _OWN_FOLDER.sub(lambda _: folder, text)
    text = _ARGUMENTS.sub(lambda _: " ".join(map(quoted, arguments)), text)
    # The first value: what is set again depends on the way that the script takes.
    known: dict[str, str] = {}
    for found in _ASSIGNMENT.finditer(text):
        known.setdefault(found[1], found[2] or found[3] or found[4] or "")
    return _USE.sub(lambda use: known.get(use[1] or use[2], use[0]), text)[:MAX_SCRIPT]
