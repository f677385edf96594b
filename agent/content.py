"""Between the API's answers and the next request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from anthropic.types import Message, ToolUseBlock

NOT_JSON: Final = "input that was not JSON"
"""The one key of a tool call's input that stands for text which could not be read: the API wants an object
there when the call is sent back."""


def as_params(message: Message) -> list[Any]:
    """The answer's blocks as the next request has to carry them: unchanged, thinking and signatures included,
    without the fields that only the SDK adds, and without blank text: the API answers with it and does not
    take it back (https://github.com/anthropics/anthropic-sdk-python/issues/461)."""
    return [
        block.model_dump(mode="json", exclude_none=True, exclude={"parsed_output"})
        for block in message.content
        if block.type != "text" or block.text.strip()
    ]


def policy_of(message: Message) -> str:
    """The policy that a refusal is about, in brackets behind a blank; empty where the API names none."""
    details = message.stop_details
    return f" (its policy on {details.category})" if details and details.category else ""


def text_of(message: Message) -> str:
    """All text of an answer; blocks are chosen by kind, since a thinking block may come first."""
    return "".join(block.text for block in message.content if block.type == "text")


def tool_uses(message: Message) -> list[ToolUseBlock]:
    """The tool calls of an answer, in order."""
    return [block for block in message.content if block.type == "tool_use"]
