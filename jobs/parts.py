"""What a heal is run with, made from the worker's settings: for a worker and for the command line alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from patchpilot.redaction import Redactor
from patchpilot.settings import WorkerSettings

if TYPE_CHECKING:
    from agent.claude import Claude
    from storage.database import Database
    from storage.memory import PostgresMemory


def secrets_of(settings: WorkerSettings) -> tuple[str, ...]:
    """Values that must never leave this process."""
    held = (
        settings.anthropic_api_key,
        settings.github_reader_token,
        settings.database_url,
        settings.memory_embedder_key,
    )
    return tuple(value for secret in held if (value := secret.get_secret_value()))


def model_of(settings: WorkerSettings) -> Claude | None:
    """The model, to be closed by who asked for it; ``None`` without a key."""
    key = settings.anthropic_api_key.get_secret_value()
    if not key:
        return None
    # Anthropic's library takes seconds to import. Workers have it already (``jobs.answers``); a heal on the
    # command line without a key needs none of it.
    from agent.claude import Claude  # noqa: PLC0415

    return Claude(
        api_key=key,
        base_url=settings.anthropic_base_url,
        model=settings.anthropic_model,
        effort=settings.anthropic_effort,
        thinking=settings.anthropic_thinking,
        max_turns=settings.repair_max_turns,
        max_tokens=settings.anthropic_max_tokens,
        redact=Redactor(secrets_of(settings)),
    )


@contextmanager
def memory_of(
    db: Database, settings: WorkerSettings, *, say: Callable[[str], None] | None = None
) -> Iterator[PostgresMemory]:
    """The memory with the embedder that was chosen."""
    # As above: a heal on the command line without a database does not wait for SQLAlchemy.
    from storage.embedding import chosen_embedder  # noqa: PLC0415
    from storage.memory import PostgresMemory  # noqa: PLC0415

    embedder = chosen_embedder(settings, redact=Redactor(secrets_of(settings)))
    memory = PostgresMemory(db, embedder=embedder, sharing=settings.sharing, say=say)
    try:
        yield memory
    finally:
        memory.close()
