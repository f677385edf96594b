"""Commits, comparisons and what is known about a commit. https://docs.github.com/en/rest/commits"""

from __future__ import annotations

from playground.github import shapes, shapes_work
from playground.github.api import Answer, Call, Route
from playground.github.errors import ApiError, not_found
from playground.github.gitstore import GitStore
from playground.github.rest_checks import checks_of
from playground.github.shapes import Json

_REPO = "/repos/{owner}/{repo}"
_MAX_FILES = 300
"""https://docs.github.com/en/rest/commits/commits#compare-two-commits"""


def routes() -> tuple[Route, ...]:
    """The table of this part."""
    return (
        Route("GET", f"{_REPO}/commits", list_commits, "contents:read"),
        Route("GET", f"{_REPO}/commits/{{ref:path}}/check-suites", list_suites, "checks:read"),
        Route("GET", f"{_REPO}/commits/{{ref:path}}/status", get_status, "contents:read"),
        Route("GET", f"{_REPO}/commits/{{ref:path}}/statuses", list_statuses, "contents:read"),
        Route("GET", f"{_REPO}/commits/{{ref:path}}/pulls", list_pulls, "pull_requests:read"),
        Route("GET", f"{_REPO}/commits/{{ref:path}}/branches-where-head", list_branches, "contents:read"),
        Route("GET", f"{_REPO}/commits/{{ref:path}}", get_commit, "contents:read"),
        Route("GET", f"{_REPO}/compare/{{basehead:path}}", compare, "contents:read"),
    )


def resolve(call: Call, revision: str) -> str:
    """The commit of a revision; raises the 422 that GitHub answers for an unknown one."""
    sha = call.repo.git.resolve(revision)
    if sha is None:
        raise ApiError(422, f"No commit found for SHA: {revision}")
    return sha


def list_commits(call: Call) -> Answer:
    """History from ``sha`` (a branch or commit) back, of one ``path`` if given."""
    start = call.query.get("sha") or call.repo.default_branch
    sha = call.repo.git.resolve(start)
    if sha is None:
        if not call.repo.git.refs():
            raise ApiError(409, "Git Repository is empty.")
        raise not_found()
    people = call.core.people()
    history = call.repo.git.log(sha, path=call.query.get("path", ""))
    return call.listed([shapes.commit(call.core.site, call.repo, one, people) for one in history])


def get_commit(call: Call) -> Answer:
    """One commit with its files, or its diff or patch by media type."""
    git = call.repo.git
    commit = git.commit(resolve(call, call.params["ref"]))
    base = git.commit_base(commit)
    if call.wants("diff"):
        return diff_answer(git, base, commit.sha)
    if call.wants("patch"):
        return patch_answer(git, f"{commit.sha}~1..{commit.sha}" if commit.parents else commit.sha)
    changes = git.changes(base, commit.sha)
    return Answer(shapes.commit_details(call.core.site, call.repo, commit, call.core.people(), changes))


def diff_answer(git: GitStore, base: str, head: str) -> Answer:
    """A diff as text."""
    return Answer(git.diff(base, head).encode(), media_type="application/vnd.github.diff; charset=utf-8")


def patch_answer(git: GitStore, span: str) -> Answer:
    """Commits as mails."""
    root = () if ".." in span else ("--root",)
    text = git.git("format-patch", "--stdout", *root, span)
    return Answer(text, media_type="application/vnd.github.patch; charset=utf-8")


def compare(call: Call) -> Answer:
    """What ``head`` has that ``base`` has not, since their common ancestor."""
    base_name, dots, head_name = call.params["basehead"].partition("...")
    git = call.repo.git
    owner = f"{call.repo.owner.login}:"
    base, head = git.resolve(base_name.removeprefix(owner)), git.resolve(head_name.removeprefix(owner))
    if not dots or base is None or head is None:
        raise not_found()
    ancestor = git.merge_base(base, head)
    if ancestor is None:
        raise ApiError(404, f"No common ancestor between {base_name} and {head_name}.")
    if call.wants("diff"):
        return diff_answer(git, ancestor, head)
    if call.wants("patch"):
        return patch_answer(git, f"{base}..{head}")
    return Answer(_comparison(call, base, head, ancestor, f"{base_name}...{head_name}"))


def _comparison(call: Call, base: str, head: str, ancestor: str, span: str) -> Json:
    git, site, repo, people = call.repo.git, call.core.site, call.repo, call.core.people()
    ahead, behind = git.distance(base, head)
    status = {(True, True): "diverged", (True, False): "ahead", (False, True): "behind"}.get(
        (ahead > 0, behind > 0), "identical"
    )
    changes = git.changes(ancestor, head)
    commits = [shapes.commit(site, repo, one, people) for one in reversed(git.log(head, exclude=base))]
    return {
        "url": f"{site.repo(repo)}/compare/{span}",
        "html_url": f"{site.page(repo)}/compare/{span}",
        "permalink_url": f"{site.page(repo)}/compare/{base}...{head}",
        "diff_url": f"{site.page(repo)}/compare/{span}.diff",
        "patch_url": f"{site.page(repo)}/compare/{span}.patch",
        "base_commit": shapes.commit(site, repo, git.commit(base), people),
        "merge_base_commit": shapes.commit(site, repo, git.commit(ancestor), people),
        "status": status,
        "ahead_by": ahead,
        "behind_by": behind,
        "total_commits": ahead,
        "commits": commits,
        "files": [shapes.changed_file(site, repo, file, head) for file in changes.files[:_MAX_FILES]],
    }


def list_suites(call: Call) -> Answer:
    """The check suites of a commit: one for each workflow run."""
    sha = resolve(call, call.params["ref"])
    suites: list[Json] = [
        {
            "id": run.check_suite_id,
            "head_branch": run.branch,
            "head_sha": sha,
            "status": run.status,
            "conclusion": run.conclusion,
            "url": f"{call.core.site.repo(call.repo)}/check-suites/{run.check_suite_id}",
            "app": shapes.app(call.core.site, call.core.actions_app),
        }
        for run in call.repo.runs.values()
        if run.head_sha == sha
    ]
    return call.listed(suites, under="check_suites")


def get_status(call: Call) -> Answer:
    """The combined commit status; nobody writes the older kind of statuses here."""
    sha = resolve(call, call.params["ref"])
    api = call.core.site.repo(call.repo)
    checks = [one for one in checks_of(call.core, call.repo) if one.head_sha == sha]
    red = any(one.conclusion in {"failure", "timed_out"} for one in checks)
    busy = any(one.status != "completed" for one in checks)
    return Answer(
        {
            "state": "failure" if red else "pending" if busy or not checks else "success",
            "statuses": [],
            "sha": sha,
            "total_count": 0,
            "repository": shapes.repository(call.core.site, call.repo),
            "commit_url": f"{api}/commits/{sha}",
            "url": f"{api}/commits/{sha}/status",
        }
    )


def list_statuses(call: Call) -> Answer:
    """Commit statuses of the older kind: none."""
    resolve(call, call.params["ref"])
    return call.listed([])


def list_pulls(call: Call) -> Answer:
    """The pull requests that contain a commit."""
    sha, git = resolve(call, call.params["ref"]), call.repo.git
    found = [
        pull
        for pull in call.repo.pulls.values()
        if sha in {pull.head_sha, pull.merge_sha}
        or sha in {one.sha for one in git.log(pull.head_sha, exclude=pull.base_sha)}
    ]
    return call.listed([shapes_work.pull(call.core.site, call.repo, pull) for pull in found])


def list_branches(call: Call) -> Answer:
    """The branches whose head a commit is."""
    sha = resolve(call, call.params["ref"])
    api = call.core.site.repo(call.repo)
    return Answer(
        [
            {"name": name, "commit": {"sha": head, "url": f"{api}/commits/{head}"}, "protected": False}
            for name, head in call.repo.git.branches().items()
            if head == sha
        ]
    )
