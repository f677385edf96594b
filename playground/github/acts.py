"""What people do on the site: push, open, merge, comment, press buttons."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from playground.github import lifecycle
from playground.github.core import Core
from playground.github.errors import ApiError, not_found
from playground.github.gitdata import Identity
from playground.github.gitstore import GitError
from playground.github.model import LineComment, PlaygroundRepo, PullRequest, Role, Run, now
from playground.github.rest_checks import press
from playground.github.rest_issues import write_comment

_SUGGESTION = re.compile(r"(`{3,})suggestion\n((?:.*\n)*?)\1")
Files = Mapping[str, str | bytes | None]


@dataclass(frozen=True, slots=True)
class Push:
    """One commit that a person pushes."""

    author: str
    message: str
    files: Files
    when: datetime | None = None
    """``None`` for now."""


class Acts:
    """People's deeds, each by a named account.

    What is not there raises :class:`LookupError`, an impossible value :class:`ValueError`; what the site
    would refuse raises :class:`~playground.github.errors.ApiError`.
    """

    core: Core

    def push(
        self,
        full_name: str,
        branch: str,
        *,
        author: str,
        message: str,
        files: Files | Path,
        when: datetime | None = None,
    ) -> str:
        """A person commits ``files`` to a branch and pushes; returns the commit.

        ``files`` maps paths to contents, ``None`` deleting one; a folder means its files. A new branch starts
        at the default branch.
        """
        return self.push_history(full_name, branch, [Push(author, message, _contents(files), when)])

    def push_history(self, full_name: str, branch: str, commits: Sequence[Push]) -> str:
        """Several commits in one push: one push event, and CI on the last of them only."""
        if not commits:
            raise ValueError("a push needs at least one commit")
        with self.core.world.lock:
            repo = self.core.world.repository(full_name)
            before = repo.git.refs()
            if not repo.git.valid_ref(f"refs/heads/{branch}"):
                raise ValueError(f"{branch!r} is not a branch name")
            tip = repo.git.head(branch) or repo.git.head(repo.default_branch)
            for one in commits:
                tip = self._commit(repo, one, tip)
            assert tip is not None
            repo.git.update_ref(f"refs/heads/{branch}", tip)
            account = self.core.world.account(commits[-1].author)
            lifecycle.refs_moved(self.core, repo, before, by=account)
        return tip

    def _commit(self, repo: PlaygroundRepo, one: Push, parent: str | None) -> str:
        who = self.core.world.account(one.author)
        identity = Identity(who.display_name, who.email, one.when or now())
        try:
            return repo.git.commit_files(one.files, parent=parent, message=one.message, author=identity)
        except GitError as error:
            raise ValueError(f"committing to {repo.full_name}: {error}") from error

    def revert(self, full_name: str, branch: str, commit: str, *, author: str) -> str:
        """A person reverts a commit of a branch; returns the new commit."""
        with self.core.world.lock:
            repo = self.core.world.repository(full_name)
            tip, bad = repo.git.head(branch), repo.git.resolve(commit)
            if tip is None or bad is None:
                raise LookupError(f"there is no branch {branch!r} with commit {commit!r} in {full_name!r}")
            reverted = repo.git.commit(bad)
            tree = repo.git.merge(tip, repo.git.commit_base(reverted), ancestor=bad)
            if tree is None:
                raise ValueError(f"{commit} can't be reverted on {branch}: it conflicts with later changes")
            who = self.core.world.account(author)
            identity = Identity(who.display_name, who.email, now())
            message = f'Revert "{reverted.subject}"\n\nThis reverts commit {bad}.'
            before = repo.git.refs()
            sha = repo.git.write_commit(
                tree, message=message, parents=[tip], author=identity, committer=identity
            )
            repo.git.update_ref(f"refs/heads/{branch}", sha)
            lifecycle.refs_moved(self.core, repo, before, by=who)
            return sha

    def delete_branch(self, full_name: str, branch: str, *, by: str) -> None:
        """A person deletes a branch; pull requests from it are closed."""
        with self.core.world.lock:
            repo = self.core.world.repository(full_name)
            before = repo.git.refs()
            if f"refs/heads/{branch}" not in before:
                raise LookupError(f"there is no branch {branch!r} in {full_name!r}")
            repo.git.delete_ref(f"refs/heads/{branch}")
            lifecycle.refs_moved(self.core, repo, before, by=self.core.world.account(by))

    def open_pull_request(
        self,
        full_name: str,
        *,
        head: str,
        base: str,
        title: str,
        body: str = "",
        by: str,
        draft: bool = False,
    ) -> int:
        """A person opens a pull request; returns its number."""
        with self.core.world.lock:
            repo, who = self.core.world.repository(full_name), self.core.world.account(by)
            pull = lifecycle.open_pull(
                self.core, repo, title=title, body=body, head=head, base=base, draft=draft, by=who
            )
        return pull.number

    def mark_ready(self, full_name: str, number: int, *, by: str) -> None:
        """A person takes a pull request out of draft."""
        with self.core.world.lock:
            repo, pull = self._open_pull(full_name, number, by, Role.WRITE)
            lifecycle.set_draft(self.core, repo, pull, draft=False, by=self.core.world.account(by))

    def merge(self, full_name: str, number: int, *, by: str) -> str:
        """A person marks a pull request ready if it is a draft, and merges it; returns the merge commit."""
        with self.core.world.lock:
            repo, pull = self._open_pull(full_name, number, by, Role.WRITE)
            who = self.core.world.account(by)
            lifecycle.set_draft(self.core, repo, pull, draft=False, by=who)
            return lifecycle.merge(self.core, repo, pull, by=who)

    def close_pull_request(self, full_name: str, number: int, *, by: str) -> None:
        """A person closes a pull request unmerged."""
        with self.core.world.lock:
            repo, pull = self._open_pull(full_name, number, by, Role.TRIAGE)
            lifecycle.close(self.core, repo, pull, by=self.core.world.account(by))

    def reopen_pull_request(self, full_name: str, number: int, *, by: str) -> None:
        """A person opens a closed pull request again."""
        with self.core.world.lock:
            repo, pull = self._pull(full_name, number, by, Role.TRIAGE)
            lifecycle.reopen(self.core, repo, pull, by=self.core.world.account(by))

    def _pull(self, full_name: str, number: int, by: str, needed: Role) -> tuple[PlaygroundRepo, PullRequest]:
        """A pull request that a person may act on; authors may close and open their own."""
        repo, pull = self.core.world.pull(full_name, number)
        own = pull.author.login == by and needed <= Role.TRIAGE
        if repo.role(by) < needed and not own:
            raise ApiError(403, f"{by} may not do that in {repo.full_name}: it needs {needed.label} access")
        return repo, pull

    def _open_pull(
        self, full_name: str, number: int, by: str, needed: Role
    ) -> tuple[PlaygroundRepo, PullRequest]:
        repo, pull = self._pull(full_name, number, by, needed)
        if pull.state != "open":
            done = "merged" if pull.merged_at else "closed"
            raise ApiError(405, f"{repo.full_name}#{number} is {done} already")
        return repo, pull

    def comment(self, full_name: str, number: int, *, by: str, body: str) -> int:
        """A person comments on a pull request; returns the comment's id."""
        if not body.strip():
            raise ValueError("a comment can't be empty")
        with self.core.world.lock:
            repo, pull = self.core.world.pull(full_name, number)
            if repo.role(by) < Role.READ:
                raise not_found()
            return write_comment(self.core, repo, pull, body=body, by=self.core.world.account(by)).id

    def comment_on_line(
        self, full_name: str, number: int, *, by: str, body: str, path: str, line: int
    ) -> int:
        """A person comments on a line of a pull request's diff; returns the comment's id."""
        with self.core.world.lock:
            repo, pull = self.core.world.pull(full_name, number)
            one = LineComment(
                id=self.core.world.ids.next(),
                author=self.core.world.account(by),
                body=body,
                path=path,
                line=line,
                side="RIGHT",
                commit_id=pull.head_sha,
            )
            lifecycle.add_line_comment(self.core, repo, pull, one)
            return one.id

    def request_action(self, full_name: str, check_run_id: int, identifier: str, *, by: str) -> None:
        """A person presses a button of a check run."""
        with self.core.world.lock:
            repo = self.core.world.repository(full_name)
            check = repo.check_runs.get(check_run_id)
            if check is None:
                raise LookupError(f"there is no check run {check_run_id} in {full_name!r}")
            press(self.core, repo, check, identifier, by=self.core.world.account(by))

    def rerun(self, full_name: str, run_id: int, *, by: str, only_failed: bool = False) -> None:
        """A person runs a workflow run again."""
        with self.core.world.lock:
            repo, run = self._run(full_name, run_id)
            if self.core.runs is None:
                raise ValueError("this playground has no CI")
            self.core.runs.rerun(repo, run, by=self.core.world.account(by), only_failed=only_failed)

    def hold_bots(self, full_name: str, *, hold: bool = True) -> None:
        """Whether CI that an App starts waits for a person in this repository."""
        with self.core.world.lock:
            self.core.world.repository(full_name).holds_bots = hold

    def approve_run(self, full_name: str, run_id: int) -> None:
        """A person lets a run begin that waits."""
        with self.core.world.lock:
            repo, run = self._run(full_name, run_id)
            if self.core.runs is None:
                raise ValueError("this playground has no CI")
            self.core.runs.approve(repo, run)

    def review(self, full_name: str, number: int, *, by: str, approve: bool, body: str = "") -> None:
        """A person approves a pull request or asks for changes."""
        with self.core.world.lock:
            repo, pull = self._open_pull(full_name, number, by, Role.READ)
            state = "APPROVED" if approve else "CHANGES_REQUESTED"
            lifecycle.add_review(
                self.core, repo, pull, by=self.core.world.account(by), state=state, body=body
            )

    def apply_suggestions(self, full_name: str, number: int, *, by: str) -> str:
        """A person applies all suggestions on a pull request in one commit; returns the commit."""
        with self.core.world.lock:
            repo, pull = self._open_pull(full_name, number, by, Role.WRITE)
            files: dict[str, list[str]] = {}
            # From the last line to the first, so that the numbers of those before stay right.
            for one in sorted(pull.line_comments, key=lambda one: -(one.line or 0)):
                found = _SUGGESTION.fullmatch(one.body.strip())
                if found is None or one.line is None:
                    continue
                entry = repo.git.tree(pull.head_sha, path=one.path)[0]
                lines = files.setdefault(one.path, repo.git.blob(entry.sha).decode().split("\n"))
                lines[(one.start_line or one.line) - 1 : one.line] = (found[2] or "").split("\n")[:-1]
            changed: Files = {path: "\n".join(lines) for path, lines in files.items()}
        return self.push(
            full_name, pull.head, author=by, message="Apply suggestions from code review", files=changed
        )

    def _run(self, full_name: str, run_id: int) -> tuple[PlaygroundRepo, Run]:
        repo = self.core.world.repository(full_name)
        if run_id not in repo.runs:
            raise LookupError(f"there is no run {run_id} in {full_name!r}")
        return repo, repo.runs[run_id]


def _contents(files: Files | Path) -> Files:
    if not isinstance(files, Path):
        return files
    if not files.is_dir():
        raise ValueError(f"{files} is not a folder")
    found = (path for path in sorted(files.rglob("*")) if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(files).as_posix(): path.read_bytes() for path in found}
