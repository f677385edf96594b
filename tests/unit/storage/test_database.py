import pytest
from sqlalchemy import text

from patchpilot.errors import ConfigurationError, PermanentError, TemporaryError, UnreachableError
from storage.database import Database


def test_a_fresh_database_is_current(database: Database) -> None:
    database.ping()

    assert database.schema_is_current()


def test_an_empty_database_is_not_current(empty_database_url: str) -> None:
    database = Database(empty_database_url)

    assert not database.schema_is_current()
    database.migrate()
    assert database.schema_is_current()
    database.close()


@pytest.mark.parametrize("url", ["", "mysql://a/b", "no address"])
def test_an_address_that_is_none_names_the_setting(url: str) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        Database(url)


def test_an_absent_server_is_a_temporary_error() -> None:
    database = Database("postgresql://user:secret@127.0.0.1:1/none")

    with pytest.raises(TemporaryError) as caught:
        database.ping()
    assert "secret" not in str(caught.value)
    database.close()


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        (("/postgres?", "/nosuch?"), "no database 'nosuch'"),
        (("postgres@", "nobody:secret@"), "refuses the user 'nobody'"),
        (("@/", "@nowhere.invalid/"), "no host 'nowhere.invalid'"),
    ],
)
def test_an_address_that_leads_nowhere_is_told(
    postgres_url: str, wrong: tuple[str, str], advice: str
) -> None:
    address = postgres_url.replace(*wrong)
    database = Database(address.partition("?")[0] if "nowhere" in address else address)

    with pytest.raises(UnreachableError) as caught:
        database.ping()
    # Members of a chat are shown the message: hosts and users are for operators.
    assert str(caught.value) == "using the database: the database is away"
    assert advice in caught.value.advice
    assert "DATABASE_URL" in caught.value.advice
    assert "secret" not in caught.value.in_full
    database.close()


def test_a_schema_that_is_not_there_is_to_be_migrated(empty_database_url: str) -> None:
    database = Database(empty_database_url)

    with pytest.raises(PermanentError, match="patchpilot migrate"), database.transaction() as session:
        session.execute(text("SELECT * FROM heals"))
    database.close()


def test_a_refused_statement_is_a_permanent_error_that_quotes_no_data(database: Database) -> None:
    with pytest.raises(PermanentError) as caught, database.transaction() as session:
        session.execute(text("SELECT 1/:zero, 'hidden'"), {"zero": 0})

    assert str(caught.value) == "using the database: the database refused it (SQLSTATE 22012)"


def test_an_exception_rolls_the_transaction_back(database: Database) -> None:
    def insert_and_fail() -> None:
        with database.transaction() as session:
            session.execute(text("INSERT INTO deliveries (id) VALUES ('x')"))
            raise KeyError

    with pytest.raises(KeyError):
        insert_and_fail()
    with database.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM deliveries")) == 0


def test_a_killed_connection_is_replaced(database: Database, database_url: str) -> None:
    database.ping()
    other = Database(database_url)
    with other.transaction() as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    other.close()

    database.ping()


def test_the_checkpoint_pool_survives_killed_connections(database: Database) -> None:
    pool = database.checkpoint_pool()
    with pool.connection() as connection:
        assert connection.execute("SELECT 1 AS one").fetchone() == {"one": 1}
    with database.transaction() as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )

    with pool.connection() as connection:
        assert connection.execute("SELECT 2 AS two").fetchone() == {"two": 2}
    assert database.checkpoint_pool() is pool


def test_one_leads_at_a_time(database: Database) -> None:
    with database.leader("relay") as first, database.leader("relay") as second:
        assert not first.held()
        assert first.acquire()
        assert not second.acquire()
        assert first.held()
        assert first.acquire()
        first.resign()
        assert second.acquire()


def test_leadership_ends_with_its_connection(database: Database) -> None:
    with database.leader("relay") as leadership:
        assert leadership.acquire()
        with database.transaction() as session:
            session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        assert not leadership.held()
        assert leadership.acquire()
