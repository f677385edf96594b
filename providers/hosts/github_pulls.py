"""GitHub's write side: one branch, one commit, one pull request per proposal, however often it is asked for.

Nothing is retried blindly. Whatever is about to be created is looked up first; when a creation ends in
doubt (a 5xx or timeout after GitHub may have done it, a 422 because somebody else did), it is looked up
again, and only if it is not there does the error go up to the queue, which tries the whole thing later.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel

from patchpilot.errors import NotFoundError, PatchPilotError, PermanentError, TemporaryError
from patchpilot.source import Proposal, PullRequest, Repo, Sha, sha
from patchpilot.text import one_line
from providers.hosts import diffs, github_objects
from providers.hosts.github_api import ref_path
from providers.hosts.github_auth import GitHubAccess
from providers.hosts.github_errors import is_status
from providers.hosts.github_reviewers import GitHubReviewers

MAX_BODY = 65_536
"""Characters of a pull request's or comment's body; GitHub refuses more."""
MAX_TITLE = 256
_CUT = "\n\n…\n\n_The rest was left out: GitHub takes at most 65,536 characters._\n"

FullSha = Annotated[str, AfterValidator(sha)]
Found = TypeVar("Found")
log = logging.getLogger(__name__)


class _Object(BaseModel):
    sha: FullSha


class _Ref(BaseModel):
    object: _Object


class _Head(BaseModel):
    ref: str
    sha: FullSha


class _Pull(BaseModel):
    number: int
    html_url: str
    state: str
    draft: bool = False
    merged_at: datetime | None = None
    head: _Head


class _Message(BaseModel):
    message: str = ""


class _Written(BaseModel):
    commit: _Message


class _App(BaseModel):
    id: int


class _User(BaseModel):
    login: str


class _Comment(BaseModel):
    id: int
    html_url: str = ""
    body: str | None = ""
    user: _User | None = None
    performed_via_github_app: _App | None = None


class GitHubPullRequests:
    """Writes branches, pull requests and comments.

    Only the effects role has credentials for it.
    """

    def __init__(self, access: GitHubAccess) -> None:
        self._access = access
        self._reviewers = GitHubReviewers(access)

    def recent_messages(self, repo: Repo, branch: str, *, limit: int) -> list[str]:
        """The messages of a branch's last commits, newest first; none where the branch is gone."""
        try:
            with self._access.session(repo, f"reading the last commits of {branch!r} on {repo}") as session:
                found = session.pages("commits", _Written, params={"sha": branch}, per_page=limit)
                return [one.commit.message for one in islice(found, limit)]
        except NotFoundError:
            return []

    def push(self, proposal: Proposal, *, onto: Sha) -> Sha:
        """Put the change on top of a branch whose head is ``onto``; once, however often it is asked for.

        Raises :class:`PermanentError` when somebody has pushed since.
        """
        repo = proposal.repo
        tree = self._tree(proposal)
        found = self._head(proposal)
        if found is None:
            raise NotFoundError(f"branch {proposal.branch!r} of {repo} is gone, so nothing was pushed to it")
        head, made, parents = found
        if (made, parents) == (tree, [onto]):
            return head
        if head != onto:
            raise PermanentError(
                f"somebody has pushed to {proposal.branch!r} of {repo} since; PatchPilot leaves their work "
                "alone. The patch is in the thread"
            )
        if made == tree:
            raise PermanentError(f"the patch changes nothing on {proposal.branch!r} of {repo}")
        with self._access.session(repo, f"updating branch {proposal.branch!r} on {repo}") as session:
            commit = github_objects.write_commit(
                session, message=proposal.commit_message, tree=tree, parent=onto
            )
            # Without force GitHub refuses what would lose a commit, whoever was quicker.
            path = f"git/refs/heads/{ref_path(proposal.branch)}"
            moved = session.patch(path, _Ref, {"sha": commit, "force": False})
        return Sha(moved.object.sha)

    def open_pull_request(self, proposal: Proposal) -> PullRequest:
        """Create branch, commit and pull request, or find those an earlier call made. Idempotent by branch.

        Raises:
            PatchDoesNotApplyError: the patch does not fit ``base_sha``.
            UnsafePathError: it touches a workflow, a symlink, a submodule or a path outside.
            PermanentError: the branch exists with other content, or GitHub refuses; says what to do.
            TemporaryError: it is in doubt or GitHub is away; the same call later finds what is there.
        """
        repo = proposal.repo
        diffs.touched_paths(proposal.patch)
        if proposal.branch == proposal.base_branch:
            raise PermanentError(f"{proposal.branch!r} is the base branch itself: a fix needs its own branch")
        existing = self._find_pull(repo, proposal.branch)
        if proposal.onto is not None:
            return self._advance(proposal, existing, onto=proposal.onto)
        if existing is not None:
            return _known(repo, existing)
        self._check_base(proposal)
        self._branch(proposal)
        made = self._create_pull(proposal)
        self._reviewers.label(repo, made.number, proposal.labels)
        log.info("pull request opened", extra={"action": "pr_opened", "repo": str(repo), "pr": made.number})
        return _known(repo, made)

    def comment(self, repo: Repo, number: int, *, marker: str, body: str) -> str:
        """Write our one comment with this hidden marker, or bring it up to date; return its address.

        Only a comment that we wrote counts: anybody can write the marker.
        """
        hidden = f"<!-- {marker} -->"
        text = _cut(f"{body}\n\n{hidden}", keep=hidden)
        known = self._find_comment(repo, number, hidden)
        if known is None:
            known = self._create_or_find(
                lambda: self._create_comment(repo, number, text),
                lambda: self._find_comment(repo, number, hidden),
            )
        if known.body != text:
            with self._access.session(repo, f"updating our comment on {repo}#{number}") as session:
                known = session.patch(f"issues/comments/{known.id}", _Comment, {"body": text})
        return known.html_url

    def _check_base(self, proposal: Proposal) -> None:
        """Say it plainly when the branch was deleted: GitHub's own refusal tells something else."""
        doing = f"looking up branch {proposal.base_branch!r} of {proposal.repo}"
        try:
            with self._access.session(proposal.repo, doing) as session:
                session.get(f"git/ref/heads/{ref_path(proposal.base_branch)}", _Ref)
        except NotFoundError as error:
            raise NotFoundError(
                f"branch {proposal.base_branch!r} of {proposal.repo} is gone: there is nothing to open a "
                "pull request against. The patch is in the thread if it is still wanted"
            ) from error

    # --- branch -------------------------------------------------------------------------------------

    def _advance(self, proposal: Proposal, pull: _Pull | None, *, onto: Sha) -> PullRequest:
        """Put another round on our branch, and bring its pull request up to date."""
        repo = proposal.repo
        if pull is None or pull.state != "open":
            raise PermanentError(
                f"the pull request of {proposal.branch!r} on {repo} is closed, so it gets no second round"
            )
        head = self.push(proposal, onto=onto)
        doing = f"bringing {repo}#{pull.number} up to date"
        with self._access.session(repo, doing) as session:
            body = {"title": one_line(proposal.title, MAX_TITLE), "body": _cut(proposal.body)}
            known = session.patch(f"pulls/{pull.number}", _Pull, body)
        log.info("pull request updated", extra={"action": "pr_updated", "repo": str(repo), "pr": pull.number})
        return replace(_known(repo, known), head_sha=head)

    def _tree(self, proposal: Proposal) -> Sha:
        """Write the tree of the base commit with the patch."""
        repo = proposal.repo
        with self._access.session(repo, f"preparing the commit of {proposal.branch!r} on {repo}") as session:
            base = github_objects.read_commit(session, proposal.base_sha)
            before = github_objects.read_files(session, base.tree.sha, diffs.touched_paths(proposal.patch))
            changes = diffs.apply(proposal.patch, before)
            tree = github_objects.write_tree(session, base.tree.sha, changes)
            if tree == base.tree.sha:
                raise PermanentError(f"the patch changes nothing on {proposal.base_sha[:12]} of {repo}")
        return tree

    def _branch(self, proposal: Proposal) -> None:
        """Make the branch with one commit, unless it is there with just this content."""
        repo = proposal.repo
        tree = self._tree(proposal)
        if self._is_ours(proposal, tree):
            return

        def create() -> bool:
            with self._access.session(repo, f"creating branch {proposal.branch!r} on {repo}") as session:
                commit = github_objects.write_commit(
                    session, message=proposal.commit_message, tree=tree, parent=proposal.base_sha
                )
                session.send("git/refs", {"ref": f"refs/heads/{proposal.branch}", "sha": commit})
            return True

        self._create_or_find(create, lambda: self._is_ours(proposal, tree) or None)

    def _is_ours(self, proposal: Proposal, tree: Sha) -> bool:
        """Whether the branch is there with this very change; raises if it is there with another one."""
        repo = proposal.repo
        found = self._head(proposal)
        if found is None:
            return False
        if found[1:] == (tree, [proposal.base_sha]):
            return True
        raise PermanentError(
            f"branch {proposal.branch!r} of {repo} exists with other content: delete or rename it and retry"
        )

    def _head(self, proposal: Proposal) -> tuple[Sha, str, list[str]] | None:
        """The commit that the branch points to, with its tree and parents; ``None`` without the branch."""
        repo = proposal.repo
        try:
            with self._access.session(repo, f"looking up branch {proposal.branch!r} on {repo}") as session:
                ref = session.get(f"git/ref/heads/{ref_path(proposal.branch)}", _Ref)
                commit = github_objects.read_commit(session, ref.object.sha)
        except NotFoundError:
            return None
        return Sha(commit.sha), commit.tree.sha, [parent.sha for parent in commit.parents]

    # --- pull request -------------------------------------------------------------------------------

    def _find_pull(self, repo: Repo, branch: str) -> _Pull | None:
        """The pull request of our branch, an open one first, else the newest."""
        with self._access.session(repo, f"looking for the pull request of {branch!r} on {repo}") as session:
            asked = {"state": "all", "head": f"{repo.owner}:{branch}", "sort": "created", "direction": "desc"}
            # Servers ignore a filter they don't know, so the branch is compared again.
            found = [pull for pull in session.pages("pulls", _Pull, params=asked) if pull.head.ref == branch]
        return next((pull for pull in found if pull.state == "open"), found[0] if found else None)

    def _create_pull(self, proposal: Proposal) -> _Pull:
        def find() -> _Pull | None:
            return self._find_pull(proposal.repo, proposal.branch)

        try:
            return self._create_or_find(lambda: self._post_pull(proposal, draft=proposal.draft), find)
        except PermanentError as error:
            # Drafts need a paid plan on private repositories.
            if not (proposal.draft and is_status(error, 422) and "draft" in str(error).lower()):
                raise
            if proposal.draft_only:
                raise PermanentError(
                    f"{proposal.repo} takes no draft pull requests, and a policy may open nothing else, so "
                    "none was opened. Set `policy.mode: ask` there; the patch is in the thread"
                ) from error
        return self._create_or_find(lambda: self._post_pull(proposal, draft=False), find)

    def _post_pull(self, proposal: Proposal, *, draft: bool) -> _Pull:
        repo = proposal.repo
        doing = f"opening a pull request from {proposal.branch!r} into {proposal.base_branch!r} on {repo}"
        body = {
            "title": one_line(proposal.title, MAX_TITLE),
            "head": proposal.branch,
            "base": proposal.base_branch,
            "body": _cut(proposal.body),
            "draft": draft,
        }
        with self._access.session(repo, doing) as session:
            return session.post("pulls", _Pull, body)

    # --- comments -----------------------------------------------------------------------------------

    def _create_comment(self, repo: Repo, number: int, text: str) -> _Comment:
        with self._access.session(repo, f"commenting on {repo}#{number}") as session:
            return session.post(f"issues/{number}/comments", _Comment, {"body": text})

    def _find_comment(self, repo: Repo, number: int, hidden: str) -> _Comment | None:
        with self._access.session(repo, f"reading the comments of {repo}#{number}") as session:
            found = [
                comment
                for comment in session.pages(f"issues/{number}/comments", _Comment)
                if hidden in (comment.body or "")
            ]
        if not found:
            return None
        app = self._access.app_id
        if app is not None:
            mine = [
                item
                for item in found
                if item.performed_via_github_app and item.performed_via_github_app.id == app
            ]
        else:
            login = self._access.own_login(repo)
            mine = [item for item in found if item.user is not None and item.user.login == login]
        return mine[0] if mine else None

    def _create_or_find(self, create: Callable[[], Found], find: Callable[[], Found | None]) -> Found:
        """Create; when that ends in doubt, look whether it is there after all before giving up."""
        try:
            return create()
        except PatchPilotError as error:
            if not (isinstance(error, TemporaryError) or is_status(error, 409, 422)):
                raise
            found = find()
            if found is not None:
                return found
            if "already exists" in str(error).lower():
                # GitHub's lists lag behind its writes by a moment.
                raise TemporaryError(f"{error}; it can't be found yet", retry_after=10) from error
            raise


def _known(repo: Repo, pull: _Pull) -> PullRequest:
    return PullRequest(
        repo=repo,
        number=pull.number,
        url=pull.html_url,
        branch=pull.head.ref,
        head_sha=Sha(pull.head.sha),
        draft=pull.draft,
        merged_at=pull.merged_at,
    )


def _cut(text: str, *, keep: str = "") -> str:
    """Cut to what GitHub takes, with a note; ``keep`` is put back at the end."""
    if len(text) <= MAX_BODY:
        return text
    return text[: MAX_BODY - len(_CUT) - len(keep)] + _CUT + keep
