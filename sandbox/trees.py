"""A checkout on our side of the wall: copied in, listed, read and written with strict path checks.

Everything in a checkout is hostile data. Names are checked part by part, no symlink is ever followed, and
files are replaced, never written in place, so that a copy may share its inodes with another.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from patchpilot.errors import NotFoundError, PermanentError, UnsafePathError

SANDBOX_ID = 65534
"""User and group that own files and processes inside: nobody."""
MAX_PATH = 1024
MAX_DEPTH = 64

# Characters that HFS+ ignores in names, so that ".g\u200cit" is ".git" there (CVE-2014-9390).
_IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_GIT = re.compile(r"(?i)\.git[. ]*|git~\d+|\.git::.*")


@dataclass(frozen=True, slots=True)
class TextFile:
    """The content of one regular file and whether it may be executed."""

    data: bytes
    executable: bool = False


def safe_path(path: str) -> PurePosixPath:
    """Check a relative path; raises :class:`UnsafePathError` that names the rule it breaks."""
    if not path or len(path) > MAX_PATH or path.count("/") > MAX_DEPTH:
        raise UnsafePathError(f"{path[:80]!r} is no path: empty, longer than {MAX_PATH} or too deep")
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in path):  # noqa: PLR2004 - ASCII's controls
        raise UnsafePathError(f"{path[:200]!r} has control characters")
    if path.startswith("/") or "\\" in path:
        raise UnsafePathError(f"{path[:200]!r} is absolute or has a backslash")
    try:
        path.encode()
    except UnicodeEncodeError:
        raise UnsafePathError(f"{path[:200]!r} is not UTF-8") from None
    for part in path.split("/"):
        if part in {"", ".", ".."}:
            raise UnsafePathError(f"{path[:200]!r} has an empty, '.' or '..' part")
        if _GIT.fullmatch(_IGNORED_BY_HFS.sub("", part)):
            raise UnsafePathError(f"{path[:200]!r} reaches into .git")
    return PurePosixPath(path)


def is_safe(path: str) -> bool:
    """Whether :func:`safe_path` would accept it."""
    try:
        safe_path(path)
    except UnsafePathError:
        return False
    return True


def locate(root: Path, path: str) -> Path:
    """Where ``path`` lies under ``root``, checked not to pass through or be a symlink or a special file."""
    parts = safe_path(path).parts
    place = root
    for depth, part in enumerate(parts, start=1):
        place /= part
        try:
            mode = place.lstat().st_mode
        except FileNotFoundError:
            return root.joinpath(*parts)
        except NotADirectoryError:
            break
        if stat.S_ISLNK(mode):
            raise UnsafePathError(f"{path!r} is or passes through a symbolic link")
        if depth < len(parts) and not stat.S_ISDIR(mode):
            raise UnsafePathError(f"{path!r} passes through a file")
        if depth == len(parts) and not stat.S_ISREG(mode):
            raise UnsafePathError(f"{path!r} is a folder or a special file")
    return place


def read(root: Path, path: str) -> TextFile | None:
    """A regular file under ``root``, ``None`` where there is none."""
    try:
        descriptor = os.open(locate(root, path), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise UnsafePathError(f"{path[:80]!r} has a name that is too long") from error
        raise
    with os.fdopen(descriptor, "rb") as file:
        return TextFile(file.read(), bool(os.fstat(descriptor).st_mode & stat.S_IXUSR))


def write(root: Path, path: str, content: TextFile | None) -> None:
    """Replace, create or (``None``) delete a file. Folders come and go with their files, as in git."""
    place = locate(root, path)
    if content is None:
        place.unlink(missing_ok=True)
        _remove_empty(place.parent, root)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=".patchpilot-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.data)
        Path(name).chmod(0o755 if content.executable else 0o644)
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _remove_empty(folder: Path, root: Path) -> None:
    while folder != root:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def text_of(path: str, content: TextFile | None) -> str:
    """Decode; raises :class:`NotFoundError` without a file else :class:`PermanentError`."""
    if content is None:
        raise NotFoundError(f"there is no file {path!r} in the checkout")
    try:
        return content.data.decode()
    except UnicodeDecodeError as error:
        raise PermanentError(f"{path!r} is not UTF-8 text and is left alone") from error


def walk(root: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Every entry below ``root`` except ``.git``, with its relative path, parents first, sorted."""
    pending = [("", root)]
    while pending:
        prefix, folder = pending.pop()
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            if entry.name == ".git":
                continue
            path = f"{prefix}{entry.name}"
            yield path, entry
            if entry.is_dir(follow_symlinks=False):
                pending.append((f"{path}/", Path(entry.path)))


def files(root: Path) -> list[str]:
    """Relative paths of all regular files, sorted; names that are not printable UTF-8 are left out."""
    return sorted(
        path for path, entry in walk(root) if entry.is_file(follow_symlinks=False) and is_safe(path)
    )


def copy(source: Path, target: Path, *, share: bool = False) -> int:
    """Copy files, folders and symlinks (as such) into the new folder ``target``; returns bytes of files.

    ``.git`` and special files stay behind. ``share`` makes hard links instead of copies.
    """
    target.mkdir(mode=0o700)
    total = 0
    for path, entry in walk(source):
        place = target / path
        if entry.is_symlink():
            place.symlink_to(Path(entry.path).readlink())
        elif entry.is_dir(follow_symlinks=False):
            place.mkdir(mode=0o700)
        elif entry.is_file(follow_symlinks=False):
            status = entry.stat(follow_symlinks=False)
            total += status.st_size
            if share:
                os.link(entry.path, place, follow_symlinks=False)
            else:
                shutil.copyfile(entry.path, place, follow_symlinks=False)
                place.chmod(0o755 if status.st_mode & stat.S_IXUSR else 0o644)
                os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))
    return total


def archive(root: Path, into: BinaryIO, *, prefix: str) -> int:
    """Write ``root`` as tar members under ``prefix``, owned by nobody; returns the length.

    The end mark is left off, so that more members can follow.
    """
    tar = tarfile.open(fileobj=into, mode="w", format=tarfile.GNU_FORMAT)  # noqa: SIM115 - closing ends it
    for path, entry in walk(root):
        member = tar.gettarinfo(entry.path, arcname=f"{prefix}/{path}")
        if member is None or not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
            continue
        # Shared inodes are our own doing and would arrive as hard links.
        if member.islnk():
            member.type, member.linkname = tarfile.REGTYPE, ""
            member.size = entry.stat(follow_symlinks=False).st_size
        member.uid = member.gid = SANDBOX_ID
        member.uname = member.gname = ""
        member.mode = 0o755 if member.isdir() or member.mode & stat.S_IXUSR else 0o644
        if member.isreg():
            with Path(entry.path).open("rb") as file:
                tar.addfile(member, file)
        else:
            tar.addfile(member)
    return tar.offset


def remove(folder: Path) -> None:
    """Delete a folder of ours, also where a checkout made parts of it read-only."""

    def force(_function: object, path: str, _error: object) -> None:
        Path(path).parent.chmod(0o700)
        Path(path).unlink(missing_ok=True)

    shutil.rmtree(folder, onerror=force)
