"""Which repositories may learn from each other: nobody, unless a setting says so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import translate

from patchpilot.source import Repo

_PATTERN = re.compile(r"[\w.*?-]+(?:/[\w.*?-]+)+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sharing:
    """Groups of repositories, each group as patterns of their full names (``acme/*``)."""

    groups: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Sharing:
        """Read ``acme/* acme-labs/*, beta/web beta/api``: commas part groups, spaces patterns of a group.

        ``*`` stands for any characters, slashes included, and ``?`` for one. Raises ``ValueError`` naming
        the first pattern that is none.
        """
        groups = tuple(tuple(group.split()) for group in text.split(",") if group.strip())
        for pattern in (pattern for group in groups for pattern in group):
            if not _PATTERN.fullmatch(pattern):
                raise ValueError(
                    f"{pattern[:80]!r} is no pattern of repositories: write owner/name or owner/*, a space "
                    "between those of one group, a comma between groups"
                )
        return cls(groups)

    def partners(self, repo: Repo) -> tuple[str, ...]:
        """Patterns of all groups that ``repo`` is in; they are meant for its own code host only.

        An owner of the same name on another code host may be somebody else.
        """
        found = (group for group in self.groups if any(_matches(pattern, repo) for pattern in group))
        return tuple(dict.fromkeys(pattern for group in found for pattern in group))


def _matches(pattern: str, repo: Repo) -> bool:
    # Code hosts take names as the same whatever their case.
    return re.fullmatch(translate(pattern), repo.full_name, re.IGNORECASE) is not None
