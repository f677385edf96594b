"""A checkout on this machine as a code host: its files as they are now become a commit of ours.

Everything is read through a repository of our own in a scratch folder. It borrows the checkout's objects
(``objects/info/alternates``) and nothing else, so neither the checkout's configuration nor its attributes
count, and nothing is ever written to the checkout.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from patchpilot.errors import NotFoundError, PermanentError
from patchpilot.fixes import Patch
from patchpilot.source import Commit, HostUser, Permission, Repo, Sha, sha
from patchpilot.text import one_line
from providers.hosts import git
from providers.hosts.unpack import TreeLimits, unpack
from providers.hosts.work_tree import Copying, WorkTree, find, look

# Highest precedence among attributes: bytes as they are on disk, and nothing left out.
_ATTRIBUTES = (
    "* -text !eol !crlf !filter !ident !working-tree-encoding !diff !merge -export-ignore -export-subst\n"
)
_WORK_TREE = "The work tree with its uncommitted changes"
_MOST_DIFF = 200_000
_DEFAULTS = ("main", "master", "trunk", "develop")
_REMOTE = re.compile(r"(?:[\w.+-]+://)?(?:[^@/\s]+@)?(?P<host>[\w.-]+)(?::\d+)?[:/](?P<name>[^\s?#]+)")
_DIFF = (
    *("diff-tree", "-r", "-p", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color"),
    *("--src-prefix=a/", "--dst-prefix=b/"),
)


@dataclass(kw_only=True)
class LocalCheckout:
    """One folder with code (:class:`patchpilot.ports.CodeHost`); look with :meth:`open`, which copies it."""

    tree: WorkTree
    scratch: Path
    """A folder of ours; holds the copy, and the repository that it is committed to."""
    head: Sha
    """The commit that stands for the files as they were copied: HEAD itself where nothing was changed."""
    branch: str
    """The branch that is checked out; ``HEAD`` where none is."""
    default_branch: str
    changed: bool
    """There are changes that are not committed, or no commits at all."""
    repo: Repo
    left_out: list[str] = field(default_factory=list)
    """What was left out although it is there, for people."""

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        scratch: Path,
        most_bytes: int,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
    ) -> LocalCheckout:
        """Copy the code at ``path`` into the empty folder ``scratch``.

        ``most_bytes`` is how much the files may have together. Raises
        :class:`~patchpilot.errors.PermanentError`, with what to do, for a path that can't be used.
        """
        tree = find(path)
        own, copy = scratch / "git", scratch / "copy"
        copy.mkdir()
        theirs = _head(tree)
        # Both kinds of object id: https://git-scm.com/docs/hash-function-transition
        _make_repository(own, kind="sha256" if theirs and len(theirs) == 64 else "sha1")  # noqa: PLR2004
        copying = Copying(
            tree=tree, into=copy, empty_git=own, most_bytes=most_bytes, include=include, exclude=exclude
        )
        copying.copy()
        head, changed = _committed(tree, own, copy, theirs)
        branch = _branch(tree)
        return cls(
            tree=tree,
            scratch=scratch,
            head=head,
            branch=branch,
            # What is not committed yet is compared with HEAD, whatever the branch.
            default_branch=branch if changed else _default_branch(tree, branch),
            changed=changed,
            repo=_repo(tree),
            left_out=copying.left_out,
        )

    def checkout(self, repo: Repo, commit: Sha, into: Path) -> None:  # noqa: ARG002 - there is one repository
        """The files of a commit; symlinks that lead out of the checkout are left out."""
        archive = self.scratch / f"{commit}.tar"
        # Of the tree, not the commit: an empty archive of a commit is one that Python can't read.
        done = self._git("archive", "--format=tar", f"--output={archive}", f"{commit}^{{tree}}")
        if done is None:
            raise NotFoundError(
                f"this checkout does not have commit {commit[:7]} (it may be a shallow clone)"
            )
        with archive.open("rb") as tar:
            unpack(tar, into, TreeLimits())
        archive.unlink()

    def commit(self, repo: Repo, commit: Sha) -> Commit:  # noqa: ARG002 - there is one repository
        """One commit with its diff against the first parent."""
        told = self._git("show", "--no-patch", "--format=%P%x00%an%x00%B", f"{commit}^{{commit}}")
        if told is None:
            raise NotFoundError(f"this checkout does not have commit {commit[:7]}")
        parents, author, message = told.decode(errors="replace").split("\0", 2)
        older = tuple(sha(name) for name in parents.split())
        diff = self._git(*_DIFF, older[0], commit) if older else None
        return Commit(
            sha=commit,
            author=author,
            message=message.strip(),
            parents=older,
            diff=(diff or b"").decode(errors="replace")[:_MOST_DIFF],
        )

    def compare(self, repo: Repo, base: Sha, head: Sha) -> Patch:  # noqa: ARG002 - there is one repository
        """The diff between two commits."""
        diff = self._git(*_DIFF, base, head)
        if diff is None:
            raise NotFoundError(f"this checkout can't compare {base[:7]} with {head[:7]}")
        return Patch(diff.decode(errors="replace")[:_MOST_DIFF])

    def merge_base(self, repo: Repo, base: str, head: Sha) -> Sha:  # noqa: ARG002 - there is one repository
        """The newest commit that branch ``base`` and ``head`` have in common."""
        tip = self._tip(base)
        found = self._git("merge-base", tip, head) if tip else None
        if not found or not found.strip():
            raise NotFoundError(f"branch {base!r} and {head[:7]} have no commit in common here")
        return sha(found.decode().split()[0])

    def branch_head(self, repo: Repo, branch: str) -> Sha | None:  # noqa: ARG002 - there is one repository
        """The commit a local branch points to."""
        tip = self._tip(branch)
        return sha(tip) if tip else None

    def permission(self, repo: Repo, user: HostUser) -> Permission:  # noqa: ARG002 - the port's signature
        """Whoever runs a command on this machine may do on it what the machine lets them."""
        return Permission.WRITE

    def is_private(self, repo: Repo) -> bool:  # noqa: ARG002 - the port's signature
        """What lies on this machine is nobody else's business."""
        return True

    def _tip(self, branch: str) -> str:
        return _resolved(self.tree, f"refs/heads/{branch}") or _resolved(
            self.tree, f"refs/remotes/origin/{branch}"
        )

    def _git(self, *arguments: str) -> bytes | None:
        done = look(arguments, git_dir=self.scratch / "git")
        return None if done.returncode else done.stdout


def _make_repository(own: Path, *, kind: str) -> None:
    arguments = ["init", "--quiet", "--bare", "--template=", f"--object-format={kind}", str(own)]
    done = git.run(arguments, env=git.environment(), seconds=60.0, doing="making a scratch repository")
    if done.returncode:
        raise PermanentError(f"making a scratch repository: {one_line(done.stderr.decode(errors='replace'))}")
    (own / "info").mkdir(exist_ok=True)
    (own / "info" / "attributes").write_text(_ATTRIBUTES)


def _committed(tree: WorkTree, own: Path, copy: Path, theirs: str) -> tuple[Sha, bool]:
    """The commit for the copied files, and whether they differ from HEAD."""
    _must(["-c", "core.compression=1", "add", "--all", "--force", "."], own, copy)
    written = _must(["write-tree"], own, copy).strip()
    if theirs:
        _borrow_objects(tree, own)
        if _must(["rev-parse", f"{theirs}^{{tree}}"], own, copy).strip() == written:
            return sha(theirs), False
    # A fixed time: the same files on the same commit are the same commit, whenever they are looked at.
    who = ["-c", "user.name=PatchPilot", "-c", "user.email=patchpilot@localhost"]
    parent = ["-p", theirs] if theirs else []
    subject = _WORK_TREE if theirs else "The folder as it is"
    made = _must([*who, "commit-tree", *parent, "-m", subject, written], own, copy, fixed_time=True)
    return sha(made.strip()), True


def _must(arguments: list[str], own: Path, copy: Path, *, fixed_time: bool = False) -> str:
    env = git.environment() | {"GIT_DIR": str(own), "GIT_WORK_TREE": str(copy)}
    if fixed_time:
        env |= {"GIT_AUTHOR_DATE": "@0 +0000", "GIT_COMMITTER_DATE": "@0 +0000"}
    done = git.run(arguments, env=env, seconds=300.0, doing="copying the checkout", cwd=copy)
    if done.returncode:
        said = one_line(done.stderr.decode(errors="replace"), 200)
        raise PermanentError(f"copying the checkout: {said}")
    return done.stdout.decode()


def _borrow_objects(tree: WorkTree, own: Path) -> None:
    """Let our repository read the checkout's objects: https://git-scm.com/docs/gitrepository-layout."""
    told = look(["rev-parse", "--git-path", "objects"], git_dir=_git_dir(tree), root=tree.root)
    objects = Path(os.fsdecode(told.stdout.strip()))
    place = objects if objects.is_absolute() else tree.root / objects
    quoted = str(place).replace("\\", "\\\\").replace('"', '\\"')
    # Written by git itself in C quotes where a path has odd characters; ours is quoted always.
    (own / "objects" / "info").mkdir(exist_ok=True)
    (own / "objects" / "info" / "alternates").write_bytes(os.fsencode(f'"{quoted}"\n'))
    told = look(["rev-parse", "--git-path", "shallow"], git_dir=_git_dir(tree), root=tree.root)
    shallow = tree.root / os.fsdecode(told.stdout.strip())
    if shallow.is_file():  # the parents of these commits are not there, which git must know
        (own / "shallow").write_bytes(shallow.read_bytes())


def _git_dir(tree: WorkTree) -> Path:
    return tree.git_dir or tree.root / ".git"


def _resolved(tree: WorkTree, name: str) -> str:
    if tree.git_dir is None:
        return ""
    done = look(
        ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"],
        git_dir=tree.git_dir,
        root=tree.root,
    )
    return done.stdout.decode().strip() if done.returncode == 0 else ""


def _head(tree: WorkTree) -> str:
    """The id of the commit that is checked out; empty without git, or before the first commit."""
    if tree.git_dir is None:
        return ""
    done = look(["rev-parse", "--git-dir"], git_dir=tree.git_dir, root=tree.root)
    if done.returncode:
        said = one_line(done.stderr.decode(errors="replace").replace("fatal: ", ""), 200)
        raise PermanentError(f"git can't read the repository at {str(tree.root)!r}: {said}")
    return _resolved(tree, "HEAD")


def _branch(tree: WorkTree) -> str:
    if tree.git_dir is None:
        return "HEAD"
    done = look(["symbolic-ref", "--quiet", "--short", "HEAD"], git_dir=tree.git_dir, root=tree.root)
    return done.stdout.decode(errors="replace").strip() or "HEAD"


def _default_branch(tree: WorkTree, branch: str) -> str:
    """The branch that others leave: origin's, else one with the usual name, else the one checked out."""
    if tree.git_dir is None:
        return branch
    name = "refs/remotes/origin/HEAD"
    done = look(["symbolic-ref", "--quiet", name], git_dir=tree.git_dir, root=tree.root)
    told = done.stdout.decode(errors="replace").strip().removeprefix("refs/remotes/origin/")
    for name in (told, *_DEFAULTS):
        if name and (_resolved(tree, f"refs/heads/{name}") or _resolved(tree, f"refs/remotes/origin/{name}")):
            return name
    return branch


def _repo(tree: WorkTree) -> Repo:
    """The name on its code host where ``origin`` tells it, so that its past is found in the memory."""
    told = ""
    if tree.git_dir is not None:
        done = look(["config", "--get", "remote.origin.url"], git_dir=tree.git_dir, root=tree.root)
        told = done.stdout.decode(errors="replace").strip()
    found = None if "://" not in told and told.startswith(("/", ".")) else _REMOTE.fullmatch(told)
    if found is not None:
        host = {"github.com": "github", "gitlab.com": "gitlab"}.get(found["host"].lower(), found["host"])
        name = found["name"].strip("/").removesuffix(".git")
        try:
            return Repo(host, name)
        except PermanentError:
            pass
    safe = re.sub(r"[^A-Za-z0-9_.-]", "-", tree.root.name)[:100].strip(".") or "checkout"
    return Repo("local", f"local/{safe}")
