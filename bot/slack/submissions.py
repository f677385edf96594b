"""A form that was sent, acknowledged in time whatever the code host does.

Slack gives an app 3 s and then says that there was trouble, although what was asked may be done all the same:
https://docs.slack.dev/surfaces/modals#handling_submissions
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

FORM_SECONDS: Final = 2.0
"""How long a form waits for its answer; what is left of Slack's time is for the way there and back."""
_LEAST_SECONDS: Final = 0.1


class Submission:
    """One form that was sent: acknowledged once, by its answer or, when the time is up, by closing it.

    ``arrived`` is when it came in, by the monotonic clock.
    """

    def __init__(self, ack: Callable[..., Any], *, arrived: float) -> None:
        self._ack = ack
        self._lock = threading.Lock()
        self._done = False
        left = arrived + FORM_SECONDS - time.monotonic()
        self._timer = threading.Timer(max(left, _LEAST_SECONDS), self.acknowledge)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()

    def acknowledge(self, **how: Any) -> bool:
        """Acknowledge with ``how``, by default closing the form; False if that has happened before."""
        with self._lock:
            if self._done:
                return False
            self._done = True
            self._ack(**how)
            return True
