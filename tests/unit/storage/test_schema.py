from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from storage import schema
from storage.database import Database
from storage.models import Incident


def _engine(url: str) -> Any:
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://"))


def test_migrations_and_models_agree(database_url: str) -> None:
    engine = _engine(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, Incident.metadata) == []
    engine.dispose()


def test_migrations_go_down_to_nothing_and_up_again(database_url: str) -> None:
    engine = _engine(database_url)

    schema.downgrade(engine, "base")
    with engine.connect() as connection:
        left = connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ).scalars()
        assert set(left) == {"alembic_version"}
    assert not schema.is_current(engine)
    schema.upgrade(engine)

    assert schema.is_current(engine)
    engine.dispose()


def test_processes_that_start_together_migrate_once(empty_database_url: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    databases = [Database(empty_database_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Database.migrate, databases))

    assert databases[0].schema_is_current()
    for database in databases:
        database.close()


def test_a_migration_leaves_time_limits_as_they_were(empty_database_url: str) -> None:
    database = Database(empty_database_url, pool_size=1)
    database.migrate()

    with database.transaction() as session:
        assert session.scalar(text("SHOW statement_timeout")) == "30s"
        assert session.scalar(text("SHOW lock_timeout")) == "10s"
    database.close()


def test_a_channel_that_two_workspaces_lost_is_known_once_after_going_back(database_url: str) -> None:
    engine = _engine(database_url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO broken_destinations (place, code, advice) "
                "VALUES ('C1', 'a', ''), ('T1/C1', 'b', ''), ('T2/C1', 'c', ''), ('T2/C2', 'd', '')"
            )
        )

    schema.downgrade(engine, "0013")
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT place, code FROM broken_destinations ORDER BY place"))
        assert [tuple(row) for row in rows] == [("C1", "a"), ("C2", "d")]
    schema.upgrade(engine)
    engine.dispose()


def test_a_digest_that_another_workspace_got_counts_as_sent_after_the_upgrade(database_url: str) -> None:
    engine = _engine(database_url)
    schema.downgrade(engine, "0018")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO effects (key, kind, outside) VALUES "
                '(\'slack:digest:C1:2026-01-05T09:00\', \'slack\', \'{"channel": "C1", "team": "T2"}\'), '
                "('slack:digest:C2:2026-01-05T09:00', 'slack', '{\"channel\": \"C2\"}')"
            )
        )

    schema.upgrade(engine)
    with engine.connect() as connection:
        keys = set(connection.execute(text("SELECT key FROM effects")).scalars())
    assert keys == {"slack:digest:T2/C1:2026-01-05T09:00", "slack:digest:C2:2026-01-05T09:00"}

    schema.downgrade(engine, "0018")
    with engine.connect() as connection:
        keys = set(connection.execute(text("SELECT key FROM effects")).scalars())
    assert keys == {"slack:digest:C1:2026-01-05T09:00", "slack:digest:C2:2026-01-05T09:00"}
    schema.upgrade(engine)
    engine.dispose()
