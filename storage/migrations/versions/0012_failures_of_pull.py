"""Find the failures of a pull request without reading all.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "failures_of_pull",
        "failures",
        ["host", "repo", "pull_request"],
        unique=False,
        postgresql_where=sa.text("pull_request IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("failures_of_pull", table_name="failures")
