"""``ruff check --fix`` (safe fixes only, as ruff counts them) and ``ruff format``."""

from __future__ import annotations

from collections.abc import Iterator

from agent.fixers.offers import Offer, Scene, rewritten
from patchpilot.failures import Category

_LINT = "Apply ruff's own fixes"
_FORMAT = "Format with ruff"


def ruff_check(scene: Scene) -> Iterator[Offer]:
    """Let ruff fix what it calls safe to fix, with the repository's rules."""
    name = "ruff check --fix"
    found = False
    for call in scene.calls("ruff check"):
        found = True
        yield rewritten(
            scene,
            call,
            name=name,
            summary=_LINT,
            drop=("--no-fix", "--diff", "--exit-non-zero-on-fix", "--show-fixes", "--statistics"),
            drop_with_value=("--output-format", "--output-file"),
            add=("--fix",),
        )
    if not found and scene.blames("ruff") and scene.failure.category is Category.LINT:
        yield Offer(name=name, summary=_LINT, command=scene.script("ruff check --fix ."))


def ruff_format(scene: Scene) -> Iterator[Offer]:
    """Let ruff format the files that it was asked to check."""
    found = False
    for call in scene.calls("ruff format"):
        found = True
        yield rewritten(scene, call, name="ruff format", summary=_FORMAT, drop=("--check", "--diff"))
    if not found and scene.blames("ruff") and scene.failure.category is Category.FORMAT:
        yield Offer(name="ruff format", summary=_FORMAT, command=scene.script("ruff format ."))
