"""``prettier --write``, ``eslint --fix`` and ``biome --write``, as the repository has them installed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from agent.fixers.offers import Offer, Scene, rewritten


def prettier(scene: Scene) -> Iterator[Offer]:
    """Let prettier write what it would have written."""
    summary = "Format with prettier"
    found = False
    for call in scene.calls("prettier"):
        found = True
        drop = ("--check", "-c", "--list-different", "-l")
        yield rewritten(scene, call, name="prettier --write", summary=summary, drop=drop, add=("--write",))
    if not found and scene.blames("prettier"):
        command = scene.script("npx --no-install prettier --write .")
        yield Offer(name="prettier --write", summary=summary, command=command)


def eslint(scene: Scene) -> Iterator[Offer]:
    """Let eslint fix what its rules can fix."""
    summary = "Apply eslint's own fixes"
    found = False
    for call in scene.calls("eslint"):
        found = True
        yield rewritten(
            scene,
            call,
            name="eslint --fix",
            summary=summary,
            drop=("--fix-dry-run",),
            drop_with_value=("--format", "-f", "--output-file", "-o"),
            add=("--fix",),
        )
    if not found and scene.blames("eslint"):
        command = scene.script("npx --no-install eslint --fix .")
        yield Offer(name="eslint --fix", summary=summary, command=command)


def biome(scene: Scene) -> Iterator[Offer]:
    """Let biome write its formatting and safe fixes; ``ci`` is the read-only twin of ``check``."""
    for call in scene.calls("biome check", "biome ci", "biome lint", "biome format"):
        verb = "check" if call.words[1] == "ci" else call.words[1]
        writing = replace(call, words=(call.words[0], verb))
        name = f"biome {verb} --write"
        yield rewritten(scene, writing, name=name, summary="Apply biome's own fixes", add=("--write",))
