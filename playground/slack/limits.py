"""The Web API's rate limits: tiers per method and minute, and one message a second per channel.

Source: https://docs.slack.dev/apis/web-api/rate-limits.
"""

from __future__ import annotations

import enum
import math
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from playground.slack.answers import RateLimitedError
from playground.slack.pace import Pace


class Tier(enum.Enum):
    """Calls per minute that each app may make of a method."""

    ONE = 1
    TWO = 20
    THREE = 50
    FOUR = 100
    MESSAGES = 300
    """``chat.postMessage``: several hundred per minute for the workspace, and one a second per channel."""
    UNLIMITED = 0


@dataclass
class _Bucket:
    tokens: float
    at: float


class Limits:
    """Token buckets; :meth:`spend` raises :class:`RateLimitedError` when one is empty."""

    def __init__(self, pace: Pace, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = pace
        self._clock = clock
        self._buckets: dict[Hashable, _Bucket] = {}
        self._lock = threading.Lock()

    def spend(self, app_id: str, method: str, tier: Tier, channel: str = "") -> None:
        """Count one call against the method's tier, and against its channel when it posts a message."""
        if self._pace.rate <= 0 or tier is Tier.UNLIMITED:
            return
        with self._lock:
            if channel and tier is Tier.MESSAGES:
                self._take((app_id, "channel", channel), self._pace.message_burst, 1.0)
            self._take((app_id, method), tier.value, tier.value / 60)

    def _take(self, key: Hashable, capacity: float, per_second: float) -> None:
        capacity = max(capacity * self._pace.rate, 1.0)
        per_second *= self._pace.rate
        now = self._clock()
        bucket = self._buckets.setdefault(key, _Bucket(capacity, now))
        bucket.tokens = min(capacity, bucket.tokens + (now - bucket.at) * per_second)
        bucket.at = now
        if bucket.tokens < 1:
            raise RateLimitedError(max(1, math.ceil((1 - bucket.tokens) / per_second)))
        bucket.tokens -= 1
