"""A red command on a small tree, and what the fixers make of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.fixers.offers import Fixer, Offer, Scene
from agent.fixers.table import FIXERS
from patchpilot.failures import Category, DistilledFailure, Location
from patchpilot.fixes import ShellCommand


@pytest.fixture
def scene() -> Callable[..., Scene]:
    def made(
        script="true", *, text="", category=Category.LINT, tool="", files=None, places=(), **options
    ) -> Scene:
        contents = files or {}
        failure = DistilledFailure(
            text=text, category=category, tool=tool, files=tuple(Location(path) for path in places)
        )
        return Scene(
            failure=failure,
            command=ShellCommand(script=script),
            files=sorted(contents),
            read=contents.get,
            **options,
        )

    return made


@pytest.fixture
def offered() -> Callable[[Scene], list[str]]:
    """The commands that all fixers together offer, in order."""
    return lambda given: [offer.command.script for fixer in FIXERS for offer in fixer(given) if offer.command]


@pytest.fixture
def edits() -> Callable[[Scene, Fixer], dict[str, str]]:
    """New text by path, of all edits that one fixer offers."""

    def made(given: Scene, fixer: Fixer) -> dict[str, str]:
        offers: list[Offer] = list(fixer(given))
        return {path: text for offer in offers for path, text in offer.edits.items()}

    return made
