"""Test a proposal anew on the commit that the branch has moved to.

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("heals", sa.Column("retested_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key("heals_retested_id_fkey", "heals", "failures", ["retested_id"], ["id"])


def downgrade() -> None:
    # The closest of the verbs that were known before; both begin an attempt.
    op.execute("UPDATE decisions SET verb = 'retry' WHERE verb = 'retest'")
    op.drop_constraint("heals_retested_id_fkey", "heals", type_="foreignkey")
    op.drop_column("heals", "retested_id")
