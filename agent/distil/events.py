"""What tools print as events for machines, read as what they print for people: ``go test -json``."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

_EVENT = re.compile(
    r'\{(?:"Time":"[^"]{10,40}",)?(?:"ImportPath":"[^"]{1,300}",)?"Action":"[a-z-]{3,20}"[,}]'
)


def of_go_test(numbers: Sequence[int], texts: Sequence[str]) -> tuple[list[int], list[str]]:
    """The output that events carry, line for line; events without any say nothing more and are dropped."""
    kept: list[int] = []
    read: list[str] = []
    for number, text in zip(numbers, texts, strict=True):
        said = _output(text) if text.startswith('{"') and _EVENT.match(text) else text
        if said is not None:
            kept.append(number)
            read.append(said)
    return kept, read


def _output(text: str) -> str | None:
    try:
        event = json.loads(text)
    except ValueError:
        return text  # cut short
    output = event.get("Output")
    return output.rstrip() if isinstance(output, str) else None
