"""Many patterns, one pass: a thin wrapper around Vectorscan/Hyperscan.

Log lines come from strangers, so the time a pattern takes must not depend on what it reads. Hyperscan
compiles all patterns of a table into automata that never backtrack and read each byte once
(https://intel.github.io/hyperscan/dev-reference/compilation.html), which also is what makes gigabytes
bearable from Python: the interpreter runs only where something was found.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import hyperscan

_FLAGS = hyperscan.HS_FLAG_MULTILINE | hyperscan.HS_FLAG_ALLOWEMPTY


class Matcher:
    """A compiled table of patterns. Safe to share between threads; scans take turns."""

    def __init__(self, patterns: Sequence[str], *, literal: bool = False) -> None:
        """``literal``: the patterns are plain strings, whatever their case, which compile much faster."""
        self._database = hyperscan.Database()
        self._database.compile(
            expressions=[pattern.encode() for pattern in patterns],
            ids=list(range(len(patterns))),
            elements=len(patterns),
            flags=[hyperscan.HS_FLAG_CASELESS if literal else _FLAGS] * len(patterns),
            literal=literal,
        )
        # Hyperscan's scratch space belongs to one scan at a time.
        self._turn = threading.Lock()

    def scan(self, data: bytes, *, limit: int) -> tuple[list[tuple[int, int]], bool]:
        """Pairs of (offset where a match ends, index of the pattern), in order of the offsets.

        Stops after ``limit`` matches, so that hostile input costs no more than busy input; the second
        value tells whether it did.
        """
        found: list[tuple[int, int]] = []

        def note(index: int, _start: int, end: int, _flags: int, _context: object) -> bool:
            found.append((end, index))
            return len(found) >= limit

        try:
            with self._turn:
                self._database.scan(data, match_event_handler=note)
        except hyperscan.ScanTerminated:
            return found, True
        return found, False
