"""Our reaction to a comment. https://docs.github.com/en/rest/reactions/reactions

GitHub gives each account one reaction of a kind, so the same call again changes nothing.
"""

from __future__ import annotations

from patchpilot.errors import NotFoundError
from patchpilot.pull_thread import Reaction
from patchpilot.source import Repo
from providers.hosts.github_auth import GitHubAccess


class GitHubReactions:
    """Reacts to comments. Only the effects role has credentials for it."""

    def __init__(self, access: GitHubAccess) -> None:
        self._access = access

    def give(self, repo: Repo, comment_id: int, reaction: Reaction) -> bool:
        """React to a comment, in the conversation or on a line; false if it is gone."""
        # The two have their own addresses, and nothing but the address tells them apart.
        for kind in ("issues", "pulls"):
            try:
                with self._access.session(repo, f"reacting to a comment on {repo}") as session:
                    session.send(f"{kind}/comments/{comment_id}/reactions", {"content": reaction.value})
            except NotFoundError:
                continue
            return True
        return False
