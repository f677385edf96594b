"""Vectors of any embedder: any length, or none, and the text to make them again.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_WIDTHS = (384, 768, 1024, 1536, 3072)


def upgrade() -> None:
    op.drop_index("memories_nearest", table_name="memories")
    op.add_column("memories", sa.Column("source", sa.Text(), server_default="", nullable=False))
    # In the row, as are the words: a search reads them of hundreds of rows, and fetching them from where long
    # values are kept costs ten times what comparing does. What is read of five rows only moves out instead.
    op.execute(
        "ALTER TABLE memories ALTER COLUMN embedding TYPE halfvec USING embedding::halfvec, "
        "ALTER COLUMN embedding DROP NOT NULL, ALTER COLUMN embedding SET STORAGE MAIN, "
        "SET (toast_tuple_target = 4080)"
    )
    op.alter_column("memories", "embedder", server_default="")
    # An index that does not fit is built many times slower; this holds some 200,000 rows of 384 numbers.
    op.execute("SET LOCAL maintenance_work_mem = '256MB'")
    for width in _WIDTHS:
        op.execute(
            f"CREATE INDEX memories_nearest_{width} ON memories "
            f"USING hnsw ((embedding::halfvec({width})) halfvec_cosine_ops) "
            f"WHERE vector_dims(embedding) = {width}"
        )
    # Without it the planner takes one row of 200 to have the wanted length.
    op.execute("CREATE STATISTICS memories_widths ON (vector_dims(embedding)) FROM memories")
    op.create_index("memories_by_embedder", "memories", ["host", "repo", "embedder"], unique=False)
    op.create_index("memories_by_fingerprint", "memories", ["fingerprint"], unique=False)


def downgrade() -> None:
    op.execute("DROP STATISTICS memories_widths")
    op.drop_index("memories_by_fingerprint", table_name="memories")
    op.drop_index("memories_by_embedder", table_name="memories")
    for width in _WIDTHS:
        op.drop_index(f"memories_nearest_{width}", table_name="memories")
    # What has no vector of the one length keeps its fingerprint and words: a vector of no embedder stands in.
    op.execute(
        "UPDATE memories SET embedder = '', embedding = ('[1' || repeat(',0', 383) || ']')::halfvec "
        "WHERE embedding IS NULL OR vector_dims(embedding) <> 384"
    )
    op.execute("ALTER TABLE memories RESET (toast_tuple_target)")
    op.alter_column("memories", "embedder", server_default=None)
    op.drop_column("memories", "source")
    op.execute(
        "ALTER TABLE memories ALTER COLUMN embedding TYPE vector(384) USING embedding::vector(384), "
        "ALTER COLUMN embedding SET NOT NULL"
    )
    op.create_index(
        "memories_nearest",
        "memories",
        ["embedding"],
        unique=False,
        postgresql_using="hnsw",
        postgresql_ops={"embedding": "vector_cosine_ops"},
    )
