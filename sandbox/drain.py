"""Reads a sandbox's two streams as they come, up to their caps.

A stream that nobody reads blocks the engine (a Docker attach left unread even blocks ``kill``), so a thread
drains it to the end whatever happens; what passes a cap is counted and dropped.
"""

from __future__ import annotations

import threading

REPORT, OUTPUT = 1, 2
"""Standard output carries the report, standard error the command's output (:mod:`sandbox.inside`)."""


class Drain:
    """Collects both streams; :meth:`wait` tells when they ended or one passed its cap."""

    def __init__(self, *, output_bytes: int, report_bytes: int) -> None:
        self._room = {OUTPUT: output_bytes, REPORT: report_bytes}
        self._kept = {OUTPUT: bytearray(), REPORT: bytearray()}
        self._settled = threading.Event()
        self.overflowed = False
        self.ended = False

    def feed(self, stream: int, chunk: bytes) -> None:
        """Take what arrived on a stream; unknown streams are dropped."""
        if stream not in self._kept:
            return
        kept = self._kept[stream]
        room = self._room[stream] - len(kept)
        kept += chunk[:room]
        if len(chunk) > room:
            self.overflowed = True
            self._settled.set()

    def close(self) -> None:
        """Both streams have ended."""
        self.ended = True
        self._settled.set()

    def wait(self, seconds: float) -> bool:
        """Wait for the end or an overflow; ``False`` when neither came in time."""
        return self._settled.wait(max(seconds, 0.0))

    @property
    def output(self) -> bytes:
        """The command's output so far."""
        return bytes(self._kept[OUTPUT])

    @property
    def report(self) -> bytes:
        """The report stream so far."""
        return bytes(self._kept[REPORT])
