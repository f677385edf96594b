"""Say of held news and broken channels whose workspace they are in.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("held_news", sa.Column("team", sa.Text(), server_default="", nullable=False))
    op.execute(
        "UPDATE held_news SET team = s.team FROM subscriptions s "
        "JOIN slack_workspaces w ON w.team = s.team WHERE s.channel = held_news.channel"
    )
    op.drop_constraint("held_news_pkey", "held_news")
    op.create_primary_key("held_news_pkey", "held_news", ["team", "channel", "incident_id"])
    op.execute(
        "UPDATE broken_destinations SET place = s.team || '/' || place FROM subscriptions s "
        "JOIN slack_workspaces w ON w.team = s.team WHERE s.channel = broken_destinations.place"
    )


def downgrade() -> None:
    # A channel that several workspaces share was told of by its id alone: once, as it was before if it was.
    op.execute(
        "DELETE FROM broken_destinations a USING broken_destinations b WHERE a.place LIKE '%/%' "
        "AND split_part(a.place, '/', 2) = CASE WHEN b.place LIKE '%/%' THEN split_part(b.place, '/', 2) "
        "ELSE b.place END AND (b.place NOT LIKE '%/%' OR a.place > b.place)"
    )
    op.execute("UPDATE broken_destinations SET place = split_part(place, '/', 2) WHERE place LIKE '%/%'")
    op.execute(
        "DELETE FROM held_news a USING held_news b WHERE a.team > b.team AND a.channel = b.channel "
        "AND a.incident_id = b.incident_id"
    )
    op.drop_constraint("held_news_pkey", "held_news")
    op.create_primary_key("held_news_pkey", "held_news", ["channel", "incident_id"])
    op.drop_column("held_news", "team")
