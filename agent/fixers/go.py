"""``gofmt -w`` and ``goimports -w``."""

from __future__ import annotations

from collections.abc import Iterator

from agent.fixers.offers import Offer, Scene, rewritten

_READ_ONLY = ("-l", "-d", "-e")


def gofmt(scene: Scene) -> Iterator[Offer]:
    """Let gofmt write what it only listed."""
    yield from _go_formatter(scene, "gofmt")


def goimports(scene: Scene) -> Iterator[Offer]:
    """Let goimports write what it only listed."""
    yield from _go_formatter(scene, "goimports")


def golangci(scene: Scene) -> Iterator[Offer]:
    """Let golangci-lint's linters fix what they can."""
    for call in scene.calls("golangci-lint run"):
        name = "golangci-lint run --fix"
        yield rewritten(scene, call, name=name, summary="Apply golangci-lint's own fixes", add=("--fix",))


def _go_formatter(scene: Scene, tool: str) -> Iterator[Offer]:
    summary = f"Format with {tool}"
    found = False
    for call in scene.calls(tool):
        found = True
        yield rewritten(scene, call, name=f"{tool} -w", summary=summary, drop=_READ_ONLY, add=("-w",))
    if not found and scene.blames(tool):
        yield Offer(name=f"{tool} -w", summary=summary, command=scene.script(f"{tool} -w ."))
