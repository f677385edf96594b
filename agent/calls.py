"""One question to the Messages API: budget first, bounded retries, one deadline, errors translated.

The SDK's own retries are off: it would sleep through a ``retry-after`` of minutes while a lease runs out, and
its default worst case is thirty minutes. Its exceptions carry the request with the key in its headers, so
they are never logged and never kept as a cause.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2

from agent.prices import Price, Tokens, cost, price_of, worst_case
from patchpilot.errors import (
    ConfigurationError,
    ModelRefusedError,
    PatchPilotError,
    PermanentError,
    TemporaryError,
)
from patchpilot.ports import Budget
from patchpilot.text import one_line

if TYPE_CHECKING:
    from anthropic.types import Message, MessageParam, ToolParam

ATTEMPTS = 4
"""Tries per question, the first included."""

DEADLINE_SECONDS = 300.0
"""Most time that one question may take, waiting between tries included."""

_LONGEST_WAIT = 60.0
_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS})
_AGAIN_TYPES = frozenset({"overloaded_error", "api_error", "rate_limit_error", "timeout_error"})
"""Error types that may go away, also when they come in the middle of a stream with status 200:
https://platform.claude.com/docs/en/api/errors"""

_CHARACTERS_PER_TOKEN = 3


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked, without what does not change between questions."""

    system: str
    messages: Sequence[MessageParam]
    max_tokens: int
    tools: Sequence[ToolParam] = ()
    schema: dict[str, object] | None = None
    """JSON schema that the answer's text has to follow."""


@dataclass(frozen=True, kw_only=True)
class Calls:
    """A client with the manners that this project wants."""

    client: anthropic.Anthropic
    model: str
    deadline_seconds: float = DEADLINE_SECONDS
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def answer(self, question: Question, *, budget: Budget) -> Message:
        """Ask until there is an answer.

        Raises:
            BudgetExceededError: the answer could cost more than is left; nothing was sent.
            ConfigurationError: the key or the model's name is not accepted, or the model has no known price.
            ModelRefusedError: the API does not take this request.
            TemporaryError: overloaded, limited or away for longer than the deadline.
        """
        request = self._request(question)
        price = price_of(self.model)
        size = len(json.dumps(request, default=str))
        expected = worst_case(price, characters=size, max_tokens=question.max_tokens)
        deadline = self.clock() + self.deadline_seconds
        for attempt in range(1, ATTEMPTS + 1):
            budget.check(expected_dollars=float(expected))
            try:
                return self._once(request, price=price, budget=budget, deadline=deadline)
            except _AgainError as problem:
                wait = problem.wait if problem.wait is not None else 2.0 ** (attempt - 1)
                if attempt == ATTEMPTS or wait > _LONGEST_WAIT or self.clock() + wait >= deadline:
                    message = f"asking {self.model}: {problem}"
                    raise TemporaryError(message, retry_after=max(wait, 30.0)) from None
                self.sleep(wait)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _request(self, question: Question) -> dict[str, Any]:
        request: dict[str, Any] = {
            "model": self.model,
            "max_tokens": question.max_tokens,
            # Tools come before the system text in the cached prefix, so one mark covers both.
            "system": [{"type": "text", "text": question.system, "cache_control": {"type": "ephemeral"}}],
            "messages": _with_rolling_mark(question.messages),
        }
        if question.tools:
            request["tools"] = list(question.tools)
        if question.schema is not None:
            request["output_config"] = {"format": {"type": "json_schema", "schema": question.schema}}
        return request

    def _once(self, request: dict[str, Any], *, price: Price, budget: Budget, deadline: float) -> Message:
        progress = _Progress()
        try:
            return self._streamed(request, progress, deadline)
        except anthropic.APIStatusError as error:
            raise _translated(error) from None
        except (anthropic.APIConnectionError, httpx2.HTTPError) as error:
            raise _AgainError(f"the connection failed ({type(error).__name__})") from None
        except (anthropic.AnthropicError, ValueError, RuntimeError):
            # What a proxy or a cut connection makes of a stream: JSON that ends early, events out of order.
            raise _AgainError("the answer could not be read") from None
        finally:
            if progress.tokens is not None:
                budget.record(cost(price, progress.tokens))

    def _streamed(self, request: dict[str, Any], progress: _Progress, deadline: float) -> Message:
        """Always streamed: a long answer keeps the connection alive, and a slow drip meets the deadline."""
        with self.client.messages.stream(**request) as stream:
            for event in stream:
                progress.see(event)
                if self.clock() > deadline:
                    raise _AgainError("the answer took too long")
            if not progress.complete:
                raise _AgainError("the answer broke off")
            message: Message = stream.get_final_message()
        progress.settle(message)
        return message


class _AgainError(Exception):
    """Worth another try, after ``wait`` seconds where the API says how long."""

    def __init__(self, message: str, *, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


@dataclass
class _Progress:
    """What has been used so far; an answer that breaks off is paid for too."""

    tokens: Tokens | None = None
    complete: bool = False
    _characters: int = 0

    def see(self, event: Any) -> None:
        if event.type == "message_start":
            self.tokens = _tokens(event.message.usage, output=0)
        elif event.type == "content_block_delta" and self.tokens is not None:
            delta = event.delta
            text = getattr(delta, "text", None) or getattr(delta, "partial_json", None)
            self._characters += len(text or getattr(delta, "thinking", "") or "")
            estimated = self._characters // _CHARACTERS_PER_TOKEN
            self.tokens = Tokens(
                fresh=self.tokens.fresh,
                cache_write=self.tokens.cache_write,
                cache_read=self.tokens.cache_read,
                output=estimated,
            )
        elif event.type == "message_stop":
            self.complete = True

    def settle(self, message: Message) -> None:
        """Replace the estimate by what the API counted."""
        self.tokens = _tokens(message.usage, output=message.usage.output_tokens)


def _tokens(usage: Any, *, output: int) -> Tokens:
    return Tokens(
        fresh=usage.input_tokens or 0,
        cache_write=usage.cache_creation_input_tokens or 0,
        cache_read=usage.cache_read_input_tokens or 0,
        output=output,
    )


def _translated(error: anthropic.APIStatusError) -> PatchPilotError | _AgainError:
    status, kind = error.status_code, str(error.type or "")
    said = one_line(error.api_message or kind or "no reason given", 200)
    in_stream = status < HTTPStatus.BAD_REQUEST
    if status in _AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR or (in_stream and kind in _AGAIN_TYPES):
        return _AgainError(f"HTTP {status} {kind}".strip(), wait=_retry_after(error))
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return ConfigurationError(
            f"Anthropic does not accept the key (HTTP {status}): check ANTHROPIC_API_KEY"
        )
    if status == HTTPStatus.NOT_FOUND:
        return ConfigurationError(
            f"Anthropic does not know the model or the address: check ANTHROPIC_MODEL ({said})"
        )
    if status == HTTPStatus.PAYMENT_REQUIRED or kind == "billing_error":
        return PermanentError(f"Anthropic's account has no credit left: {said}")
    return ModelRefusedError(f"the API did not take the request (HTTP {status}): {said}")


def _retry_after(error: anthropic.APIStatusError) -> float | None:
    try:
        return max(float(error.response.headers["retry-after"]), 0.0)
    except (KeyError, ValueError):
        return None


def _with_rolling_mark(messages: Sequence[MessageParam]) -> list[dict[str, Any]]:
    """Mark the end of the conversation as cached: the next turn finds everything up to here."""
    copies: list[dict[str, Any]] = [dict(message) for message in messages]
    last = copies[-1]
    blocks = last["content"]
    if isinstance(blocks, str):
        blocks = [{"type": "text", "text": blocks}]
    blocks = [dict(block) for block in blocks]
    blocks[-1] = {**blocks[-1], "cache_control": {"type": "ephemeral"}}
    last["content"] = blocks
    return copies
