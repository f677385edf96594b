"""Faults on purpose: what a test or a demo asks the playground's Slack to do wrong, and how often."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["ratelimited", "500", "post_then_500", "timeout", "delay", "disconnect", "duplicate"]
"""``ratelimited``: 429 without doing anything. ``500``: refused before anything happened. ``post_then_500``:
done, but the answer says otherwise. ``timeout``: done, and no answer comes. ``delay``: done, the answer comes
late. ``disconnect``: Slack closes the Socket Mode connection. ``duplicate``: the next delivery to the app is
made twice."""

WEB_API_KINDS: tuple[Kind, ...] = ("ratelimited", "500", "post_then_500", "timeout", "delay")
"""The faults that a Web API call can have."""

DELIVERIES = ("events", "interactions")
"""What ``method`` may be for ``duplicate`` and ``disconnect``, beside the Web API's methods."""


@dataclass
class Fault:
    """One planned fault; ``times`` counts down."""

    method: str
    kind: Kind
    times: int
    retry_after: float


class Faults:
    """The planned faults, oldest first."""

    def __init__(self) -> None:
        self._planned: list[Fault] = []
        self._lock = threading.Lock()

    def plan(self, method: str, kind: str, *, times: int, retry_after: float) -> None:
        """Plan a fault for the next ``times`` uses of ``method`` (``*`` for any method)."""
        if kind not in get_args(Kind):
            raise ValueError(f"unknown fault {kind!r}: use one of {', '.join(get_args(Kind))}")
        if times < 1:
            raise ValueError("a fault happens at least once: times must be 1 or more")
        with self._lock:
            self._planned.append(Fault(method, kind, times, retry_after))  # type: ignore[arg-type]  # checked above

    def take(self, method: str, *kinds: Kind) -> Fault | None:
        """The next planned fault for ``method``, counted down; of the given kinds when any are given."""
        with self._lock:
            for fault in self._planned:
                if fault.method in {method, "*"} and (not kinds or fault.kind in kinds):
                    fault.times -= 1
                    if fault.times <= 0:
                        self._planned.remove(fault)
                    return fault
        return None

    def clear(self) -> None:
        """Forget what is planned."""
        with self._lock:
            self._planned.clear()
