"""The life of a pull request: its base, how a fix was handed over, reviews, notes in the thread.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TEXTS = (
    ("failures", "base_branch"),
    ("heals", "pull_request_review"),
    ("heals", "delivery"),
    ("proposals", "outcome"),
    ("decisions", "host_login"),
)


def upgrade() -> None:
    for table, column in _TEXTS:
        op.add_column(table, sa.Column(column, sa.Text(), server_default="", nullable=False))
    op.add_column("decisions", sa.Column("host_user_id", sa.BigInteger(), nullable=True))
    op.create_table(
        "thread_notes",
        sa.Column("heal_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["heal_id"], ["heals.id"]),
        sa.PrimaryKeyConstraint("heal_id", "key"),
    )


def downgrade() -> None:
    op.drop_table("thread_notes")
    op.drop_column("decisions", "host_user_id")
    for table, column in reversed(_TEXTS):
        op.drop_column(table, column)
