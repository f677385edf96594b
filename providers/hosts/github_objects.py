"""Commits made through GitHub's git data API: read the touched files, write blobs, a tree and a commit.

Everything here may be repeated: blobs and trees are named by their content, and a commit that no branch
points to is never seen.
https://docs.github.com/en/rest/git
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from patchpilot.errors import UnsafePathError
from patchpilot.source import Sha, sha
from providers.hosts.diffs import REGULAR, File
from providers.hosts.github_api import Session

FullSha = Annotated[str, AfterValidator(sha)]


class Named(BaseModel):
    """Any git object, by its id."""

    sha: FullSha


class GitCommit(BaseModel):
    """A commit without its author: what is needed to compare two of them."""

    sha: FullSha
    tree: Named
    parents: list[Named] = Field(default_factory=list)


class _Entry(BaseModel):
    path: str
    mode: str
    type: str
    sha: FullSha


class _Tree(BaseModel):
    tree: list[_Entry]


class _Blob(BaseModel):
    content: str
    encoding: str = "base64"


def read_commit(session: Session, commit: str) -> GitCommit:
    """One commit object."""
    return session.get(f"git/commits/{sha(commit)}", GitCommit)


def read_files(session: Session, root: str, paths: Iterable[str]) -> dict[str, File]:
    """Those of ``paths`` that exist below the tree ``root``, with their modes.

    Folders are read one by one on the way down: the recursive listing is cut short on large repositories.
    Raises :class:`UnsafePathError` where a path is, or passes through, a symlink or submodule.
    """
    folders: dict[str, dict[str, _Entry]] = {}
    files: dict[str, File] = {}
    for path in paths:
        entry = _find(session, root, path, folders)
        if entry is None:
            continue
        if entry.type != "blob" or entry.mode not in REGULAR:
            raise UnsafePathError(f"{path} is no ordinary file in the repository; only those are patched")
        blob = session.get(f"git/blobs/{entry.sha}", _Blob)
        data = base64.b64decode(blob.content) if blob.encoding == "base64" else blob.content.encode()
        files[path] = File(data, entry.mode)
    return files


def write_tree(session: Session, base_tree: str, changes: Mapping[str, File | None]) -> Sha:
    """Write ``changes`` on top of a tree and return the new tree's id; ``None`` deletes."""
    entries: list[dict[str, str | None]] = []
    for path, file in changes.items():
        if file is None:
            # A deletion is an entry without an object; GitHub still wants a valid mode.
            entries.append({"path": path, "mode": "100644", "type": "blob", "sha": None})
            continue
        body = {"content": base64.b64encode(file.data).decode(), "encoding": "base64"}
        blob = session.post("git/blobs", Named, body)
        entries.append({"path": path, "mode": file.mode, "type": "blob", "sha": blob.sha})
    return Sha(session.post("git/trees", Named, {"base_tree": base_tree, "tree": entries}).sha)


def write_commit(session: Session, *, message: str, tree: str, parent: str) -> Sha:
    """Write a commit in our own name (GitHub signs an App's commits made this way)."""
    body = {"message": message, "tree": tree, "parents": [parent]}
    return Sha(session.post("git/commits", Named, body).sha)


def _find(session: Session, root: str, path: str, folders: dict[str, dict[str, _Entry]]) -> _Entry | None:
    *above, name = path.split("/")
    tree = root
    for part in above:
        entry = _folder(session, tree, folders).get(part)
        if entry is None:
            return None
        if entry.type != "tree":
            raise UnsafePathError(f"{path} passes through {part!r}, which is no folder in the repository")
        tree = entry.sha
    return _folder(session, tree, folders).get(name)


def _folder(session: Session, tree: str, folders: dict[str, dict[str, _Entry]]) -> dict[str, _Entry]:
    if tree not in folders:
        entries = session.get(f"git/trees/{tree}", _Tree).tree
        folders[tree] = {entry.path: entry for entry in entries}
    return folders[tree]
