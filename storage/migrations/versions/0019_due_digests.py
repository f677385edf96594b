"""Mark digests as due, once each.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "subscriptions",
        sa.Column(
            "digest_since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
    )
    # What was sent of them before is in the ledger of effects, so nothing is sent again. There, channels of
    # other workspaces now come with these.
    op.execute("UPDATE subscriptions SET digest_since = created_at")
    op.execute(
        "UPDATE effects SET key = 'slack:digest:' || (outside->>'team') || '/' || substr(key, 14) "
        "WHERE starts_with(key, 'slack:digest:' || (outside->>'channel') || ':') AND outside->>'team' <> ''"
    )
    op.create_table(
        "digests",
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("home", sa.Boolean(), nullable=False),
        sa.Column("marked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended", sa.Text(), server_default="", nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("team", "channel", "at", "day"),
    )
    op.create_index("digests_open", "digests", ["due"], postgresql_where=sa.text("ended = ''"))
    op.create_table(
        "home_digests",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("channel"),
    )


def downgrade() -> None:
    op.drop_table("home_digests")
    op.drop_table("digests")
    op.drop_column("subscriptions", "digest_since")
    op.execute(
        "UPDATE effects SET key = 'slack:digest:' || substr(key, 15 + length(outside->>'team')) "
        "WHERE starts_with(key, 'slack:digest:' || (outside->>'team') || '/') AND outside->>'team' <> ''"
    )
