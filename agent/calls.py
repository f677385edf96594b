"""One question to the Messages API: budget first, bounded retries, one deadline, errors translated.

The SDK's own retries are off: it would sleep through a ``retry-after`` of minutes while a lease runs out, and
its default worst case is thirty minutes. Its exceptions carry the request with the key in its headers, so
they are never logged and never kept as a cause.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2

from agent.content import NOT_JSON
from agent.deadlines import BodyDeadline
from agent.prices import Price, Tokens, cost, longest_answer, price_of, worst_case, worst_prompt
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
_TOKENS_IN_TIME = 16_000
"""Answers that may be longer than this have longer, in proportion: some 50 tokens a second are written."""

_LONGEST_WAIT = 60.0
_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS})
_AGAIN_TYPES = frozenset({"overloaded_error", "api_error", "rate_limit_error", "timeout_error"})
"""Error types that may go away, also when they come in the middle of a stream with status 200:
https://platform.claude.com/docs/en/api/errors"""

_STALE = ("bound to a different conversation", "Invalid `signature`", "cannot be modified")

_TOO_LONG = re.compile(r"max_tokens: \d+ > (\d+), which is the maximum")
"""How the API says what an answer may have at most: https://github.com/anthropics/claude-code/issues/24451"""

_CHARACTERS_PER_TOKEN = 3

_UNREADABLE = (
    anthropic.AnthropicError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)

_UNSENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
"""Nothing of the request has left this machine."""

_CACHED = {"cache_control": {"type": "ephemeral"}}
_CACHED_TURNS = 2
"""How many of the latest messages of ours are marked. The API looks only 20 blocks back from a mark, and one
turn can have more, so the mark that the turn before wrote is kept."""


class StaleThinkingError(ModelRefusedError):
    """The API does not take back thinking that was sent, since what stood before it has changed."""


class PromptTooLongError(ModelRefusedError):
    """The API can't read so long a prompt."""


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
    effort: str = ""
    """``low`` to ``max``; empty for the model's own default."""
    thinking: str = ""
    """``adaptive`` or ``between_tools``; empty for what the model does by itself."""
    deadline_seconds: float = DEADLINE_SECONDS
    body: BodyDeadline = field(default_factory=BodyDeadline)
    """The limit of ``client``'s response bodies."""
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _told: list[int] = field(default_factory=list)
    """Lengths of answers that the API has named as the longest."""

    @property
    def longest_answer(self) -> int:
        """Most tokens that one answer may have, by the documentation and by what the API has said."""
        return min([longest_answer(self.model), *self._told])

    def answer(self, question: Question, *, budget: Budget) -> Message:
        """Ask until there is an answer.

        Raises:
            BudgetExceededError: the answer could cost more than is left; nothing was sent.
            ConfigurationError: the key or the model's name is not accepted, or the model has no known price.
            StaleThinkingError: it wants the conversation without the thinking so far.
            PromptTooLongError: it wants a shorter one.
            ModelRefusedError: the API does not take this request.
            TemporaryError: overloaded, limited or away for longer than the deadline.
        """
        request = self._request(question)
        price = price_of(self.model)
        size = len(json.dumps(request, default=str))
        longer = max(question.max_tokens / _TOKENS_IN_TIME, 1.0)
        deadline = self.clock() + self.deadline_seconds * longer
        for attempt in range(1, ATTEMPTS + 1):
            request["max_tokens"] = min(question.max_tokens, self.longest_answer)
            expected = worst_case(price, characters=size, max_tokens=request["max_tokens"])
            tokens = expected.input_tokens + expected.output_tokens
            budget.check(expected_dollars=float(expected.dollars), expected_tokens=tokens)
            got = self._once(request, price=price, size=size, budget=budget, deadline=deadline)
            if isinstance(got, _TooLong):
                if attempt < ATTEMPTS and 0 < got.longest < request["max_tokens"]:
                    self._told.append(got.longest)
                    continue
                got = got.refusal
            # Raised out here, not in an except clause: nothing may hold on to the SDK's error, whose request
            # has the key in its headers.
            if isinstance(got, PatchPilotError):
                raise got
            if not isinstance(got, _Again):
                return got
            wait = got.wait if got.wait is not None else 2.0 ** (attempt - 1)
            if attempt == ATTEMPTS or wait > _LONGEST_WAIT or self.clock() + wait >= deadline:
                raise TemporaryError(f"asking {self.model}: {got.why}", retry_after=max(wait, 30.0))
            self.sleep(wait)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def whole_answer(self, question: Question, *, budget: Budget) -> Message:
        """:meth:`answer`, asked once more with twice the room where the model was cut off: how long it
        thinks is its own choice, and counts."""
        message = self.answer(question, budget=budget)
        room = min(2 * question.max_tokens, self.longest_answer)
        if message.stop_reason != "max_tokens" or room <= question.max_tokens:
            return message
        return self.answer(replace(question, max_tokens=room), budget=budget)

    def _request(self, question: Question) -> dict[str, Any]:
        request: dict[str, Any] = {
            "model": self.model,
            "max_tokens": question.max_tokens,
            # Tools come before the system text in the cached prefix, so one mark covers both.
            "system": [{"type": "text", "text": question.system, **_CACHED}],
            "messages": _with_marks(question.messages),
        }
        if question.tools:
            request["tools"] = list(question.tools)
        output: dict[str, Any] = {"effort": self.effort} if self.effort else {}
        if question.schema is not None:
            output["format"] = {"type": "json_schema", "schema": question.schema}
        if output:
            request["output_config"] = output
        if self.thinking:
            request["thinking"] = {"type": self.thinking}
        return request

    def _once(
        self, request: dict[str, Any], *, price: Price, size: int, budget: Budget, deadline: float
    ) -> Message | _Again | _TooLong | PatchPilotError:
        progress = _Progress(tokens=worst_prompt(size))
        self.body.ends_at = deadline
        try:
            return self._streamed(request, progress, deadline)
        except anthropic.APIStatusError as error:
            progress.refuse()
            return _translated(error)
        except (anthropic.APIConnectionError, httpx2.HTTPError) as error:
            if isinstance(error.__cause__, _UNSENT):
                progress.refuse()
            if self.body.passed():
                return _Again("the answer took too long")
            return _Again(f"the connection failed ({type(error).__name__})")
        except _UNREADABLE:
            # What a proxy or a cut connection makes of a stream: JSON that ends early, events out of order or
            # without their fields. The SDK asserts some of it.
            return _Again("the answer could not be read")
        finally:
            self.body.ends_at = None
            if progress.tokens is not None:
                budget.record(cost(price, progress.tokens))

    def _streamed(self, request: dict[str, Any], progress: _Progress, deadline: float) -> Message | _Again:
        """Always streamed: a long answer keeps the connection alive, and a slow drip meets the deadline."""
        with self.client.messages.stream(**request) as stream:
            try:
                for event in stream:
                    progress.see(event)
                    if self.clock() > deadline:
                        return _Again("the answer took too long")
            except ValueError as error:
                broken = None if progress.complete else _broken_call(stream, error)
                if broken is None:
                    raise
                return broken
            if not progress.complete:
                return _Again("the answer broke off")
            message: Message = stream.get_final_message()
        progress.settle(message)
        return message


@dataclass(frozen=True, slots=True)
class _Again:
    """Worth another try, after ``wait`` seconds where the API says how long."""

    why: str
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class _TooLong:
    """The model writes no answers as long as was allowed; it may be asked for one of ``longest`` tokens."""

    longest: int
    refusal: ModelRefusedError


def _broken_call(stream: Any, error: ValueError) -> Message | None:
    """The answer up to a tool call whose input is not JSON, so that the model can be told; else ``None``.

    The SDK raises a plain ``ValueError`` for it (``accumulate_event`` in ``anthropic/lib/streaming``), whose
    text holds the whole input; bad JSON of an event itself is a ``JSONDecodeError``.
    """
    if type(error) is not ValueError:
        return None
    message: Message = stream.current_message_snapshot
    last = message.content[-1] if message.content else None
    if last is None or last.type != "tool_use":
        return None
    last.input = {NOT_JSON: True}
    message.stop_reason = "tool_use"
    return message


@dataclass
class _Progress:
    """What has been used so far; an answer that breaks off is paid for too.

    Until the API says what it counted, the whole prompt is taken for billed: who hears nothing of a request
    that was sent can't know that it was not.
    """

    tokens: Tokens | None
    started: bool = False
    complete: bool = False
    _characters: int = 0

    def refuse(self) -> None:
        """The API turned the request down, or never got it: only an answer that had begun is billed."""
        if not self.started:
            self.tokens = None

    def see(self, event: Any) -> None:
        if event.type == "message_start":
            self.tokens = _tokens(event.message.usage, output=0)
            self.started = True
        elif event.type == "content_block_delta" and self.started and self.tokens is not None:
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
        self.tokens = _tokens(message.usage, output=message.usage.output_tokens or 0)


def _tokens(usage: Any, *, output: int) -> Tokens:
    return Tokens(
        fresh=usage.input_tokens or 0,
        cache_write=usage.cache_creation_input_tokens or 0,
        cache_read=usage.cache_read_input_tokens or 0,
        output=output,
    )


def _translated(error: anthropic.APIStatusError) -> PatchPilotError | _Again | _TooLong:
    status, kind = error.status_code, str(error.type or "")
    said = one_line(error.api_message or kind or "no reason given", 200)
    in_stream = status < HTTPStatus.BAD_REQUEST
    if status in _AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR or (in_stream and kind in _AGAIN_TYPES):
        return _Again(f"HTTP {status} {kind}".strip(), wait=_retry_after(error))
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
    setting = _blamed_setting(said)
    if status == HTTPStatus.BAD_REQUEST and setting:
        return ConfigurationError(f"Anthropic does not take {setting} as set with this model: {said}")
    refusal = _refusal(said)(f"the API did not take the request (HTTP {status}): {said}")
    found = _TOO_LONG.search(said)
    return _TooLong(int(found[1]), refusal) if found else refusal


def _refusal(said: str) -> type[ModelRefusedError]:
    """https://platform.claude.com/docs/en/build-with-claude/preserved-thinking/fix-bound-to-a-different-conversation
    has the words about thinking."""
    if "thinking" in said and any(words in said for words in _STALE):
        return StaleThinkingError
    return PromptTooLongError if "prompt is too long" in said else ModelRefusedError


def _retry_after(error: anthropic.APIStatusError) -> float | None:
    try:
        return max(float(error.response.headers["retry-after"]), 0.0)
    except (KeyError, ValueError):
        return None


def _blamed_setting(said: str) -> str:
    """The setting that a refusal is about; the API names the field first (``output_config.effort: ...``)."""
    lower = said.lower()
    if "effort" in lower:
        return "ANTHROPIC_EFFORT"
    return "ANTHROPIC_THINKING" if "thinking.type" in lower or "thinking: " in lower else ""


def _with_marks(messages: Sequence[MessageParam]) -> list[dict[str, Any]]:
    """Mark the first message, which every turn shares, and the ends of the latest of ours as cached.

    With the mark on the system text that makes four, the most that the API takes.
    https://platform.claude.com/docs/en/build-with-claude/prompt-caching
    """
    copies: list[dict[str, Any]] = [dict(message) for message in messages]
    ours = [number for number, message in enumerate(copies) if message["role"] == "user"]
    for number in {0, *ours[-_CACHED_TURNS:]}:
        blocks = copies[number]["content"]
        blocks = [{"type": "text", "text": blocks}] if isinstance(blocks, str) else list(blocks)
        blocks[-1] = {**blocks[-1], **_CACHED}
        copies[number]["content"] = blocks
    return copies
