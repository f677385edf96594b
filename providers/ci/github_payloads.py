"""GitHub's webhook bodies: just the fields that are used, checked by pydantic.

Shapes: https://docs.github.com/en/webhooks/webhook-events-and-payloads. Everything else in a body is
skipped unread.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, StringConstraints

Ref = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^\x00-\x20\x7f]+$")]
"""A branch name. Git refuses control characters and spaces in refs; so does this."""
FullName = Annotated[str, StringConstraints(min_length=3, max_length=256)]
Text = Annotated[str, StringConstraints(max_length=1_000_000)]
FullSha = Annotated[str, StringConstraints(pattern=r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Envelope(_Part):
    """The one field that tells what an event is about."""

    action: str = ""


class Account(_Part):
    """A user, organisation or bot."""

    login: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    id: PositiveInt
    type: str = "User"


class RepositoryPart(_Part):
    """A repository as every payload carries it."""

    id: PositiveInt
    full_name: FullName
    default_branch: Ref = "main"
    private: bool = False


class HeadRepository(_Part):
    """The repository that a run's head commit lives in."""

    id: PositiveInt
    full_name: FullName


class CommitAuthor(_Part):
    """Who wrote a commit, as git says."""

    name: str = ""
    email: str | None = None


class HeadCommit(_Part):
    """The commit a run is about."""

    message: Text = ""
    author: CommitAuthor | None = None


class PullBase(_Part):
    """The branch that a pull request is to be merged into."""

    ref: Ref


class PullNumber(_Part):
    """A pull request, by number, and where it wants to go."""

    number: PositiveInt
    base: PullBase | None = None


class WorkflowRunPart(_Part):
    """``workflow_run`` of the event with the same name."""

    id: PositiveInt
    name: str | None = None
    path: str = ""
    head_branch: Ref | None = None
    head_sha: FullSha
    conclusion: str | None = None
    run_attempt: PositiveInt = 1
    html_url: str = ""
    updated_at: datetime | None = None
    run_started_at: datetime | None = None
    """When this attempt began."""
    actor: Account | None = None
    head_commit: HeadCommit | None = None
    head_repository: HeadRepository | None = None
    pull_requests: list[PullNumber] = Field(default_factory=list)


class WorkflowRunEvent(_Part):
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#workflow_run"""

    workflow_run: WorkflowRunPart
    repository: RepositoryPart


class Head(_Part):
    """The head of a pull request."""

    ref: Ref
    sha: FullSha
    repo: HeadRepository | None = None
    """``null`` where the fork was deleted."""


class PullRequestPart(_Part):
    """``pull_request`` of the event with the same name."""

    number: PositiveInt
    head: Head
    base: PullBase | None = None
    title: Text = ""
    body: Text | None = None
    merged: bool = False
    merge_commit_sha: FullSha | None = None


class PullRequestEvent(_Part):
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request"""

    pull_request: PullRequestPart
    repository: RepositoryPart
    sender: Account


class ReviewPart(_Part):
    """A review that was submitted."""

    state: str = ""
    body: Text | None = None
    html_url: str = ""
    user: Account | None = None


class ReviewEvent(_Part):
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request_review"""

    review: ReviewPart
    pull_request: PullRequestPart
    repository: RepositoryPart


class PushedAuthor(_Part):
    """Who wrote a commit. GitHub names the account that has verified the address as its own, if any has."""

    email: Text | None = None
    username: Text | None = None


class PushedCommit(_Part):
    """One commit of a push."""

    message: Text = ""
    author: PushedAuthor | None = None


class PushEvent(_Part):
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#push"""

    ref: Annotated[str, StringConstraints(min_length=1, max_length=600)]
    commits: list[PushedCommit] = Field(default_factory=list)
    repository: RepositoryPart
    sender: Account


class PullRequestMark(_Part):
    """Present on an issue that is a pull request."""


class IssuePart(_Part):
    """The issue or pull request that a comment stands on."""

    number: PositiveInt
    pull_request: PullRequestMark | None = None


class PerformedBy(_Part):
    """The App that acted for somebody."""

    id: PositiveInt


class CommentPart(_Part):
    """A comment on an issue or pull request."""

    id: PositiveInt
    body: Text | None = None
    user: Account | None = None
    performed_via_github_app: PerformedBy | None = None


class IssueCommentEvent(_Part):
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#issue_comment"""

    issue: IssuePart
    comment: CommentPart
    repository: RepositoryPart


class ReviewCommentEvent(_Part):
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request_review_comment"""

    pull_request: PullNumber
    comment: CommentPart
    repository: RepositoryPart


class CheckRunPart(_Part):
    """A check run, ours or another App's."""

    id: PositiveInt
    external_id: Annotated[str, StringConstraints(max_length=1000)] | None = None


class RequestedAction(_Part):
    """The button that was pressed."""

    identifier: Annotated[str, StringConstraints(min_length=1, max_length=100)]


class CheckRunEvent(_Part):
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads#check_run"""

    action: Literal["requested_action"]
    check_run: CheckRunPart
    requested_action: RequestedAction
    repository: RepositoryPart
    sender: Account
