"""The table behind :mod:`storage.memory`."""

from __future__ import annotations

from typing import Any, Final

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import Computed, Index, UniqueConstraint, literal_column, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from storage.columns import Empty, Now, Serial, Table

INDEXED_WIDTHS: Final = (384, 768, 1024, 1536, 3072)
"""Lengths of vectors that have an index; of others each one of the repository is compared.

They are those of the hashing embedder and of most models (docs/adr/0004-embedders.md).
"""


def nearest_index(width: int) -> str:
    """Name of the index over vectors of ``width`` numbers."""
    return f"memories_nearest_{width}"


class Remembered(Table):
    """One past case: what failed, what cured it, and what became of the cure."""

    __tablename__ = "memories"
    __table_args__ = (
        UniqueConstraint("host", "repo", "fingerprint", "patch_sha256", name="memories_once"),
        *(
            Index(
                nearest_index(width),
                literal_column(f"(embedding::halfvec({width}))").label("near"),
                postgresql_using="hnsw",
                postgresql_ops={"near": "halfvec_cosine_ops"},
                postgresql_where=text(f"vector_dims(embedding) = {width}"),
            )
            for width in INDEXED_WIDTHS
        ),
        Index("memories_by_embedder", "host", "repo", "embedder"),
        Index("memories_by_fingerprint", "fingerprint"),
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
    source: Mapped[Empty]
    """What the vector is made of, to make it again with another embedder; empty in rows of old versions."""
    embedding: Mapped[Any] = mapped_column(HALFVEC(), nullable=True)
    """A unit vector of any length, none while no embedder could be reached. Half floats take half the pages,
    which is what speed depends on, and change a cosine by less than 0.001."""
    embedder: Mapped[Empty]
    """Name of the embedder that made it, empty without a vector: vectors of two can't be compared."""
    patch: Mapped[str]
    patch_sha256: Mapped[str]
    author: Mapped[str]
    outcome: Mapped[str]
    root_cause: Mapped[str]
    incident: Mapped[int]
    pull_request_url: Mapped[Empty]
    created_at: Mapped[Now]
    updated_at: Mapped[Now]
