"""How the Messages API caches prompts, as far as its ``usage`` shows it.

A mark caches everything before it; a later request finds the longest cached beginning that one of its own
marks, or one of the 20 blocks before it, ends at. A token here is four characters.
https://platform.claude.com/docs/en/build-with-claude/prompt-caching
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

LOOK_BACK = 20
"""Blocks before a mark in which an earlier entry is found."""

_CHARACTERS_PER_TOKEN = 4


@dataclass
class PromptCache:
    """What was written, by the hash of the beginning that it holds. Entries do not expire here."""

    _entries: set[str] = field(default_factory=set)

    def usage(self, body: Mapping[str, Any]) -> dict[str, int]:
        """The prompt's share of ``usage`` for this request, whose marks are written then."""
        ends = list(_beginnings(body))
        marked = [index for index, (_, _, is_marked) in enumerate(ends) if is_marked]
        read = max((ends[found][1] for mark in marked if (found := self._found(ends, mark)) >= 0), default=0)
        written = ends[marked[-1]][1] if marked else 0
        self._entries |= {ends[index][0] for index in marked}
        tokens = [size // _CHARACTERS_PER_TOKEN for size in (read, max(written, read), ends[-1][1])]
        return {
            "cache_read_input_tokens": tokens[0],
            "cache_creation_input_tokens": tokens[1] - tokens[0],
            "input_tokens": tokens[2] - tokens[1],
        }

    def _found(self, ends: list[tuple[str, int, bool]], mark: int) -> int:
        for index in range(mark, max(mark - LOOK_BACK, 0) - 1, -1):
            if ends[index][0] in self._entries:
                return index
        return -1


def _beginnings(body: Mapping[str, Any]) -> Iterator[tuple[str, int, bool]]:
    """Each block's end: hash and length of all up to there, and whether it is marked."""
    so_far, size = hashlib.sha256(), 0
    for block in _blocks(body):
        text = json.dumps({key: value for key, value in block.items() if key != "cache_control"})
        so_far.update(text.encode())
        size += len(text)
        yield so_far.hexdigest(), size, "cache_control" in block


def _blocks(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Tools, then the system text, then the messages: the order of the cached prefix."""
    yield from body.get("tools", ())
    yield from body.get("system", ())
    for message in body["messages"]:
        content = message["content"]
        for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            yield {"role": message["role"], **block}
