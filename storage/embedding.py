"""Text to vectors, for finding similar failures: what an embedder is, and which one the settings ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from patchpilot.settings import EmbedderKind, WorkerSettings
from storage.embedders.hashing import HashingEmbedder
from storage.embedders.http import HttpEmbedder


class Embedder(Protocol):
    """Turns texts into unit vectors."""

    @property
    def name(self) -> str:
        """Stored with each vector: vectors of two embedders can't be compared."""
        ...

    @property
    def batch(self) -> int:
        """How many texts are best given at once."""
        ...

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of length one per text, in order, all equally wide.

        Raises :class:`~patchpilot.errors.TemporaryError` or ``PermanentError`` when there are none now.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def chosen_embedder(settings: WorkerSettings, *, redact: Callable[[str], str]) -> Embedder:
    """The embedder that ``settings`` name; ``redact`` goes over all that leaves this machine."""
    match settings.memory_embedder:
        case EmbedderKind.HASHING:
            return HashingEmbedder()
        case EmbedderKind.HTTP:
            return HttpEmbedder(
                url=settings.memory_embedder_url,
                model=settings.memory_embedder_model.strip(),
                key=settings.memory_embedder_key.get_secret_value().strip(),
                dimensions=settings.memory_embedder_dimensions,
                redact=redact,
            )
