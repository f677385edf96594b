"""Alembic's entry: migrations run on the connection that :mod:`storage.schema` hands over."""

from alembic import context
from sqlalchemy import text

from storage import conversation, due_digests, models, pull_thread, remembered, wishes, workspaces

assert models.Incident.metadata is remembered.Remembered.metadata
assert models.Incident.metadata is wishes.MuteRow.metadata
assert models.Incident.metadata is conversation.Assignment.metadata
assert models.Incident.metadata is pull_thread.PullAskRow.metadata
assert models.Incident.metadata is workspaces.WorkspaceRow.metadata
assert models.Incident.metadata is due_digests.DigestRow.metadata

connection = context.config.attributes["connection"]
# A migration that can't have its lock at once must not queue everybody else behind it, and one that
# takes long must not be cut off by the time limit of ordinary statements.
connection.execute(text("SET lock_timeout = '4s'"))
connection.execute(text("SET statement_timeout = 0"))
connection.commit()
context.configure(
    connection=connection,
    target_metadata=models.Incident.metadata,
    transaction_per_migration=True,
)
try:
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
finally:
    connection.rollback()
    connection.execute(text("RESET lock_timeout"))
    connection.execute(text("RESET statement_timeout"))
    connection.commit()
