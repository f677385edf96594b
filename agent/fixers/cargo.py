"""``cargo fmt`` and ``cargo clippy --fix``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from agent.fixers.offers import Offer, Scene, rewritten
from agent.fixers.scripts import Invocation


def cargo_fmt(scene: Scene) -> Iterator[Offer]:
    """Let rustfmt write what it would have written."""
    summary = "Format with cargo fmt"
    found = False
    for call in scene.calls("cargo fmt"):
        found = True
        yield rewritten(scene, _tidy(call), name="cargo fmt", summary=summary)
    if not found and scene.blames("rustfmt", "cargo fmt"):
        yield Offer(name="cargo fmt", summary=summary, command=scene.script("cargo fmt --all"))


def cargo_clippy(scene: Scene) -> Iterator[Offer]:
    """Let clippy apply the suggestions that it calls machine-applicable."""
    flags = ("--fix", "--allow-dirty", "--allow-staged", "--allow-no-vcs")
    for call in scene.calls("cargo clippy"):
        summary = "Apply clippy's own suggestions"
        yield rewritten(scene, call, name="cargo clippy --fix", summary=summary, add=flags)


def _tidy(call: Invocation) -> Invocation:
    """Without ``--check``, and without a ``--`` that nothing follows then."""
    call = call.without(("--check",))
    return replace(call, args=call.args[:-1]) if call.args[-1:] == ("--",) else call
