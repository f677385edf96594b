"""What follows from a moved branch, and a pull request's way from opened to merged.

Every function wants the world's lock held and tells Apps by webhook, as GitHub does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from playground.github import shapes, shapes_work
from playground.github.core import Core
from playground.github.errors import ApiError, invalid, unprocessable
from playground.github.gitdata import Identity
from playground.github.gitstore import ZERO
from playground.github.model import (
    Account,
    App,
    LineComment,
    PlaygroundRepo,
    PullFacts,
    PullRequest,
    Review,
    now,
)

_HEADS = "refs/heads/"


def refs_moved(core: Core, repo: PlaygroundRepo, before: Mapping[str, str], *, by: Account) -> None:
    """Compare the refs with ``before`` and let happen what a push makes happen."""
    after = repo.git.refs()
    for ref in sorted({*before, *after}):
        old, new = before.get(ref, ZERO), after.get(ref, ZERO)
        if old != new and not ref.startswith("refs/pull/"):
            _ref_moved(core, repo, ref, old=old, new=new, by=by)
    core.feed.changed()


def _ref_moved(core: Core, repo: PlaygroundRepo, ref: str, *, old: str, new: str, by: Account) -> None:
    repo.pushed_at = now()
    core.announcer.tell(repo, "push", _push_payload(core, repo, ref, old=old, new=new, by=by), sender=by)
    if not ref.startswith(_HEADS):
        return
    branch = ref.removeprefix(_HEADS)
    if new == ZERO:
        for pull in _open_pulls(repo, head=branch):
            close(core, repo, pull, by=by)
        return
    if core.runs:
        core.runs.start(repo, "push", branch=branch, sha=new, actor=by)
    for pull in _open_pulls(repo, base=branch):
        pull.base_sha = new
        if repo.git.contains(new, pull.head_sha) and pull.head_sha != old:
            _merged(core, repo, pull, by=by, sha=new)
    for pull in _open_pulls(repo, head=branch):
        pull.head_sha, pull.updated_at = new, now()
        _update_refs(repo, pull)
        _tell(core, repo, pull, "synchronize", by=by, before=old, after=new)
        _start_checks(core, repo, pull, "synchronize", by)


def _push_payload(
    core: Core, repo: PlaygroundRepo, ref: str, *, old: str, new: str, by: Account
) -> shapes.Json:
    commits = [] if new == ZERO else repo.git.log(new, limit=20, exclude="" if old == ZERO else old)
    shown = [
        {
            "id": one.sha,
            "tree_id": one.tree,
            "message": one.message,
            "timestamp": shapes.moment(one.committer.when),
            "url": f"{core.site.page(repo)}/commit/{one.sha}",
            "author": _pushed_by(core, one.author.name, one.author.email),
            "committer": _pushed_by(core, one.committer.name, one.committer.email),
        }
        for one in reversed(commits)
    ]
    return {
        "ref": ref,
        "before": old,
        "after": new,
        "created": old == ZERO,
        "deleted": new == ZERO,
        "forced": ZERO not in {old, new} and not repo.git.contains(new, old),
        "base_ref": None,
        "compare": f"{core.site.page(repo)}/compare/{old[:12]}...{new[:12]}",
        "commits": shown,
        "head_commit": shown[-1] if shown else None,
        "pusher": {"name": by.login, "email": by.email},
    }


def _pushed_by(core: Core, name: str, email: str) -> shapes.Json:
    """As in a push's commits: with the account, where one has verified the address as its own."""
    shown: shapes.Json = {"name": name, "email": email}
    for account in core.world.accounts.values():
        if email and account.email.lower() == email.lower():
            shown["username"] = account.login
    return shown


def _open_pulls(repo: PlaygroundRepo, *, head: str = "", base: str = "") -> list[PullRequest]:
    return [
        pull
        for pull in repo.pulls.values()
        if pull.state == "open" and head in {"", pull.head} and base in {"", pull.base}
    ]


# Pull requests


def open_pull(
    core: Core,
    repo: PlaygroundRepo,
    *,
    title: str,
    body: str,
    head: str,
    base: str,
    draft: bool,
    by: Account,
    app: App | None = None,
) -> PullRequest:
    """Open a pull request; raises the 422 that GitHub answers where it can't be."""
    branches = repo.git.branches()
    head = head.removeprefix(f"{repo.owner.login}:")
    if head not in branches:
        raise invalid("PullRequest", "head")
    if base not in branches:
        raise invalid("PullRequest", "base")
    if any(pull.head == head and pull.base == base for pull in _open_pulls(repo)):
        message = f"A pull request already exists for {repo.owner.login}:{head}."
        error = {"resource": "PullRequest", "code": "custom", "message": message}
        raise ApiError(422, "Validation Failed", errors=[error])
    if repo.git.contains(branches[base], branches[head]):
        message = f"No commits between {base} and {head}"
        raise ApiError(
            422,
            "Validation Failed",
            errors=[{"resource": "PullRequest", "code": "custom", "message": message}],
        )
    pull = PullRequest(
        id=core.world.ids.next(),
        number=repo.next_number,
        title=title,
        body=body,
        author=by,
        head=head,
        base=base,
        head_sha=branches[head],
        base_sha=branches[base],
        draft=draft,
        app=app,
    )
    repo.next_number += 1
    repo.pulls[pull.number] = pull
    _update_refs(repo, pull)
    _tell(core, repo, pull, "opened", by=by)
    _start_checks(core, repo, pull, "opened", by)
    core.feed.changed()
    return pull


def close(core: Core, repo: PlaygroundRepo, pull: PullRequest, *, by: Account) -> None:
    """Close a pull request unmerged."""
    if pull.state == "open":
        pull.closed_at = pull.updated_at = now()
        _tell(core, repo, pull, "closed", by=by)
        core.feed.changed()


def reopen(core: Core, repo: PlaygroundRepo, pull: PullRequest, *, by: Account) -> None:
    """Open a closed pull request again."""
    if pull.state == "open":
        return
    head = repo.git.head(pull.head)
    if pull.merged_at or head is None:
        raise invalid(
            "PullRequest", "state", message="state cannot be changed. The branch is merged or deleted."
        )
    pull.closed_at, pull.updated_at, pull.head_sha = None, now(), head
    _update_refs(repo, pull)
    _tell(core, repo, pull, "reopened", by=by)
    _start_checks(core, repo, pull, "reopened", by)
    core.feed.changed()


def set_draft(core: Core, repo: PlaygroundRepo, pull: PullRequest, *, draft: bool, by: Account) -> None:
    """Mark a pull request ready for review, or a draft again."""
    if pull.draft != draft:
        pull.draft, pull.updated_at = draft, now()
        _tell(core, repo, pull, "converted_to_draft" if draft else "ready_for_review", by=by)
        core.feed.changed()


def add_review(
    core: Core,
    repo: PlaygroundRepo,
    pull: PullRequest,
    *,
    by: Account,
    state: str,
    body: str = "",
    commit_id: str = "",
    comments: Sequence[LineComment] = (),
) -> Review:
    """Submit a review with its comments on lines."""
    review = Review(
        id=core.world.ids.next(),
        author=by,
        body=body,
        state=state,
        commit_id=commit_id or pull.head_sha,
    )
    for one in comments:
        one.review_id = review.id
    pull.reviews.append(review)
    pull.line_comments += comments
    pull.reviewers = [who for who in pull.reviewers if who is not by]
    shape = shapes_work.review(core.site, repo, pull.number, review)
    # The webhook writes the state in lower case: https://docs.github.com/en/webhooks/webhook-events-and-payloads
    shown: shapes.Json = {**shape, "state": state.lower()}
    payload: shapes.Json = {
        "action": "submitted",
        "review": shown,
        "pull_request": shapes_work.pull(core.site, repo, pull, facts(repo, pull)),
    }
    core.announcer.tell(repo, "pull_request_review", payload, sender=by)
    for one in comments:
        tell_line_comment(core, repo, pull, one)
    core.feed.changed()
    return review


def add_line_comment(core: Core, repo: PlaygroundRepo, pull: PullRequest, one: LineComment) -> None:
    """Write a comment on a line and tell about it. Hold the world's lock."""
    pull.line_comments.append(one)
    tell_line_comment(core, repo, pull, one)
    core.feed.changed()


def tell_line_comment(core: Core, repo: PlaygroundRepo, pull: PullRequest, one: LineComment) -> None:
    """Have Apps hear of a comment on a line."""
    payload: shapes.Json = {
        "action": "created",
        "comment": shapes_work.line_comment(core.site, repo, pull.number, one),
        "pull_request": shapes_work.pull(core.site, repo, pull, facts(repo, pull)),
    }
    core.announcer.tell(repo, "pull_request_review_comment", payload, sender=one.author)


def edited(core: Core, repo: PlaygroundRepo, pull: PullRequest, *, by: Account) -> None:
    """Tell that title, body or base were changed."""
    pull.updated_at = now()
    _tell(core, repo, pull, "edited", by=by)
    core.feed.changed()


def merge(
    core: Core,
    repo: PlaygroundRepo,
    pull: PullRequest,
    *,
    by: Account,
    method: str = "merge",
    title: str = "",
    message: str = "",
) -> str:
    """Merge a pull request and return the new head of its base; raises 405 where that can't be."""
    if pull.state != "open":
        raise ApiError(405, "Pull Request is not mergeable")
    if pull.draft:
        raise ApiError(405, "Pull Request is still a draft")
    base = repo.git.head(pull.base)
    tree = repo.git.merge(base, pull.head_sha) if base else None
    if base is None or tree is None:
        raise ApiError(405, "Pull Request is not mergeable")
    who = Identity(by.display_name, by.email, now())
    if method == "rebase":
        sha = _replayed(repo, pull, base, committer=who)
    else:
        squash = method == "squash"
        default = f"{pull.title} (#{pull.number})" if squash else _merge_message(repo, pull)
        text = f"{title}\n\n{message}".strip() if title else default
        parents = [base] if squash else [base, pull.head_sha]
        sha = repo.git.write_commit(tree, message=text, parents=parents, author=who, committer=who)
    return _land(core, repo, pull, sha, by=by)


def _merge_message(repo: PlaygroundRepo, pull: PullRequest) -> str:
    return f"Merge pull request #{pull.number} from {repo.owner.login}/{pull.head}\n\n{pull.title}"


def _replayed(repo: PlaygroundRepo, pull: PullRequest, base: str, *, committer: Identity) -> str:
    """The pull request's commits put on top of its base one by one."""
    tip = base
    for commit in reversed(repo.git.log(pull.head_sha, exclude=base)):
        tree = repo.git.merge(tip, commit.sha, ancestor=repo.git.commit_base(commit))
        if tree is None or len(commit.parents) > 1:
            raise ApiError(405, "This branch can't be rebased")
        tip = repo.git.write_commit(
            tree, message=commit.message, parents=[tip], author=commit.author, committer=committer
        )
    return tip


def _land(core: Core, repo: PlaygroundRepo, pull: PullRequest, sha: str, *, by: Account) -> str:
    before = repo.git.refs()
    repo.git.update_ref(f"{_HEADS}{pull.base}", sha)
    _merged(core, repo, pull, by=by, sha=sha)
    refs_moved(core, repo, before, by=by)
    return sha


def _merged(core: Core, repo: PlaygroundRepo, pull: PullRequest, *, by: Account, sha: str) -> None:
    pull.merged_at = pull.closed_at = pull.updated_at = now()
    pull.merged_by, pull.merge_sha = by, sha
    _tell(core, repo, pull, "closed", by=by)


def facts(repo: PlaygroundRepo, pull: PullRequest) -> PullFacts:
    """What git knows about a pull request."""
    key = (pull.base_sha, pull.head_sha, pull.state, pull.draft)
    if pull.facts is None or pull.facts[0] != key:
        pull.facts = (key, _found_facts(repo, pull))
    return pull.facts[1]


def _found_facts(repo: PlaygroundRepo, pull: PullRequest) -> PullFacts:
    ancestor = repo.git.merge_base(pull.base_sha, pull.head_sha) or repo.git.empty_tree()
    changes = repo.git.changes(ancestor, pull.head_sha)
    commits = repo.git.distance(pull.base_sha, pull.head_sha)[0]
    mergeable = None if pull.state == "closed" else repo.git.merge(pull.base_sha, pull.head_sha) is not None
    return PullFacts(
        mergeable=mergeable,
        mergeable_state=_mergeable_state(pull, mergeable=mergeable),
        commits=commits,
        additions=changes.additions,
        deletions=changes.deletions,
        changed_files=len(changes.files),
    )


def _mergeable_state(pull: PullRequest, *, mergeable: bool | None) -> str:
    if mergeable is None:
        return "unknown"
    if not mergeable:
        return "dirty"
    return "draft" if pull.draft else "clean"


def update_branch(core: Core, repo: PlaygroundRepo, pull: PullRequest, *, by: Account) -> None:
    """Merge the base into the head, as the button "Update branch" does."""
    base = repo.git.head(pull.base) or pull.base_sha
    tree = repo.git.merge(pull.head_sha, base)
    if tree is None:
        raise unprocessable("merge conflict between base and head")
    if repo.git.contains(pull.head_sha, base):
        raise unprocessable("There are no new commits on the base branch.")
    who = Identity(by.display_name, by.email, now())
    message = f"Merge branch '{pull.base}' into {pull.head}"
    parents = [pull.head_sha, base]
    sha = repo.git.write_commit(tree, message=message, parents=parents, author=who, committer=who)
    before = repo.git.refs()
    repo.git.update_ref(f"{_HEADS}{pull.head}", sha)
    refs_moved(core, repo, before, by=by)


def _update_refs(repo: PlaygroundRepo, pull: PullRequest) -> None:
    """``refs/pull/N/head`` and, unless there is a conflict, the test merge ``refs/pull/N/merge``."""
    repo.git.update_ref(f"refs/pull/{pull.number}/head", pull.head_sha)
    tree = repo.git.merge(pull.base_sha, pull.head_sha)
    if tree is None:
        pull.merge_sha = ""
        return
    who = Identity("GitHub", "noreply@github.com", now())
    message = f"Merge {pull.head_sha} into {pull.base_sha}"
    parents = [pull.base_sha, pull.head_sha]
    pull.merge_sha = repo.git.write_commit(tree, message=message, parents=parents, author=who, committer=who)
    repo.git.update_ref(f"refs/pull/{pull.number}/merge", pull.merge_sha)


def _start_checks(core: Core, repo: PlaygroundRepo, pull: PullRequest, action: str, by: Account) -> None:
    # As on GitHub, a pull request with a conflict has no test merge and so starts no workflow.
    if core.runs and pull.merge_sha:
        core.runs.start(
            repo,
            "pull_request",
            branch=pull.head,
            sha=pull.head_sha,
            actor=by,
            base=pull.base,
            action=action,
            pull=pull.number,
            tree_sha=pull.merge_sha,
        )


def _tell(
    core: Core, repo: PlaygroundRepo, pull: PullRequest, action: str, *, by: Account, **more: str
) -> None:
    payload: shapes.Json = {
        "action": action,
        "number": pull.number,
        "pull_request": shapes_work.pull(core.site, repo, pull, facts(repo, pull)),
        **more,
    }
    core.announcer.tell(repo, "pull_request", payload, sender=by)
