"""Who owns which files, by a repository's CODEOWNERS file. Pure.

The last pattern that matches a path decides. Patterns are gitignore's, without negation, character ranges
and escaped ``#``.
https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

PLACES: Final = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where the file may be; the first that is there counts, the others are not read."""
MAX_BYTES: Final = 3_000_000
"""GitHub ignores a larger file."""

_USER: Final = re.compile(r"@([A-Za-z0-9](?:[A-Za-z0-9-]{0,38}))")
_TEAM: Final = re.compile(r"@([A-Za-z0-9][A-Za-z0-9-]{0,38})/([A-Za-z0-9_][A-Za-z0-9_.-]{0,99})")
_COMMENT: Final = re.compile(r"(?:^|\s)#.*$")


@dataclass(frozen=True, slots=True)
class Owners:
    """Whom to ask for a review. Owners named by e-mail are left out: the API knows logins only."""

    users: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    """Slugs, without the organisation."""


def owners(text: str, paths: Iterable[str], *, organisation: str) -> Owners:
    """The owners of ``paths``, each once, in the file's order; teams of other organisations are left out."""
    rules = _rules(text)
    named = dict.fromkeys(
        owner
        for path in paths
        for owner in next((who for pattern, who in reversed(rules) if pattern.fullmatch(path)), ())
    )
    users = tuple(found[1] for owner in named if (found := _USER.fullmatch(owner)))
    teams = tuple(
        found[2]
        for owner in named
        if (found := _TEAM.fullmatch(owner)) and found[1].lower() == organisation.lower()
    )
    return Owners(users, teams)


def _rules(text: str) -> list[tuple[re.Pattern[str], tuple[str, ...]]]:
    if len(text) > MAX_BYTES:
        return []
    rules = []
    for line in text.splitlines():
        # A space in a path is written with a backslash.
        words = _COMMENT.sub("", line).replace("\\ ", "\0").split()
        if not words or words[0].startswith("!") or "[" in words[0]:
            continue  # GitHub skips a line that it can't read and goes on.
        rules.append((_pattern(words[0].replace("\0", " ")), tuple(words[1:])))
    return rules


def _pattern(glob: str) -> re.Pattern[str]:
    """Gitignore's rules: https://git-scm.com/docs/gitignore#_pattern_format"""
    anchored = "/" in glob.rstrip("/")
    body = glob.strip("/")
    pieces = re.split(r"(/\*\*/|^\*\*/|/\*\*$|\*\*|\*|\?)", body)
    translated = "".join(_TRANSLATED.get(piece, re.escape(piece)) for piece in pieces)
    start = "" if anchored else "(?:.*/)?"
    # A pattern that names a folder means everything in it; "docs/*" means the files right there alone.
    below = "/.+" if glob.endswith("/") else "" if body.endswith("/*") else "(?:/.*)?"
    return re.compile(start + translated + below)


_TRANSLATED: Final = {
    "/**/": "/(?:.*/)?",
    "**/": "(?:.*/)?",
    "/**": "/.+",
    "**": ".*",
    "*": "[^/]*",
    "?": "[^/]",
}
