"""Repositories, runs and pull requests as the cards that people and the page read.

Made under the world's lock; safe to use without it.
"""

from __future__ import annotations

from collections import Counter

from playground.github.core import Core
from playground.github.gitdata import Commit
from playground.github.lifecycle import facts
from playground.github.model import CheckRun, Comment, Job, PlaygroundRepo, PullRequest, Role, Run
from playground.github.rest_checks import checks_of
from playground.web.github_view import (
    CheckCard,
    CommentCard,
    CommitCard,
    JobCard,
    PullCard,
    RepositoryCard,
    RunCard,
    StepCard,
)

_RECENT_RUNS = 30
_RECENT_COMMITS = 20
_WORST_FIRST = ("failure", "cancelled", "in_progress", "queued", "success", "skipped")


def repository_card(core: Core, repo: PlaygroundRepo) -> RepositoryCard:
    """A repository with its latest runs and commits and all its pull requests, newest first."""
    runs = list(reversed(repo.runs.values()))
    head = repo.git.head(repo.default_branch)
    commits = repo.git.log(head, limit=_RECENT_COMMITS) if head else []
    writers = [login for login, role in repo.collaborators.items() if role >= Role.WRITE]
    return RepositoryCard(
        full_name=repo.full_name,
        default_branch=repo.default_branch,
        private=repo.private,
        pulls=tuple(pull_card(core, repo, pull) for pull in reversed(repo.pulls.values())),
        runs=tuple(run_card(run) for run in runs[:_RECENT_RUNS]),
        commits=tuple(_commit(commit, runs) for commit in commits),
        people=tuple(account.login for login in writers if (account := core.world.find_account(login))),
    )


def run_card(run: Run) -> RunCard:
    """A run at its latest attempt."""
    return RunCard(
        id=run.id,
        name=run.name,
        title=run.subject,
        number=run.number,
        attempt=run.attempt,
        event=run.event,
        branch=run.branch,
        sha=run.head_sha,
        actor=run.triggering_actor.login,
        state=state(run.status, run.conclusion),
        created_at=run.created_at.isoformat(),
        jobs=tuple(_job(job) for job in run.jobs[run.attempt]),
    )


def pull_card(core: Core, repo: PlaygroundRepo, pull: PullRequest) -> PullCard:
    """A pull request with conversation and checks; its diff is asked for by itself."""
    checks = [check for check in checks_of(core, repo) if check.head_sha == pull.head_sha]
    return PullCard(
        number=pull.number,
        title=pull.title,
        body=pull.body,
        author=pull.author.login,
        state=_pull_state(pull),
        head=pull.head,
        base=pull.base,
        head_sha=pull.head_sha,
        created_at=pull.created_at.isoformat(),
        mergeable=facts(repo, pull).mergeable is not False,
        labels=tuple(label.name for label in pull.labels),
        reviewers=tuple(who.login for who in pull.reviewers),
        comments=tuple(_comment(one) for one in pull.comments),
        checks=tuple(_check(core, check) for check in checks),
        bot=pull.author.kind == "Bot",
    )


def pull_diff(repo: PlaygroundRepo, pull: PullRequest) -> str:
    """What a pull request changes, as a unified diff."""
    ancestor = repo.git.merge_base(pull.base_sha, pull.head_sha) or repo.git.empty_tree()
    return repo.git.diff(ancestor, pull.head_sha)


def state(status: str, conclusion: str | None) -> str:
    """Status and conclusion in one word."""
    return conclusion if status == "completed" and conclusion else status


def worst(states: list[str]) -> str:
    """The state of several things together; empty without any."""
    return next((one for one in _WORST_FIRST if one in states), "")


def _pull_state(pull: PullRequest) -> str:
    if pull.merged_at:
        return "merged"
    return "draft" if pull.draft and pull.state == "open" else pull.state


def _job(job: Job) -> JobCard:
    steps = tuple(StepCard(name=step.name, state=state(step.status, step.conclusion)) for step in job.steps)
    return JobCard(id=job.id, name=job.name, state=state(job.status, job.conclusion), steps=steps)


def _commit(commit: Commit, runs: list[Run]) -> CommitCard:
    states = [state(run.status, run.conclusion) for run in runs if run.head_sha == commit.sha]
    return CommitCard(
        sha=commit.sha,
        subject=commit.subject,
        author=commit.author.name,
        created_at=commit.author.when.isoformat(),
        state=worst(states),
    )


def _comment(one: Comment) -> CommentCard:
    return CommentCard(
        id=one.id,
        author=one.author.login,
        body=one.body,
        created_at=one.created_at.isoformat(),
        bot=one.author.kind == "Bot",
        reactions=tuple(Counter(reaction.content for reaction in one.reactions).items()),
    )


def _check(core: Core, check: CheckRun) -> CheckCard:
    told = [str(check.output.get(name) or "") for name in ("title", "summary", "text")]
    return CheckCard(
        name=check.name,
        state=state(check.status, check.conclusion),
        summary="\n\n".join(text for text in told if text),
        app=check.app.name,
        id=0 if check.app is core.actions_app else check.id,
        actions=tuple((one["identifier"], one["label"], one["description"]) for one in check.actions),
    )
