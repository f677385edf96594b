"""Text to vectors by hashing: no download, no model, nothing leaves the machine.

It hashes features: words with what changes between runs taken out, the parts of identifiers and paths, and
character n-grams, which forgive small differences. Failures are told apart by names far more than by
meaning, so this goes a long way.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 384
"""Enough that two features seldom meet in one place; each row of the memory holds as many numbers."""
_TEXT_MAX = 20_000
"""Characters read of one text; a distilled log has fewer."""
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_VOLATILE = re.compile(r"0x[0-9a-fA-F]+|\b[0-9a-fA-F]{8,64}\b|\d+")
"""Addresses, commit ids, hashes and numbers: other in every run of the same failure."""
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
_GRAMS = (3, 4, 5)
_WORD_MAX = 60

# What a feature counts, against a whole word. A pair of words says more, a fragment less.
_PAIR, _PART, _GRAM = 1.2, 0.6, 0.15
# A checksum goes on from what stands before each kind of feature, so that is summed once.
_PAIR_START, _WORD_START, _PART_START, _GRAM_START = (
    zlib.crc32(kind) for kind in (b"2:", b"w:", b"p:", b"g:")
)


class HashingEmbedder:
    """Feature hashing with signs (https://arxiv.org/abs/0902.2206), the same in every process."""

    @property
    def name(self) -> str:
        """Changes whenever the features do."""
        return "hashing-1"

    @property
    def batch(self) -> int:
        """Any number will do; this many take a tenth of a second."""
        return 64

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit vector per text; a text without any feature gives the first unit vector."""
        return [_vector(text[:_TEXT_MAX]).tolist() for text in texts]

    def close(self) -> None:
        """Nothing is open."""


def words(text: str) -> list[str]:
    """Words and identifiers of ``text`` in lower case, each followed by its parts; no numbers.

    What changes from run to run is left out. Only letters, digits and underscores occur.
    """
    found = _WORD.findall(_VOLATILE.sub(" ", text[:_TEXT_MAX]))
    return [part for word in found for part in (word[:_WORD_MAX].lower(), *_parts(word[:_WORD_MAX]))]


def _vector(text: str) -> NDArray[np.float32]:
    found = _WORD.findall(_VOLATILE.sub(" ", text))
    places: list[NDArray[np.uint32]] = []
    values: list[NDArray[np.float32]] = []
    for word, count in Counter(found).items():
        place, value = _of_word(word[:_WORD_MAX])
        places.append(place)
        # Sublinear: the tenth mention of a name says little more than the first.
        values.append(value * np.float32(1.0 + math.log(count)))
    pairs = Counter(f"{first} {second}".lower() for first, second in pairwise(found))
    if pairs:
        place, sign = _placed([zlib.crc32(pair.encode(), _PAIR_START) for pair in pairs])
        places.append(place)
        values.append(
            sign * np.array([_PAIR * (1.0 + math.log(count)) for count in pairs.values()], np.float32)
        )
    vector = np.zeros(DIMENSIONS, dtype=np.float32)
    if places:
        weights = np.concatenate(values)
        vector = np.bincount(np.concatenate(places), weights, DIMENSIONS).astype(np.float32)
    length = float(np.linalg.norm(vector))
    if length == 0.0:
        vector[0] = length = 1.0
    return vector / np.float32(length)


@lru_cache(maxsize=20_000)
def _of_word(word: str) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
    """Places and signed weights of a word, its parts and its character n-grams."""
    lower = word.lower().encode()
    bounded = b"^%b$" % lower
    parts = [zlib.crc32(part.encode(), _PART_START) for part in _parts(word)]
    grams = [
        zlib.crc32(bounded[start : start + size], _GRAM_START)
        for size in _GRAMS
        for start in range(len(bounded) - size + 1)
    ]
    place, sign = _placed([zlib.crc32(lower, _WORD_START), *parts, *grams])
    return place, sign * np.array([1.0] + [_PART] * len(parts) + [_GRAM] * len(grams), np.float32)


def _placed(sums: list[int]) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
    hashes = np.array(sums, np.uint32)
    # The lowest bits choose the place, the highest the sign: collisions then cancel on average.
    signs = np.where(hashes >> np.uint32(31), np.float32(-1), np.float32(1))
    return hashes % np.uint32(DIMENSIONS), signs


def _parts(word: str) -> list[str]:
    """``parseHTMLPage`` and ``parse_html_page`` both give ``parse``, ``html``, ``page``."""
    parts = [part.lower() for part in _CAMEL.findall(word)]
    return parts if len(parts) > 1 else []
