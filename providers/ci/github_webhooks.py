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
    HostEvent,
    PullRequestClosed,
    RunFinished,
)
from patchpilot.source import HostUser, Repo, RunRef, sha
from patchpilot.text import one_line
from providers.ci.github_payloads import (
    Account,
    CheckRunEvent,
    Envelope,
    IssueCommentEvent,
    PullRequestEvent,
    RepositoryPart,
    WorkflowRunEvent,
)

HOST = "github"
"""Name of the code host in :class:`~patchpilot.source.Repo`."""
PROVIDER = "github_actions"
"""Name of the CI provider in :class:`~patchpilot.source.RunRef`."""
MAX_BODY_BYTES = 25 * 1024 * 1024
"""GitHub caps payloads at 25 MB: https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap"""

_SIGNATURE = re.compile(r"sha256=[0-9a-fA-F]{64}")
_DELIVERY = re.compile(r"[0-9A-Za-z-]{1,64}")
_RED = {"failure", "timed_out", "startup_failure"}
_GREEN = {"success"}

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
    run = event.workflow_run
    # Cancelled, skipped, neutral: says nothing about the code. Without a branch there is no line to heal.
    if run.conclusion not in _RED | _GREEN or run.head_branch is None:
        return None
    commit = run.head_commit
    repo = _repo(event.repository)
    author = run.actor.login if run.actor else (commit.author.name if commit and commit.author else "")
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
        author=one_line(author, 100),
        commit_subject=one_line(commit.message.split("\n", 1)[0]) if commit else "",
        default_branch=event.repository.default_branch,
        pull_request=run.pull_requests[0].number if run.pull_requests else None,
        # A deleted fork is null; what can't be told to be ours is treated as a stranger's.
        from_fork=run.head_repository is None or run.head_repository.id != event.repository.id,
        started_at=run.run_started_at,
        finished_at=run.updated_at,
    )


def _pull_request_closed(delivery: str, body: bytes) -> PullRequestClosed | None:
    if _read(Envelope, body, "pull_request").action != "closed":
        return None
    event = _read(PullRequestEvent, body, "pull_request")
    pull = event.pull_request
    # Before a merge, merge_commit_sha is the throw-away test merge: it means nothing then.
    merged = sha(pull.merge_commit_sha) if pull.merged and pull.merge_commit_sha else None
    return PullRequestClosed(
        delivery_id=delivery,
        repo=_repo(event.repository),
        number=pull.number,
        branch=pull.head.ref,
        head_sha=sha(pull.head.sha),
        merged=pull.merged,
        merge_sha=merged,
        by=event.sender.login,
    )


def _comment_written(delivery: str, body: bytes) -> CommentWritten | None:
    if _read(Envelope, body, "issue_comment").action != "created":
        return None
    event = _read(IssueCommentEvent, body, "issue_comment")
    comment = event.comment
    if event.issue.pull_request is None or comment.user is None:
        return None
    user = comment.user
    return CommentWritten(
        delivery_id=delivery,
        repo=_repo(event.repository),
        number=event.issue.number,
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
        check_run_id=event.check_run.id,
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
    "pull_request": _pull_request_closed,
    "issue_comment": _comment_written,
    "check_run": _check_action,
}
