"""What the model is doing in a step, and what an unproven attempt left behind.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("steps", sa.Column("doing", sa.Text(), server_default="", nullable=False))
    op.add_column("heals", sa.Column("partial", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("heals", "partial")
    op.drop_column("steps", "doing")
