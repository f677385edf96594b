"""The JSON of accounts, repositories and git objects, in GitHub's shape.

PyGithub loads the rest of an object lazily from its ``url``, so every ``url`` is absolute and can be fetched.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from playground.github.gitdata import Changes, Commit, FileChange, Identity, TreeEntry
from playground.github.model import Account, App, Installation, Label, PlaygroundRepo, Role, Token

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Site:
    """The addresses under which the playground is reached."""

    base_url: str
    """Without a slash at its end."""

    @property
    def api(self) -> str:
        """Root of the REST API, as GitHub Enterprise Server has it."""
        return f"{self.base_url}/api/v3"

    def repo(self, repository: PlaygroundRepo) -> str:
        """API address of a repository."""
        return f"{self.api}/repos/{repository.full_name}"

    def page(self, repository: PlaygroundRepo) -> str:
        """Address of a repository's page."""
        return f"{self.base_url}/{repository.full_name}"


def moment(when: datetime | None) -> str | None:
    """A time as the API writes it."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if when else None


def node_id(kind: str, number: int) -> str:
    """An opaque id as GraphQL has it."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def account(site: Site, who: Account) -> Json:
    """A user, organisation or bot."""
    name = quote(who.login)
    return {
        "login": who.login,
        "id": who.id,
        "node_id": node_id("User", who.id),
        "avatar_url": f"{site.base_url}/avatars/{who.id}",
        "url": f"{site.api}/users/{name}",
        "html_url": f"{site.base_url}/{name}",
        "type": who.kind,
        "site_admin": False,
    }


def full_account(site: Site, who: Account) -> Json:
    """An account with its profile."""
    profile: Json = {"name": who.display_name, "email": None, "company": None, "location": None, "bio": None}
    return {**account(site, who), **profile, "public_repos": 0, "created_at": "2020-01-01T00:00:00Z"}


def repository(site: Site, repo: PlaygroundRepo, *, viewer: Account | None = None) -> Json:
    """A repository; ``viewer`` adds what that person may do."""
    api, page = site.repo(repo), site.page(repo)
    shape: Json = {
        "id": repo.id,
        "node_id": node_id("Repository", repo.id),
        "name": repo.name,
        "full_name": repo.full_name,
        "private": repo.private,
        "owner": account(site, repo.owner),
        "html_url": page,
        "description": None,
        "fork": False,
        "url": api,
        "archive_url": f"{api}/{{archive_format}}{{/ref}}",
        "branches_url": f"{api}/branches{{/branch}}",
        "collaborators_url": f"{api}/collaborators{{/collaborator}}",
        "commits_url": f"{api}/commits{{/sha}}",
        "compare_url": f"{api}/compare/{{base}}...{{head}}",
        "contents_url": f"{api}/contents/{{+path}}",
        "git_refs_url": f"{api}/git/refs{{/sha}}",
        "issues_url": f"{api}/issues{{/number}}",
        "labels_url": f"{api}/labels{{/name}}",
        "pulls_url": f"{api}/pulls{{/number}}",
        "clone_url": f"{page}.git",
        "git_url": f"{page}.git",
        "created_at": moment(repo.created_at),
        "updated_at": moment(repo.pushed_at),
        "pushed_at": moment(repo.pushed_at),
        "default_branch": repo.default_branch,
        "visibility": "private" if repo.private else "public",
        "archived": False,
        "disabled": False,
        "has_issues": True,
        "open_issues_count": sum(pull.closed_at is None for pull in repo.pulls.values()),
        "size": 0,
        "language": "Python",
        "topics": [],
        "allow_merge_commit": True,
        "allow_squash_merge": True,
        "allow_rebase_merge": True,
    }
    if viewer is not None:
        shape["permissions"] = permissions_of(repo.role(viewer.login))
    return shape


def permissions_of(role: Role) -> dict[str, bool]:
    """The flags that a role stands for."""
    return {
        "admin": role >= Role.ADMIN,
        "maintain": role >= Role.MAINTAIN,
        "push": role >= Role.WRITE,
        "triage": role >= Role.TRIAGE,
        "pull": role >= Role.READ,
    }


def app(site: Site, one: App) -> Json:
    """A GitHub App."""
    return {
        "id": one.id,
        "slug": one.slug,
        "node_id": node_id("App", one.id),
        "owner": account(site, one.bot),
        "name": one.name,
        "description": "",
        "external_url": site.base_url,
        "html_url": f"{site.base_url}/apps/{one.slug}",
        "created_at": moment(one.created_at),
        "updated_at": moment(one.created_at),
        "permissions": {**one.permissions, "metadata": "read"},
        "events": list(one.events),
    }


def installation(site: Site, one: Installation) -> Json:
    """An installation of an App."""
    return {
        "id": one.id,
        "account": account(site, one.account),
        "repository_selection": "all" if one.repositories is None else "selected",
        "access_tokens_url": f"{site.api}/app/installations/{one.id}/access_tokens",
        "repositories_url": f"{site.api}/installation/repositories",
        "html_url": f"{site.base_url}/settings/installations/{one.id}",
        "app_id": one.app.id,
        "app_slug": one.app.slug,
        "target_id": one.account.id,
        "target_type": one.account.kind,
        "permissions": {**one.app.permissions, "metadata": "read"},
        "events": list(one.app.events),
        "created_at": moment(one.created_at),
        "updated_at": moment(one.created_at),
        "single_file_name": None,
        "suspended_at": None,
        "suspended_by": None,
    }


def installation_token(token: Token) -> Json:
    """A fresh installation token."""
    return {
        "token": token.value,
        "expires_at": moment(token.expires_at),
        "permissions": {**token.permissions, "metadata": "read"},
        "repository_selection": "all" if token.repositories is None else "selected",
    }


def label(site: Site, repo: PlaygroundRepo, one: Label) -> Json:
    """A label."""
    return {
        "id": one.id,
        "node_id": node_id("Label", one.id),
        "url": f"{site.repo(repo)}/labels/{quote(one.name, safe='')}",
        "name": one.name,
        "color": one.color,
        "default": False,
        "description": one.description or None,
    }


def identity(who: Identity) -> Json:
    """Author or committer of a git commit."""
    return {"name": who.name, "email": who.email, "date": moment(who.when)}


def git_commit(site: Site, repo: PlaygroundRepo, one: Commit) -> Json:
    """A commit as the git database has it."""
    api, page = site.repo(repo), site.page(repo)
    return {
        "sha": one.sha,
        "node_id": node_id("Commit", int(one.sha[:12], 16)),
        "url": f"{api}/git/commits/{one.sha}",
        "html_url": f"{page}/commit/{one.sha}",
        "author": identity(one.author),
        "committer": identity(one.committer),
        "message": one.message,
        "tree": {"sha": one.tree, "url": f"{api}/git/trees/{one.tree}"},
        "parents": _parents(site, repo, one, git=True),
        "verification": _UNVERIFIED,
    }


def commit(site: Site, repo: PlaygroundRepo, one: Commit, people: dict[str, Account]) -> Json:
    """A commit as the site shows it; ``people`` are accounts by the addresses and names of their commits."""
    api, page = site.repo(repo), site.page(repo)
    author, committer = _person(people, one.author), _person(people, one.committer)
    return {
        "sha": one.sha,
        "node_id": node_id("Commit", int(one.sha[:12], 16)),
        "commit": {
            "author": identity(one.author),
            "committer": identity(one.committer),
            "message": one.message,
            "tree": {"sha": one.tree, "url": f"{api}/git/trees/{one.tree}"},
            "url": f"{api}/git/commits/{one.sha}",
            "comment_count": 0,
            "verification": _UNVERIFIED,
        },
        "url": f"{api}/commits/{one.sha}",
        "html_url": f"{page}/commit/{one.sha}",
        "comments_url": f"{api}/commits/{one.sha}/comments",
        "author": account(site, author) if author else None,
        "committer": account(site, committer) if committer else None,
        "parents": _parents(site, repo, one, git=False),
    }


def changed_file(site: Site, repo: PlaygroundRepo, one: FileChange, at: str) -> Json:
    """A changed file of a commit, comparison or pull request."""
    path = quote(one.path)
    shape: Json = {
        "sha": one.sha,
        "filename": one.path,
        "status": one.status,
        "additions": one.additions,
        "deletions": one.deletions,
        "changes": one.additions + one.deletions,
        "blob_url": f"{site.page(repo)}/blob/{at}/{path}",
        "raw_url": f"{site.page(repo)}/raw/{at}/{path}",
        "contents_url": f"{site.repo(repo)}/contents/{path}?ref={at}",
    }
    if one.patch:
        shape["patch"] = one.patch
    if one.previous:
        shape["previous_filename"] = one.previous
    return shape


def commit_details(
    site: Site, repo: PlaygroundRepo, one: Commit, people: dict[str, Account], changes: Changes
) -> Json:
    """A commit with what it changed."""
    stats = {
        "total": changes.additions + changes.deletions,
        "additions": changes.additions,
        "deletions": changes.deletions,
    }
    files = [changed_file(site, repo, file, one.sha) for file in changes.files]
    return {**commit(site, repo, one, people), "stats": stats, "files": files}


def ref(site: Site, repo: PlaygroundRepo, name: str, sha: str, kind: str) -> Json:
    """A git reference with its full name."""
    return {
        "ref": name,
        "node_id": node_id("Ref", int(sha[:12], 16)),
        "url": f"{site.repo(repo)}/git/{quote(name)}",
        "object": {"type": kind, "sha": sha, "url": f"{site.repo(repo)}/git/{kind}s/{sha}"},
    }


def tree(site: Site, repo: PlaygroundRepo, sha: str, entries: list[TreeEntry]) -> Json:
    """A git tree."""
    listed = []
    for entry in entries:
        kind = "commits" if entry.kind == "commit" else f"{entry.kind}s"
        shape: Json = {"path": entry.path, "mode": entry.mode, "type": entry.kind, "sha": entry.sha}
        if entry.size is not None:
            shape["size"] = entry.size
        listed.append({**shape, "url": f"{site.repo(repo)}/git/{kind}/{entry.sha}"})
    return {"sha": sha, "url": f"{site.repo(repo)}/git/trees/{sha}", "tree": listed, "truncated": False}


_UNVERIFIED: Json = {"verified": False, "reason": "unsigned", "signature": None, "payload": None}


def _parents(site: Site, repo: PlaygroundRepo, one: Commit, *, git: bool) -> list[Json]:
    api = f"{site.repo(repo)}/git/commits" if git else f"{site.repo(repo)}/commits"
    return [
        {"sha": sha, "url": f"{api}/{sha}", "html_url": f"{site.page(repo)}/commit/{sha}"}
        for sha in one.parents
    ]


def _person(people: dict[str, Account], who: Identity) -> Account | None:
    return people.get(who.email.lower())
