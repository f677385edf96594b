"""Which of the operator's images stands in for the image or tools that a job asks for.

A repository may say what it wants, never what is pulled: only names on the right-hand side of the operator's
own table reach the container engine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

_PATTERN = re.compile(r"[\w.*?:/@+-]{1,200}", re.ASCII)
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,299}")


@dataclass(frozen=True, slots=True)
class ImageTable:
    """Rules in order, each a pattern of what a job wants and the image that it gets."""

    rules: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> ImageTable:
        """Read ``python:3.12=ci-python:3.12, node:*=ci-node:20``: commas or spaces part the rules.

        ``*`` stands for any characters. Raises ``ValueError`` naming the first rule that is none.
        """
        rules = []
        for entry in text.replace(",", " ").split():
            pattern, _, image = entry.partition("=")
            if not _PATTERN.fullmatch(pattern) or not _IMAGE.fullmatch(image):
                raise ValueError(
                    f"{entry[:80]!r} is no rule for an image: write what a job asks for, an equals sign and "
                    "your image, such as python:3.12=ci-python:3.12 or node:*=ci-node:20"
                )
            rules.append((pattern, image))
        return cls(tuple(rules))

    def choose(self, wanted: Sequence[str]) -> str:
        """The image for the first of ``wanted`` (``python:3.12.4``) that a rule fits; empty for none.

        ``python:3.12`` fits ``python:3.12.4`` and ``python:3.12-slim`` too, ``python:3.1`` neither.
        """
        for name in wanted:
            for pattern, image in self.rules:
                if _fits(name, pattern):
                    return image
        return ""


def _fits(name: str, pattern: str) -> bool:
    longer = (f"{pattern}.*", f"{pattern}-*") if ":" in pattern else ()
    return any(fnmatchcase(name, one) for one in (pattern, *longer))
