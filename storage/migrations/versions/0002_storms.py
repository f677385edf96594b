"""Storms: many incidents with one cause.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "storms",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cause_key", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("storms_by_cause", "storms", ["cause_key", "id"], unique=False)
    op.add_column("incidents", sa.Column("storm_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key("incidents_storm_id_fkey", "incidents", "storms", ["storm_id"], ["id"])
    op.create_index(op.f("ix_incidents_storm_id"), "incidents", ["storm_id"], unique=False)
    op.create_index("incidents_by_time", "incidents", ["first_seen"], unique=False)


def downgrade() -> None:
    op.drop_index("incidents_by_time", table_name="incidents")
    op.drop_index(op.f("ix_incidents_storm_id"), table_name="incidents")
    op.drop_constraint("incidents_storm_id_fkey", "incidents", type_="foreignkey")
    op.drop_column("incidents", "storm_id")
    op.drop_table("storms")
