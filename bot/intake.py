"""What a verified event means to us: one call, one Postgres transaction, nothing else in the request."""

from __future__ import annotations

from bot.pulls.reading import commands_in
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
from storage.database import Database
from storage.intake import (
    Recorded,
    record_commits_reverted,
    record_failure,
    record_pull_request_closed,
    record_review,
    record_success,
)
from storage.pull_asks import record_check_action, record_comment
from storage.pull_heads import record_fork_pull_request, with_pull_request


def accept(db: Database, event: HostEvent | None) -> Recorded | None:  # noqa: PLR0911 - one case per event
    """Record an event; ``None`` for one that asks nothing of us."""
    match event:
        case RunFinished(succeeded=False):
            return record_failure(db, with_pull_request(db, event))
        case RunFinished():
            return record_success(db, with_pull_request(db, event))
        case PullRequestClosed():
            return record_pull_request_closed(db, event)
        case ForkPullRequestMoved():
            return record_fork_pull_request(db, event)
        case CommitsReverted():
            return record_commits_reverted(db, event)
        case ReviewWritten():
            return record_review(db, event)
        case CommentWritten():
            return _commented(db, event)
        case CheckActionRequested():
            return record_check_action(db, event)
        case _:
            return None


def _commented(db: Database, event: CommentWritten) -> Recorded | None:
    # Bots answer bots without end, and an App's comment has nobody whose rights could be asked.
    commands = () if event.author_is_bot else commands_in(event.body)
    return record_comment(db, event, "\n".join(commands)) if commands else None
