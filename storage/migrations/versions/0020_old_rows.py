"""Find what is old enough to go without reading all.

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("deliveries_by_time", "deliveries", ["received_at"])
    op.create_index("events_by_time", "events", ["at"])
    op.create_index("tasks_done", "tasks", ["done_at"], postgresql_where=sa.text("done_at IS NOT NULL"))


def downgrade() -> None:
    op.drop_index("tasks_done", table_name="tasks")
    op.drop_index("events_by_time", table_name="events")
    op.drop_index("deliveries_by_time", table_name="deliveries")
