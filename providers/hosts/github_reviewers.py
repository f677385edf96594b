"""Labels and reviewers of a pull request of ours. Neither may ever cost the pull request."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, Field

from patchpilot.errors import NotFoundError, PatchPilotError, PermanentError, TemporaryError
from patchpilot.source import Repo
from providers.hosts.codeowners import PLACES, Owners, owners
from providers.hosts.github_api import segment
from providers.hosts.github_auth import GitHubAccess
from providers.hosts.github_errors import is_status

log = logging.getLogger(__name__)

MOST_REVIEWERS: Final = 15
"""GitHub takes no more: https://docs.github.com/en/rest/pulls/review-requests"""
_LABEL_COLOUR: Final = "1f6feb"
_LABEL_TEXT: Final = "Proposed by PatchPilot and approved by a human"


class _Login(BaseModel):
    login: str


class _Team(BaseModel):
    slug: str


class _Pull(BaseModel):
    user: _Login | None = None
    requested_reviewers: list[_Login] = Field(default_factory=list)
    requested_teams: list[_Team] = Field(default_factory=list)


class _Label(BaseModel):
    name: str


@dataclass(frozen=True, slots=True)
class Requested:
    """Who was asked, and who could not be."""

    asked: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class GitHubReviewers:
    """Asks code owners for a review, and labels."""

    def __init__(self, access: GitHubAccess) -> None:
        self._access = access

    def request(
        self,
        repo: Repo,
        number: int,
        *,
        base: str,
        paths: Sequence[str],
        without: Sequence[str],
        also: Sequence[str] = (),
    ) -> Requested:
        """Ask the owners of ``paths`` by the CODEOWNERS file of branch ``base``, except ``without``,
        and the logins ``also``.

        Who was asked before is not asked again. Who can't be asked is named in the answer; only a GitHub
        that is away raises (:class:`~patchpilot.errors.TemporaryError`).
        """
        found = owners(self._codeowners(repo, base), paths, organisation=repo.owner)
        with self._access.session(repo, f"reading {repo}#{number}") as session:
            pull = session.get(f"pulls/{number}", _Pull)
        left_out = {login.lower() for login in (*without, pull.user.login if pull.user else "")}
        left_out |= {who.login.lower() for who in pull.requested_reviewers}
        asked_teams = {team.slug.lower() for team in pull.requested_teams}
        wanted = Owners(
            tuple(login for login in dict.fromkeys((*also, *found.users)) if login.lower() not in left_out)[
                :MOST_REVIEWERS
            ],
            tuple(slug for slug in found.teams if slug.lower() not in asked_teams)[:MOST_REVIEWERS],
        )
        return self._ask(repo, number, wanted)

    def label(self, repo: Repo, number: int, names: Sequence[str]) -> None:
        """Put labels on, made where the repository has none of that name."""
        try:
            for name in names:
                self._ensure_label(repo, name)
            with self._access.session(repo, f"labelling {repo}#{number}") as session:
                session.send(f"issues/{number}/labels", {"labels": list(names)})
        except PatchPilotError as error:
            log.warning("labels not set", extra={"action": "pr_label_failed", "reason": str(error)})

    def _codeowners(self, repo: Repo, branch: str) -> str:
        for place in PLACES:
            try:
                with self._access.session(repo, f"reading {place} of {repo}") as session:
                    return session.raw(f"contents/{place}", {"ref": branch})
            except NotFoundError:
                continue
        return ""

    def _ask(self, repo: Repo, number: int, wanted: Owners) -> Requested:
        names = (*wanted.users, *(f"{repo.owner}/{slug}" for slug in wanted.teams))
        if not names:
            return Requested()
        try:
            self._send(repo, number, wanted)
        except TemporaryError:
            raise
        except PermanentError:
            # One that can't be asked makes GitHub refuse them all, so each is asked alone.
            alone = [Owners((login,)) for login in wanted.users] + [
                Owners((), (slug,)) for slug in wanted.teams
            ]
            refused = [
                name for name, one in zip(names, alone, strict=True) if not self._can(repo, number, one)
            ]
            return Requested(tuple(name for name in names if name not in refused), tuple(refused))
        return Requested(names)

    def _can(self, repo: Repo, number: int, one: Owners) -> bool:
        try:
            self._send(repo, number, one)
        except TemporaryError:
            raise
        except PermanentError as error:
            log.info("reviewer refused", extra={"action": "reviewer_refused", "cause": str(error)})
            return False
        return True

    def _send(self, repo: Repo, number: int, wanted: Owners) -> None:
        body = {"reviewers": list(wanted.users), "team_reviewers": list(wanted.teams)}
        with self._access.session(repo, f"asking for reviews of {repo}#{number}") as session:
            session.send(f"pulls/{number}/requested_reviewers", body)

    def _ensure_label(self, repo: Repo, name: str) -> None:
        try:
            with self._access.session(repo, f"looking for the label {name!r} of {repo}") as session:
                session.get(f"labels/{segment(name)}", _Label)
                return
        except NotFoundError:
            pass
        body = {"name": name, "color": _LABEL_COLOUR, "description": _LABEL_TEXT}
        try:
            with self._access.session(repo, f"making the label {name!r} of {repo}") as session:
                session.send("labels", body)
        except PermanentError as error:
            if not is_status(error, 422):  # somebody made it just now
                raise
