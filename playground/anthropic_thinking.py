"""How the Messages API binds a thinking block to the conversation that it was made in.

Its signature stands for all before it: system text, tools and earlier messages, cache marks aside, and the
thinking block before it. Blocks may be left out from the beginning of the conversation, oldest first; a block
behind any other change is turned down.
https://platform.claude.com/docs/build-with-claude/preserved-thinking/prefix-checks
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_KINDS = frozenset({"thinking", "redacted_thinking"})


def signature(body: Mapping[str, Any]) -> str:
    """Of the thinking block that the answer to this request begins with."""
    last = [block["signature"] for _, block in _thinking(body["messages"])][-1:]
    return f"{_digest(body, body['messages'])}.{_short(last[0]) if last else ''}"


def stale(body: Mapping[str, Any]) -> str:
    """What the API says about a thinking block whose past has changed; empty if there is none."""
    before = ""
    for index, block in _thinking(body["messages"]):
        past, _, chained = block["signature"].partition(".")
        if past != _digest(body, body["messages"][:index]) or (before and chained != before):
            return (
                f"messages.{index}.content.0: Invalid `signature` in `thinking` block. The block is bound to "
                "a different conversation. Remove the block, or set "
                '`thinking.block_binding.prefix_mismatch_behavior` to "drop_block".'
            )
        before = _short(block["signature"])
    return ""


def _thinking(messages: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for index, message in enumerate(messages):
        for block in message["content"] if isinstance(message["content"], list) else ():
            if block["type"] in _KINDS:
                yield index, block


def _digest(body: Mapping[str, Any], messages: Sequence[Mapping[str, Any]]) -> str:
    past = [_bare(part) for part in (body.get("tools", []), body.get("system", []), messages)]
    return _short(json.dumps(past, sort_keys=True))


def _bare(value: Any) -> Any:
    """Without cache marks and thinking, and with every text as a list of blocks."""
    if isinstance(value, list):
        return [_bare(item) for item in value if not (isinstance(item, dict) and item.get("type") in _KINDS)]
    if isinstance(value, dict):
        whole = {key: _bare(item) for key, item in value.items() if key != "cache_control"}
        if "role" in value and isinstance(value["content"], str):
            whole["content"] = [{"text": value["content"], "type": "text"}]
        return whole
    return value


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]
