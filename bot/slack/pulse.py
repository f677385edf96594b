"""Whether Slack takes this installation's token, known without keeping anybody waiting.

A probe is asked every few seconds and must answer at once, so Slack is asked on a thread and its last answer
is remembered: for a minute while all is well, for ten seconds while it is not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from slack_sdk import WebClient

from bot.slack.calls import BrokenPlaceError, Calls, NotDoneError
from patchpilot.errors import PatchPilotError, TemporaryError
from patchpilot.metrics import Metrics

_GOOD_SECONDS: Final = 60.0
_BAD_SECONDS: Final = 10.0
_PATIENCE: Final = 0.5
"""How long a probe waits for an answer on its way. Kubernetes waits for a second for its own, by default."""


class Pulse:
    """Asks ``auth.test`` with the client that ``home`` gives, at most once at a time."""

    def __init__(self, home: Callable[[], WebClient], metrics: Metrics) -> None:
        self._home = home
        self._metrics = metrics
        self._lock = threading.Lock()
        self._asking: threading.Thread | None = None
        self._good_until = float("-inf")
        self._trouble = "Slack has not answered yet"

    def check(self) -> None:
        """Raise :class:`~patchpilot.errors.PatchPilotError` with what to do unless Slack took the token."""
        with self._lock:
            if self._asking is None and time.monotonic() >= self._good_until:
                self._asking = threading.Thread(target=self._ask, name="slack-pulse", daemon=True)
                self._asking.start()
            asking = self._asking
        if asking is not None:
            asking.join(_PATIENCE)
        if self._trouble:
            raise PatchPilotError(self._trouble)

    def _ask(self) -> None:
        self._trouble = trouble = self._answer()
        with self._lock:
            self._good_until = time.monotonic() + (_BAD_SECONDS if trouble else _GOOD_SECONDS)
            self._asking = None

    def _answer(self) -> str:
        try:
            Calls(self._home(), self._metrics).call("auth.test", {})
        except BrokenPlaceError as error:
            return f"Slack refuses the token: {error.code}. {error.advice}"
        except NotDoneError:
            return ""  # It asks to be asked less often, so it is there.
        except TemporaryError:
            return "Slack does not answer; messages wait for it. If it lasts, check SLACK_API_URL"
        except PatchPilotError as error:
            return str(error)
        return ""
