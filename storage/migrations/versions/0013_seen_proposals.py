"""Know which proposal an approve on a pull request was about.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pull_asks", sa.Column("approval_id", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("pull_asks", "approval_id")
