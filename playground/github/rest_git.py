"""The git database: blobs, trees, commits, refs. https://docs.github.com/en/rest/git"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from playground.github import shapes
from playground.github.api import Answer, Body, Call, Route
from playground.github.auth import forbidden
from playground.github.errors import ApiError, not_found, unprocessable
from playground.github.gitdata import Identity
from playground.github.gitstore import Entry, GitError
from playground.github.lifecycle import refs_moved
from playground.github.model import now

_GIT = "/repos/{owner}/{repo}/git"
_MAX_BLOB = 100_000_000


def routes() -> tuple[Route, ...]:
    """The table of this part."""
    return (
        Route("POST", f"{_GIT}/blobs", create_blob, "contents:write"),
        Route("GET", f"{_GIT}/blobs/{{sha}}", get_blob, "contents:read"),
        Route("POST", f"{_GIT}/trees", create_tree, "contents:write"),
        Route("GET", f"{_GIT}/trees/{{sha:path}}", get_tree, "contents:read"),
        Route("POST", f"{_GIT}/commits", create_commit, "contents:write"),
        Route("GET", f"{_GIT}/commits/{{sha}}", get_commit, "contents:read"),
        Route("GET", f"{_GIT}/matching-refs/{{ref:path}}", matching_refs, "contents:read"),
        Route("GET", f"{_GIT}/ref/{{ref:path}}", get_ref, "contents:read"),
        Route("GET", f"{_GIT}/refs", list_refs, "contents:read"),
        Route("POST", f"{_GIT}/refs", create_ref, "contents:write"),
        Route("GET", f"{_GIT}/refs/{{ref:path}}", get_ref, "contents:read"),
        Route("PATCH", f"{_GIT}/refs/{{ref:path}}", update_ref, "contents:write"),
        Route("DELETE", f"{_GIT}/refs/{{ref:path}}", delete_ref, "contents:write"),
    )


class NewBlob(Body):
    """A file's bytes."""

    content: str
    encoding: Literal["utf-8", "base64"] = "utf-8"


class NewEntry(Body):
    """One entry of a new tree; ``sha`` given as null deletes the path."""

    path: str
    mode: Literal["100644", "100755", "040000", "160000", "120000"] = "100644"
    type: Literal["blob", "tree", "commit"] = "blob"
    sha: str | None = None
    content: str | None = None


class NewTree(Body):
    """A tree to make."""

    tree: list[NewEntry]
    base_tree: str | None = None


class Signature(Body):
    """Author or committer with a time."""

    name: str
    email: str
    date: str | None = None


class NewCommit(Body):
    """A commit to make."""

    message: str
    tree: str
    parents: list[str] = Field(default_factory=list)
    author: Signature | None = None
    committer: Signature | None = None


class NewRef(Body):
    """A ref to make."""

    ref: str
    sha: str


class MovedRef(Body):
    """Where a ref shall point."""

    sha: str
    force: bool = False


def create_blob(call: Call) -> Answer:
    """Store a file."""
    wanted = call.read(NewBlob)
    try:
        content = (
            base64.b64decode("".join(wanted.content.split()), validate=True)
            if wanted.encoding == "base64"
            else wanted.content.encode()
        )
    except (binascii.Error, UnicodeEncodeError):
        raise unprocessable(f"content is not valid {wanted.encoding}") from None
    sha = call.repo.git.write_blob(content)
    return Answer({"sha": sha, "url": f"{call.core.site.repo(call.repo)}/git/blobs/{sha}"}, 201)


def get_blob(call: Call) -> Answer:
    """Read a file."""
    sha, git = call.params["sha"], call.repo.git
    if git.kind(sha) != "blob":
        raise not_found()
    content = git.blob(sha)
    if call.wants("raw"):
        return Answer(content, media_type="application/vnd.github.raw+json; charset=utf-8")
    if len(content) > _MAX_BLOB:
        raise ApiError(403, "This API returns blobs up to 100 MB in size.")
    return Answer(
        {
            "sha": sha,
            "node_id": shapes.node_id("Blob", int(sha[:12], 16)),
            "size": len(content),
            "url": f"{call.core.site.repo(call.repo)}/git/blobs/{sha}",
            "content": base64.encodebytes(content).decode(),
            "encoding": "base64",
        }
    )


def create_tree(call: Call) -> Answer:
    """Store a tree, on top of ``base_tree`` if given."""
    wanted, git = call.read(NewTree), call.repo.git
    if wanted.base_tree is not None and git.kind(wanted.base_tree) not in {"tree", "commit"}:
        raise ApiError(404, "Not Found")
    if any(entry.path.startswith(".github/workflows/") for entry in wanted.tree) and not call.caller.may(
        call.repo, "workflows", "write"
    ):
        raise forbidden(call.caller)
    entries = [_entry(call, entry, wanted) for entry in wanted.tree]
    try:
        sha = git.write_tree(entries, base=wanted.base_tree or "")
    except GitError:
        raise unprocessable("tree.path contains a malformed path component") from None
    return Answer(shapes.tree(call.core.site, call.repo, sha, git.tree(sha)), 201)


def _entry(call: Call, entry: NewEntry, wanted: NewTree) -> Entry:
    git = call.repo.git
    if not entry.path or entry.path.startswith("/") or "\0" in entry.path:
        raise unprocessable("tree.path contains a malformed path component")
    if entry.content is not None:
        return Entry(entry.path, git.write_blob(entry.content.encode()), entry.mode)
    if entry.sha is None:
        base = wanted.base_tree
        if not base or not any(one.path == entry.path for one in git.tree(base, recursive=True)):
            raise unprocessable("GitRPC::BadObjectState")
        return Entry(entry.path, None)
    expected = {"040000": "tree", "160000": "commit"}.get(entry.mode, "blob")
    if entry.mode != "160000" and git.kind(entry.sha) != expected:
        raise unprocessable(f"tree.sha {entry.sha} is not a valid {expected}")
    return Entry(entry.path, entry.sha, entry.mode)


def get_tree(call: Call) -> Answer:
    """Read a tree by its id, or that of a branch or commit."""
    wanted, git = call.params["sha"], call.repo.git
    sha = wanted if git.kind(wanted) == "tree" else git.resolve(wanted)
    if sha is None:
        raise not_found()
    recursive = bool(call.query.get("recursive"))
    tree = sha if git.kind(sha) == "tree" else git.commit(sha).tree
    return Answer(shapes.tree(call.core.site, call.repo, tree, git.tree(tree, recursive=recursive)))


def create_commit(call: Call) -> Answer:
    """Store a commit; it is on no branch until a ref points to it."""
    wanted, git = call.read(NewCommit), call.repo.git
    if git.kind(wanted.tree) != "tree":
        raise unprocessable("Tree SHA does not exist")
    for parent in wanted.parents:
        if git.kind(parent) != "commit":
            raise unprocessable("Parent SHA does not exist or is not a commit object")
    author = _identity(call, wanted.author)
    committer = _identity(call, wanted.committer) if wanted.committer else author
    sha = git.write_commit(
        wanted.tree, message=wanted.message, parents=wanted.parents, author=author, committer=committer
    )
    return Answer(shapes.git_commit(call.core.site, call.repo, git.commit(sha)), 201)


def _identity(call: Call, who: Signature | None) -> Identity:
    if who is None:
        return Identity(call.actor.display_name, call.actor.email, now())
    try:
        when = datetime.fromisoformat(who.date) if who.date else now()
    except ValueError:
        raise unprocessable(f"{who.date!r} is not a valid ISO 8601 time") from None
    return Identity(who.name, who.email, when if when.tzinfo else when.replace(tzinfo=UTC))


def get_commit(call: Call) -> Answer:
    """Read a commit."""
    if call.repo.git.kind(call.params["sha"]) != "commit":
        raise not_found()
    commit = call.repo.git.commit(call.params["sha"])
    return Answer(shapes.git_commit(call.core.site, call.repo, commit))


def list_refs(call: Call) -> Answer:
    """All refs."""
    return call.listed([_shape(call, name, sha) for name, sha in call.repo.git.refs().items()])


def matching_refs(call: Call) -> Answer:
    """The refs whose names start so; an empty list where none do."""
    refs = call.repo.git.refs(f"refs/{call.params['ref']}")
    return call.listed([_shape(call, name, sha) for name, sha in refs.items()])


def get_ref(call: Call) -> Answer:
    """One ref by its exact name."""
    name = f"refs/{call.params['ref']}"
    sha = call.repo.git.refs().get(name)
    if sha is None:
        raise not_found()
    return Answer(_shape(call, name, sha))


def create_ref(call: Call) -> Answer:
    """Make a branch or tag."""
    wanted, git = call.read(NewRef), call.repo.git
    if not git.valid_ref(wanted.ref) or wanted.ref.count("/") < 2:  # noqa: PLR2004 -- refs/heads/name
        raise unprocessable(f"{wanted.ref} is not a valid ref name.")
    if wanted.ref in git.refs():
        raise unprocessable("Reference already exists")
    _point(call, wanted.ref, wanted.sha)
    return Answer(
        _shape(call, wanted.ref, wanted.sha),
        201,
        {"Location": str(_shape(call, wanted.ref, wanted.sha)["url"])},
    )


def update_ref(call: Call) -> Answer:
    """Move a branch or tag; back or sideways only with ``force``."""
    wanted, git, name = call.read(MovedRef), call.repo.git, f"refs/{call.params['ref']}"
    present = git.refs().get(name)
    if present is None:
        raise unprocessable("Reference does not exist")
    if not wanted.force and git.kind(wanted.sha) == "commit" and not git.contains(wanted.sha, present):
        raise unprocessable("Update is not a fast forward")
    _point(call, name, wanted.sha)
    return Answer(_shape(call, name, wanted.sha))


def delete_ref(call: Call) -> Answer:
    """Remove a branch or tag."""
    git, name = call.repo.git, f"refs/{call.params['ref']}"
    before = git.refs()
    if name not in before:
        raise unprocessable("Reference does not exist")
    if name == f"refs/heads/{call.repo.default_branch}":
        raise unprocessable("Cannot delete the default branch")
    git.delete_ref(name)
    refs_moved(call.core, call.repo, before, by=call.actor)
    return Answer(status=204)


def _point(call: Call, name: str, sha: str) -> None:
    git = call.repo.git
    kind = git.kind(sha)
    if kind is None or (name.startswith("refs/heads/") and kind != "commit"):
        raise unprocessable("Object does not exist")
    if not call.caller.may(call.repo, "workflows", "write") and git.workflow_changed_by(sha):
        raise forbidden(call.caller)
    before = git.refs()
    try:
        git.update_ref(name, sha)
    except GitError:  # refs/heads/a and refs/heads/a/b can't both be
        raise unprocessable("Reference cannot be created") from None
    refs_moved(call.core, call.repo, before, by=call.actor)


def _shape(call: Call, name: str, sha: str) -> shapes.Json:
    return shapes.ref(call.core.site, call.repo, name, sha, call.repo.git.kind(sha) or "commit")
