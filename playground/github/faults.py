"""Faults on demand: what a client of GitHub must survive."""

from __future__ import annotations

import enum
import re
import threading
from dataclasses import dataclass


class FaultKind(enum.StrEnum):
    """What goes wrong."""

    LOG_MISSING = "log_missing"
    """The log of the next job that is asked for is gone: 404."""
    LOG_SIZE = "log_size"
    """The next log is padded in front to ``megabytes``."""
    LOG_BINARY = "log_binary"
    """The next log is not text."""
    STATUS = "status"
    """The next matching request is answered with ``status`` and has no effect."""
    DONE_THEN_STATUS = "done_then_status"
    """The next matching request has its effect and is then answered with ``status``."""
    RATE_LIMIT = "rate_limit"
    """The next matching request meets the secondary rate limit: 403, with ``retry-after`` if that is set."""
    SLOW = "slow"
    """The next matching request is answered after ``seconds``."""
    DUPLICATE_DELIVERY = "duplicate_delivery"
    """The next webhook arrives twice, with one delivery id."""


_LOGS = frozenset({FaultKind.LOG_MISSING, FaultKind.LOG_SIZE, FaultKind.LOG_BINARY})


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault that waits for its request."""

    kind: FaultKind
    method: str = ""
    """Empty for any method."""
    path: str = ""
    """A regular expression looked for in the path after ``/api/v3``; empty for any."""
    times: int = 1
    status: int = 502
    seconds: float = 0.0
    megabytes: float = 0.0
    retry_after: int | None = None

    def matches(self, method: str, path: str) -> bool:
        """Whether this request meets the fault."""
        return self.method.upper() in {"", method} and re.search(self.path, path) is not None


class Faults:
    """The faults that still wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let a fault wait for its request."""
        re.compile(fault.path)
        with self._lock:
            self._waiting.append(fault)

    def request(self, method: str, path: str) -> Fault | None:
        """The fault that this request meets, used up by one."""
        return self._take(lambda fault: fault.kind not in _LOGS and fault.matches(method, path))

    def log(self) -> Fault | None:
        """The fault that this download of a log meets, used up by one."""
        return self._take(lambda fault: fault.kind in _LOGS)

    def clear(self) -> None:
        """Forget all that wait."""
        with self._lock:
            self._waiting.clear()

    def _take(self, wanted: object) -> Fault | None:
        assert callable(wanted)
        with self._lock:
            for fault in self._waiting:
                if wanted(fault):
                    fault.times -= 1
                    if fault.times <= 0:
                        self._waiting.remove(fault)
                    return fault
        return None
