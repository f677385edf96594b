"""First pass: from a stream of any length to the lines worth reading, in bounded memory.

A log of up to :data:`WHOLE` bytes is kept as it is. A longer one is searched for alarms block by block; kept
are its head, its tail, and the surroundings of the alarms: the latest, and of the earlier ones those that
tell most.
"""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from agent.distil.alarms import Alarm, Alarms
from agent.distil.lines import LINE_LIMIT, RawLine, cut
from agent.distil.shelf import Shelf, Stretch

WHOLE = 1 << 18
"""Logs up to this many bytes are read line by line."""
BLOCK = 1 << 17
HEAD = 24 << 10
TAIL = 96 << 10
BEFORE, AFTER = 10, 30
"""Lines kept around one that tells of a failure; around others fewer."""


@dataclass(slots=True)
class Skimmed:
    """What the first pass kept, in order of the line numbers; where numbers jump, lines were passed over."""

    lines: list[RawLine] = field(default_factory=list)
    total_lines: int = 0
    total_bytes: int = 0


def skim(chunks: Iterable[bytes]) -> Skimmed:
    """Read the stream to its end and keep the lines worth reading."""
    reader = _Reader()
    for block in _blocks(_as_utf8(reader.counted(chunks))):
        reader.read(block)
    return reader.finish()


class _Reader:
    """State of one pass."""

    def __init__(self) -> None:
        self.total_bytes = 0
        self._whole: list[bytes] = []
        self._held = 0
        self._lines = 0
        self._kept: dict[int, bytes] = {}
        self._head = 0
        self._alarms = Alarms()
        self._shelf = Shelf()
        self._done = 0
        self._recent: deque[tuple[int, bytes]] = deque()
        self._recent_size = 0
        self._carry = 0

    def counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks; their size is noted."""
        for chunk in chunks:
            self.total_bytes += len(chunk)
            yield chunk

    def read(self, block: bytes) -> None:
        """Take one block of whole lines."""
        if self._held <= WHOLE:
            self._whole.append(block)
            self._held += len(block)
            if self._held > WHOLE:
                for early in self._whole:
                    self._search(early)
                self._whole.clear()
            return
        self._search(block)

    def finish(self) -> Skimmed:
        """The lines kept, once the stream has ended."""
        if self._held <= WHOLE:
            lines = b"".join(self._whole).split(b"\n")
            if lines and not lines[-1]:
                lines.pop()
            kept = [RawLine(number, cut(line)) for number, line in enumerate(lines, 1)]
            return Skimmed(kept, len(kept), self.total_bytes)
        self._keep_tail()
        self._kept.update(self._shelf.lines())
        ordered = [RawLine(number, self._kept[number]) for number in sorted(self._kept)]
        return Skimmed(ordered, self._lines, self.total_bytes)

    def _search(self, block: bytes) -> None:
        first = self._lines
        lines = block.split(b"\n")
        if self._head < HEAD:
            self._keep_head(first, lines)
        alarms = self._alarms.of(block, lines)
        if alarms or self._carry:
            self._keep_around(alarms, lines)
        self._lines += len(lines) - 1
        self._recent.append((first, block))
        self._recent_size += len(block)
        while self._recent_size - len(self._recent[0][1]) > TAIL:
            self._recent_size -= len(self._recent.popleft()[1])

    def _keep_head(self, first: int, lines: list[bytes]) -> None:
        for index, line in enumerate(lines[:-1]):
            if self._head >= HEAD:
                return
            self._kept[first + index + 1] = cut(line)
            self._head += min(len(line), LINE_LIMIT) + 1

    def _keep_around(self, alarms: list[Alarm], lines: list[bytes]) -> None:
        """Keep a stretch around each alarm; it may begin in the block before and run on into the next."""
        first, count = self._lines, len(lines) - 1
        self._shelf.extend(cut(line) for line in lines[: self._carry])
        self._done = max(self._done, first + min(self._carry, count))
        self._carry = max(0, self._carry - count)
        for row, score, tells in alarms:
            if self._shelf.is_beyond(score):
                continue
            before, after = self._reach(tells=tells)
            start, stop = first + row - before, first + row + after + 1
            # What an earlier, lesser alarm kept of these lines now matters as much as this one.
            self._shelf.raise_from(start, score)
            start = max(start, self._done)
            if start < (within := min(stop, first + count)):
                above = self._above(first - start)
                kept = above + lines[max(0, start - first) : within - first]
                self._shelf.add(Stretch(within - len(kept), [cut(line) for line in kept], score))
                self._done = within
            self._carry = max(self._carry, stop - first - count)

    def _reach(self, *, tells: bool) -> tuple[int, int]:
        if tells:
            return BEFORE, AFTER
        return (2, 4) if self._shelf.is_full else (6, 16)

    def _above(self, count: int) -> list[bytes]:
        """The last lines of the block before this one, at most so many."""
        if count <= 0 or not self._recent:
            return []
        return self._recent[-1][1].rsplit(b"\n", count + 1)[-count - 1 : -1]

    def _keep_tail(self) -> None:
        for first, block in self._recent:
            for index, line in enumerate(block.split(b"\n")[:-1]):
                self._kept[first + index + 1] = cut(line)


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut the stream at line ends into blocks of about :data:`BLOCK` bytes, each ending in a newline.

    A line longer than a block loses its middle, so that no line can fill the memory.
    """
    pending = bytearray()
    for chunk in chunks:
        for start in range(0, len(chunk), BLOCK):
            pending += chunk[start : start + BLOCK]
            if len(pending) < BLOCK:
                continue
            newline = pending.rfind(b"\n")
            if newline < 0:
                del pending[LINE_LIMIT:-LINE_LIMIT]
                continue
            yield bytes(pending[: newline + 1])
            del pending[: newline + 1]
    if pending:
        yield bytes(pending) if pending.endswith(b"\n") else bytes(pending) + b"\n"


def _as_utf8(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """PowerShell writes UTF-16 with a byte order mark when output is redirected; everything else passes."""
    decoder: codecs.IncrementalDecoder | None = None
    started = False
    for chunk in chunks:
        if not started and chunk:
            started = True
            if chunk[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
                decoder = codecs.getincrementaldecoder("utf-16")("replace")
        yield decoder.decode(chunk).encode() if decoder else chunk
