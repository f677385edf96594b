"""The playground's GitHub as one object: what people do on the site, and what the page reads.

Programs talk to it over HTTP (:func:`router`): REST under ``/api/v3``, git under ``/{owner}/{repo}.git``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from fastapi import APIRouter

from playground.github import lifecycle
from playground.github.auth import is_rsa_public_key
from playground.github.ci import CIRunner
from playground.github.core import Core, actions_app
from playground.github.errors import ApiError
from playground.github.events import ALL_EVENTS, Announcer
from playground.github.faults import Fault, FaultKind, Faults
from playground.github.feed import Feed
from playground.github.gitdata import Identity
from playground.github.gitstore import GitError
from playground.github.http import build_router
from playground.github.model import Account, App, PlaygroundRepo, Role, Run, now
from playground.github.rest_checks import press
from playground.github.rest_issues import write_comment
from playground.github.runs import Runs
from playground.github.shapes import Site
from playground.github.views import (
    PullView,
    RepositoryView,
    RunView,
    pull_diff,
    pull_view,
    repository_view,
    run_view,
)
from playground.github.webhooks import Delivery, Webhooks
from playground.github.world import World


@dataclass(frozen=True, slots=True)
class Push:
    """One commit that a person pushes."""

    author: str
    message: str
    files: Mapping[str, str | bytes | None]
    when: datetime | None = None
    """``None`` for now."""


class GitHub:
    """A GitHub on this machine. Thread-safe; close it when done.

    ``folder`` keeps the bare repositories; ``base_url`` is where :func:`router` is served, without a path;
    with no ``ci`` workflows never run.

    Methods that name something which is not there raise :class:`LookupError`, those given an impossible value
    :class:`ValueError`; what the site itself would refuse raises :class:`~playground.github.errors.ApiError`.
    """

    def __init__(self, folder: Path, *, base_url: str, ci: CIRunner | None) -> None:
        world = World(folder=folder)
        site = Site(base_url.rstrip("/"))
        hooks = Webhooks(world.ids)
        announcer = Announcer(world, site, hooks)
        feed = Feed()
        self._ci = ci
        self._closing = threading.Lock()
        self._closed = False
        self.core = Core(
            world=world,
            site=site,
            hooks=hooks,
            announcer=announcer,
            feed=feed,
            runs=Runs(world, site, announcer, feed, ci) if ci else None,
            faults=Faults(),
            actions_app=actions_app(world.account("github-actions[bot]", kind="Bot")),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Finish the running jobs and deliveries and stop the threads."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        if self._ci:
            self._ci.close()
        self.core.hooks.close()

    @property
    def base_url(self) -> str:
        """Where the site is served."""
        return self.core.site.base_url

    @property
    def api_url(self) -> str:
        """Root of the REST API, for PyGithub's ``base_url``."""
        return self.core.site.api

    # Setting up

    def create_repository(
        self,
        full_name: str,
        *,
        collaborators: Mapping[str, str],
        default_branch: str = "main",
        private: bool = True,
    ) -> PlaygroundRepo:
        """Make an empty repository; ``collaborators`` maps logins to read, triage, write, maintain or admin.

        Apps that are installed on other accounts are installed on this repository's owner too.
        """
        with self.core.world.lock:
            repo = self.core.world.add_repository(
                full_name, collaborators=collaborators, default_branch=default_branch, private=private
            )
            for app in self.core.world.apps.values():
                if app.everywhere:
                    self._install(app, repo.owner, None)
        self.core.feed.changed()
        return repo

    def install_app(
        self,
        app_id: str,
        *,
        public_key_pem: str,
        permissions: Mapping[str, str],
        webhook_url: str = "",
        webhook_secret: str = "",
        slug: str = "patchpilot",
        events: Sequence[str] = ALL_EVENTS,
        repositories: Sequence[str] | None = None,
    ) -> None:
        """Register an App and install it on every owner, now and later, or on ``repositories`` only.

        Give a ``webhook_url`` to at most one of several Apps of one bot, or it hears everything twice.
        """
        if not app_id.isdigit():
            raise ValueError(f"{app_id!r} is not an App id: it must be a number")
        if not is_rsa_public_key(public_key_pem):
            raise ValueError("an App signs with an RSA key: give the public half of one as PEM")
        with self.core.world.lock:
            app = App(
                id=int(app_id),
                slug=slug,
                name=slug,
                public_key_pem=public_key_pem,
                permissions=dict(permissions),
                events=tuple(events),
                webhook_url=webhook_url,
                webhook_secret=webhook_secret,
                bot=self.core.world.account(f"{slug}[bot]", kind="Bot"),
                everywhere=repositories is None,
            )
            self.core.world.add_app(app)
            everything = self.core.world.repositories.values()
            chosen = everything if repositories is None else map(self.core.world.repository, repositories)
            for owner in {repo.owner.id: repo.owner for repo in chosen}.values():
                self._install(app, owner, repositories)

    def _install(self, app: App, owner: Account, only: Sequence[str] | None) -> None:
        there = self.core.world.installations.values()
        if not any(one.app is app and one.account is owner for one in there):
            self.core.announcer.installed(self.core.world.install(app, owner, only))

    def name_person(self, login: str, name: str) -> None:
        """Give an account the full name that its commits carry."""
        with self.core.world.lock:
            self.core.world.account(login).name = name

    def token_for(self, login: str) -> str:
        """A personal token of this person."""
        with self.core.world.lock:
            return self.core.world.personal_token(login).value

    def set_role(self, full_name: str, login: str, role: str) -> None:
        """Change what a person may do; ``none`` takes all access away."""
        with self.core.world.lock:
            repo = self.core.world.repository(full_name)
            wanted = Role.NONE if role == "none" else Role.named(role)
            self.core.world.account(login)
            repo.collaborators[login.lower()] = wanted
        self.core.feed.changed()

    # What people do

    def push(
        self,
        full_name: str,
        branch: str,
        *,
        author: str,
        message: str,
        files: Mapping[str, str | bytes | None] | Path,
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

    def merge(self, full_name: str, number: int, *, by: str) -> str:
        """A person marks a pull request ready if it is a draft, and merges it; returns the merge commit."""
        with self.core.world.lock:
            repo, pull = self.core.world.pull(full_name, number)
            who = self.core.world.account(by)
            if not self._may(repo, by, Role.WRITE):
                raise ApiError(403, f"{by} may not merge in {repo.full_name}: that needs write access")
            if pull.state == "open":
                lifecycle.set_draft(self.core, repo, pull, draft=False, by=who)
            return lifecycle.merge(self.core, repo, pull, by=who)

    def close_pull_request(self, full_name: str, number: int, *, by: str) -> None:
        """A person closes a pull request unmerged."""
        with self.core.world.lock:
            repo, pull = self.core.world.pull(full_name, number)
            if not self._may(repo, by, Role.TRIAGE) and pull.author.login != by:
                raise ApiError(
                    403, f"{by} may not close pull requests in {repo.full_name}: that needs triage access"
                )
            lifecycle.close(self.core, repo, pull, by=self.core.world.account(by))

    def comment(self, full_name: str, number: int, *, by: str, body: str) -> int:
        """A person comments on a pull request; returns the comment's id."""
        if not body.strip():
            raise ValueError("a comment can't be empty")
        with self.core.world.lock:
            repo, pull = self.core.world.pull(full_name, number)
            if not self._may(repo, by, Role.READ):
                raise ApiError(404, "Not Found")
            return write_comment(self.core, repo, pull, body=body, by=self.core.world.account(by)).id

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

    def _may(self, repo: PlaygroundRepo, login: str, role: Role) -> bool:
        return repo.role(login) >= role

    # Reading

    def snapshot(self) -> tuple[RepositoryView, ...]:
        """Every repository with runs and pull requests, without logs and diffs."""
        with self.core.world.lock:
            return tuple(repository_view(self.core, repo) for repo in self.core.world.repositories.values())

    def repository(self, full_name: str) -> RepositoryView:
        """One repository."""
        with self.core.world.lock:
            return repository_view(self.core, self.core.world.repository(full_name))

    def pull_request(self, full_name: str, number: int) -> PullView:
        """One pull request with conversation and diff."""
        with self.core.world.lock:
            repo, pull = self.core.world.pull(full_name, number)
            return pull_view(self.core, repo, pull, whole=True)

    def diff(self, full_name: str, number: int) -> str:
        """A pull request's unified diff."""
        with self.core.world.lock:
            return pull_diff(*self.core.world.pull(full_name, number))

    def runs(self, full_name: str, *, sha: str = "", branch: str = "") -> tuple[RunView, ...]:
        """Workflow runs, newest first, of one commit or branch if given."""
        with self.core.world.lock:
            repo = self.core.world.repository(full_name)
            found = [
                run for run in repo.runs.values() if sha in {"", run.head_sha} and branch in {"", run.branch}
            ]
            return tuple(run_view(self.core, repo, run) for run in reversed(found))

    def job_log(self, full_name: str, job_id: int) -> str:
        """A job's log so far."""
        with self.core.world.lock:
            for _, job in self.core.world.repository(full_name).jobs():
                if job.id == job_id:
                    return job.log.decode(errors="replace").removeprefix("\ufeff")
        raise LookupError(f"there is no job {job_id} in {full_name!r}")

    def _run(self, full_name: str, run_id: int) -> tuple[PlaygroundRepo, Run]:
        repo = self.core.world.repository(full_name)
        if run_id not in repo.runs:
            raise LookupError(f"there is no run {run_id} in {full_name!r}")
        return repo, repo.runs[run_id]

    # Watching

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after each change, from whatever thread; the answer ends that."""
        return self.core.feed.subscribe(listener)

    def wait_until(self, until: Callable[[], bool], *, seconds: float = 60.0) -> bool:
        """Wait until something is so, looking after each change; false when the time is over."""
        return self.core.feed.wait(until, seconds=seconds)

    def wait_for_ci(self, full_name: str, sha: str, *, seconds: float = 60.0) -> str:
        """Wait until all runs of a commit are over, and return the worst conclusion; ``""`` without runs.

        Raises :class:`TimeoutError` when they take longer.
        """

        def over() -> bool:
            return all(run.status == "completed" for run in self.runs(full_name, sha=sha))

        if not self.wait_until(over, seconds=seconds):
            raise TimeoutError(f"CI of {full_name}@{sha[:12]} took more than {seconds:g} s")
        conclusions = {run.conclusion for run in self.runs(full_name, sha=sha)}
        return next((one for one in ("failure", "cancelled", "success") if one in conclusions), "")

    # Webhooks and faults

    def deliveries(self) -> list[Delivery]:
        """The log of webhook deliveries, newest first."""
        return self.core.hooks.log()

    def redeliver(self, delivery_id: str | int) -> Delivery:
        """Send a delivery again with the same GUID, found by its number or GUID."""
        return self.core.hooks.redeliver(delivery_id)

    def drain(self) -> None:
        """Wait until all webhooks queued so far were sent."""
        self.core.hooks.drain()

    def inject(
        self,
        kind: FaultKind | str,
        *,
        method: str = "",
        path: str = "",
        times: int = 1,
        status: int = 502,
        seconds: float = 0.0,
        megabytes: float = 0.0,
        retry_after: int | None = None,
    ) -> None:
        """Let the next matching requests go wrong; :class:`FaultKind` tells how and what the rest means."""
        kind = FaultKind(kind)
        if kind is FaultKind.DUPLICATE_DELIVERY:
            self.core.hooks.duplicate_next(times)
            return
        self.core.faults.add(
            Fault(
                kind=kind,
                method=method,
                path=path,
                times=times,
                status=status,
                seconds=seconds,
                megabytes=megabytes,
                retry_after=retry_after,
            )
        )


def _contents(files: Mapping[str, str | bytes | None] | Path) -> Mapping[str, str | bytes | None]:
    if not isinstance(files, Path):
        return files
    if not files.is_dir():
        raise ValueError(f"{files} is not a folder")
    found = (path for path in sorted(files.rglob("*")) if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(files).as_posix(): path.read_bytes() for path in found}


def router(github: GitHub) -> APIRouter:
    """Everything that programs reach over HTTP, to be included in an application without a prefix."""
    return build_router(github.core)
