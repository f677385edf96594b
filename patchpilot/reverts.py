"""Which commits and pull requests a message takes back. Pure; the message is hostile data.

git writes ``This reverts commit <sha>.``, and GitHub's Revert button ``Reverts owner/name#12``.
https://git-scm.com/docs/git-revert
https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/reverting-a-pull-request
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from patchpilot.source import Repo, Sha

MOST: Final = 50
"""How many are read of one message or push."""
_LONGEST: Final = 100_000
_COMMIT: Final = re.compile(r"^This reverts commit ([0-9a-f]{40}(?:[0-9a-f]{24})?)\b", re.MULTILINE)
_PULL: Final = re.compile(r"^Reverts ([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)?#([1-9][0-9]{0,9})\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reverts:
    """What was taken back."""

    commits: tuple[Sha, ...] = ()
    pulls: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.commits or self.pulls)


def reverts(messages: Iterable[str], repo: Repo) -> Reverts:
    """What these commit messages, or a pull request's text, take back in ``repo``."""
    commits: dict[Sha, None] = {}
    pulls: dict[int, None] = {}
    for message in messages:
        text = message[:_LONGEST].replace("\r\n", "\n")
        commits |= dict.fromkeys(Sha(found) for found in _COMMIT.findall(text))
        for name, number in _PULL.findall(text):
            if name.lower() in {"", repo.full_name.lower()}:
                pulls[int(number)] = None
    return Reverts(tuple(commits)[:MOST], tuple(pulls)[:MOST])
