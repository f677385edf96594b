"""The messages of one repair, kept short.

What tools returned is most of a conversation, and after a few turns little of it is still needed. When the
API reports that a prompt has grown long, the older results are replaced by a line that says how to have them
again. That is done rarely and for many at once, because everything behind the first change must be written to
the prompt cache anew; calls and results always stay in pairs.

Since Claude 5.1 a thinking block is bound to all that stood before it when it was made, and a request with
one whose past has changed may be turned down. So what is sent only ever grows at its end, and where results
are cleared, the thinking so far goes with them.
https://platform.claude.com/docs/build-with-claude/preserved-thinking/prefix-checks
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from agent.content import as_params

if TYPE_CHECKING:
    from anthropic.types import Message, MessageParam, ToolResultBlockParam

LONG_TOKENS = 60_000
"""Tokens of a prompt from which on older results are cleared."""

KEPT_TURNS = 4
"""The latest turns whose results are always left as they are."""

_WORTH_CHARACTERS = 60_000
"""Clearing less than this, some 20,000 tokens, is not worth a rewritten cache: with the newest models
writing a token costs as much as reading it 25 times, so what stays is cheaper than clearing at each turn."""

_SHORT = 300
"""Characters of a result that is left alone: verdicts, edits, errors."""

CLEARED: Final = "(cleared to keep this conversation short; call the tool again if you need it)"

_THINKING = frozenset({"thinking", "redacted_thinking"})
_ONLY_THOUGHT = "(thinking only)"


class Conversation:
    """Messages in the API's form, beginning with the briefing."""

    def __init__(self, briefing: str) -> None:
        self._messages: list[Any] = [{"role": "user", "content": briefing}]

    @property
    def messages(self) -> Sequence[MessageParam]:
        """As the next request carries them."""
        return self._messages

    def answered(self, message: Message) -> None:
        """Add the model's answer, unchanged; one that says nothing at all has no turn that could be sent."""
        if blocks := as_params(message):
            self._messages.append({"role": "assistant", "content": blocks})

    def results(self, results: Sequence[ToolResultBlockParam]) -> None:
        """Add the results of all calls of the last answer, and nothing else: text behind them teaches the
        model to end its turn with an empty answer."""
        self._messages.append({"role": "user", "content": list(results)})

    def say(self, text: str) -> None:
        """Add something of ours."""
        self._messages.append({"role": "user", "content": text})

    def shorten(self, prompt_tokens: int) -> None:
        """Clear older results if the last prompt had grown past :data:`LONG_TOKENS`."""
        if prompt_tokens <= LONG_TOKENS:
            return
        old = self._clearable(KEPT_TURNS)
        if sum(len(result["content"]) for result in old) >= _WORTH_CHARACTERS:
            self._clear(old)

    def shorten_all(self) -> bool:
        """Clear all results but those of the last turn, for a prompt that does not fit; False if there is
        nothing left to clear."""
        old = self._clearable(1)
        self._clear(old)
        return bool(old)

    def forget_thinking(self) -> bool:
        """Drop all thinking so far, for when the API does not take it back; False if there was none."""
        forgotten = False
        for message in self._messages:
            blocks = message["content"]
            if message["role"] == "assistant" and any(block["type"] in _THINKING for block in blocks):
                forgotten = True
                kept = [block for block in blocks if block["type"] not in _THINKING]
                # An answer that was nothing but thinking still has its turn.
                message["content"] = kept or [{"type": "text", "text": _ONLY_THOUGHT}]
        return forgotten

    def _clear(self, results: Sequence[dict[str, Any]]) -> None:
        if not results:
            return
        for result in results:
            result["content"] = CLEARED
        self.forget_thinking()

    def _clearable(self, kept_turns: int) -> list[dict[str, Any]]:
        turns = [message["content"] for message in self._messages if isinstance(message["content"], list)]
        results = [
            [block for block in blocks if block.get("type") == "tool_result"]
            for blocks in turns
            if any(block.get("type") == "tool_result" for block in blocks)
        ]
        return [
            block
            for blocks in results[: -kept_turns or None]
            for block in blocks
            if len(block["content"]) > _SHORT
        ]
