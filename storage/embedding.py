"""Text to vectors, for finding similar failures. The default needs no download and no model.

It hashes features: words with what changes between runs taken out, the parts of identifiers and paths, and
character n-grams, which forgive small differences. Failures are told apart by names far more than by
meaning, so this goes a long way; another :class:`Embedder` can take its place.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from storage.remembered import DIMENSIONS

_TEXT_MAX = 20_000
"""Characters read of one text; a distilled log has fewer."""
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_VOLATILE = re.compile(r"0x[0-9a-fA-F]+|\b[0-9a-fA-F]{8,64}\b|\d+")
"""Addresses, commit ids, hashes and numbers: other in every run of the same failure."""
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
_GRAMS = (3, 4, 5)

# What a feature counts, against a whole word. A pair of words says more, a fragment less.
_PAIR, _PART, _GRAM = 1.2, 0.6, 0.15


class Embedder(Protocol):
    """Turns texts into unit vectors."""

    @property
    def name(self) -> str:
        """Stored with each vector: vectors of two embedders can't be compared."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of each vector."""
        ...

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of length one per text, in order."""
        ...


class HashingEmbedder:
    """Feature hashing with signs (https://arxiv.org/abs/0902.2206), the same in every process."""

    @property
    def name(self) -> str:
        """Changes whenever the features do."""
        return "hashing-1"

    @property
    def dimensions(self) -> int:
        """As wide as the table's column."""
        return DIMENSIONS

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit vector per text; a text without any feature gives the first unit vector."""
        return [_vector(text[:_TEXT_MAX]).tolist() for text in texts]


def words(text: str) -> list[str]:
    """Lower-case words and identifiers of ``text``, without what changes from run to run."""
    return [word.lower() for word in _WORD.findall(_VOLATILE.sub(" ", text))]


def _vector(text: str) -> NDArray[np.float32]:
    weights = _features(text)
    vector = np.zeros(DIMENSIONS, dtype=np.float32)
    if weights:
        hashes = np.fromiter((zlib.crc32(feature.encode()) for feature in weights), np.uint32, len(weights))
        values = np.fromiter(weights.values(), np.float32, len(weights))
        # The lowest bits choose the place, the highest the sign: collisions then cancel on average.
        signs = np.where(hashes >> np.uint32(31), np.float32(-1), np.float32(1))
        np.add.at(vector, hashes % DIMENSIONS, signs * values)
    length = float(np.linalg.norm(vector))
    if length == 0.0:
        vector[0] = length = 1.0
    return vector / np.float32(length)


def _features(text: str) -> dict[str, float]:
    """Features with their weights; term frequencies count sublinearly, ``1 + log(n)``."""
    counted: Counter[str] = Counter()
    weight: dict[str, float] = {}
    for feature, worth in _weighed(text):
        counted[feature] += 1
        weight[feature] = worth
    return {feature: weight[feature] * (1.0 + float(np.log(count))) for feature, count in counted.items()}


def _weighed(text: str) -> Iterator[tuple[str, float]]:
    plain = _VOLATILE.sub(" ", text)
    found = _WORD.findall(plain)
    for word in found:
        lower = word.lower()
        yield f"w:{lower}", 1.0
        for part in _parts(word):
            yield f"p:{part}", _PART
        bounded = f"^{lower[:40]}$"
        for size in _GRAMS:
            for start in range(len(bounded) - size + 1):
                yield f"g:{bounded[start : start + size]}", _GRAM
    for first, second in pairwise(found):
        yield f"2:{first.lower()} {second.lower()}", _PAIR


def _parts(word: str) -> list[str]:
    """``parseHTMLPage`` and ``parse_html_page`` both give ``parse``, ``html``, ``page``."""
    parts = [part.lower() for part in _CAMEL.findall(word)]
    return parts if len(parts) > 1 else []
