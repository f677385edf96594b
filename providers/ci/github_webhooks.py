"""GitHub's webhooks: verify the signature on the raw bytes, then read the few events that say something.

Pure: no I/O, so it runs inside the request. The order is fixed: size, signature, headers, body; nothing of
an unverified body is parsed.
https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from patchpilot.errors import ConfigurationError, ForgeryError, MalformedPayloadError
from patchpilot.failures import (
    CheckActionRequested,
    CommentWritten,
    CommitsReverted,
    ForkPullRequestMoved,
    HostEvent,
    PullRequestClosed,
    ReviewWritten,
    RunFinished,
)
from patchpilot.reverts import Reverts, reverts
from patchpilot.source import HostUser, Repo, RunRef, sha
from patchpilot.text import one_line
from providers.ci.github_payloads import (
    Account,
    CheckRunEvent,
    CommentPart,
    Envelope,
    IssueCommentEvent,
    PullRequestEvent,
    PushEvent,
    RepositoryPart,
    ReviewCommentEvent,
    ReviewEvent,
    WorkflowRunEvent,
    WorkflowRunPart,
)

HOST = "github"
"""Name of the code host in :class:`~patchpilot.source.Repo`."""
PROVIDER = "github_actions"
"""Name of the CI provider in :class:`~patchpilot.source.RunRef`."""
MAX_BODY_BYTES = 25 * 1024 * 1024
"""GitHub caps payloads at 25 MB: https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap"""

_SIGNATURE = re.compile(r"sha256=[0-9a-fA-F]{64}")
_DELIVERY = re.compile(r"[0-9A-Za-z-]{1,64}")
_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
_LOGIN = re.compile(r"[A-Za-z0-9_-]{1,100}")
_HIDDEN = re.compile(
    r"(?:\d+\+)?(?P<login>[a-z0-9_-]{1,100}(?:\[bot\])?)@users\.noreply\.[a-z0-9.-]{1,100}", re.IGNORECASE
)
"""What stands for the address of an author who keeps theirs private.

https://docs.github.com/en/account-and-profile/reference/email-addresses-reference#your-noreply-email-address
"""
_RED = {"failure", "timed_out", "startup_failure"}
_GREEN = {"success"}
_MOVES = {"opened", "reopened", "synchronize"}

Shape = TypeVar("Shape", bound=BaseModel)


class GitHubWebhooks:
    """Verifies and parses GitHub's webhooks (:class:`~patchpilot.ports.WebhookParser`).

    Raises :class:`~patchpilot.errors.ConfigurationError` for an empty secret: unsigned webhooks are never
    accepted.
    """

    def __init__(self, secret: str) -> None:
        if not secret.strip():
            raise ConfigurationError(
                "GITHUB_WEBHOOK_SECRET is empty: set it to the secret of the webhook, "
                "PatchPilot does not accept unsigned deliveries"
            )
        self._secret = secret.encode()

    def parse(self, headers: Mapping[str, str], body: bytes) -> HostEvent | None:
        """Return the typed event, or ``None`` for a delivery that says nothing to us.

        Raises:
            ForgeryError: the signature is missing or does not hold over ``body``.
            MalformedPayloadError: signed, but not of the shape GitHub documents; names the field.
        """
        if len(body) > MAX_BODY_BYTES:
            raise MalformedPayloadError(
                f"the body of this delivery has {len(body):,} bytes; GitHub never sends more than 25 MB"
            )
        self._verify(_header(headers, "X-Hub-Signature-256"), body)
        event = _header(headers, "X-GitHub-Event")
        delivery = _header(headers, "X-GitHub-Delivery")
        if not event:
            raise MalformedPayloadError("the header X-GitHub-Event is missing")
        if not _DELIVERY.fullmatch(delivery):
            raise MalformedPayloadError("the header X-GitHub-Delivery is missing or no delivery id")
        _check_content_type(_header(headers, "Content-Type"))
        reader = _READERS.get(event)
        return None if reader is None else reader(delivery, body)

    def _verify(self, signature: str, body: bytes) -> None:
        if not signature:
            raise ForgeryError("the header X-Hub-Signature-256 is missing: set a secret on the webhook")
        expected = "sha256=" + hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        # Bytes, because compare_digest refuses text outside ASCII with a TypeError.
        given = signature.strip().lower().encode(errors="replace")
        if not _SIGNATURE.fullmatch(signature.strip()) or not hmac.compare_digest(given, expected.encode()):
            raise ForgeryError(
                "X-Hub-Signature-256 does not fit the body: "
                "the webhook's secret and GITHUB_WEBHOOK_SECRET differ, or the request is forged"
            )


def _header(headers: Mapping[str, str], name: str) -> str:
    """Header names are case-insensitive, but a plain ``dict`` of them is not."""
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted), "")


def _check_content_type(value: str) -> None:
    if value.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
        raise MalformedPayloadError(
            "the delivery is form-encoded: choose the content type application/json in the webhook's settings"
        )


def _read(shape: type[Shape], body: bytes, event: str) -> Shape:
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(str(part) for part in problem["loc"]) or "the body"
        raise MalformedPayloadError(f"{event} event: {field}: {one_line(problem['msg'])}") from None


def _run_finished(delivery: str, body: bytes) -> RunFinished | None:
    if _read(Envelope, body, "workflow_run").action != "completed":
        return None
    event = _read(WorkflowRunEvent, body, "workflow_run")
    return run_finished(delivery, event.workflow_run, event.repository)


def run_finished(delivery: str, run: WorkflowRunPart, repository: RepositoryPart) -> RunFinished | None:
    """A run as GitHub shows it, told or asked; ``None`` for one that says nothing about the code."""
    # Cancelled, skipped, neutral: says nothing about the code. Without a branch there is no line to heal.
    if run.conclusion not in _RED | _GREEN or run.head_branch is None:
        return None
    commit = run.head_commit
    pull = run.pull_requests[0] if run.pull_requests else None
    repo = _repo(repository)
    wrote = commit.author if commit else None
    address = (wrote.email if wrote else None) or ""
    pusher = one_line(run.actor.login, 100) if run.actor else ""
    hidden = _HIDDEN.fullmatch(address)
    return RunFinished(
        delivery_id=delivery,
        run=RunRef(
            provider=PROVIDER, repo=repo, run_id=str(run.id), attempt=run.run_attempt, url=_link(run.html_url)
        ),
        workflow=one_line(run.name or run.path or "workflow"),
        workflow_path=run.path.split("@", 1)[0],
        branch=run.head_branch,
        head_sha=sha(run.head_sha),
        succeeded=run.conclusion in _GREEN,
        author=hidden["login"] if hidden else pusher or one_line(wrote.name if wrote else "", 100),
        author_address="" if hidden or not _ADDRESS.fullmatch(address) else address.lower(),
        pusher=pusher,
        commit_subject=one_line(commit.message.split("\n", 1)[0]) if commit else "",
        default_branch=repository.default_branch,
        pull_request=pull.number if pull else None,
        base_branch=pull.base.ref if pull and pull.base else "",
        # A deleted fork is null; what can't be told to be ours is treated as a stranger's.
        from_fork=run.head_repository is None or run.head_repository.id != repository.id,
        private=repository.private,
        reverts=reverts([commit.message] if commit else [], repo),
        started_at=run.run_started_at,
        finished_at=run.updated_at,
    )


def _pull_request(delivery: str, body: bytes) -> PullRequestClosed | ForkPullRequestMoved | None:
    action = _read(Envelope, body, "pull_request").action
    if action == "closed":
        return _closed(delivery, _read(PullRequestEvent, body, "pull_request"))
    if action in _MOVES:
        return _moved(delivery, _read(PullRequestEvent, body, "pull_request"))
    return None


def _moved(delivery: str, event: PullRequestEvent) -> ForkPullRequestMoved | None:
    pull = event.pull_request
    if pull.head.repo is not None and pull.head.repo.id == event.repository.id:
        return None
    return ForkPullRequestMoved(
        delivery_id=delivery,
        repo=_repo(event.repository),
        number=pull.number,
        head_sha=sha(pull.head.sha),
        base_branch=pull.base.ref if pull.base else "",
    )


def _closed(delivery: str, event: PullRequestEvent) -> PullRequestClosed:
    pull = event.pull_request
    # Before a merge, merge_commit_sha is the throw-away test merge: it means nothing then.
    merged = sha(pull.merge_commit_sha) if pull.merged and pull.merge_commit_sha else None
    repo = _repo(event.repository)
    return PullRequestClosed(
        delivery_id=delivery,
        repo=repo,
        number=pull.number,
        branch=pull.head.ref,
        head_sha=sha(pull.head.sha),
        merged=pull.merged,
        merge_sha=merged,
        by=event.sender.login,
        base_branch=pull.base.ref if pull.base else "",
        reverts=reverts([pull.body or ""], repo) if pull.merged else Reverts(),
    )


def _reverted(delivery: str, body: bytes) -> CommitsReverted | None:
    event = _read(PushEvent, body, "push")
    repo = _repo(event.repository)
    branch = event.ref.removeprefix("refs/heads/")
    found = reverts((commit.message for commit in event.commits), repo)
    addresses = _addresses(event)
    if branch == event.ref or not (found or addresses):
        return None
    return CommitsReverted(
        delivery_id=delivery,
        repo=repo,
        branch=branch,
        reverts=found,
        by=event.sender.login,
        addresses=addresses,
    )


def _addresses(event: PushEvent) -> tuple[tuple[str, str], ...]:
    known = set()
    for author in (commit.author for commit in event.commits if commit.author is not None):
        address, login = (author.email or "").lower(), author.username or ""
        # What GitHub makes up to hide an address is nobody's in a chat.
        if _ADDRESS.fullmatch(address) and _LOGIN.fullmatch(login) and not _HIDDEN.fullmatch(address):
            known.add((address, login))
    return tuple(sorted(known))


def _review_written(delivery: str, body: bytes) -> ReviewWritten | None:
    if _read(Envelope, body, "pull_request_review").action != "submitted":
        return None
    event = _read(ReviewEvent, body, "pull_request_review")
    review = event.review
    # The webhook writes states in lower case, the API in capitals; a mere comment decides nothing.
    state = review.state.lower()
    if state not in {"approved", "changes_requested"} or review.user is None:
        return None
    return ReviewWritten(
        delivery_id=delivery,
        repo=_repo(event.repository),
        number=event.pull_request.number,
        branch=event.pull_request.head.ref,
        by=review.user.login,
        approved=state == "approved",
        text=one_line(review.body or "", 500),
        url=_link(review.html_url),
    )


def _comment_written(delivery: str, body: bytes) -> CommentWritten | None:
    if _read(Envelope, body, "issue_comment").action != "created":
        return None
    event = _read(IssueCommentEvent, body, "issue_comment")
    if event.issue.pull_request is None:
        return None
    return _comment(delivery, event.repository, event.issue.number, event.comment)


def _line_comment_written(delivery: str, body: bytes) -> CommentWritten | None:
    if _read(Envelope, body, "pull_request_review_comment").action != "created":
        return None
    event = _read(ReviewCommentEvent, body, "pull_request_review_comment")
    return _comment(delivery, event.repository, event.pull_request.number, event.comment)


def _comment(
    delivery: str, repository: RepositoryPart, number: int, comment: CommentPart
) -> CommentWritten | None:
    user = comment.user
    if user is None:
        return None
    return CommentWritten(
        delivery_id=delivery,
        repo=_repo(repository),
        number=number,
        comment_id=comment.id,
        author=_user(user),
        author_is_bot=(
            user.type != "User"
            or user.login.endswith("[bot]")
            or comment.performed_via_github_app is not None
        ),
        body=(comment.body or "").replace("\x00", ""),
    )


def _check_action(delivery: str, body: bytes) -> CheckActionRequested | None:
    if _read(Envelope, body, "check_run").action != "requested_action":
        return None
    event = _read(CheckRunEvent, body, "check_run")
    return CheckActionRequested(
        delivery_id=delivery,
        repo=_repo(event.repository),
        external_id=event.check_run.external_id or "",
        action=event.requested_action.identifier,
        by=_user(event.sender),
    )


def _repo(part: RepositoryPart) -> Repo:
    return Repo(HOST, part.full_name)


def _user(account: Account) -> HostUser:
    return HostUser(host=HOST, login=account.login, id=account.id)


def _link(url: str) -> str:
    """Only web addresses become links that people click."""
    return url if url.startswith(("https://", "http://")) else ""


_READERS: dict[str, Callable[[str, bytes], HostEvent | None]] = {
    "workflow_run": _run_finished,
    "pull_request": _pull_request,
    "pull_request_review": _review_written,
    "push": _reverted,
    "issue_comment": _comment_written,
    "pull_request_review_comment": _line_comment_written,
    "check_run": _check_action,
}
