"""What the playground's page shows of GitHub: plain values, made under the lock, safe to use without it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from playground.github.core import Core
from playground.github.gitstore import GitStore
from playground.github.lifecycle import facts
from playground.github.model import CheckRun, Job, PlaygroundRepo, PullRequest, Run
from playground.github.rest_checks import checks_of

_RECENT_RUNS = 30
_RECENT_COMMITS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """One step of a job."""

    number: int
    name: str
    status: str
    conclusion: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """One job; its log comes from :meth:`playground.github.server.GitHub.job_log`."""

    id: int
    name: str
    status: str
    conclusion: str | None
    steps: tuple[StepView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A workflow run at its latest attempt."""

    id: int
    number: int
    attempt: int
    name: str
    event: str
    branch: str
    sha: str
    subject: str
    actor: str
    status: str
    conclusion: str | None
    problem: str
    created_at: datetime
    jobs: tuple[JobView, ...]
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionView:
    """A button of a check run."""

    label: str
    description: str
    identifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckView:
    """A check run of a pull request's head."""

    id: int
    name: str
    app: str
    status: str
    conclusion: str | None
    title: str
    summary: str
    actions: tuple[ActionView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentView:
    """A comment of the conversation, in Markdown."""

    id: int
    author: str
    is_bot: bool
    body: str
    created_at: datetime
    reactions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitView:
    """A commit."""

    sha: str
    subject: str
    author: str
    when: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PullView:
    """A pull request; ``diff`` and ``comments`` are empty in lists."""

    repository: str
    number: int
    title: str
    body: str
    author: str
    is_bot: bool
    state: str
    """``open``, ``draft``, ``closed`` or ``merged``."""
    head: str
    base: str
    head_sha: str
    merge_sha: str
    merged_by: str
    mergeable: bool | None
    additions: int
    deletions: int
    changed_files: int
    labels: tuple[str, ...]
    reviewers: tuple[str, ...]
    checks: tuple[CheckView, ...]
    created_at: datetime
    url: str
    commits: tuple[CommitView, ...] = ()
    comments: tuple[CommentView, ...] = ()
    diff: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryView:
    """A repository with its latest runs and all its pull requests."""

    full_name: str
    default_branch: str
    private: bool
    people: dict[str, str]
    """Role by login."""
    branches: dict[str, str]
    commits: tuple[CommitView, ...]
    runs: tuple[RunView, ...]
    pulls: tuple[PullView, ...]
    clone_url: str


def repository_view(core: Core, repo: PlaygroundRepo) -> RepositoryView:
    """A repository as the page shows it. Hold the lock."""
    recent = list(repo.runs.values())[-_RECENT_RUNS:]
    branches = repo.git.branches()
    return RepositoryView(
        full_name=repo.full_name,
        default_branch=repo.default_branch,
        private=repo.private,
        people={_login(core, login): role.label for login, role in repo.collaborators.items()},
        branches=branches,
        commits=_commits(repo.git, repo.default_branch) if repo.default_branch in branches else (),
        runs=tuple(run_view(core, repo, run) for run in reversed(recent)),
        pulls=tuple(pull_view(core, repo, pull) for pull in reversed(repo.pulls.values())),
        clone_url=f"{core.site.page(repo)}.git",
    )


def run_view(core: Core, repo: PlaygroundRepo, run: Run) -> RunView:
    """A run as the page shows it. Hold the lock."""
    return RunView(
        id=run.id,
        number=run.number,
        attempt=run.attempt,
        name=run.name,
        event=run.event,
        branch=run.branch,
        sha=run.head_sha,
        subject=run.subject,
        actor=run.triggering_actor.login,
        status=run.status,
        conclusion=run.conclusion,
        problem=run.problem,
        created_at=run.created_at,
        jobs=tuple(_job(job) for job in run.jobs[run.attempt]),
        url=f"{core.site.page(repo)}/actions/runs/{run.id}",
    )


def pull_view(core: Core, repo: PlaygroundRepo, pull: PullRequest, *, whole: bool = False) -> PullView:
    """A pull request as the page shows it; ``whole`` adds commits, conversation and diff. Hold the lock."""
    details = facts(repo, pull)
    checks = tuple(_check(check) for check in checks_of(core, repo) if check.head_sha == pull.head_sha)
    view = PullView(
        repository=repo.full_name,
        number=pull.number,
        title=pull.title,
        body=pull.body,
        author=pull.author.login,
        is_bot=pull.author.kind == "Bot",
        state="merged" if pull.merged_at else "draft" if pull.draft and pull.state == "open" else pull.state,
        head=pull.head,
        base=pull.base,
        head_sha=pull.head_sha,
        merge_sha=pull.merge_sha if pull.merged_at else "",
        merged_by=pull.merged_by.login if pull.merged_by else "",
        mergeable=details.mergeable,
        additions=details.additions,
        deletions=details.deletions,
        changed_files=details.changed_files,
        labels=tuple(label.name for label in pull.labels),
        reviewers=tuple(who.login for who in pull.reviewers),
        checks=checks,
        created_at=pull.created_at,
        url=f"{core.site.page(repo)}/pull/{pull.number}",
    )
    return _with_details(view, repo, pull) if whole else view


def _with_details(view: PullView, repo: PlaygroundRepo, pull: PullRequest) -> PullView:
    # The merge base as it was: after a merge the base contains the head, and their diff would be empty.
    comments = tuple(
        CommentView(
            id=one.id,
            author=one.author.login,
            is_bot=one.author.kind == "Bot",
            body=one.body,
            created_at=one.created_at,
            reactions=tuple(reaction.content for reaction in one.reactions),
        )
        for one in pull.comments
    )
    values = {name: getattr(view, name) for name in view.__slots__}
    values |= {
        "comments": comments,
        "commits": tuple(reversed(_commits(repo.git, pull.head_sha, exclude=pull.base_sha))),
        "diff": pull_diff(repo, pull),
    }
    return PullView(**values)


def pull_diff(repo: PlaygroundRepo, pull: PullRequest) -> str:
    """What a pull request changes, as a unified diff."""
    ancestor = repo.git.merge_base(pull.base_sha, pull.head_sha) or repo.git.empty_tree()
    return repo.git.diff(ancestor, pull.head_sha)


def _job(job: Job) -> JobView:
    steps = tuple(
        StepView(number=step.number, name=step.name, status=step.status, conclusion=step.conclusion)
        for step in job.steps
    )
    return JobView(id=job.id, name=job.name, status=job.status, conclusion=job.conclusion, steps=steps)


def _check(check: CheckRun) -> CheckView:
    return CheckView(
        id=check.id,
        name=check.name,
        app=check.app.name,
        status=check.status,
        conclusion=check.conclusion,
        title=str(check.output.get("title") or ""),
        summary=str(check.output.get("summary") or ""),
        actions=tuple(ActionView(**action) for action in check.actions),
    )


def _commits(git: GitStore, revision: str, *, exclude: str = "") -> tuple[CommitView, ...]:
    return tuple(
        CommitView(sha=one.sha, subject=one.subject, author=one.author.name, when=one.author.when)
        for one in git.log(revision, limit=_RECENT_COMMITS, exclude=exclude)
    )


def _login(core: Core, login: str) -> str:
    account = core.world.find_account(login)
    return account.login if account else login
