"""Files by path: read, write, delete. https://docs.github.com/en/rest/repos/contents"""

from __future__ import annotations

import base64
import binascii
from urllib.parse import quote

from playground.github import shapes
from playground.github.api import Answer, Body, Call, Route
from playground.github.auth import forbidden
from playground.github.errors import ApiError, not_found, unprocessable
from playground.github.gitdata import Identity, TreeEntry
from playground.github.gitstore import GitError
from playground.github.lifecycle import refs_moved
from playground.github.model import now
from playground.github.shapes import Json

_REPO = "/repos/{owner}/{repo}"
_INLINE_BYTES = 1_000_000
"""Larger files come without content: https://docs.github.com/en/rest/repos/contents#size-limits"""
_RAW_BYTES = 100_000_000


def routes() -> tuple[Route, ...]:
    """The table of this part."""
    return (
        Route("GET", f"{_REPO}/readme", get_readme, "contents:read"),
        Route("GET", f"{_REPO}/contents", get_contents, "contents:read"),
        Route("GET", f"{_REPO}/contents/{{path:path}}", get_contents, "contents:read"),
        Route("PUT", f"{_REPO}/contents/{{path:path}}", put_file, "contents:write"),
        Route("DELETE", f"{_REPO}/contents/{{path:path}}", delete_file, "contents:write"),
    )


class Person(Body):
    """Author or committer of a commit."""

    name: str
    email: str


class Change(Body):
    """A change of one file."""

    message: str
    content: str = ""
    sha: str | None = None
    branch: str | None = None
    author: Person | None = None
    committer: Person | None = None


def get_readme(call: Call) -> Answer:
    """The README of the root folder."""
    commit = _commit(call)
    for entry in call.repo.git.tree(commit):
        if entry.kind == "blob" and entry.path.lower().startswith("readme"):
            return _file(call, entry, commit)
    raise not_found()


def get_contents(call: Call) -> Answer:
    """A file, or the list of a folder."""
    path, commit, git = call.params.get("path", "").strip("/"), _commit(call), call.repo.git
    if path:
        found = [entry for entry in git.tree(commit, path=path) if entry.path == path]
        if not found:
            raise not_found()
        if found[0].kind == "blob":
            return _file(call, found[0], commit)
    entries = git.tree(commit, path=f"{path}/" if path else "")
    return Answer([_entry(call, entry, commit) for entry in entries])


def _commit(call: Call) -> str:
    ref = call.query.get("ref") or call.repo.default_branch
    commit = call.repo.git.resolve(ref)
    if commit is None:
        empty = not call.repo.git.refs()
        raise ApiError(404, "This repository is empty." if empty else f"No commit found for the ref {ref}")
    return commit


def _file(call: Call, entry: TreeEntry, commit: str) -> Answer:
    size = entry.size or 0
    if call.wants("raw") and size <= _RAW_BYTES:
        content = call.repo.git.blob(entry.sha)
        return Answer(content, media_type="application/vnd.github.raw+json; charset=utf-8")
    if size > _RAW_BYTES:
        raise ApiError(403, "This API returns blobs up to 100 MB in size.")
    shape = _entry(call, entry, commit)
    if size > _INLINE_BYTES:
        return Answer({**shape, "content": "", "encoding": "none"})
    encoded = base64.encodebytes(call.repo.git.blob(entry.sha)).decode()
    return Answer({**shape, "content": encoded, "encoding": "base64"})


def _entry(call: Call, entry: TreeEntry, commit: str) -> Json:
    kind = {"tree": "dir", "commit": "submodule"}.get(
        entry.kind, "symlink" if entry.mode == "120000" else "file"
    )
    ref = call.query.get("ref") or call.repo.default_branch
    api, page, path = call.core.site.repo(call.repo), call.core.site.page(call.repo), quote(entry.path)
    url = f"{api}/contents/{path}?ref={quote(ref, safe='')}"
    git_url = f"{api}/git/{'trees' if kind == 'dir' else 'blobs'}/{entry.sha}"
    html_url = f"{page}/{'tree' if kind == 'dir' else 'blob'}/{quote(ref)}/{path}"
    return {
        "name": entry.path.rsplit("/", 1)[-1],
        "path": entry.path,
        "sha": entry.sha,
        "size": entry.size or 0,
        "url": url,
        "html_url": html_url,
        "git_url": git_url,
        "download_url": f"{page}/raw/{commit}/{path}" if kind == "file" else None,
        "type": kind,
        "_links": {"self": url, "git": git_url, "html": html_url},
    }


def put_file(call: Call) -> Answer:
    """Create or replace a file by a commit on a branch."""
    change = call.read(Change)
    try:
        content = base64.b64decode("".join(change.content.split()), validate=True)
    except binascii.Error:
        raise unprocessable("content is not valid Base64") from None
    return _commit_change(call, change, content)


def delete_file(call: Call) -> Answer:
    """Delete a file by a commit on a branch. PyGithub sends a body; GitHub takes parameters as well."""
    if call.request.body:
        change = call.read(Change)
    else:
        message = call.query.get("message", "")
        change = Change(message=message, sha=call.query.get("sha"), branch=call.query.get("branch"))
    if not change.sha:
        raise unprocessable('Invalid request.\n\n"sha" wasn\'t supplied.')
    return _commit_change(call, change, None)


def _commit_change(call: Call, change: Change, content: bytes | None) -> Answer:
    path, git = call.params["path"].strip("/"), call.repo.git
    branch = change.branch or call.repo.default_branch
    parent = git.head(branch)
    if parent is None and git.refs():
        raise ApiError(404, f"Branch {branch} not found")
    if path.startswith(".github/workflows/") and not call.caller.may(call.repo, "workflows", "write"):
        raise forbidden(call.caller)
    _check_sha(call, change, parent, path, new=content is not None)
    author = change.author or change.committer
    who = (
        Identity(author.name, author.email, now())
        if author
        else Identity(call.actor.display_name, call.actor.email, now())
    )
    before = git.refs()
    try:
        sha = git.commit_files({path: content}, parent=parent, message=change.message, author=who)
    except GitError:
        raise unprocessable("path contains a malformed path component") from None
    git.update_ref(f"refs/heads/{branch}", sha)
    refs_moved(call.core, call.repo, before, by=call.actor)
    entries = [entry for entry in git.tree(sha, path=path) if entry.path == path]
    shown = _entry(call, entries[0], sha) if entries else None
    created = content is not None and change.sha is None
    commit = shapes.git_commit(call.core.site, call.repo, git.commit(sha))
    return Answer({"content": shown, "commit": commit}, 201 if created else 200)


def _check_sha(call: Call, change: Change, parent: str | None, path: str, *, new: bool) -> None:
    """The caller must name the file's present id, so that nobody's change is lost."""
    found = call.repo.git.tree(parent, path=path) if parent else []
    present = next((entry.sha for entry in found if entry.path == path and entry.kind == "blob"), None)
    if present is None:
        if not new:
            raise not_found()
        return
    if not change.sha:
        raise unprocessable('Invalid request.\n\n"sha" wasn\'t supplied.')
    if change.sha != present:
        raise ApiError(409, f"{path} does not match {change.sha}")
