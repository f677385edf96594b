"""Writing a tree out of ``git archive`` safely: regular files, folders and symlinks that stay inside.

The archive comes from a stranger's repository. Nothing is written through a symlink (they are made last,
after all files), nothing outside the folder, nothing named ``.git``, and never more than the limits allow.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from patchpilot.errors import PermanentError, UnsafePathError


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeLimits:
    """How large a checkout may be; passing either ends it."""

    total_bytes: int = 2 * 1024**3
    entries: int = 200_000


def unpack(archive: IO[bytes], into: Path, limits: TreeLimits) -> None:
    """Write the archive's tree into the folder ``into``.

    Symlinks that would leave the folder, devices and the like are left out: no sandboxed command needs them.
    Raises :class:`UnsafePathError` for a path outside, :class:`PermanentError` for a tree that is too large.
    """
    links: list[tuple[Path, str]] = []
    written = 0
    with tarfile.open(fileobj=archive, mode="r|") as tar:
        for count, member in enumerate(tar):
            if count >= limits.entries:
                raise PermanentError(
                    f"the repository has more than {limits.entries:,} files: too many to check out"
                )
            target = into / safe_path(member.name)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
            elif member.issym():
                links.append((target, member.linkname))
            elif member.isreg():
                written += member.size
                if written > limits.total_bytes:
                    raise PermanentError(
                        f"the repository's files are larger than {limits.total_bytes / 1024**2:,.0f} MiB: "
                        "too large to check out"
                    )
                _write(tar, member, target)
    _link(links, into)


def safe_path(name: str) -> PurePosixPath:
    """Check a path: raises :class:`UnsafePathError` unless it stays inside and out of ``.git``."""
    path = PurePosixPath(name)
    parts = path.parts
    if (
        not parts
        or path.is_absolute()
        or "\\" in name
        or "\x00" in name
        or any(part == ".." or _is_git_folder(part) for part in parts)
    ):
        raise UnsafePathError(f"{name[:200]!r} is no path inside the repository")
    return path


def _is_git_folder(part: str) -> bool:
    """``.git`` in the spellings that some file system takes for it (as git's own NTFS and HFS rules)."""
    plain = "".join(sign for sign in part if sign.isprintable()).rstrip(" .").split(":")[0].lower()
    return plain in {".git", "git~1"}


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source = tar.extractfile(member)
    if source is None:  # never for a regular member
        return
    mode = 0o755 if member.mode & 0o100 else 0o644
    # O_EXCL: a second entry of the same name, or anything already there, is refused.
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as file:
        shutil.copyfileobj(source, file)
        os.fchmod(file.fileno(), mode)


def _link(links: list[tuple[Path, str]], into: Path) -> None:
    root = into.resolve()
    for place, goal in links:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(goal)
    # Judged once all are there, because a link may lead out only by way of another link.
    for place, _ in links:
        if not _stays_inside(place, root):
            place.unlink()


def _stays_inside(place: Path, root: Path) -> bool:
    if place.readlink().is_absolute():
        return False
    try:
        real = place.resolve()
    except (OSError, RuntimeError):  # a loop
        return False
    return real == root or root in real.parents
