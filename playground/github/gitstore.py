"""One bare repository on disk, read and written with the git command.

Every call runs git with an environment of its own: no system or user configuration, no prompts, fixed
language. Revisions that come from outside are checked before they reach a command line.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from playground.github.gitdata import (
    LOG_FORMAT,
    Changes,
    Commit,
    Identity,
    TreeEntry,
    parse_changes,
    parse_log,
    parse_tree,
)

ZERO = "0" * 40
"""What git uses for "no commit" when a ref appears or goes."""

_REVISION = re.compile(r"(?![-/])(?!.*\.\.)(?!.*@\{)[A-Za-z0-9_./@+#~^-]{1,250}")
_SHA = re.compile(r"[0-9a-f]{40}")

# Commits without a branch must stay: a workflow run may be repeated long after its branch is gone.
_CONFIG = """\
[uploadpack]
\tallowAnySHA1InWant = true
\tallowFilter = true
[gc]
\tauto = 0
[receive]
\tautogc = false
"""

# Refused as GitHub refuses it: an App may not change workflow files unless it was given that permission.
_PRE_RECEIVE = """#!/bin/sh
test -n "$PLAYGROUND_MAY_EDIT_WORKFLOWS" && exit 0
list="git log --format= --name-only -m --first-parent"
while read -r old new ref; do
  test "$new" = 0000000000000000000000000000000000000000 && continue
  file=$($list "$new" --not --branches -- .github/workflows | head -n 1)
  test -z "$file" && continue
  echo "refusing to allow a GitHub App to create or update workflow \\`$file\\`" \\
    "without \\`workflows\\` permission" >&2
  exit 1
done
exit 0
"""


class GitError(Exception):
    """The git command refused; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One wanted change of a tree: ``sha`` ``None`` removes the path."""

    path: str
    sha: str | None
    mode: str = "100644"


class GitStore:
    """A bare repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._commits: dict[str, Commit] = {}

    @classmethod
    def create(cls, folder: Path, *, default_branch: str) -> GitStore:
        """Make an empty bare repository that serves any reachable commit over HTTP."""
        folder.mkdir(parents=True)
        store = cls(folder)
        store.git("init", "--quiet", "--bare", "--template=", f"--initial-branch={default_branch}", ".")
        with (folder / "config").open("a") as config:
            config.write(_CONFIG)
        hook = folder / "hooks" / "pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(_PRE_RECEIVE)
        hook.chmod(0o755)
        return store

    # Running git

    def environment(self) -> dict[str, str]:
        """The whole environment git is given."""
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "GIT_DIR": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
        }

    def git(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        """Run git and return its output; raises :class:`GitError` with what it said."""
        done = subprocess.run(  # noqa: S603 -- a fixed program; revisions are checked, there is no shell
            ["git", *arguments],  # noqa: S607 -- git is found on PATH, as everywhere
            input=stdin,
            capture_output=True,
            cwd=self.folder,
            env={**self.environment(), **(env or {})},
            check=False,
        )
        if done.returncode:
            raise GitError(done.stderr.decode(errors="replace").strip() or f"git {arguments[0]} failed")
        return done.stdout

    def text(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """Run git and return its output as text without the last newline."""
        return self.git(*arguments, stdin=stdin, env=env).decode(errors="replace").rstrip("\n")

    # Reading

    def refs(self, prefix: str = "refs/") -> dict[str, str]:
        """Full ref names with the object each points to, sorted; ``prefix`` need not end at a slash."""
        lines = self.text("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines)
        return {name: sha for name, sha in pairs if name.startswith(prefix)}

    def branches(self) -> dict[str, str]:
        """Branch names with their heads."""
        return {name.removeprefix("refs/heads/"): sha for name, sha in self.refs("refs/heads/").items()}

    def head(self, branch: str) -> str | None:
        """The commit a branch points to."""
        return self.branches().get(branch)

    def resolve(self, revision: str) -> str | None:
        """The commit that a branch, a tag or an id (also a short one) means."""
        if not _REVISION.fullmatch(revision):
            return None
        for name in (f"refs/heads/{revision}", f"refs/tags/{revision}", revision):
            try:
                return self.text("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
            except GitError:
                continue
        return None

    def kind(self, sha: str) -> str | None:
        """``blob``, ``tree``, ``commit`` or ``tag``, and ``None`` for what is not there."""
        if not _SHA.fullmatch(sha):
            return None
        try:
            return self.text("cat-file", "-t", sha)
        except GitError:
            return None

    def commit(self, sha: str) -> Commit:
        """One commit by its full id; commits never change, so they are remembered."""
        found = self._commits.get(sha)
        if found is None:
            found = self._commits[sha] = self.log(sha, limit=1)[0]
        return found

    def log(self, revision: str, *, limit: int = 250, path: str = "", exclude: str = "") -> list[Commit]:
        """Commits reachable from ``revision``, newest first, without those reachable from ``exclude``."""
        command = ["log", "-z", f"--format={LOG_FORMAT}", f"--max-count={limit}", revision]
        if exclude:
            command.append(f"^{exclude}")
        return parse_log(self.git(*command, "--", *([path] if path else [])))

    def tree(self, revision: str, *, recursive: bool = False, path: str = "") -> list[TreeEntry]:
        """The entries of a tree, or those under ``path``."""
        command = ["ls-tree", "-z", "-l", "--full-tree", *(["-r", "-t"] if recursive else []), revision]
        return parse_tree(self.git(*command, *(["--", path] if path else [])))

    def blob(self, sha: str) -> bytes:
        """A file's bytes."""
        return self.git("cat-file", "blob", sha)

    def file(self, revision: str, path: str) -> bytes | None:
        """The bytes of the file at ``path``, ``None`` where there is none."""
        found = [
            entry for entry in self.tree(revision, path=path) if entry.path == path and entry.kind == "blob"
        ]
        return self.blob(found[0].sha) if found else None

    def diff(self, base: str, head: str) -> str:
        """Unified diff between two trees in git's format."""
        return self.git("diff", "--no-color", "--no-ext-diff", "-M", base, head).decode(errors="replace")

    def changes(self, base: str, head: str) -> Changes:
        """The changed files between two trees."""
        options = ("--no-color", "--no-ext-diff", "-M", "--no-abbrev", "--raw", "--numstat", "-z")
        return parse_changes(self.git("diff", *options, base, head), self.diff(base, head))

    def commit_base(self, commit: Commit) -> str:
        """What a commit is compared with: its first parent, or the empty tree."""
        return commit.parents[0] if commit.parents else self.empty_tree()

    def empty_tree(self) -> str:
        """The id of the tree without files."""
        return self.text("hash-object", "-t", "tree", "-w", "--stdin")

    def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor."""
        try:
            return self.text("merge-base", one, other)
        except GitError:
            return None

    def contains(self, commit: str, ancestor: str) -> bool:
        """Whether ``ancestor`` is reachable from ``commit``."""
        return self.merge_base(commit, ancestor) == ancestor

    def distance(self, base: str, head: str) -> tuple[int, int]:
        """How many commits ``head`` is ahead of and behind ``base``."""
        behind, ahead = self.text("rev-list", "--left-right", "--count", f"{base}...{head}").split()
        return int(ahead), int(behind)

    def workflow_changed_by(self, sha: str) -> str:
        """A workflow file that commits new to the repository change on the way to ``sha``, or ``""``."""
        command = ("log", "--format=", "--name-only", "-m", "--first-parent", sha, "--not", "--branches")
        return next(iter(self.text(*command, "--", ".github/workflows").splitlines()), "")

    def archive(self, revision: str, kind: str, *, prefix: str = "") -> bytes:
        """The tree as ``tar``, ``tar.gz`` or ``zip``."""
        return self.git("archive", f"--format={kind}", f"--prefix={prefix}", revision)

    # Writing

    def write_blob(self, content: bytes) -> str:
        """Store a file's bytes."""
        return self.text("hash-object", "-w", "--stdin", stdin=content)

    def write_tree(self, entries: Iterable[Entry], *, base: str = "") -> str:
        """Store ``base`` with ``entries`` put in or taken out; raises :class:`GitError` for a bad path."""
        with tempfile.TemporaryDirectory(prefix="playground-index-") as folder:
            env = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            if base:
                self.git("read-tree", base, env=env)
            lines = []
            for entry in entries:
                _check_path(entry.path)
                if entry.sha is None:
                    lines.append(f"0 {ZERO}\t{entry.path}\0")
                elif entry.mode == "040000":
                    self.git("read-tree", f"--prefix={entry.path}/", entry.sha, env=env)
                else:
                    lines.append(f"{entry.mode} {entry.sha}\t{entry.path}\0")
            self.git("update-index", "-z", "--index-info", stdin="".join(lines).encode(), env=env)
            return self.text("write-tree", env=env)

    def write_commit(
        self, tree: str, *, message: str, parents: Sequence[str], author: Identity, committer: Identity
    ) -> str:
        """Store a commit."""
        arguments = [part for parent in parents for part in ("-p", parent)]
        env = {**author.environment("AUTHOR"), **committer.environment("COMMITTER")}
        return self.text("commit-tree", tree, *arguments, stdin=message.encode(), env=env)

    def commit_files(
        self,
        files: Mapping[str, str | bytes | None],
        *,
        parent: str | None,
        message: str,
        author: Identity,
    ) -> str:
        """Store a commit that changes ``files`` (``None`` deletes) on top of ``parent``."""
        entries = [
            Entry(path, None if content is None else self.write_blob(_encoded(content)))
            for path, content in files.items()
        ]
        tree = self.write_tree(entries, base=parent or "")
        parents = [parent] if parent else []
        return self.write_commit(tree, message=message, parents=parents, author=author, committer=author)

    def update_ref(self, ref: str, new: str, *, old: str = "") -> None:
        """Point ``ref`` to ``new``; with ``old``, only if it points there now."""
        self.git("update-ref", ref, new, *([old] if old else []))

    def delete_ref(self, ref: str) -> None:
        """Remove a ref."""
        self.git("update-ref", "-d", ref)

    def valid_ref(self, ref: str) -> bool:
        """Whether git would take this as a full ref name."""
        try:
            self.git("check-ref-format", ref)
        except (GitError, ValueError):
            return False
        return ref.startswith("refs/")

    def merge(self, base: str, head: str, *, ancestor: str = "") -> str | None:
        """The tree of merging ``head`` into ``base``, ``None`` on a conflict.

        ``ancestor`` is their merge base unless given: a commit's parent makes this a cherry-pick. With
        ``read-tree`` and a throw-away work tree, because ``merge-tree --write-tree`` needs git 2.38.
        """
        common = ancestor or self.merge_base(base, head)
        if common is None:
            return None
        with tempfile.TemporaryDirectory(prefix="playground-merge-") as folder:
            work = Path(folder) / "work"
            work.mkdir()
            env = {"GIT_INDEX_FILE": str(Path(folder) / "index"), "GIT_WORK_TREE": str(work)}
            try:
                self.git("read-tree", "-i", "-m", "--aggressive", common, base, head, env=env)
                self.git("merge-index", "-o", "-q", "git-merge-one-file", "-a", env=env)
                return self.text("write-tree", env=env)
            except GitError:
                return None


def _check_path(path: str) -> None:
    """Git itself would leave out such a path without a word."""
    parts = path.split("/")
    if "\0" in path or any(part.lower() in {"", ".", "..", ".git"} for part in parts):
        raise GitError(f"{path!r} can't be in a tree")


def _encoded(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content
