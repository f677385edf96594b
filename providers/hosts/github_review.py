"""Suggestions on somebody's pull request: one review of ours, however often it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel

from patchpilot.errors import PatchPilotError, TemporaryError
from patchpilot.source import Repo, Sha, sha
from providers.hosts.github_auth import GitHubAccess
from providers.hosts.suggestions import Suggestion

_DIFF = "application/vnd.github.diff"

FullSha = Annotated[str, AfterValidator(sha)]


class _Head(BaseModel):
    ref: str
    sha: FullSha


class _Pull(BaseModel):
    state: str
    head: _Head
    html_url: str = ""


class _User(BaseModel):
    login: str


class _Review(BaseModel):
    id: int
    html_url: str = ""
    body: str | None = ""
    user: _User | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TheirPull:
    """Somebody's pull request, as far as a fix for it needs."""

    number: int
    open: bool
    branch: str
    head_sha: Sha
    url: str
    diff: str


class GitHubReview:
    """Reads somebody's pull request, and suggests changes on it."""

    def __init__(self, access: GitHubAccess) -> None:
        self._access = access

    def read(self, repo: Repo, number: int) -> TheirPull:
        """The pull request with its diff."""
        with self._access.session(repo, f"reading {repo}#{number}") as session:
            found = session.get(f"pulls/{number}", _Pull)
            diff = session.text(f"pulls/{number}", _DIFF) if found.state == "open" else ""
        return TheirPull(
            number=number,
            open=found.state == "open",
            branch=found.head.ref,
            head_sha=Sha(found.head.sha),
            url=found.html_url,
            diff=diff,
        )

    def written(self, repo: Repo, pull: TheirPull, *, marker: str) -> str | None:
        """The address of the review that an earlier :meth:`suggest` wrote with this marker, if any."""
        known = self._find(repo, pull.number, f"<!-- {marker} -->")
        return None if known is None else known.html_url or pull.url

    def suggest(
        self, repo: Repo, pull: TheirPull, given: Sequence[Suggestion], *, body: str, marker: str
    ) -> str:
        """Write one review with these suggestions, or find the earlier call's; return its address.

        Only a review that we wrote counts: anybody can write the marker.
        """
        hidden = f"<!-- {marker} -->"
        known = self._find(repo, pull.number, hidden)
        if known is None:
            try:
                known = self._create(repo, pull, given, f"{body}\n\n{hidden}")
            except PatchPilotError as error:
                if not isinstance(error, TemporaryError):
                    raise
                # It may have been written after all.
                known = self._find(repo, pull.number, hidden)
                if known is None:
                    raise
        return known.html_url or pull.url

    def _create(self, repo: Repo, pull: TheirPull, given: Sequence[Suggestion], body: str) -> _Review:
        comments = [
            {
                "path": one.path,
                "body": one.body,
                "side": "RIGHT",
                "line": one.last,
                **({"start_line": one.first, "start_side": "RIGHT"} if one.first < one.last else {}),
            }
            for one in given
        ]
        wanted = {"commit_id": pull.head_sha, "event": "COMMENT", "body": body, "comments": comments}
        with self._access.session(repo, f"suggesting changes on {repo}#{pull.number}") as session:
            return session.post(f"pulls/{pull.number}/reviews", _Review, wanted)

    def _find(self, repo: Repo, number: int, hidden: str) -> _Review | None:
        ours = self._access.own_login(repo)
        with self._access.session(repo, f"reading the reviews of {repo}#{number}") as session:
            found = session.pages(f"pulls/{number}/reviews", _Review)
            return next(
                (
                    one
                    for one in found
                    if hidden in (one.body or "") and one.user is not None and one.user.login == ours
                ),
                None,
            )
