"""What a call costs, from the token counts that the API reports.

Dollars per million tokens as published at https://platform.claude.com/docs/en/about-claude/pricing (read in
November 2026). A model that is not here has no price, so it can't be kept within a budget: fail closed.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from decimal import Decimal

from patchpilot.errors import ConfigurationError
from patchpilot.fixes import Spend

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per million tokens of one model."""

    input: Decimal
    output: Decimal
    cache_read: Decimal

    @property
    def cache_write(self) -> Decimal:
        """Writing to the five-minute cache costs a quarter more than reading plainly, for every model."""
        return self.input * Decimal("1.25")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The counts of one answer's ``usage``; cached tokens are not part of ``fresh``."""

    fresh: int = 0
    cache_write: int = 0
    cache_read: int = 0
    output: int = 0

    @property
    def prompt(self) -> int:
        """Everything that was sent."""
        return self.fresh + self.cache_write + self.cache_read


def _price(dollars_in: str, dollars_out: str, cache_read: str) -> Price:
    return Price(Decimal(dollars_in), Decimal(dollars_out), Decimal(cache_read))


_PRICES: dict[str, Price] = {
    "claude-fable-5-2": _price("8", "40", "0.20"),
    "claude-fable-5-1": _price("10", "50", "0.25"),
    "claude-fable-5": _price("10", "50", "1"),
    "claude-mythos-5-1": _price("10", "50", "0.25"),
    "claude-mythos-5": _price("10", "50", "1"),
    "claude-opus-5-5": _price("4", "20", "0.20"),
    "claude-opus-5": _price("5", "25", "0.50"),
    "claude-opus-4-8": _price("5", "25", "0.50"),
    "claude-opus-4-7": _price("5", "25", "0.50"),
    "claude-opus-4-6": _price("5", "25", "0.50"),
    "claude-opus-4-5": _price("5", "25", "0.50"),
    "claude-sonnet-5-5": _price("2", "10", "0.10"),
    "claude-sonnet-5": _price("2", "10", "0.20"),
    "claude-sonnet-4-6": _price("3", "15", "0.30"),
    "claude-sonnet-4-5": _price("3", "15", "0.30"),
    # Priced by length of prompt; the dearer band (above 100,000 tokens) is taken, so a budget holds anyway.
    "claude-haiku-5-5": _price("0.50", "2.50", "0.05"),
    "claude-haiku-4-5": _price("1", "5", "0.10"),
}

_SHORTER = frozenset({"claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"})
_LONGEST, _LONGEST_SHORTER = 128_000, 64_000
"""Most tokens of one answer, "max output" at https://platform.claude.com/docs/en/about-claude/models/overview
(read in November 2026)."""

_DATED = re.compile(r"-20\d{6}$")


def price_of(model: str) -> Price:
    """The model's price; a dated name (``claude-haiku-4-5-20251001``) has that of its family.

    Raises :class:`~patchpilot.errors.ConfigurationError` for a model without a known price.
    """
    price = _PRICES.get(_DATED.sub("", model))
    if price is None:
        raise ConfigurationError(
            f"ANTHROPIC_MODEL is {model[:80]!r}, whose price PatchPilot does not know, so no budget could be "
            f"kept; set it to one of {', '.join(sorted(_PRICES))}"
        )
    return price


def longest_answer(model: str) -> int:
    """Most tokens that one answer of the model may have; for one that is not known, what all of them take."""
    family = _DATED.sub("", model)
    return _LONGEST if family in _PRICES and family not in _SHORTER else _LONGEST_SHORTER


def cost(price: Price, tokens: Tokens) -> Spend:
    """What one call cost."""
    dollars = (
        tokens.fresh * price.input
        + tokens.cache_write * price.cache_write
        + tokens.cache_read * price.cache_read
        + tokens.output * price.output
    ) / _MILLION
    return Spend(dollars=dollars, input_tokens=tokens.prompt, output_tokens=tokens.output, calls=1)


def worst_case(price: Price, *, characters: int, max_tokens: int) -> Spend:
    """Most that a call can cost, told before it is made: nothing cached, the answer as long as it may be.

    Two and a half characters per token is fewer than code has even with the tokeniser of Claude 5, which
    makes some 30 % more tokens of a text than the one before, so the count is not low.
    """
    return cost(price, replace(worst_prompt(characters), output=max_tokens))


def worst_prompt(characters: int) -> Tokens:
    """Most that sending so many characters can be billed as; see :func:`worst_case`."""
    return Tokens(cache_write=math.ceil(Decimal(characters) / Decimal("2.5")))
