"""GitHub's read side: source, commits, branches, permissions. The worker and the bot hold only this."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Annotated

import github
from pydantic import AfterValidator, BaseModel, Field

from patchpilot.errors import NotFoundError, PatchPilotError, PermanentError
from patchpilot.fixes import Patch
from patchpilot.source import Commit, HostUser, Permission, Repo, Sha, sha
from patchpilot.text import one_line
from providers.hosts.github_api import ref_path, segment
from providers.hosts.github_auth import GitHubAccess
from providers.hosts.github_errors import is_status
from providers.hosts.mirror import MirrorLimits, Mirrors

FullSha = Annotated[str, AfterValidator(sha)]
DIFF = "application/vnd.github.diff"
MAX_DIFF_CHARS = 60_000
"""A commit's diff is cut to this: it goes into a brief, where more would push the failure itself out."""

_TOO_LARGE = {406, 422}
"""GitHub answers 406 for a diff of more than 20,000 lines, 422 for some others."""
_ROLES = {
    "admin": Permission.ADMIN,
    "maintain": Permission.MAINTAIN,
    "write": Permission.WRITE,
    "triage": Permission.TRIAGE,
    "read": Permission.READ,
}


class _Person(BaseModel):
    name: str = ""


class _CommitPart(BaseModel):
    message: str = ""
    author: _Person | None = None


class _Login(BaseModel):
    login: str = ""
    id: int | None = None


class _Link(BaseModel):
    sha: FullSha


class _Commit(BaseModel):
    sha: FullSha
    commit: _CommitPart
    author: _Login | None = None
    parents: list[_Link] = Field(default_factory=list)


class _Object(BaseModel):
    sha: FullSha


class _Ref(BaseModel):
    object: _Object


class _Repository(BaseModel):
    full_name: str
    private: bool = True


class _Comparison(BaseModel):
    merge_base_commit: _Link


class _Role(BaseModel):
    role_name: str = ""
    permission: str = ""
    user: _Login | None = None


class GitHubHost:
    """Source and permissions on GitHub (:class:`~patchpilot.ports.CodeHost`).

    ``cache`` is a folder for bare mirrors, by default below the user's cache folder; it may be deleted at
    any time, and several processes may share it.
    """

    def __init__(
        self, access: GitHubAccess, *, cache: Path | None = None, limits: MirrorLimits | None = None
    ) -> None:
        self._access = access
        self._mirrors = Mirrors(cache or default_cache(), limits)

    def checkout(self, repo: Repo, commit: Sha, into: Path) -> None:
        """Write the tree of ``commit`` into the empty folder ``into``: files only, no ``.git``, no hooks.

        Raises :class:`NotFoundError` when repository or commit are gone.
        """
        commit = sha(commit)
        into.mkdir(parents=True, exist_ok=True)
        if any(into.iterdir()):
            raise PermanentError(f"checking out {repo}: the folder {into.name!r} is not empty")
        if not self._mirrors.has(repo, commit):
            token = self._access.token_for(repo)
            try:
                self._mirrors.fetch(repo, commit, url=self._access.git_url(repo), token=token)
            except PermanentError:
                # Perhaps the token was revoked before its time; a retry by a person gets a new one.
                self._access.forget(repo)
                raise
        try:
            self._mirrors.write_tree(repo, commit, into)
        except BaseException:
            # Half a tree must not be mistaken for the commit, nor stand in a retry's way.
            for child in into.iterdir():
                shutil.rmtree(child) if child.is_dir() and not child.is_symlink() else child.unlink()
            raise

    def commit(self, repo: Repo, commit: Sha) -> Commit:
        """One commit with its diff, cut to :data:`MAX_DIFF_CHARS`."""
        path = f"commits/{sha(commit)}"
        with self._access.session(repo, f"reading commit {commit[:12]} of {repo}") as session:
            found = session.get(path, _Commit)
            diff = ""
            try:
                diff = session.text(path, DIFF)
            except github.GithubException as error:
                if error.status not in _TOO_LARGE:
                    raise
        author = found.commit.author.name if found.commit.author else ""
        return Commit(
            sha=Sha(found.sha),
            author=one_line(author, 100),
            message=found.commit.message,
            parents=tuple(Sha(parent.sha) for parent in found.parents),
            diff=_cut(diff),
        )

    def compare(self, repo: Repo, base: Sha, head: Sha) -> Patch:
        """The diff between two commits, from their merge base to ``head``."""
        doing = f"comparing {base[:12]} with {head[:12]} of {repo}"
        with self._access.session(repo, doing) as session:
            return Patch(session.text(f"compare/{sha(base)}...{sha(head)}", DIFF))

    def merge_base(self, repo: Repo, base: str, head: Sha) -> Sha:
        """The newest commit that branch ``base`` and ``head`` have in common.

        Raises :class:`NotFoundError` when there is none, or the branch is gone.
        https://docs.github.com/en/rest/commits/commits#compare-two-commits
        """
        doing = f"looking up where {head[:12]} of {repo} left branch {base!r}"
        with self._access.session(repo, doing) as session:
            # The second page holds no files, and one commit is as few as can be asked for.
            few = {"per_page": 1, "page": 2}
            found = session.get(f"compare/{ref_path(base)}...{sha(head)}", _Comparison, few)
            return Sha(found.merge_base_commit.sha)

    def read_file(self, repo: Repo, path: str, *, branch: str) -> str | None:
        """The text of one file on a branch; ``None`` where file or branch are missing."""
        try:
            with self._access.session(repo, f"reading {path} of {repo}") as session:
                return session.raw(f"contents/{path}", {"ref": branch})
        except NotFoundError as error:
            if not is_status(error, 404):
                raise
        return None

    def branch_head(self, repo: Repo, branch: str) -> Sha | None:
        """The commit a branch points to, ``None`` when the branch is gone.

        Raises :class:`NotFoundError` when the repository is.
        """
        try:
            with self._access.session(repo, f"looking up branch {branch!r} of {repo}") as session:
                return Sha(session.get(f"git/ref/heads/{ref_path(branch)}", _Ref).object.sha)
        except NotFoundError as error:
            if not is_status(error, 404):
                raise
        with self._access.session(repo, f"looking up {repo}") as session:
            session.get(f"/repos/{repo.full_name}", _Repository)
        return None

    def permission(self, repo: Repo, user: HostUser) -> Permission:
        """What ``user`` may do now; unknown roles, strangers and a 404 mean ``NONE``.

        ``role_name`` is read because ``permission`` folds triage into read and maintain into write. An
        organisation's custom role is unknown here: fail closed. A login that belongs to another account
        by now is a stranger.
        https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user
        """
        role = self._role(repo, user.login)
        if user.id is not None and (role is None or not _is_of(role, user.id)):
            # Renamed since the account was linked? The number stays, the login does not.
            login = self._login(repo, user.id)
            role = self._role(repo, login) if login and login.lower() != user.login.lower() else None
            if role is not None and not _is_of(role, user.id):
                role = None
        if role is None:
            return Permission.NONE
        # Servers without role_name (before GHES 3.4) say only the coarse word.
        return _ROLES.get(role.role_name or role.permission, Permission.NONE)

    def _role(self, repo: Repo, login: str) -> _Role | None:
        try:
            with self._access.session(repo, f"asking what {login!r} may do on {repo}") as session:
                return session.get(f"collaborators/{segment(login)}/permission", _Role)
        except PatchPilotError as error:
            if is_status(error, 404):
                return None
            raise

    def _login(self, repo: Repo, number: int) -> str:
        """The present login of an account; https://docs.github.com/en/rest/users/users#get-a-user-using-their-id"""
        try:
            with self._access.session(repo, f"asking who account {number} is") as session:
                return session.get(f"/user/{number}", _Login).login
        except PatchPilotError as error:
            if is_status(error, 404):
                return ""
            raise

    def is_private(self, repo: Repo) -> bool:
        """Whether not everybody may see the repository; internal ones are private here."""
        with self._access.session(repo, f"asking who may see {repo}") as session:
            return session.get(f"/repos/{repo.full_name}", _Repository).private


def _is_of(role: _Role, number: int) -> bool:
    return role.user is None or role.user.id in {None, number}


def default_cache() -> Path:
    """``$XDG_CACHE_HOME/patchpilot/mirrors``, or below ``~/.cache``."""
    root = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(root).expanduser() / "patchpilot" / "mirrors"


def _cut(diff: str) -> str:
    if len(diff) <= MAX_DIFF_CHARS:
        return diff
    end = diff.rfind("\n", 0, MAX_DIFF_CHARS) + 1
    return f"{diff[:end]}# {len(diff) - end:,} more characters of this diff are left out\n"
