"""Who may do what: the permission a person has on the repository right now."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from patchpilot.errors import NotFoundError, PatchPilotError
from patchpilot.ports import CodeHost
from patchpilot.source import HostUser, Permission, Repo, Sha

log = logging.getLogger(__name__)

CACHE_SECONDS: Final = 60.0
_RETRY_SECONDS: Final = 10.0
_MOST_KNOWN: Final = 10_000


class Authority:
    """Asks the code host, and remembers its answer for at most a minute. No answer means no."""

    def __init__(self, host: CodeHost, *, cache_seconds: float = CACHE_SECONDS) -> None:
        self._host = host
        self._cache_seconds = cache_seconds
        self._known: dict[tuple[Repo, str], tuple[float, Permission]] = {}
        self._private: dict[Repo, tuple[float, bool]] = {}
        self._lock = threading.Lock()

    def permission(self, repo: Repo, user: HostUser) -> Permission:
        """What ``user`` may do on ``repo``; :attr:`Permission.NONE` when it can't be found out."""
        try:
            found = self.told_permission(repo, user)
        except NotFoundError:
            return Permission.NONE
        return Permission.NONE if found is None else found

    def told_permission(self, repo: Repo, user: HostUser) -> Permission | None:
        """What ``user`` may do on ``repo``; ``None`` when it can't be found out.

        Raises :class:`~patchpilot.errors.NotFoundError` for a repository that this installation does not see.
        """
        key = (repo, f"{user.id}:{user.login}")
        now = time.monotonic()
        with self._lock:
            at, permission = self._known.get(key, (float("-inf"), Permission.NONE))
        if now - at <= self._cache_seconds:
            return permission
        try:
            permission = self._host.permission(repo, user)
        except NotFoundError as error:
            _log_unknown("permission", repo, error)
            raise
        except PatchPilotError as error:
            _log_unknown("permission", repo, error)
            return None
        with self._lock:
            if len(self._known) > _MOST_KNOWN:
                self._known.clear()
            self._known[key] = (now, permission)
        return permission

    def head(self, repo: Repo, branch: str) -> Sha | None:
        """The commit that a branch is at now; ``None`` when there is none or it can't be found out."""
        try:
            return self._host.branch_head(repo, branch)
        except PatchPilotError as error:
            _log_unknown("head", repo, error)
            return None

    def lacks(self, repo: Repo, branch: str) -> bool:
        """Whether the code host says that there is no such branch; false when it can't be found out."""
        try:
            return self._host.branch_head(repo, branch) is None
        except PatchPilotError as error:
            _log_unknown("head", repo, error)
            return False

    def is_private(self, repo: Repo) -> bool:
        """Whether not everybody may see ``repo``; true when it can't be found out."""
        now = time.monotonic()
        with self._lock:
            at, private = self._private.get(repo, (float("-inf"), True))
        if now - at <= self._cache_seconds:
            return private
        try:
            private = self._host.is_private(repo)
        except PatchPilotError as error:
            _log_unknown("visibility", repo, error)
            # Not asked again at once: a list of repositories must not wait for a timeout each.
            with self._lock:
                self._private[repo] = (now - self._cache_seconds + _RETRY_SECONDS, True)
            return True
        with self._lock:
            if len(self._private) > _MOST_KNOWN:
                self._private.clear()
            self._private[repo] = (now, private)
        return private


def _log_unknown(what: str, repo: Repo, error: PatchPilotError) -> None:
    extra = {"action": "authority_unknown", "what": what, "repo": str(repo), "cause": str(error)}
    log.warning("the code host does not say", extra=extra)
