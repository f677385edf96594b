"""What a recipe is: our own inputs and our own commands that install what a repository's manifests list.

The preparing step has network, so nothing of the repository may run in it. Manifests are read here, as data;
what goes in is written anew: names, versions and hashes, never an address, a script or a configuration of
the repository's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from patchpilot.errors import PermanentError
from sandbox.trees import read

PREPARED = "/opt/prepared"
"""Where a layer lies inside, read-only for commands."""
NOTE = "patchpilot-note: "
"""A line of the installing step's output that begins so is a note for people."""
MANIFEST_BYTES = 20_000_000


class NotPreparedError(PermanentError):
    """What a job installs could not be installed; says nothing about the code under test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the root file system that commands run in has, asked of itself."""

    tools: Mapping[str, str] = field(default_factory=dict)
    """Versions by name: ``python3``, ``node``, ``npm``, ``go`` …; a tool that is missing is left out."""
    markers: Mapping[str, str] = field(default_factory=dict)
    """Python's marker environment: https://packaging.python.org/specifications/dependency-specifiers/"""

    def need(self, tool: str) -> str:
        """The tool's version. Raises :class:`NotPreparedError` where it is missing."""
        if tool not in self.tools:
            raise NotPreparedError(
                f"the sandbox has no {tool}; map the job to an image that has it with SANDBOX_IMAGES"
            )
        return self.tools[tool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one preparation is done. Equal recipes on equal root file systems give equal layers."""

    manager: str
    version: str
    """Of the tools that install, and for which."""
    files: Mapping[str, bytes]
    """Our inputs, by path relative to the folder that the script starts in."""
    script: str
    """For ``sh -e``; writes below ``$OUT``."""
    env: Mapping[str, str] = field(default_factory=dict)
    """What commands get set, to find the layer."""
    path: tuple[str, ...] = ()
    """Folders before all others on the commands' search path."""
    pinned: bool = True
    """Every version is decided by the manifests, whatever day it is."""
    notes: tuple[str, ...] = ()
    """What is left out, each a clause for people."""
    local: frozenset[str] = frozenset()
    """Those of :attr:`files` that have no say in what is fetched."""

    def fetches_as(self, other: Recipe) -> bool:
        """Whether both fetch the same."""
        mine, others = (
            {path: data for path, data in one.files.items() if path not in one.local} for one in (self, other)
        )
        return (self.manager, self.version, mine) == (other.manager, other.version, others)


def manifest(tree: Path, path: str) -> bytes | None:
    """A manifest's content, ``None`` if there is no such file; never through a symlink.

    Raises :class:`NotPreparedError` for one of absurd size and ``UnsafePathError`` for a path that leaves
    the checkout.
    """
    found = read(tree, path)
    if found is not None and len(found.data) > MANIFEST_BYTES:
        raise NotPreparedError(f"{path} has more than {MANIFEST_BYTES // 1_000_000} MB")
    return found.data if found else None


def text_of(tree: Path, path: str) -> str | None:
    """The same as text, leniently decoded."""
    data = manifest(tree, path)
    return None if data is None else data.decode(errors="replace")


def beside(folder: str, name: str) -> str:
    """``name`` in ``folder``, both relative to the root."""
    return name if folder in {"", "."} else f"{folder}/{name}"
