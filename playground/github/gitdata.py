"""What git prints, as typed values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

# %x00 separates fields; -z ends each commit with a NUL too, so fields can be counted off in tens.
LOG_FORMAT = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B"
_FIELDS = 10

_STATUS = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied", "T": "changed"}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who wrote or stored a commit, and when."""

    name: str
    email: str
    when: datetime

    def environment(self, role: str) -> dict[str, str]:
        """The variables that tell git; ``role`` is AUTHOR or COMMITTER. Git wants neither field empty."""
        return {
            f"GIT_{role}_NAME": self.name or "unknown",
            f"GIT_{role}_EMAIL": self.email or "unknown@localhost",
            f"GIT_{role}_DATE": self.when.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Identity
    committer: Identity
    message: str

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.split("\n", 1)[0]


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One entry of a tree; ``path`` is relative to the root of the repository."""

    mode: str
    kind: str
    sha: str
    size: int | None
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One changed file; ``patch`` is its hunks without the header, empty for a binary."""

    path: str
    status: str
    sha: str
    additions: int
    deletions: int
    patch: str
    previous: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """All changed files between two trees."""

    files: tuple[FileChange, ...]

    @property
    def additions(self) -> int:
        """Added lines in all files."""
        return sum(file.additions for file in self.files)

    @property
    def deletions(self) -> int:
        """Removed lines in all files."""
        return sum(file.deletions for file in self.files)


def parse_log(output: bytes) -> list[Commit]:
    """Read ``git log -z`` in :data:`LOG_FORMAT`."""
    fields = output.decode(errors="replace").split("\0")
    commits = []
    for start in range(0, len(fields) - _FIELDS + 1, _FIELDS):
        sha, tree, parents, an, ae, at, cn, ce, ct, message = fields[start : start + _FIELDS]
        commits.append(
            Commit(
                sha=sha,
                tree=tree,
                parents=tuple(parents.split()),
                author=Identity(an, ae, _moment(at)),
                committer=Identity(cn, ce, _moment(ct)),
                message=message.rstrip("\n"),
            )
        )
    return commits


def parse_tree(output: bytes) -> list[TreeEntry]:
    """Read ``git ls-tree -z -l``."""
    entries = []
    for line in output.decode(errors="surrogateescape").split("\0"):
        if line:
            meta, path = line.split("\t", 1)
            mode, kind, sha, size = meta.split()
            entries.append(TreeEntry(mode, kind, sha, None if size == "-" else int(size), path))
    return entries


def parse_changes(summary: bytes, diff: str) -> Changes:
    """Join ``git diff --raw --numstat -z`` with the text of the same diff, file by file."""
    parts = summary.decode(errors="replace").split("\0")
    raw: list[tuple[str, str, str, str]] = []  # status, new id, path, previous path
    counts: list[tuple[int, int]] = []
    while parts and parts[0]:
        head = parts.pop(0)
        if head.startswith(":"):
            _, _, old, new, status = head[1:].split()
            first = parts.pop(0)
            path, previous = (parts.pop(0), first) if status[0] in "RC" else (first, "")
            raw.append((status[0], old if status[0] == "D" else new, path, previous))
        else:
            added, deleted, path = head.split("\t")
            if not path:  # a rename names both paths in fields of their own
                del parts[:2]
            counts.append((_number(added), _number(deleted)))
    patches = _split(diff)
    if len(patches) != len(raw):  # a file that became a symlink is shown as two: leave the texts out
        patches = [""] * len(raw)
    return Changes(
        tuple(
            FileChange(
                path=path,
                status=_STATUS.get(status, "changed"),
                sha=sha,
                additions=added,
                deletions=deleted,
                patch=patch,
                previous=previous,
            )
            for (status, sha, path, previous), (added, deleted), patch in zip(
                raw, counts, patches, strict=True
            )
        )
    )


def _split(diff: str) -> list[str]:
    """The hunks of each file, in the diff's order."""
    files = re.split(r"(?m)^diff --git .*\n", diff)[1:]
    return [file[start:].rstrip("\n") if (start := _hunk(file)) >= 0 else "" for file in files]


def _hunk(file: str) -> int:
    if file.startswith("@@ "):
        return 0
    found = file.find("\n@@ ")
    return found + 1 if found >= 0 else -1


def _number(text: str) -> int:
    return 0 if text == "-" else int(text)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
