"""First pass: from a stream of any length to the lines worth reading, in bounded memory.

A log of up to :data:`WHOLE` bytes is kept as it is. A longer one is searched for words of failure block by
block; kept are its head, its tail, and the surroundings of the hits, early ones first and late ones in a
ring, because the first cause stands early and its verdict late. What repeats is kept a few times only.
"""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from agent.distil.matcher import Matcher

WHOLE = 1 << 18
"""Logs up to this many bytes are read line by line."""
BLOCK = 1 << 17
HEAD = 24 << 10
EARLY = 160 << 10
LATE = 160 << 10
TAIL = 96 << 10
LINE_LIMIT = 4096
"""Longest line in bytes that any pattern ever sees."""
BEFORE, AFTER = 10, 30
HITS_PER_BLOCK = 4000
REPEATS = 3
TEMPLATES = 20_000

# Loose on purpose: escapes may stand inside a line, so no anchors. The rules decide what a hit means.
_WORDS = (
    r"(?i)error",
    r"(?i)fail",
    r"(?i)exception",
    r"(?i)traceback",
    r"(?i)panic",
    r"(?i)fatal",
    r"(?i)assert",
    r"not ok ",
    r"(?i)exit(?:ed)? (?:with |code|status)",
    r"(?i)killed",
    r"(?i)denied",
    r"(?i)refused",
    r"(?i)time(?:d )?[ -]?out",
    r"(?i)cannot",
    r"(?i)can't",
    r"(?i)could not",
    r"(?i)unable to",
    r"(?i)undefined",
    r"(?i)no such ",
    r"(?i)not found",
    r"(?i)abort",
    r"(?i)segmentation",
    r"(?i)core dumped",
    r"(?i)violation",
    r"(?i)offense",
    r"(?i)would (?:be )?reformat",
    r"(?i)invalid",
    r"(?i)unexpected",
    r"(?i)mismatch",
    r"(?i)conflict",
    r"(?i)no space left",
    r"(?i)rejected",
    r"(?i)out of memory",
    r"(?i)cancell?ed",
    r"✕|✗|✖|✘|×|●|❌",
)


@dataclass(frozen=True, slots=True)
class RawLine:
    """One line as it stood in the log, cut to :data:`LINE_LIMIT` bytes; ``number`` starts at 1."""

    number: int
    data: bytes


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
        self._early = 0
        self._late: deque[tuple[int, bytes]] = deque()
        self._late_size = 0
        self._recent: deque[tuple[int, bytes]] = deque()
        self._recent_size = 0
        self._seen: dict[bytes, int] = {}
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
        self._kept.update(self._late)
        ordered = [RawLine(number, self._kept[number]) for number in sorted(self._kept)]
        return Skimmed(ordered, self._lines, self.total_bytes)

    def _search(self, block: bytes) -> None:
        first = self._lines
        lines: list[bytes] | None = None
        if self._head < HEAD:
            lines = block.split(b"\n")
            self._keep_head(first, lines)
        hits, _flooded = _words().scan(block, limit=HITS_PER_BLOCK)
        if hits or self._carry:
            lines = lines or block.split(b"\n")
            self._keep_hits(first, block, lines, hits)
        self._lines += block.count(b"\n")
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

    def _keep_hits(self, first: int, block: bytes, lines: list[bytes], hits: list[tuple[int, int]]) -> None:
        """Keep windows around fresh hits; a window may run on into the next block."""
        done = min(self._carry, len(lines) - 1)
        for index in range(done):
            self._keep(first + index + 1, lines[index])
        self._carry -= done
        position, row, last = 0, 0, -1
        for end, _ in hits:
            row += block.count(b"\n", position, end)
            position = end
            if row == last or not self._is_fresh(lines[row]):
                last = row
                continue
            last = row
            stop = min(row + AFTER + 1, len(lines) - 1)
            for index in range(max(done, row - BEFORE), stop):
                self._keep(first + index + 1, lines[index])
            done = max(done, stop)
            self._carry = max(self._carry, row + AFTER + 1 - stop)

    def _is_fresh(self, line: bytes) -> bool:
        """Whether this line, its digits aside, was seen less than a few times."""
        template = line[:400].translate(None, b"0123456789")
        count = self._seen.get(template, 0)
        if len(self._seen) > TEMPLATES:
            self._seen.clear()
        self._seen[template] = count + 1
        return count < REPEATS

    def _keep(self, number: int, line: bytes) -> None:
        size = min(len(line), LINE_LIMIT) + 1
        if self._early < EARLY:
            self._kept[number] = cut(line)
            self._early += size
            return
        self._late.append((number, cut(line)))
        self._late_size += size
        while self._late_size > LATE:
            self._late_size -= len(self._late.popleft()[1]) + 1

    def _keep_tail(self) -> None:
        for first, block in self._recent:
            for index, line in enumerate(block.split(b"\n")[:-1]):
                self._kept[first + index + 1] = cut(line)


def cut(line: bytes) -> bytes:
    """At most :data:`LINE_LIMIT` bytes: the head and a short tail, since messages start or end a line."""
    if len(line) <= LINE_LIMIT:
        return line
    return line[: LINE_LIMIT - 1024] + " … ".encode() + line[-900:]


@cache
def _words() -> Matcher:
    return Matcher(_WORDS)


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
