"""A cache of bare repositories from which commits are checked out.

Each commit is fetched by its exact id and without history. The cache may be deleted at any time; a mirror
that grows past its limit is thrown away and begun anew.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from patchpilot.errors import (
    NotFoundError,
    PatchPilotError,
    PermanentError,
    TemporaryError,
)
from patchpilot.source import Repo, Sha
from patchpilot.text import one_line
from providers.hosts import git
from providers.hosts.unpack import TreeLimits, unpack

# Highest precedence among attributes: a checkout for tests needs the files that releases leave out.
_ATTRIBUTES = "* -export-ignore -export-subst\n"
_GONE = ("not our ref", "unadvertised object", "couldn't find remote ref", "bad object")
_DENIED = ("Authentication failed", "could not read Username", "error: 403", "error: 401")
_BROKEN = ("not a git repository", "object file", "corrupt", "bad config", "did not send all necessary")
_TOO_LARGE = ("File size limit exceeded", "signal 25", "File too large")


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorLimits:
    """What one fetch and one mirror may use."""

    fetch_seconds: float = 300.0
    lock_seconds: float = 330.0
    """How long to wait for another process that fetches the same repository."""
    pack_bytes: int = 2 * 1024**3
    """Largest single fetch."""
    mirror_bytes: int = 4 * 1024**3
    """A mirror larger than this is begun anew before its next fetch."""
    tree: TreeLimits = field(default_factory=TreeLimits)


class Mirrors:
    """Bare mirrors below ``folder``, one per repository; safe between threads and processes."""

    def __init__(self, folder: Path, limits: MirrorLimits | None = None) -> None:
        self._folder = folder
        self._limits = limits or MirrorLimits()

    def has(self, repo: Repo, commit: Sha) -> bool:
        """Whether the commit's files are in the cache, so that nothing need be fetched."""
        mirror = self._path(repo)
        return mirror.is_dir() and self._git(mirror, "cat-file", "-e", f"{commit}^{{tree}}").returncode == 0

    def fetch(self, repo: Repo, commit: Sha, *, url: str, token: str) -> None:
        """Bring one commit into the cache.

        Raises :class:`NotFoundError` for a missing repository or commit, :class:`PermanentError` where the
        credentials are refused or the repository is too large, :class:`TemporaryError` for the rest.
        """
        doing = f"fetching {commit[:12]} of {repo}"
        mirror = self._path(repo)
        with self._locked(mirror, doing):
            if self.has(repo, commit):
                return
            self._prepare(mirror)
            result = git.run(
                ["-C", str(mirror), "fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head",
                 "--no-auto-maintenance", url, commit],
                env=git.environment(url=url, token=token),
                seconds=self._limits.fetch_seconds,
                max_file_bytes=self._limits.pack_bytes,
                doing=doing,
            )  # fmt: skip
            said = result.stderr.decode(errors="replace")
            if result.returncode != 0 and any(sign in said for sign in _BROKEN):
                shutil.rmtree(mirror)
        if result.returncode != 0:
            raise _fetch_error(said, doing, repo, commit)

    def write_tree(self, repo: Repo, commit: Sha, into: Path) -> None:
        """Write the cached commit's files into the empty folder ``into``."""
        mirror = self._path(repo)
        doing = f"checking out {commit[:12]} of {repo}"
        with self._locked(mirror, doing):
            process = subprocess.Popen(  # noqa: S603 - fixed arguments and a checked commit id
                git.command(["-C", str(mirror), "archive", "--format=tar", commit]),
                env=git.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            # An archive that hangs is killed, which ends the read below.
            watchdog = threading.Timer(self._limits.fetch_seconds, git.kill_group, (process,))
            watchdog.start()
            try:
                with process:
                    stream = process.stdout
                    if stream is None:  # never: it was asked for
                        raise PermanentError(f"git gave no archive while {doing}")
                    unpack(stream, into, self._limits.tree)
                    stream.read()
            except tarfile.TarError as error:
                raise self._unreadable(mirror, doing) from error
            except OSError as error:
                raise TemporaryError(f"{error.strerror or error} while {doing}") from error
            finally:
                watchdog.cancel()
                git.kill_group(process)
            if process.returncode != 0:
                raise self._unreadable(mirror, doing)

    def _unreadable(self, mirror: Path, doing: str) -> TemporaryError:
        """A mirror that has the commit but can't give it is broken: the next try begins anew."""
        shutil.rmtree(mirror, ignore_errors=True)
        return TemporaryError(
            f"the source cache was unreadable and is begun anew, while {doing}", retry_after=5
        )

    def _path(self, repo: Repo) -> Path:
        # The host takes names without regard to case; two spellings must share one mirror.
        return self._folder / repo.host / f"{repo.full_name.lower()}.git"

    def _prepare(self, mirror: Path) -> None:
        if mirror.is_dir() and _size(mirror) > self._limits.mirror_bytes:
            shutil.rmtree(mirror)
        if not (mirror / "HEAD").exists():
            mirror.mkdir(parents=True, exist_ok=True)
            made = self._git(mirror, "init", "--quiet", "--bare", "--template=", ".")
            if made.returncode != 0:
                raise TemporaryError(
                    f"making the cache {mirror.name}: {one_line(made.stderr.decode(errors='replace'))}"
                )
        attributes = mirror / "info" / "attributes"
        attributes.parent.mkdir(exist_ok=True)
        attributes.write_text(_ATTRIBUTES)
        # What a killed fetch left behind would block the next one; the lock says nobody is at it.
        (mirror / "shallow.lock").unlink(missing_ok=True)

    def _git(self, mirror: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return git.run(
            ["-C", str(mirror), *arguments],
            env=git.environment(),
            seconds=30.0,
            doing="looking into the cache",
        )

    @contextmanager
    def _locked(self, mirror: Path, doing: str) -> Iterator[None]:
        """One at a time per repository, between processes too; the kernel frees the lock of a killed one."""
        try:
            mirror.parent.mkdir(parents=True, exist_ok=True)
            lock = mirror.with_suffix(".lock").open("a")
        except OSError as error:
            raise PermanentError(
                f"the source cache can't be written ({error.strerror}) while {doing}: check {self._folder}"
            ) from error
        with lock:
            deadline = time.monotonic() + self._limits.lock_seconds
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise TemporaryError(f"another worker holds the source cache while {doing}") from None
                    time.sleep(0.05)
            yield


def _fetch_error(stderr: str, doing: str, repo: Repo, commit: Sha) -> PatchPilotError:
    said = one_line(stderr.replace("fatal: ", "").replace("error: ", ""))
    if any(sign in stderr for sign in _GONE):
        return NotFoundError(
            f"{repo} has no commit {commit[:12]} (any more): the branch was deleted or rewritten"
        )
    if any(sign in stderr for sign in _TOO_LARGE):
        return PermanentError(f"{repo} is too large to fetch")
    if "not found" in stderr or "error: 404" in stderr:
        return NotFoundError(f"{repo} can't be cloned: it is gone, or the App is not installed on it")
    if any(sign in stderr for sign in _DENIED):
        return PermanentError(
            f"git refused the credentials while {doing}: grant the App contents: read on {repo}"
        )
    return TemporaryError(f"git failed while {doing}: {said}", retry_after=20)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in (folder / "objects").rglob("*") if file.is_file())
