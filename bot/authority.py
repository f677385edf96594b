"""Who may do what: the permission a person has on the repository right now."""

from __future__ import annotations

import threading
import time
from typing import Final

from patchpilot.errors import PatchPilotError
from patchpilot.ports import CodeHost
from patchpilot.source import HostUser, Permission, Repo

CACHE_SECONDS: Final = 60.0


class Authority:
    """Asks the code host, and remembers its answer for at most a minute. No answer means no."""

    def __init__(self, host: CodeHost, *, cache_seconds: float = CACHE_SECONDS) -> None:
        self._host = host
        self._cache_seconds = cache_seconds
        self._known: dict[tuple[Repo, str], tuple[float, Permission]] = {}
        self._lock = threading.Lock()

    def permission(self, repo: Repo, user: HostUser) -> Permission:
        """What ``user`` may do on ``repo``; :attr:`Permission.NONE` when it can't be found out."""
        key = (repo, user.login)
        now = time.monotonic()
        with self._lock:
            at, permission = self._known.get(key, (float("-inf"), Permission.NONE))
        if now - at <= self._cache_seconds:
            return permission
        try:
            permission = self._host.permission(repo, user)
        except PatchPilotError:
            return Permission.NONE
        with self._lock:
            self._known[key] = (now, permission)
        return permission
