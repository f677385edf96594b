"""Claude behind the :class:`~patchpilot.ports.Model` port: a typed diagnosis and a repair loop with tools."""

from __future__ import annotations

import time
from collections.abc import Callable

import anthropic

from agent.briefing import briefing
from agent.calls import DEADLINE_SECONDS, Calls
from agent.diagnosing import diagnosed
from agent.prices import price_of
from agent.repairing import Repair
from patchpilot.fixes import Candidate, GaveUp, Reading
from patchpilot.ports import Brief, Budget, RepairTools
from patchpilot.redaction import Redactor

_TIMEOUT = anthropic.Timeout(60.0, connect=10.0)
"""Seconds without a byte from the API; a stream sends pings, so silence means that the connection is dead."""


class Claude:
    """One model of Anthropic's, through the official SDK with its retries off.

    ``redact`` goes over everything that is sent, on top of what callers have done; by default it knows the
    key and all shapes of secrets. Raises :class:`~patchpilot.errors.ConfigurationError` at once for a model
    without a known price, since no budget could be kept with it.
    """

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        model: str,
        redact: Callable[[str], str] | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        price_of(model)
        self._redact = redact or Redactor([api_key])
        client = anthropic.Anthropic(
            api_key=api_key.strip(), base_url=base_url, max_retries=0, timeout=_TIMEOUT
        )
        self._client = client
        self._calls = Calls(client=client, model=model, deadline_seconds=deadline_seconds, sleep=sleep)

    @property
    def name(self) -> str:
        """The model's name, as set."""
        return self._calls.model

    def diagnose(self, brief: Brief, *, budget: Budget) -> Reading:
        """Ask why it failed. What the calls cost is booked on ``budget`` already; the reading repeats it.

        Raises :class:`~patchpilot.errors.ModelRefusedError` when the model declines, is cut off, or twice
        quotes evidence that is not there; see :meth:`agent.calls.Calls.answer` for the rest.
        """
        return diagnosed(self._calls, brief, budget=budget, redact=self._redact)

    def repair(self, brief: Brief, tools: RepairTools, *, budget: Budget) -> Candidate | GaveUp:
        """Let the model look, edit and run until it is done or gives up. Raises as :meth:`diagnose` does,
        except that a refusal or a cut-off answer is a :class:`~patchpilot.fixes.GaveUp` with the reason."""
        text = briefing(brief, redact=self._redact)
        return Repair(calls=self._calls, tools=tools, budget=budget, redact=self._redact).run(text)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
