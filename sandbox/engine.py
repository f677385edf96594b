"""What the workbench needs of a place where commands run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sandbox.inside import Ended, Job


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """A finished layer as the engine keeps it."""

    key: str
    size: int
    """Bytes that it takes beyond the image it stands on."""
    made: float
    """When, in seconds since the epoch."""


class Engine(Protocol):
    """Runs one job in a fresh, limited, disconnected place and removes the place again."""

    @property
    def name(self) -> str:
        """``docker`` or ``bubblewrap``."""
        ...

    @property
    def reason(self) -> str:
        """Root file system and limits in force, and those that can't be enforced here."""
        ...

    def execute(self, job: Job) -> Ended:
        """Raises :class:`~patchpilot.errors.SandboxUnavailableError` when the engine itself fails."""
        ...

    def root_id(self, image: str) -> str:
        """What the root file system that ``image`` means is, exactly; empty for the default one."""
        ...

    def has_layer(self, key: str) -> bool:
        """Whether a finished layer of this key is there."""
        ...

    def make_layer(self, job: Job, key: str, *, max_bytes: int) -> Ended:
        """Run the job with network and keep what it wrote to ``/opt/prepared``, if it ended well, as a layer.

        A layer appears whole or not at all. Raises like :meth:`execute`.
        """
        ...

    def layers(self) -> list[StoredLayer]:
        """All finished layers."""
        ...

    def drop_layer(self, key: str) -> bool:
        """Remove a layer; ``False`` where it is in use or could not be removed."""
        ...

    def close(self) -> None:
        """Give back what the engine holds."""
        ...
