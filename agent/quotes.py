"""Evidence must be quoted: a line that a model claims to have read has to be there."""

from __future__ import annotations

from collections.abc import Iterable

from patchpilot.failures import LogLine

MIN_QUOTE = 8
"""Characters that a quote needs at least, spaces not counted; shorter ones are found anywhere."""


def invented(quotes: Iterable[str], *sources: str) -> list[str]:
    """The quotes that none of the sources contains, white space aside."""
    texts = [_squeezed(source) for source in sources]
    return [quote for quote in quotes if not _found(_squeezed(quote), texts)]


def with_line_numbers(quotes: Iterable[str], evidence: Iterable[LogLine]) -> tuple[LogLine, ...]:
    """The quotes as log lines; number 0 where the raw log's number isn't known."""
    known = [(line, _squeezed(line.text)) for line in evidence]
    return tuple(_numbered(quote, known) for quote in quotes)


def _numbered(quote: str, known: list[tuple[LogLine, str]]) -> LogLine:
    wanted = _squeezed(quote)
    for line, text in known:
        if wanted in text:
            return line
    return LogLine(0, quote.strip())


def _found(quote: str, texts: list[str]) -> bool:
    return len(quote) >= MIN_QUOTE and any(quote in text for text in texts)


def _squeezed(text: str) -> str:
    return "".join(text.split())
