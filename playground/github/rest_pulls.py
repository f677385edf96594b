"""Pull requests, their reviews and comments on lines. https://docs.github.com/en/rest/pulls"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from playground.github import lifecycle, shapes, shapes_work
from playground.github.api import Answer, Body, Call, Route
from playground.github.errors import ApiError, invalid, not_found, unprocessable
from playground.github.model import Account, LineComment, PullRequest, Role
from playground.github.rest_commits import diff_answer, patch_answer
from playground.github.shapes import Json

_PULLS = "/repos/{owner}/{repo}/pulls"
_PULL = f"{_PULLS}/{{number}}"

LongText = Annotated[str, StringConstraints(max_length=65536)]
"""Bodies may have 65,536 characters."""


def routes() -> tuple[Route, ...]:
    """The table of this part."""
    return (
        Route("GET", _PULLS, list_pulls, "pull_requests:read"),
        Route("POST", _PULLS, create_pull, "pull_requests:write"),
        Route("GET", f"{_PULLS}/comments/{{id}}", get_line_comment, "pull_requests:read"),
        Route("GET", _PULL, get_pull, "pull_requests:read"),
        Route("PATCH", _PULL, update_pull, "pull_requests:write"),
        Route("GET", f"{_PULL}/files", list_files, "pull_requests:read"),
        Route("GET", f"{_PULL}/commits", list_commits, "pull_requests:read"),
        Route("GET", f"{_PULL}/merge", is_merged, "pull_requests:read"),
        Route("PUT", f"{_PULL}/merge", merge_pull, "contents:write"),
        Route("PUT", f"{_PULL}/update-branch", update_branch, "pull_requests:write"),
        Route("GET", f"{_PULL}/requested_reviewers", get_reviewers, "pull_requests:read"),
        Route("POST", f"{_PULL}/requested_reviewers", add_reviewers, "pull_requests:write"),
        Route("DELETE", f"{_PULL}/requested_reviewers", remove_reviewers, "pull_requests:write"),
        Route("GET", f"{_PULL}/reviews", list_reviews, "pull_requests:read"),
        Route("POST", f"{_PULL}/reviews", create_review, "pull_requests:write"),
        Route("GET", f"{_PULL}/reviews/{{id}}", get_review, "pull_requests:read"),
        Route("GET", f"{_PULL}/comments", list_line_comments, "pull_requests:read"),
        Route("POST", f"{_PULL}/comments", create_line_comment, "pull_requests:write"),
        Route("POST", f"{_PULL}/comments/{{id}}/replies", reply_to_line_comment, "pull_requests:write"),
    )


class NewPull(Body):
    """A pull request to open."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    head: str
    base: str
    body: LongText | None = None
    draft: bool = False


class PullChange(Body):
    """Changes of a pull request."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None
    body: LongText | None = None
    state: Literal["open", "closed"] | None = None
    base: str | None = None


class Merge(Body):
    """How to merge."""

    commit_title: str = ""
    commit_message: str = ""
    sha: str | None = None
    merge_method: Literal["merge", "squash", "rebase"] = "merge"


class Reviewers(Body):
    """Logins of reviewers; the playground has no teams."""

    reviewers: list[str] = Field(default_factory=list)
    team_reviewers: list[str] = Field(default_factory=list)


class NewLineComment(Body):
    """A comment on a line."""

    body: LongText
    path: str = ""
    commit_id: str = ""
    line: int | None = None
    start_line: int | None = None
    position: int | None = None
    side: Literal["LEFT", "RIGHT"] = "RIGHT"
    in_reply_to: int | None = None


class NewReview(Body):
    """A review to submit."""

    body: LongText = ""
    event: Literal["APPROVE", "REQUEST_CHANGES", "COMMENT"] | None = None
    commit_id: str | None = None
    comments: list[NewLineComment] = Field(default_factory=list)


_STATES = {
    "APPROVE": "APPROVED",
    "REQUEST_CHANGES": "CHANGES_REQUESTED",
    "COMMENT": "COMMENTED",
    None: "PENDING",
}


def find(call: Call) -> PullRequest:
    """The pull request that the path names."""
    found = call.repo.pulls.get(call.number("number"))
    if found is None:
        raise not_found()
    return found


def _shape(call: Call, pull: PullRequest) -> Json:
    return shapes_work.pull(call.core.site, call.repo, pull, lifecycle.facts(call.repo, pull))


def list_pulls(call: Call) -> Answer:
    """Pull requests by ``state`` (open unless said), ``head`` (owner:branch) and ``base``; newest first."""
    state, base = call.query.get("state", "open"), call.query.get("base")
    owner, _, head = call.query.get("head", "").rpartition(":")
    found = [
        pull
        for pull in call.repo.pulls.values()
        if state in {"all", pull.state}
        and base in {None, "", pull.base}
        and head in {"", pull.head}
        and owner.lower() in {"", call.repo.owner.login.lower()}
    ]
    ascending = call.query.get("direction") == "asc"
    found.sort(key=lambda pull: pull.number, reverse=not ascending)
    return call.listed([shapes_work.pull(call.core.site, call.repo, pull) for pull in found])


def create_pull(call: Call) -> Answer:
    """Open a pull request."""
    wanted = call.read(NewPull)
    pull = lifecycle.open_pull(
        call.core,
        call.repo,
        title=wanted.title,
        body=wanted.body or "",
        head=wanted.head,
        base=wanted.base,
        draft=wanted.draft,
        by=call.actor,
        app=call.caller.via_app,
    )
    return Answer(_shape(call, pull), 201)


def get_pull(call: Call) -> Answer:
    """One pull request, or its diff or patch by media type."""
    pull, git = find(call), call.repo.git
    if call.wants("diff"):
        return diff_answer(git, git.merge_base(pull.base_sha, pull.head_sha) or pull.base_sha, pull.head_sha)
    if call.wants("patch"):
        return patch_answer(git, f"{pull.base_sha}..{pull.head_sha}")
    return Answer(_shape(call, pull))


def update_pull(call: Call) -> Answer:
    """Change title, body, base or state."""
    pull, change = find(call), call.read(PullChange)
    if change.base is not None:
        base = call.repo.git.head(change.base)
        if base is None:
            raise invalid("PullRequest", "base")
        pull.base, pull.base_sha = change.base, base
    if change.state == "closed":
        lifecycle.close(call.core, call.repo, pull, by=call.actor)
    elif change.state == "open":
        lifecycle.reopen(call.core, call.repo, pull, by=call.actor)
    if change.title is not None or change.body is not None:
        pull.title = change.title if change.title is not None else pull.title
        pull.body = change.body if change.body is not None else pull.body
        lifecycle.edited(call.core, call.repo, pull, by=call.actor)
    return Answer(_shape(call, pull))


def list_files(call: Call) -> Answer:
    """What a pull request changes."""
    pull, git = find(call), call.repo.git
    ancestor = git.merge_base(pull.base_sha, pull.head_sha) or pull.base_sha
    files = git.changes(ancestor, pull.head_sha).files
    return call.listed([shapes.changed_file(call.core.site, call.repo, one, pull.head_sha) for one in files])


def list_commits(call: Call) -> Answer:
    """The commits of a pull request, oldest first."""
    pull, people = find(call), call.core.people()
    history = reversed(call.repo.git.log(pull.head_sha, exclude=pull.base_sha))
    return call.listed([shapes.commit(call.core.site, call.repo, one, people) for one in history])


def is_merged(call: Call) -> Answer:
    """204 if merged, else 404."""
    if find(call).merged_at is None:
        raise not_found()
    return Answer(status=204)


def merge_pull(call: Call) -> Answer:
    """Merge a pull request."""
    pull, wanted = find(call), call.read(Merge)
    if wanted.sha is not None and wanted.sha != pull.head_sha:
        raise ApiError(409, "Head branch was modified. Review and try the merge again.")
    sha = lifecycle.merge(
        call.core,
        call.repo,
        pull,
        by=call.actor,
        method=wanted.merge_method,
        title=wanted.commit_title,
        message=wanted.commit_message,
    )
    return Answer({"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


def update_branch(call: Call) -> Answer:
    """Merge the base into the head."""
    pull = find(call)
    lifecycle.update_branch(call.core, call.repo, pull, by=call.actor)
    return Answer({"message": "Updating pull request branch.", "url": call.core.site.page(call.repo)}, 202)


def get_reviewers(call: Call) -> Answer:
    """Who was asked to review."""
    users = [shapes.account(call.core.site, who) for who in find(call).reviewers]
    return Answer({"users": users, "teams": []})


def add_reviewers(call: Call) -> Answer:
    """Ask collaborators to review."""
    pull = find(call)
    for who in _reviewers(call, pull):
        if who not in pull.reviewers:
            pull.reviewers.append(who)
    return Answer(_shape(call, pull), 201)


def remove_reviewers(call: Call) -> Answer:
    """Take back requests for review."""
    pull = find(call)
    gone = {login.lower() for login in call.read(Reviewers).reviewers}
    pull.reviewers = [who for who in pull.reviewers if who.login.lower() not in gone]
    return Answer(_shape(call, pull))


def _reviewers(call: Call, pull: PullRequest) -> list[Account]:
    found = []
    wanted = call.read(Reviewers)
    if wanted.team_reviewers:
        raise unprocessable("Could not resolve to a node with the global id of a team.")
    for login in wanted.reviewers:
        who = call.core.world.find_account(login)
        if who is None or call.repo.collaborators.get(login.lower(), Role.NONE) == Role.NONE:
            raise unprocessable(
                "Reviews may only be requested from collaborators. One or more of the users or teams you "
                f"specified is not a collaborator of the {call.repo.full_name} repository."
            )
        if who is pull.author:
            raise unprocessable("Review cannot be requested from pull request author.")
        found.append(who)
    return found


def list_reviews(call: Call) -> Answer:
    """All reviews, oldest first."""
    pull = find(call)
    return call.listed(
        [shapes_work.review(call.core.site, call.repo, pull.number, one) for one in pull.reviews]
    )


def get_review(call: Call) -> Answer:
    """One review."""
    pull, wanted = find(call), call.number("id")
    for one in pull.reviews:
        if one.id == wanted:
            return Answer(shapes_work.review(call.core.site, call.repo, pull.number, one))
    raise not_found()


def create_review(call: Call) -> Answer:
    """Submit a review."""
    pull, wanted = find(call), call.read(NewReview)
    if wanted.event in {"APPROVE", "REQUEST_CHANGES"} and pull.author is call.actor:
        verb = "approve" if wanted.event == "APPROVE" else "request changes on"
        raise ApiError(
            422, "Unprocessable Entity", errors=[{"message": f"Can not {verb} your own pull request"}]
        )
    if wanted.event == "REQUEST_CHANGES" and not wanted.body:
        raise invalid("PullRequestReview", "body", code="missing_field")
    comments = [_line_comment(call, pull, one) for one in wanted.comments]
    review = lifecycle.add_review(
        call.core,
        call.repo,
        pull,
        by=call.actor,
        state=_STATES[wanted.event],
        body=wanted.body,
        commit_id=wanted.commit_id or "",
        comments=comments,
    )
    return Answer(shapes_work.review(call.core.site, call.repo, pull.number, review))


def list_line_comments(call: Call) -> Answer:
    """Comments on lines."""
    pull = find(call)
    return call.listed(
        [shapes_work.line_comment(call.core.site, call.repo, pull.number, one) for one in pull.line_comments]
    )


def find_line_comment(call: Call) -> tuple[PullRequest, LineComment]:
    """The comment on a line that the path names, and its pull request."""
    wanted = call.number("id")
    for pull in call.repo.pulls.values():
        for one in pull.line_comments:
            if one.id == wanted:
                return pull, one
    raise not_found()


def get_line_comment(call: Call) -> Answer:
    """One comment on a line."""
    pull, one = find_line_comment(call)
    return Answer(shapes_work.line_comment(call.core.site, call.repo, pull.number, one))


def create_line_comment(call: Call) -> Answer:
    """Comment on a line of the diff."""
    pull = find(call)
    one = _line_comment(call, pull, call.read(NewLineComment))
    lifecycle.add_line_comment(call.core, call.repo, pull, one)
    return Answer(shapes_work.line_comment(call.core.site, call.repo, pull.number, one), 201)


def reply_to_line_comment(call: Call) -> Answer:
    """Answer a comment on a line."""
    pull, parent = find(call), call.number("id")
    origin = next((one for one in pull.line_comments if one.id == parent), None)
    if origin is None:
        raise not_found()
    wanted = call.read(NewLineComment)
    reply = LineComment(
        id=call.core.world.ids.next(),
        author=call.actor,
        body=wanted.body,
        path=origin.path,
        line=origin.line,
        side=origin.side,
        commit_id=origin.commit_id,
        reply_to=origin.id,
    )
    lifecycle.add_line_comment(call.core, call.repo, pull, reply)
    return Answer(shapes_work.line_comment(call.core.site, call.repo, pull.number, reply), 201)


def shown_lines(diff: str, path: str) -> set[int]:
    """The lines of the new side of a file that a diff shows: only those can be commented on."""
    shown: set[int] = set()
    here, number = False, 0
    for line in diff.split("\n"):
        if line.startswith("+++ "):
            here = line == f"+++ b/{path}"
        elif found := re.match(r"@@ -\d+(?:,\d+)? \+(\d+)", line):
            number = int(found[1])
        elif here and line.startswith(("+", " ")):
            shown.add(number)
            number += 1
    return shown


def _line_comment(call: Call, pull: PullRequest, wanted: NewLineComment) -> LineComment:
    git = call.repo.git
    ancestor = git.merge_base(pull.base_sha, pull.head_sha) or pull.base_sha
    if wanted.path not in {one.path for one in git.changes(ancestor, pull.head_sha).files}:
        raise invalid("PullRequestReviewComment", "pull_request_review_thread.path")
    if wanted.line is not None and wanted.side == "RIGHT":
        lines = range(wanted.start_line or wanted.line, wanted.line + 1)
        if not set(lines) <= shown_lines(git.diff(ancestor, pull.head_sha), wanted.path):
            raise invalid("PullRequestReviewComment", "pull_request_review_thread.line")
    return LineComment(
        id=call.core.world.ids.next(),
        author=call.actor,
        body=wanted.body,
        path=wanted.path,
        line=wanted.line or wanted.position,
        start_line=wanted.start_line,
        side=wanted.side,
        commit_id=wanted.commit_id or pull.head_sha,
        reply_to=wanted.in_reply_to,
    )
