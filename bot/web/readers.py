"""Who may read what: a heal of a private repository only whoever may read that repository now.

The bot's address is public, for webhooks. So what the REST API tells of a private repository goes to scripts
with the API token and to people who have signed in on the dashboard and have read access, live as always.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Annotated, Final

from fastapi import Cookie, Depends, Request

from bot.parts import BotParts
from bot.web.bearer import Given, is_api_token
from patchpilot.commands import Medium
from patchpilot.incidents import FailureRecord
from patchpilot.source import HostUser, Permission, Repo
from storage.links import link_younger_than

SESSION: Final = "patchpilot_session"
SESSION_SECONDS: Final = 12 * 3600
_LONGEST: Final = 100

Session = Annotated[str, Cookie(alias=SESSION, max_length=_LONGEST)]
Reads = Callable[[FailureRecord], bool]
"""Whether the one who asks may read what is known of a failure."""
ReadsRepo = Callable[[Repo], bool]
"""Whether the one who asks may read a repository, should it be private."""


def account_of(session: str) -> str:
    """What is stored of a browser's session: of no use to whoever reads the table."""
    return hashlib.sha256(session.encode()).hexdigest()


def signed_in(parts: BotParts, session: str) -> HostUser | None:
    """Who has signed in with this session, if anybody has in the last twelve hours."""
    if not session:
        return None
    return link_younger_than(
        parts.db,
        medium=Medium.DASHBOARD.value,
        team="",
        account=account_of(session),
        seconds=SESSION_SECONDS,
    )


def reads_repo_of(request: Request, given: Given, session: Session = "") -> ReadsRepo:
    """Which private repositories the one who asks may read; a dependency of routes."""
    parts: BotParts = request.app.state.parts
    if is_api_token(parts, given):
        return lambda _: True
    user = signed_in(parts, session)
    return lambda repo: user is not None and parts.authority.permission(repo, user) >= Permission.READ


RepoReader = Annotated[ReadsRepo, Depends(reads_repo_of)]


def reads_of(reads_repo: RepoReader) -> Reads:
    """What the one who asks may read; a dependency of routes."""
    return lambda failure: not failure.private or reads_repo(failure.run.repo)


Reader = Annotated[Reads, Depends(reads_of)]
