"""Tell who wrote a failing commit from who pushed or merged it.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("failures", sa.Column("pusher", sa.Text(), server_default="", nullable=False))
    # Until now the author was whoever set the run off.
    op.execute("UPDATE failures SET pusher = author")


def downgrade() -> None:
    op.drop_column("failures", "pusher")
