"""Claude behind the :class:`~patchpilot.ports.Model` port: a typed diagnosis and a repair loop with tools."""

from __future__ import annotations

import time
from collections.abc import Callable

import anthropic

from agent.briefing import briefing
from agent.calls import DEADLINE_SECONDS, Calls
from agent.deadlines import BodyDeadline
from agent.diagnosing import diagnosed
from agent.prices import price_of
from agent.repairing import MAX_TOKENS, MAX_TURNS, Repair
from agent.replying import replied
from patchpilot.errors import ConfigurationError
from patchpilot.fixes import Candidate, GaveUp, Reading
from patchpilot.ports import Brief, Budget, RepairTools
from patchpilot.redaction import Redactor

_TIMEOUT = anthropic.Timeout(60.0, connect=10.0)
"""Seconds without a byte from the API; a stream sends pings, so silence means that the connection is dead."""

_WITHOUT_EFFORT = ("claude-sonnet-4-5", "claude-haiku-4-5")
"""Models that answer 400 to an effort; which levels the others take is theirs to say.
https://platform.claude.com/docs/en/build-with-claude/effort"""


class Claude:
    """One model of Anthropic's, through the official SDK with its retries off.

    ``redact`` goes over everything that is sent, on top of what callers have done; by default it knows the
    key and all shapes of secrets. ``effort`` and ``thinking`` are left out of the requests when empty, which
    leaves both to the model. Raises :class:`~patchpilot.errors.ConfigurationError` at once for a model
    without a known price, since no budget could be kept with it, and for an effort that it does not have.
    """

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        model: str,
        effort: str = "",
        thinking: str = "",
        max_turns: int = MAX_TURNS,
        max_tokens: int = MAX_TOKENS,
        redact: Callable[[str], str] | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        price_of(model)
        if effort and model.startswith(_WITHOUT_EFFORT):
            raise ConfigurationError(f"{model} has no effort to set: leave ANTHROPIC_EFFORT empty")
        self._redact = redact or Redactor([api_key])
        self._max_turns, self._max_tokens = max_turns, max_tokens
        body = BodyDeadline()
        self._client = anthropic.Anthropic(
            api_key=api_key.strip(),
            base_url=base_url,
            max_retries=0,
            timeout=_TIMEOUT,
            http_client=anthropic.DefaultHttpxClient(event_hooks={"response": [body]}),
        )
        self._calls = Calls(
            client=self._client,
            model=model,
            effort=effort,
            thinking=thinking,
            deadline_seconds=deadline_seconds,
            body=body,
            sleep=sleep,
        )

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

    def repair(
        self,
        brief: Brief,
        tools: RepairTools,
        *,
        budget: Budget,
        tell: Callable[[str], None] = lambda _: None,
    ) -> Candidate | GaveUp:
        """Let the model look, edit and run until it is done or gives up. Raises as :meth:`diagnose` does,
        except that a refusal or a cut-off answer is a :class:`~patchpilot.fixes.GaveUp` with the reason."""
        text = briefing(brief, redact=self._redact)
        repair = Repair(
            calls=self._calls,
            tools=tools,
            budget=budget,
            redact=self._redact,
            tell=tell,
            max_turns=self._max_turns,
            max_tokens=self._max_tokens,
        )
        return repair.run(text)

    def reply(self, question: str, brief: Brief, *, budget: Budget) -> str:
        """Answer a person's question about a failure, in plain words. Raises as :meth:`diagnose` does."""
        return replied(self._calls, question, brief, budget=budget, redact=self._redact)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
