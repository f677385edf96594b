"""A pull request's conversation: comments, labels, assignees, reactions. https://docs.github.com/en/rest/issues

The playground has no issues of their own; as on GitHub, every pull request is one.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from playground.github import lifecycle, shapes, shapes_work
from playground.github.api import Answer, Body, Call, Route
from playground.github.auth import forbidden
from playground.github.core import Core
from playground.github.errors import ApiError, not_found
from playground.github.model import (
    Account,
    App,
    Comment,
    Label,
    PlaygroundRepo,
    PullRequest,
    Reaction,
    Role,
    now,
)
from playground.github.rest_pulls import LongText, find, find_line_comment
from playground.github.shapes import Json

_REPO = "/repos/{owner}/{repo}"
_ISSUE = f"{_REPO}/issues/{{number}}"
_COMMENT = f"{_REPO}/issues/comments/{{id}}"
_LINE_COMMENT = f"{_REPO}/pulls/comments/{{id}}"


def routes() -> tuple[Route, ...]:
    """The table of this part."""
    return (
        Route("GET", f"{_REPO}/issues", list_issues, "issues:read"),
        Route("GET", f"{_REPO}/issues/comments", list_all_comments, ""),
        Route("GET", _COMMENT, get_comment),
        Route("PATCH", _COMMENT, edit_comment),
        Route("DELETE", _COMMENT, delete_comment),
        Route("GET", f"{_COMMENT}/reactions", list_comment_reactions),
        Route("POST", f"{_COMMENT}/reactions", react_to_comment),
        Route("DELETE", f"{_COMMENT}/reactions/{{reaction}}", delete_comment_reaction),
        Route("GET", f"{_LINE_COMMENT}/reactions", list_line_comment_reactions),
        Route("POST", f"{_LINE_COMMENT}/reactions", react_to_line_comment),
        Route("GET", _ISSUE, get_issue),
        Route("PATCH", _ISSUE, update_issue),
        Route("GET", f"{_ISSUE}/comments", list_comments),
        Route("POST", f"{_ISSUE}/comments", create_comment),
        Route("GET", f"{_ISSUE}/labels", list_labels),
        Route("POST", f"{_ISSUE}/labels", add_labels),
        Route("PUT", f"{_ISSUE}/labels", set_labels),
        Route("DELETE", f"{_ISSUE}/labels", remove_labels),
        Route("DELETE", f"{_ISSUE}/labels/{{name}}", remove_label),
        Route("POST", f"{_ISSUE}/assignees", add_assignees),
        Route("DELETE", f"{_ISSUE}/assignees", remove_assignees),
        Route("GET", f"{_ISSUE}/reactions", list_issue_reactions),
        Route("POST", f"{_ISSUE}/reactions", react_to_issue),
        Route("DELETE", f"{_ISSUE}/reactions/{{reaction}}", delete_issue_reaction),
    )


class NewComment(Body):
    """A comment to write."""

    body: Annotated[LongText, StringConstraints(min_length=1)]


class NewReaction(Body):
    """A reaction to give."""

    content: Literal["+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"]


class Labels(Body):
    """Names of labels."""

    labels: list[str] = Field(default_factory=list)


class Assignees(Body):
    """Logins."""

    assignees: list[str] = Field(default_factory=list)


class IssueChange(Body):
    """Changes of an issue."""

    title: str | None = None
    body: LongText | None = None
    state: Literal["open", "closed"] | None = None
    labels: list[str] | None = None
    assignees: list[str] | None = None


def _may(call: Call, level: str) -> None:
    """On pull requests either permission, issues or pull_requests, opens the conversation.

    A person who may read the repository may also comment.
    """
    if level == "write" and call.caller.installation is None and call.caller.sees(call.repo):
        call.caller.user()
        return
    if not any(call.caller.may(call.repo, area, level) for area in ("issues", "pull_requests")):
        raise forbidden(call.caller)


def _may_sort(call: Call) -> None:
    """Labels and assignees need triage of a person."""
    _may(call, "write")
    if call.caller.installation is None and call.repo.role(call.actor.login) < Role.TRIAGE:
        raise forbidden(call.caller)


def list_issues(call: Call) -> Answer:
    """Pull requests seen as issues."""
    state = call.query.get("state", "open")
    found = [pull for pull in reversed(call.repo.pulls.values()) if state in {"all", pull.state}]
    return call.listed([shapes_work.issue(call.core.site, call.repo, pull) for pull in found])


def get_issue(call: Call) -> Answer:
    """A pull request seen as an issue."""
    _may(call, "read")
    return Answer(shapes_work.issue(call.core.site, call.repo, find(call)))


def update_issue(call: Call) -> Answer:
    """Change title, body, state, labels or assignees."""
    _may_sort(call)
    pull, change = find(call), call.read(IssueChange)
    pull.title = change.title or pull.title
    pull.body = change.body if change.body is not None else pull.body
    if change.labels is not None:
        pull.labels = [_label(call, name) for name in change.labels]
    if change.assignees is not None:
        pull.assignees = _people(call, change.assignees)
    if change.state == "closed":
        lifecycle.close(call.core, call.repo, pull, by=call.actor)
    elif change.state == "open":
        lifecycle.reopen(call.core, call.repo, pull, by=call.actor)
    return Answer(shapes_work.issue(call.core.site, call.repo, pull))


# Comments


def list_comments(call: Call) -> Answer:
    """The conversation, oldest first."""
    _may(call, "read")
    pull = find(call)
    return call.listed(
        [shapes_work.comment(call.core.site, call.repo, pull.number, one) for one in pull.comments]
    )


def list_all_comments(call: Call) -> Answer:
    """The comments of all conversations."""
    _may(call, "read")
    return call.listed(
        [
            shapes_work.comment(call.core.site, call.repo, pull.number, one)
            for pull in call.repo.pulls.values()
            for one in pull.comments
        ]
    )


def create_comment(call: Call) -> Answer:
    """Write a comment."""
    _may(call, "write")
    pull, body = find(call), call.read(NewComment).body
    comment = write_comment(call.core, call.repo, pull, body=body, by=call.actor, app=call.caller.via_app)
    return Answer(shapes_work.comment(call.core.site, call.repo, pull.number, comment), 201)


def write_comment(
    core: Core, repo: PlaygroundRepo, pull: PullRequest, *, body: str, by: Account, app: App | None = None
) -> Comment:
    """Write a comment and tell about it. Hold the world's lock."""
    comment = Comment(id=core.world.ids.next(), author=by, body=body, app=app)
    pull.comments.append(comment)
    payload: Json = {
        "action": "created",
        "issue": shapes_work.issue(core.site, repo, pull),
        "comment": shapes_work.comment(core.site, repo, pull.number, comment),
    }
    core.announcer.tell(repo, "issue_comment", payload, sender=by)
    core.feed.changed()
    return comment


def _comment(call: Call) -> tuple[PullRequest, Comment]:
    wanted = call.number("id")
    for pull in call.repo.pulls.values():
        for one in pull.comments:
            if one.id == wanted:
                return pull, one
    raise not_found()


def _own_comment(call: Call) -> tuple[PullRequest, Comment]:
    """A comment that the caller may change: their own, or with write access."""
    pull, comment = _comment(call)
    if comment.author is not call.actor and not call.caller.may(call.repo, "contents", "write"):
        raise forbidden(call.caller)
    return pull, comment


def get_comment(call: Call) -> Answer:
    """One comment."""
    _may(call, "read")
    pull, comment = _comment(call)
    return Answer(shapes_work.comment(call.core.site, call.repo, pull.number, comment))


def edit_comment(call: Call) -> Answer:
    """Change a comment's text; Apps hear of it as ``edited``."""
    _may(call, "write")
    pull, comment = _own_comment(call)
    before, comment.body, comment.updated_at = comment.body, call.read(NewComment).body, now()
    shape = shapes_work.comment(call.core.site, call.repo, pull.number, comment)
    payload: Json = {
        "action": "edited",
        "changes": {"body": {"from": before}},
        "issue": shapes_work.issue(call.core.site, call.repo, pull),
        "comment": shape,
    }
    call.core.announcer.tell(call.repo, "issue_comment", payload, sender=call.actor)
    return Answer(shape)


def delete_comment(call: Call) -> Answer:
    """Remove a comment."""
    _may(call, "write")
    pull, comment = _own_comment(call)
    pull.comments.remove(comment)
    return Answer(status=204)


# Labels and assignees


def list_labels(call: Call) -> Answer:
    """The labels."""
    _may(call, "read")
    return call.listed(_label_shapes(call, find(call)))


def add_labels(call: Call) -> Answer:
    """Add labels; unknown ones are made, as on GitHub."""
    _may_sort(call)
    pull = find(call)
    for name in _label_names(call):
        label = _label(call, name)
        if label not in pull.labels:
            pull.labels.append(label)
    return Answer(_label_shapes(call, pull))


def set_labels(call: Call) -> Answer:
    """Replace the labels."""
    _may_sort(call)
    pull = find(call)
    pull.labels = [_label(call, name) for name in _label_names(call)]
    return Answer(_label_shapes(call, pull))


def remove_labels(call: Call) -> Answer:
    """Remove all labels."""
    _may_sort(call)
    find(call).labels = []
    return Answer(status=204)


def remove_label(call: Call) -> Answer:
    """Remove one label."""
    _may_sort(call)
    pull = find(call)
    kept = [label for label in pull.labels if label.name.lower() != call.params["name"].lower()]
    if len(kept) == len(pull.labels):
        raise ApiError(404, "Label does not exist")
    pull.labels = kept
    return Answer(_label_shapes(call, pull))


def _label_names(call: Call) -> list[str]:
    """PyGithub sends a bare list, which GitHub takes as well as an object."""
    if call.request.body.lstrip().startswith(b"["):
        wrapped = b'{"labels":' + call.request.body + b"}"
        return call.read_bytes(Labels, wrapped).labels
    return call.read(Labels).labels


def _label(call: Call, name: str) -> Label:
    for label in call.repo.labels.values():
        if label.name.lower() == name.lower():
            return label
    label = Label(id=call.core.world.ids.next(), name=name)
    call.repo.labels[name] = label
    return label


def _label_shapes(call: Call, pull: PullRequest) -> list[Json]:
    return [shapes.label(call.core.site, call.repo, label) for label in pull.labels]


def add_assignees(call: Call) -> Answer:
    """Assign people; those without access are ignored, as on GitHub."""
    _may_sort(call)
    pull = find(call)
    pull.assignees += [
        who for who in _people(call, call.read(Assignees).assignees) if who not in pull.assignees
    ]
    return Answer(shapes_work.issue(call.core.site, call.repo, pull), 201)


def remove_assignees(call: Call) -> Answer:
    """Take people off."""
    _may_sort(call)
    pull, gone = find(call), {login.lower() for login in call.read(Assignees).assignees}
    pull.assignees = [who for who in pull.assignees if who.login.lower() not in gone]
    return Answer(shapes_work.issue(call.core.site, call.repo, pull))


def _people(call: Call, logins: list[str]) -> list[Account]:
    known = [
        call.core.world.find_account(login) for login in logins if login.lower() in call.repo.collaborators
    ]
    return [who for who in known if who is not None]


# Reactions


def list_comment_reactions(call: Call) -> Answer:
    """Reactions to a comment."""
    _may(call, "read")
    return call.listed([shapes_work.reaction(call.core.site, one) for one in _comment(call)[1].reactions])


def react_to_comment(call: Call) -> Answer:
    """React to a comment."""
    _may(call, "write")
    return _react(call, _comment(call)[1].reactions)


def delete_comment_reaction(call: Call) -> Answer:
    """Take a reaction back."""
    _may(call, "write")
    return _unreact(call, _comment(call)[1].reactions)


def list_line_comment_reactions(call: Call) -> Answer:
    """Reactions to a comment on a line."""
    _may(call, "read")
    return call.listed(
        [shapes_work.reaction(call.core.site, one) for one in find_line_comment(call)[1].reactions]
    )


def react_to_line_comment(call: Call) -> Answer:
    """React to a comment on a line."""
    _may(call, "write")
    return _react(call, find_line_comment(call)[1].reactions)


def list_issue_reactions(call: Call) -> Answer:
    """Reactions to the pull request itself."""
    _may(call, "read")
    return call.listed([shapes_work.reaction(call.core.site, one) for one in find(call).reactions])


def react_to_issue(call: Call) -> Answer:
    """React to the pull request itself."""
    _may(call, "write")
    return _react(call, find(call).reactions)


def delete_issue_reaction(call: Call) -> Answer:
    """Take a reaction back."""
    _may(call, "write")
    return _unreact(call, find(call).reactions)


def _react(call: Call, given: list[Reaction]) -> Answer:
    content = call.read(NewReaction).content
    for one in given:
        if one.account is call.actor and one.content == content:
            return Answer(shapes_work.reaction(call.core.site, one))
    reaction = Reaction(id=call.core.world.ids.next(), account=call.actor, content=content)
    given.append(reaction)
    return Answer(shapes_work.reaction(call.core.site, reaction), 201)


def _unreact(call: Call, given: list[Reaction]) -> Answer:
    wanted = call.number("reaction")
    for one in given:
        if one.id == wanted and one.account is call.actor:
            given.remove(one)
            return Answer(status=204)
    raise not_found()
