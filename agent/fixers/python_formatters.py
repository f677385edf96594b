"""``black`` and ``isort``."""

from __future__ import annotations

from collections.abc import Iterator

from agent.fixers.offers import Offer, Scene, rewritten


def black(scene: Scene) -> Iterator[Offer]:
    """Let black rewrite what it would have rewritten."""
    summary = "Format with black"
    found = False
    for call in scene.calls("black"):
        found = True
        yield rewritten(scene, call, name="black", summary=summary, drop=("--check", "--diff", "--color"))
    if not found and scene.blames("black"):
        yield Offer(name="black", summary=summary, command=scene.script("black ."))


def isort(scene: Scene) -> Iterator[Offer]:
    """Let isort put the imports in order."""
    summary = "Sort imports with isort"
    found = False
    for call in scene.calls("isort"):
        found = True
        drop = ("--check", "--check-only", "-c", "--diff", "--df", "-d", "--color")
        yield rewritten(scene, call, name="isort", summary=summary, drop=drop)
    if not found and scene.blames("isort"):
        yield Offer(name="isort", summary=summary, command=scene.script("isort ."))
