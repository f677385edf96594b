"""What the effects role writes with, and what it looks up to write as the repository does."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from jobs.commit_style import LOOKED_AT, detect
from jobs.proposal import Attribution, approval_of
from patchpilot.errors import PermanentError
from patchpilot.incidents import HealSnapshot
from patchpilot.source import HostUser
from providers.hosts.github_auth import GitHubAccess
from providers.hosts.github_people import GitHubPeople, Person
from providers.hosts.github_pulls import GitHubPullRequests
from providers.hosts.github_review import GitHubReview
from providers.hosts.github_reviewers import GitHubReviewers

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """The write side of one code host."""

    pulls: GitHubPullRequests
    people: GitHubPeople
    reviewers: GitHubReviewers
    review: GitHubReview

    @classmethod
    def on(cls, access: GitHubAccess) -> Writer:
        """All parts with the same credentials."""
        return cls(
            pulls=GitHubPullRequests(access),
            people=GitHubPeople(access),
            reviewers=GitHubReviewers(access),
            review=GitHubReview(access),
        )


def attribution(writer: Writer, heal: HealSnapshot) -> Attribution:
    """How the repository writes commit messages, and the accounts that ours names.

    Raises :class:`~patchpilot.errors.TemporaryError` while the host is away; anything else it refuses to tell
    is left out, because it is worth no failure.
    """
    repo = heal.failure.run.repo
    approval = approval_of(heal)
    try:
        messages = writer.pulls.recent_messages(repo, heal.failure.branch, limit=LOOKED_AT)
        convention = detect(messages)
        account = approval.account or HostUser(host=repo.host, login=approval.actor)
        approver = writer.people.find(repo, account) if approval.medium != "policy" else None
        ourselves = writer.people.ourselves(repo) if convention.signed_off else None
    except PermanentError as error:
        log.warning("attribution left out", extra={"action": "attribution_left_out", "cause": str(error)})
        return Attribution()
    return Attribution(convention=convention, approver=_named(approver), ourselves=_named(ourselves))


def _named(person: Person | None) -> str:
    return "" if person is None else str(person)
