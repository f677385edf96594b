"""How fast the playground's clock runs: Slack's own figures by default, shorter ones for demos and tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Times in seconds. The defaults are Slack's figures."""

    acknowledge: float = 3.0
    """How long an app has to answer an event or an interaction, and how long a ``trigger_id`` lives."""
    event_retries: tuple[float, ...] = (0.0, 60.0, 300.0)
    """Waits before an unanswered event is sent again: at once, after a minute, after five."""
    response_url: float = 1800.0
    """How long a ``response_url`` may be used, at most five times."""
    rate: float = 1.0
    """Scales the Web API's rate limits: 2 lets twice as much through, 0 turns them off."""
    message_burst: int = 4
    """Messages that one channel takes at once before the limit of one per second bites."""
    file_processing: float = 0.0
    """How long after the upload a file can't be shown in an image block yet."""


QUICK = Pace(acknowledge=20.0, event_retries=(0.0, 0.2, 0.4), rate=0.0)
"""For tests that are not about limits: a machine that stands still for 3 s has not forgotten to answer."""
