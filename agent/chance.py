"""What a few runs tell about a chance."""

from __future__ import annotations

import math

_Z = 1.959964
"""Two-sided 95 % quantile of the normal distribution."""


def interval(hits: int, runs: int) -> tuple[float, float]:
    """The 95 % interval of the chance behind ``hits`` of ``runs``, after Wilson; ``(0, 1)`` without a run.

    Unlike the textbook's ``p ± z·√(p(1-p)/n)`` it never claims certainty after a few runs of one colour.
    https://www.itl.nist.gov/div898/handbook/prc/section2/prc241.htm
    """
    if runs == 0:
        return 0.0, 1.0
    share, square = hits / runs, _Z * _Z
    centre = share + square / (2 * runs)
    spread = _Z * math.sqrt(share * (1 - share) / runs + square / (4 * runs * runs))
    scale = 1 + square / runs
    return max((centre - spread) / scale, 0.0), min((centre + spread) / scale, 1.0)


def in_percent(hits: int, runs: int) -> str:
    """For people: ``9 to 91 %``."""
    low, high = interval(hits, runs)
    return f"{low * 100:.0f} to {high * 100:.0f} %"
