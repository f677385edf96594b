"""Where the first pass puts what it keeps: so many bytes, and no more."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

BEST = 240 << 10
"""Bytes kept for what scores best."""
LATEST = 96 << 10
"""Bytes kept for what came last, whatever its score: it may still turn out to stand before a cause."""


@dataclass(slots=True)
class Stretch:
    """Lines in a row; ``start`` of them stand above the first."""

    start: int
    lines: list[bytes]
    score: float

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return sum(map(len, self.lines)) + len(self.lines)


class Shelf:
    """The latest stretches, and of those before them the best; of equals the earlier."""

    def __init__(self) -> None:
        self._latest: deque[Stretch] = deque()
        self._latest_size = 0
        self._best: list[tuple[float, int, Stretch]] = []
        self._best_size = 0
        self.is_full = False
        """Whether something had to go already."""

    def is_beyond(self, score: float) -> bool:
        """Whether a stretch of this score would go before all others."""
        return self.is_full and bool(self._best) and score <= self._best[0][0]

    def add(self, stretch: Stretch) -> None:
        """Keep a stretch that stands below all others."""
        self._latest.append(stretch)
        self._latest_size += stretch.size
        # The very last one may still grow.
        while self._latest_size > LATEST and len(self._latest) > 1:
            oldest = self._latest.popleft()
            self._latest_size -= oldest.size
            self._let_compete(oldest)

    def extend(self, lines: Iterable[bytes]) -> None:
        """Add lines to the last stretch."""
        if self._latest:
            last = self._latest[-1]
            size = last.size
            last.lines.extend(lines)
            self._latest_size += last.size - size

    def raise_from(self, start: int, score: float) -> None:
        """Lines below ``start`` that are kept already are worth this score at least."""
        for stretch in reversed(self._latest):
            if stretch.start + len(stretch.lines) <= start:
                return
            stretch.score = max(stretch.score, score)

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Every line that is kept, with its number."""
        for stretch in [*self._latest, *(entry[-1] for entry in self._best)]:
            yield from enumerate(stretch.lines, stretch.start + 1)

    def _let_compete(self, stretch: Stretch) -> None:
        # No two stretches start at the same line, so stretches themselves are never compared.
        heapq.heappush(self._best, (stretch.score, -stretch.start, stretch))
        self._best_size += stretch.size
        while self._best_size > BEST:
            self.is_full = True
            self._best_size -= heapq.heappop(self._best)[-1].size
