"""The table behind :mod:`storage.memory`."""

from __future__ import annotations

from typing import Any

from pgvector.sqlalchemy import Vector
from sqlalchemy import Computed, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from storage.columns import Empty, Now, Serial, Table

DIMENSIONS = 384
"""Of every embedding. An embedder with another number needs a migration, so it is refused at start."""


class Remembered(Table):
    """One past case: what failed, what cured it, and what became of the cure."""

    __tablename__ = "memories"
    __table_args__ = (
        UniqueConstraint("host", "repo", "fingerprint", "patch_sha256", name="memories_once"),
        Index(
            "memories_nearest",
            "embedding",
            postgresql_using="hnsw",
            postgresql_ops={"embedding": "vector_cosine_ops"},
        ),
        Index("memories_words", "search", postgresql_using="gin"),
    )

    id: Mapped[Serial]
    host: Mapped[str]
    repo: Mapped[str]
    fingerprint: Mapped[str]
    text: Mapped[str]
    """What text search reads: words of the cause, tests, files and quoted lines, with single spaces."""
    search: Mapped[Any] = mapped_column(
        # Not to_tsvector: its parser takes names such as parse_html apart, and the parts are everywhere.
        TSVECTOR,
        Computed("array_to_tsvector(string_to_array(text, ' '))", persisted=True),
    )
    embedding: Mapped[Any] = mapped_column(Vector(DIMENSIONS))
    embedder: Mapped[str]
    """Name of the embedder that made it: vectors of two embedders can't be compared."""
    patch: Mapped[str]
    patch_sha256: Mapped[str]
    author: Mapped[str]
    outcome: Mapped[str]
    root_cause: Mapped[str]
    incident: Mapped[int]
    pull_request_url: Mapped[Empty]
    created_at: Mapped[Now]
    updated_at: Mapped[Now]
