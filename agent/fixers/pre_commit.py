"""``pre-commit run``: its hooks fix files and fail because they did; running them once is the fix."""

from __future__ import annotations

from collections.abc import Iterator

from agent.fixers.offers import Offer, Scene, rewritten


def pre_commit(scene: Scene) -> Iterator[Offer]:
    """Run the same hooks and keep what they changed. The sandbox makes a repository for them."""
    for call in scene.calls("pre-commit run"):
        yield rewritten(
            scene,
            call,
            name="pre-commit run",
            summary="Apply what the pre-commit hooks fix",
            drop=("--show-diff-on-failure",),
            drop_with_value=("--color",),
        )
