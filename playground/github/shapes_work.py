"""The JSON of pull requests, comments, checks and workflow runs, in GitHub's shape."""

from __future__ import annotations

from urllib.parse import quote

from playground.github import shapes
from playground.github.model import (
    CheckRun,
    Comment,
    Job,
    LineComment,
    PlaygroundRepo,
    PullFacts,
    PullRequest,
    Reaction,
    Review,
    Role,
    Run,
)
from playground.github.shapes import Json, Site, account, moment, node_id

_EMOJI = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


def pull(site: Site, repo: PlaygroundRepo, one: PullRequest, facts: PullFacts | None = None) -> Json:
    """A pull request; ``facts`` gives the details that lists leave out."""
    api, number = f"{site.repo(repo)}/pulls/{one.number}", one.number
    issue = f"{site.repo(repo)}/issues/{number}"
    page = f"{site.page(repo)}/pull/{number}"
    shape: Json = {
        "url": api,
        "id": one.id,
        "node_id": node_id("PullRequest", one.id),
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue,
        "commits_url": f"{api}/commits",
        "review_comments_url": f"{api}/comments",
        "comments_url": f"{issue}/comments",
        "statuses_url": f"{site.repo(repo)}/statuses/{one.head_sha}",
        "number": number,
        "state": one.state,
        "locked": False,
        "title": one.title,
        "user": account(site, one.author),
        "body": one.body or None,
        "labels": [shapes.label(site, repo, label) for label in one.labels],
        "milestone": None,
        "draft": one.draft,
        "created_at": moment(one.created_at),
        "updated_at": moment(one.updated_at),
        "closed_at": moment(one.closed_at),
        "merged_at": moment(one.merged_at),
        "merge_commit_sha": one.merge_sha or None,
        "assignee": account(site, one.assignees[0]) if one.assignees else None,
        "assignees": [account(site, who) for who in one.assignees],
        "requested_reviewers": [account(site, who) for who in one.reviewers],
        "requested_teams": [],
        "head": _side(site, repo, one.head, one.head_sha),
        "base": _side(site, repo, one.base, one.base_sha),
        "author_association": association(repo, one.author.login),
        "auto_merge": None,
        "active_lock_reason": None,
    }
    return shape if facts is None else {**shape, **_details(site, one, facts)}


def _details(site: Site, one: PullRequest, facts: PullFacts) -> Json:
    return {
        "merged": one.merged_at is not None,
        "merged_by": account(site, one.merged_by) if one.merged_by else None,
        "mergeable": facts.mergeable,
        "mergeable_state": facts.mergeable_state,
        "rebaseable": facts.mergeable,
        "comments": len(one.comments),
        "review_comments": len(one.line_comments),
        "maintainer_can_modify": False,
        "commits": facts.commits,
        "additions": facts.additions,
        "deletions": facts.deletions,
        "changed_files": facts.changed_files,
    }


def _side(site: Site, repo: PlaygroundRepo, branch: str, sha: str) -> Json:
    return {
        "label": f"{repo.owner.login}:{branch}",
        "ref": branch,
        "sha": sha,
        "user": account(site, repo.owner),
        "repo": shapes.repository(site, repo),
    }


def association(repo: PlaygroundRepo, login: str) -> str:
    """How somebody stands to a repository."""
    return "COLLABORATOR" if repo.collaborators.get(login.lower(), Role.NONE) else "NONE"


def issue(site: Site, repo: PlaygroundRepo, one: PullRequest) -> Json:
    """A pull request seen as an issue."""
    api, page = f"{site.repo(repo)}/issues/{one.number}", f"{site.page(repo)}/pull/{one.number}"
    return {
        "url": api,
        "repository_url": site.repo(repo),
        "labels_url": f"{api}/labels{{/name}}",
        "comments_url": f"{api}/comments",
        "events_url": f"{api}/events",
        "html_url": page,
        "id": one.id,
        "node_id": node_id("PullRequest", one.id),
        "number": one.number,
        "title": one.title,
        "user": account(site, one.author),
        "labels": [shapes.label(site, repo, label) for label in one.labels],
        "state": one.state,
        "locked": False,
        "assignees": [account(site, who) for who in one.assignees],
        "comments": len(one.comments),
        "created_at": moment(one.created_at),
        "updated_at": moment(one.updated_at),
        "closed_at": moment(one.closed_at),
        "author_association": association(repo, one.author.login),
        "draft": one.draft,
        "body": one.body or None,
        "pull_request": {
            "url": f"{site.repo(repo)}/pulls/{one.number}",
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": moment(one.merged_at),
        },
        "performed_via_github_app": shapes.app(site, one.app) if one.app else None,
    }


def comment(site: Site, repo: PlaygroundRepo, number: int, one: Comment) -> Json:
    """A comment in a conversation."""
    api = f"{site.repo(repo)}/issues"
    return {
        "url": f"{api}/comments/{one.id}",
        "html_url": f"{site.page(repo)}/pull/{number}#issuecomment-{one.id}",
        "issue_url": f"{api}/{number}",
        "id": one.id,
        "node_id": node_id("IssueComment", one.id),
        "user": account(site, one.author),
        "created_at": moment(one.created_at),
        "updated_at": moment(one.updated_at),
        "author_association": association(repo, one.author.login),
        "body": one.body,
        "reactions": reactions(f"{api}/comments/{one.id}/reactions", one.reactions),
        "performed_via_github_app": shapes.app(site, one.app) if one.app else None,
    }


def reactions(url: str, given: list[Reaction]) -> Json:
    """The summary of reactions."""
    counts: Json = {name: sum(one.content == name for one in given) for name in _EMOJI}
    return {"url": url, "total_count": len(given), **counts}


def reaction(site: Site, one: Reaction) -> Json:
    """One reaction."""
    return {
        "id": one.id,
        "node_id": node_id("Reaction", one.id),
        "user": account(site, one.account),
        "content": one.content,
        "created_at": moment(one.created_at),
    }


def review(site: Site, repo: PlaygroundRepo, number: int, one: Review) -> Json:
    """A review."""
    page = f"{site.page(repo)}/pull/{number}"
    return {
        "id": one.id,
        "node_id": node_id("PullRequestReview", one.id),
        "user": account(site, one.author),
        "body": one.body,
        "state": one.state,
        "html_url": f"{page}#pullrequestreview-{one.id}",
        "pull_request_url": f"{site.repo(repo)}/pulls/{number}",
        "author_association": association(repo, one.author.login),
        "submitted_at": moment(one.submitted_at),
        "commit_id": one.commit_id,
    }


def line_comment(site: Site, repo: PlaygroundRepo, number: int, one: LineComment) -> Json:
    """A comment on a line of a diff."""
    return {
        "url": f"{site.repo(repo)}/pulls/comments/{one.id}",
        "pull_request_review_id": one.review_id,
        "id": one.id,
        "node_id": node_id("PullRequestReviewComment", one.id),
        "path": one.path,
        "line": one.line,
        "start_line": one.start_line,
        "original_line": one.line,
        "side": one.side,
        "commit_id": one.commit_id,
        "original_commit_id": one.commit_id,
        "in_reply_to_id": one.reply_to,
        "user": account(site, one.author),
        "body": one.body,
        "created_at": moment(one.created_at),
        "updated_at": moment(one.updated_at),
        "html_url": f"{site.page(repo)}/pull/{number}#discussion_r{one.id}",
        "pull_request_url": f"{site.repo(repo)}/pulls/{number}",
        "author_association": association(repo, one.author.login),
        "reactions": reactions(f"{site.repo(repo)}/pulls/comments/{one.id}/reactions", one.reactions),
    }


def check_run(site: Site, repo: PlaygroundRepo, one: CheckRun) -> Json:
    """A check run."""
    url = f"{site.repo(repo)}/check-runs/{one.id}"
    return {
        "id": one.id,
        "node_id": node_id("CheckRun", one.id),
        "name": one.name,
        "head_sha": one.head_sha,
        "external_id": one.external_id,
        "url": url,
        "html_url": f"{site.page(repo)}/runs/{one.id}",
        "details_url": one.details_url or site.base_url,
        "status": one.status,
        "conclusion": one.conclusion,
        "started_at": moment(one.started_at),
        "completed_at": moment(one.completed_at),
        "output": {
            "title": one.output.get("title"),
            "summary": one.output.get("summary"),
            "text": one.output.get("text"),
            "annotations_count": len(one.annotations),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": one.app.id},
        "app": shapes.app(site, one.app),
        "pull_requests": [
            _pull_brief(site, repo, pull) for pull in repo.pulls.values() if pull.head_sha == one.head_sha
        ],
        "actions": [dict(action) for action in one.actions],
    }


def _pull_brief(site: Site, repo: PlaygroundRepo, one: PullRequest) -> Json:
    where = {"id": repo.id, "url": site.repo(repo), "name": repo.name}
    return {
        "url": f"{site.repo(repo)}/pulls/{one.number}",
        "id": one.id,
        "number": one.number,
        "head": {"ref": one.head, "sha": one.head_sha, "repo": where},
        "base": {"ref": one.base, "sha": one.base_sha, "repo": where},
    }


def run(site: Site, repo: PlaygroundRepo, one: Run, *, attempt: int = 0) -> Json:
    """A workflow run, seen at ``attempt`` (0 for the latest)."""
    attempt = attempt or one.attempt
    status, conclusion = one.results.get(attempt, (one.status, one.conclusion))
    api = f"{site.repo(repo)}/actions/runs/{one.id}"
    commit = repo.git.commit(one.head_sha)
    earlier = f"{api}/attempts/{attempt - 1}" if attempt > 1 else None
    return {
        "id": one.id,
        "name": one.name,
        "node_id": node_id("WorkflowRun", one.id),
        "head_branch": one.branch,
        "head_sha": one.head_sha,
        "path": one.workflow.path,
        "display_title": commit.subject,
        "run_number": one.number,
        "run_attempt": attempt,
        "event": one.event,
        "status": status,
        "conclusion": conclusion,
        "workflow_id": one.workflow.id,
        "check_suite_id": one.check_suite_id,
        "check_suite_node_id": node_id("CheckSuite", one.check_suite_id),
        "url": api,
        "html_url": f"{site.page(repo)}/actions/runs/{one.id}",
        "pull_requests": [_pull_brief(site, repo, repo.pulls[number]) for number in one.pull_requests],
        "created_at": moment(one.created_at),
        "updated_at": moment(one.updated_at),
        "run_started_at": moment(one.started_at),
        "actor": account(site, one.actor),
        "triggering_actor": account(site, one.triggering_actor),
        "referenced_workflows": [],
        "jobs_url": f"{api}/jobs",
        "logs_url": f"{api}/logs",
        "check_suite_url": f"{site.repo(repo)}/check-suites/{one.check_suite_id}",
        "artifacts_url": f"{api}/artifacts",
        "cancel_url": f"{api}/cancel",
        "rerun_url": f"{api}/rerun",
        "previous_attempt_url": earlier,
        "workflow_url": f"{site.repo(repo)}/actions/workflows/{one.workflow.id}",
        "head_commit": {
            "id": commit.sha,
            "tree_id": commit.tree,
            "message": commit.message,
            "timestamp": moment(commit.committer.when),
            "author": {"name": commit.author.name, "email": commit.author.email},
            "committer": {"name": commit.committer.name, "email": commit.committer.email},
        },
        "repository": shapes.repository(site, repo),
        "head_repository": shapes.repository(site, repo),
    }


def job(site: Site, repo: PlaygroundRepo, of: Run, one: Job) -> Json:
    """One job of a run."""
    api = f"{site.repo(repo)}/actions/runs/{of.id}"
    started = one.status != "queued"
    return {
        "id": one.id,
        "run_id": of.id,
        "workflow_name": of.name,
        "head_branch": of.branch,
        "run_url": api,
        "run_attempt": one.attempt,
        "node_id": node_id("CheckRun", one.id),
        "head_sha": of.head_sha,
        "url": f"{site.repo(repo)}/actions/jobs/{one.id}",
        "html_url": f"{site.page(repo)}/actions/runs/{of.id}/job/{one.id}",
        "status": one.status,
        "conclusion": one.conclusion,
        "created_at": moment(one.created_at),
        "started_at": moment(one.started_at or one.created_at),
        "completed_at": moment(one.completed_at),
        "name": one.name,
        "steps": [
            {
                "name": step.name,
                "status": step.status,
                "conclusion": step.conclusion,
                "number": step.number,
                "started_at": moment(step.started_at),
                "completed_at": moment(step.completed_at),
            }
            for step in one.steps
        ],
        "check_run_url": f"{site.repo(repo)}/check-runs/{one.id}",
        "labels": ["ubuntu-latest"],
        "runner_id": 1 if started else None,
        "runner_name": "playground" if started else None,
        "runner_group_id": 1 if started else None,
        "runner_group_name": "Default" if started else None,
    }


def workflow(site: Site, repo: PlaygroundRepo, path: str) -> Json:
    """A workflow file."""
    one = repo.workflows[path]
    return {
        "id": one.id,
        "node_id": node_id("Workflow", one.id),
        "name": one.name,
        "path": one.path,
        "state": "active",
        "created_at": moment(one.created_at),
        "updated_at": moment(one.created_at),
        "url": f"{site.repo(repo)}/actions/workflows/{one.id}",
        "html_url": f"{site.page(repo)}/blob/{repo.default_branch}/{quote(one.path)}",
        "badge_url": f"{site.page(repo)}/workflows/{quote(one.name)}/badge.svg",
    }
