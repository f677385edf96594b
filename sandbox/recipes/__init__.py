"""From a job's manifests to what our installing step does, one reader for each package manager."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from patchpilot.errors import UnsafePathError
from patchpilot.fixes import Preparation
from sandbox.recipes import compiled, maven, node, python
from sandbox.recipes.recipe import NOTE, PREPARED, Machine, NotPreparedError, Recipe

__all__ = ["NOTE", "PREPARED", "READERS", "Machine", "NotPreparedError", "Recipe", "read"]

READERS: Mapping[str, Callable[[Preparation, Path, Machine], Recipe]] = {
    "pip": python.recipe,
    "uv": python.recipe,
    "poetry": python.recipe,
    "npm": node.recipe,
    "pnpm": node.recipe,
    "yarn": node.recipe,
    "go": compiled.go,
    "cargo": compiled.cargo,
    "maven": maven.recipe,
}


def read(preparation: Preparation, tree: Path, machine: Machine) -> Recipe:
    """The recipe. Raises :class:`NotPreparedError` with a clause for people where there can be none."""
    reader = READERS.get(preparation.manager)
    if reader is None:
        # Gradle's files are programs: only running them tells what they fetch.
        raise NotPreparedError(
            f"{preparation.manager} runs code of the repository to find out what to fetch, so it is not "
            "prepared; use an image that has the dependencies already (SANDBOX_IMAGES; docs/operations.md, "
            "Java, shows one)"
        )
    try:
        return reader(preparation, tree, machine)
    except UnsafePathError as error:
        raise NotPreparedError(f"a manifest can't be read: {error}") from error
