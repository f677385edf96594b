"""Total time limits for an HTTP answer that is read as it comes.

A read timeout starts again with every byte, and the SDK swallows a stream's pings before anybody sees them,
so neither ends an answer that only drips. Here every chunk of the body is held to one deadline.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx2


@dataclass
class BodyDeadline:
    """A response hook for ``httpx2.Client``: bodies that are still coming at ``ends_at`` are cut off."""

    clock: Callable[[], float] = field(default=time.monotonic)
    ends_at: float | None = None
    """By ``clock``; ``None`` for no limit."""

    def __call__(self, response: httpx2.Response) -> None:
        """Put the limit around the body of ``response``."""
        if isinstance(response.stream, httpx2.SyncByteStream):
            response.stream = _Limited(response.stream, self)

    def passed(self) -> bool:
        """The time is over."""
        return self.ends_at is not None and self.clock() > self.ends_at


class _Limited(httpx2.SyncByteStream):
    def __init__(self, body: httpx2.SyncByteStream, deadline: BodyDeadline) -> None:
        self._body = body
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._body:
            if self._deadline.passed():
                raise httpx2.ReadTimeout("the answer took too long")
            yield chunk

    def close(self) -> None:
        self._body.close()
