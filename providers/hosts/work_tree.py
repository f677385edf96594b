"""Which files of a folder on this machine make up the code: tracked ones, and new ones that nobody ignores.

The folder may be a stranger's. Its git configuration is read by git, but nothing that it names is run: no
hook, no file system monitor, no filter, no transport (:mod:`providers.hosts.git`); ``core.worktree`` is
outranked by the folder that was really found.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from patchpilot.errors import PermanentError
from patchpilot.text import one_line
from providers.hosts import git

_SECONDS = 120.0
_ONE_PROJECT = "give the folder of one project"
_BARE = ("HEAD", "objects", "refs")
_UNREAD = re.compile(r"^warning: could not open directory '(.+)': ", re.MULTILINE)
_MOST_FILES = 200_000
_MOST_WITHOUT_GIT = 50_000
"""Files and folders of a project that nobody keeps under git; a home or a system has many more."""
_INSTALLED = frozenset({"node_modules", ".venv", "venv", ".tox", ".nox"})
"""Folders of installed packages, which a project of any size may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkTree:
    """A folder with code, under git or not."""

    root: Path
    """Its top: where ``.git`` is, else the folder that was named."""
    inside: str
    """The folder that was named, relative to the top; ``.`` for the top itself."""
    git_dir: Path | None
    """``.git``, a folder or a file that names one; ``None`` where the folder is not under git."""


def find(path: Path) -> WorkTree:
    """The work tree around ``path``.

    Raises :class:`~patchpilot.errors.PermanentError` where there is none: nothing there, a file, a bare
    repository, a place inside ``.git``.
    """
    try:
        place = path.resolve(strict=True)
    except FileNotFoundError as error:
        raise PermanentError(f"there is no folder {str(path)!r}; give the path of a checkout") from error
    except (OSError, RuntimeError) as error:
        raise PermanentError(f"{str(path)!r} can't be read: {one_line(str(error))}") from error
    if not place.is_dir():
        raise PermanentError(f"{str(path)!r} is not a folder; give the path of a checkout")
    if ".git" in place.parts:
        raise PermanentError(f"{str(path)!r} lies inside .git; give the folder with the code")
    if all((place / name).exists() for name in _BARE) and not (place / ".git").exists():
        raise PermanentError(
            f"{str(path)!r} is a bare repository, which has no files to work on; clone it and name the clone"
        )
    for folder in (place, *place.parents):
        if (folder / ".git").exists():
            inside = place.relative_to(folder).as_posix()
            return WorkTree(root=folder, inside=inside, git_dir=folder / ".git")
    if place == place.parent:
        raise PermanentError(f"{str(path)!r} is no checkout but the whole machine; {_ONE_PROJECT}")
    return WorkTree(root=place, inside=".", git_dir=None)


@dataclass(frozen=True, kw_only=True)
class Copying:
    """Copies the code of a work tree into a folder of ours."""

    tree: WorkTree
    into: Path
    empty_git: Path
    """A repository of ours, for folders that have none: git reads their ``.gitignore`` files with it."""
    most_bytes: int
    include: Sequence[str] = ()
    """Ignored files and folders that come along all the same, relative to the top."""
    exclude: Sequence[str] = ()
    """Patterns of paths that stay behind."""
    left_out: list[str] = field(default_factory=list)
    """What was left out although it is there, for people."""

    def copy(self) -> None:
        """Copy; raises :class:`~patchpilot.errors.PermanentError` for too much, or what can't be read."""
        if self.tree.git_dir is None and _has_more_than(_MOST_WITHOUT_GIT, self.tree.root):
            # Before git looks for ignored files, which would take it minutes.
            raise PermanentError(
                f"{str(self.tree.root)!r} is no checkout: it is not under git and has more than "
                f"{_MOST_WITHOUT_GIT:,} files; {_ONE_PROJECT}, or put it under git (git init)"
            )
        names = [name for name in self._names() if not self._excluded(name)]
        self._check_size(names)
        for name in names:
            self._copy_one(name)

    def _names(self) -> Iterator[str]:
        seen: set[str] = set()
        for name in (*self._listed(self.tree.root, self.tree.git_dir, ""), *self._included()):
            if name not in seen:
                seen.add(name)
                yield name

    def _listed(self, root: Path, git_dir: Path | None, prefix: str) -> Iterator[str]:
        """Tracked files, new files, and those of submodules that are checked out."""
        options = ["--cached"] if git_dir else []
        found, unread = _git_lines(
            ["ls-files", "-z", *options, "--others", "--exclude-standard"],
            git_dir=git_dir or self.empty_git,
            root=root,
        )
        self.left_out.extend(f"{prefix}{folder} (this user may not read it)" for folder in unread)
        for name in found:
            place = root / name
            # Not Path.is_dir(), which raises where the folder around it may not be entered.
            if not os.path.isdir(place) or place.is_symlink():  # noqa: PTH112
                yield prefix + name
            elif name.endswith("/"):
                self.left_out.append(f"{prefix}{name} (a repository of its own that this one does not track)")
            elif (place / ".git").exists():
                yield from self._listed(place, place / ".git", f"{prefix}{name}/")

    def _included(self) -> Iterator[str]:
        for wanted in self.include:
            place = (self.tree.root / wanted).absolute()
            if not place.resolve().is_relative_to(self.tree.root) or not os.path.lexists(place):
                raise PermanentError(f"there is no {wanted!r} in {str(self.tree.root)!r} to include")
            relative = os.path.relpath(place, self.tree.root)
            if not place.is_dir() or place.is_symlink():
                yield relative
                continue
            for folder, folders, files in os.walk(place):
                folders[:] = [name for name in folders if name != ".git"]
                here = Path(folder)
                links = [name for name in folders if (here / name).is_symlink()]
                for name in (*files, *links):
                    yield str((here / name).relative_to(self.tree.root))

    def _excluded(self, name: str) -> bool:
        parts = name.split("/")
        paths = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        return ".git" in parts or any(
            fnmatchcase(path, pattern.rstrip("/")) for pattern in self.exclude for path in paths
        )

    def _check_size(self, names: list[str]) -> None:
        """Before anything is copied, so that a large file costs nothing but a look."""
        if len(names) > _MOST_FILES:
            raise PermanentError(f"{str(self.tree.root)!r} has more than {_MOST_FILES:,} files")
        sizes = {name: self._size(name) for name in names}
        total = sum(sizes.values())
        if total > self.most_bytes:
            largest = max(sizes, key=lambda name: sizes[name])
            raise PermanentError(
                f"the files have {total / 2**20:,.0f} MiB and the sandbox room for "
                f"{self.most_bytes / 2**20:,.0f} MiB: leave some out with --exclude (the largest is "
                f"{largest!r}, {sizes[largest] / 2**20:,.0f} MiB) or raise SANDBOX_MEMORY_MB"
            )

    def _size(self, name: str) -> int:
        try:
            status = (self.tree.root / name).lstat()
        except OSError:
            return 0
        return status.st_size if stat.S_ISREG(status.st_mode) else 0

    def _copy_one(self, name: str) -> None:
        source, target = self.tree.root / name, self.into / name
        try:
            if self._passes_through_link(name):
                return
            status = source.lstat()
            target.parent.mkdir(parents=True, exist_ok=True)
            if stat.S_ISLNK(status.st_mode):
                target.symlink_to(source.readlink())
            elif stat.S_ISREG(status.st_mode):
                _copy_file(source, target)
        except FileNotFoundError:  # deleted, in the work tree or just now
            return
        except OSError as error:
            raise PermanentError(
                f"{name!r} can't be read: {error.strerror or error}. Let this user read it, or leave it out: "
                f"--exclude {shlex.quote(name)}"
            ) from error

    def _passes_through_link(self, name: str) -> bool:
        """A tracked path whose folder has become a link: what lies behind is not this repository's."""
        place = self.tree.root
        for part in name.split("/")[:-1]:
            place /= part
            if place.is_symlink():
                return True
        return False


def _has_more_than(most: int, folder: Path) -> bool:
    """Whether there are more files and folders than that below ``folder``; it counts no further."""
    count = 0
    for _, folders, files in os.walk(folder):
        count += len(folders) + len(files)
        if count > most:
            return True
        folders[:] = [name for name in folders if name not in _INSTALLED]
    return False


def _copy_file(source: Path, target: Path) -> None:
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as data:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return
        with target.open("xb") as copy:
            shutil.copyfileobj(data, copy, 1 << 20)
        target.chmod(0o755 if status.st_mode & stat.S_IXUSR else 0o644)


def look(
    arguments: Sequence[str], *, git_dir: Path, root: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run git on one repository, whatever its configuration says about where its files are.

    Naming ``.git`` outright also means that git need not ask whose folder it is.
    """
    env = git.environment()
    env["GIT_DIR"] = str(git_dir)
    # Only these transports: none. It outranks protocol.*.allow and a promisor remote of the repository's own.
    env["GIT_ALLOW_PROTOCOL"] = "none"
    if root is not None:
        env["GIT_WORK_TREE"] = str(root)
    options = ["-c", f"core.excludesFile={_global_ignore()}"]
    return git.run([*options, *arguments], env=env, seconds=_SECONDS, doing="reading the checkout", cwd=root)


def _git_lines(arguments: Sequence[str], *, git_dir: Path, root: Path) -> tuple[list[str], list[str]]:
    """What git lists, and the folders that it may not look into, of which it only warns."""
    done = look(arguments, git_dir=git_dir, root=root)
    told = done.stderr.decode(errors="replace")
    if done.returncode:
        said = one_line(told.replace("fatal: ", ""), 200)
        raise PermanentError(f"git can't list the files of {str(root)!r}: {said}")
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name], _UNREAD.findall(told)


def _global_ignore() -> str:
    """What this user ignores everywhere: https://git-scm.com/docs/gitignore."""
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111 - it never raises
    asked = os.environ.get("HOME", "")
    if asked and Path(asked, ".gitconfig").is_file():
        env = {**git.environment(), "HOME": asked, "GIT_CONFIG_GLOBAL": str(Path(asked, ".gitconfig"))}
        told = git.run(
            ["config", "--global", "--type=path", "core.excludesFile"],
            env=env,
            seconds=_SECONDS,
            doing="reading the checkout",
        )
        if told.returncode == 0 and told.stdout.strip():
            return os.fsdecode(told.stdout.strip())
    return f"{home}/git/ignore"
