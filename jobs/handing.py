"""How an approved fix is handed over: a pull request of its own, or what suits somebody's pull request.

Their branch is theirs: a fix for it arrives as review suggestions where it fits into their diff, else as a
pull request against their branch. It is pushed there only if whoever approved asked for just that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from jobs.proposal import approval_of
from jobs.writing import Writer
from patchpilot.errors import PermanentError
from patchpilot.incidents import HealSnapshot
from patchpilot.source import Delivery, Proposal, PullRequest
from providers.hosts.github_review import TheirPull
from providers.hosts.suggestions import suggestions

ASKED: Final = {
    "push": Delivery.PUSH,
    "suggestions": Delivery.SUGGESTIONS,
    "stacked": Delivery.STACKED,
}
"""What an approval asks for by its option ``deliver``; without it suggestions if they fit, else stacked."""
_MOST_BODY: Final = 60_000
_NOT_SUGGESTED: Final = (
    "Asked for as suggestions, but it did not fit as suggestions into the pull request's diff as it stands, "
    "so it is stacked: a pull request of its own into that branch."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """What was made, and in which form."""

    pull: PullRequest
    delivery: Delivery
    note: str = ""
    """What people are to know about that form; empty where it is as they asked."""


def hand_over(writer: Writer, heal: HealSnapshot, wanted: Proposal) -> HandedOver:
    """Bring the approved fix to people; once, however often it is called.

    Raises what :meth:`~providers.hosts.github_pulls.GitHubPullRequests.open_pull_request` raises.
    """
    failure = heal.failure
    if failure.pull_request is None or not failure.on_somebodys_pull_request or wanted.onto is not None:
        return HandedOver(pull=writer.pulls.open_pull_request(wanted), delivery=Delivery.PULL_REQUEST)
    asked = ASKED.get(approval_of(heal).options.get("deliver", ""))
    theirs = writer.review.read(wanted.repo, failure.pull_request)
    if asked is Delivery.PUSH:
        return _pushed(writer, wanted, theirs)
    if asked is not Delivery.STACKED:
        suggested = _suggested(writer, heal, wanted, theirs)
        if suggested is not None:
            return suggested
    note = ""
    if asked is Delivery.SUGGESTIONS:
        note = _NOT_SUGGESTED
        wanted = replace(wanted, body=f"{note}\n\n{wanted.body}")
    return HandedOver(pull=writer.pulls.open_pull_request(wanted), delivery=Delivery.STACKED, note=note)


def _suggested(writer: Writer, heal: HealSnapshot, wanted: Proposal, theirs: TheirPull) -> HandedOver | None:
    marker = f"patchpilot:suggestions:{heal.id}:{heal.attempt}"
    # What an earlier call wrote is the hand-over, even if somebody has applied it and so moved the head.
    url = writer.review.written(wanted.repo, theirs, marker=marker)
    if url is None:
        given = suggestions(wanted.patch, theirs.diff)
        # What they pushed since may have moved the lines that a suggestion names.
        if not given or not theirs.open or theirs.head_sha != wanted.base_sha:
            return None
        body = wanted.body[:_MOST_BODY]
        url = writer.review.suggest(wanted.repo, theirs, given, body=body, marker=marker)
    pull = replace(_theirs(wanted, theirs, url=url), head_sha=wanted.base_sha)
    return HandedOver(pull=pull, delivery=Delivery.SUGGESTIONS)


def _pushed(writer: Writer, wanted: Proposal, theirs: TheirPull) -> HandedOver:
    if not theirs.open:
        raise PermanentError(f"pull request #{theirs.number} is closed, so nothing was pushed to its branch")
    head = writer.pulls.push(replace(wanted, branch=theirs.branch), onto=wanted.base_sha)
    pull = replace(_theirs(wanted, theirs, url=theirs.url), head_sha=head)
    return HandedOver(pull=pull, delivery=Delivery.PUSH)


def _theirs(wanted: Proposal, theirs: TheirPull, *, url: str) -> PullRequest:
    return PullRequest(
        repo=wanted.repo,
        number=theirs.number,
        url=url,
        branch=theirs.branch,
        head_sha=theirs.head_sha,
        draft=False,
    )
