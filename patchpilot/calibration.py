"""How often a confidence has come true, and what is shown instead once that is known. Pure.

*Reliability*: proposals in bins by their confidence, each with how many of them held. *Brier score*: the mean
squared distance between confidence and outcome (0 is perfect; always saying 50 % gives 0.25).
*Recalibration*: isotonic regression by pool-adjacent-violators, with the formula itself as prior: at ten
points it counts as :data:`PRIOR` made-up outcomes each. So with few outcomes the formula's own score is shown
almost unchanged, with many the record speaks, and a higher score never becomes a lower confidence.

Brier 1950: https://doi.org/10.1175/1520-0493(1950)078%3C0001:VOFEIT%3E2.0.CO;2
Zadrozny and Elkan 2002, for isotonic regression: https://doi.org/10.1145/775047.775151
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

FEWEST: Final = 20
"""With fewer known outcomes the formula's score is shown as it is."""
PRIOR: Final = 2.0
"""How many outcomes the formula counts for at each of :data:`_POINTS`."""
_POINTS: Final = tuple((number + 0.5) / 10 for number in range(10))
BINS: Final = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Edges of the reliability table's bins; the last one is closed."""
LOWEST, HIGHEST = 0.01, 0.99


@dataclass(frozen=True, slots=True)
class Known:
    """One proposal whose outcome is known."""

    score: float
    """What the formula gave it, 0 to 1."""
    held: bool
    """It was merged and its branch was green with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """One row of the reliability table."""

    low: float
    high: float
    count: int
    mean: float
    """Mean confidence of those in it."""
    held: float
    """Share of them that held."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Turns a score into the confidence that is shown: straight lines between ``points``."""

    points: tuple[tuple[float, float], ...] = ()
    """Scores with what they have come to, both rising; empty while too little is known."""
    outcomes: int = 0
    """On how many outcomes it rests."""

    def __call__(self, score: float) -> float:
        """The confidence to show; 0 stays 0, since a fix that proves nothing is no matter of record."""
        if score <= 0 or not self.points:
            return score
        scores = [point[0] for point in self.points]
        after = bisect_left(scores, score)
        if after == 0:
            value = self.points[0][1]
        elif after == len(scores):
            value = self.points[-1][1]
        else:
            (low, below), (high, above) = self.points[after - 1], self.points[after]
            value = below + (above - below) * (score - low) / (high - low)
        # Two ways to the same number may differ in their last bit, and round apart.
        return round(min(max(value + 1e-9, LOWEST), HIGHEST), 2)


def calibrated(known: Sequence[Known], *, fewest: int = FEWEST) -> Calibration:
    """What past outcomes make of a score; the identity with fewer than ``fewest`` of them."""
    if len(known) < fewest:
        return Calibration(outcomes=len(known))
    weighed: dict[float, tuple[float, float]] = {point: (PRIOR, PRIOR * point) for point in _POINTS}
    for one in known:
        weight, total = weighed.get(one.score, (0.0, 0.0))
        weighed[one.score] = weight + 1, total + one.held
    return Calibration(_isotonic(weighed), outcomes=len(known))


def brier(known: Sequence[Known]) -> float | None:
    """Mean squared distance between score and outcome; ``None`` without any."""
    if not known:
        return None
    return sum((one.score - one.held) ** 2 for one in known) / len(known)


def reliability(known: Sequence[Known]) -> tuple[Bin, ...]:
    """The table, without its empty rows."""
    rows = []
    for low, high in pairwise(BINS):
        inside = [one for one in known if low <= one.score < high or (high == BINS[-1] == one.score)]
        if inside:
            count = len(inside)
            mean, held = sum(one.score for one in inside) / count, sum(one.held for one in inside) / count
            rows.append(Bin(low=low, high=high, count=count, mean=mean, held=held))
    return tuple(rows)


def _isotonic(weighed: dict[float, tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Pool neighbours until the shares rise; within a pool the share is the same from its first score to its
    last, between pools it is a straight line."""
    pools: list[tuple[float, float, float, float]] = []  # first score, last score, weight, sum of outcomes
    for score in sorted(weighed):
        pool = (score, score, *weighed[score])
        while pools and pools[-1][3] / pools[-1][2] >= pool[3] / pool[2]:
            before = pools.pop()
            pool = (before[0], pool[1], before[2] + pool[2], before[3] + pool[3])
        pools.append(pool)
    points = dict.fromkeys(
        (score, total / weight) for first, last, weight, total in pools for score in (first, last)
    )
    return tuple(points)
