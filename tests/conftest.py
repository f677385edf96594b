"""Real servers and a real browser for all tests: one of each per session, started only when asked for."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from hypothesis import settings
from playwright.sync_api import Browser, expect, sync_playwright

from playground.servers import embedded_postgres, embedded_redis
from storage.database import Database

# In CI hypothesis has a profile of its own without deadlines and with the same examples each time.
# https://hypothesis.readthedocs.io/en/latest/reference/api.html#built-in-profiles
if os.environ.get("CI") != "true":
    settings.register_profile("desk", deadline=None)
    settings.load_profile("desk")


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    # Not pytest's own: it is private to this user, and as root PostgreSQL runs as another.
    with tempfile.TemporaryDirectory(prefix="patchpilot-tests-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres_url(server_folder: Path) -> Iterator[str]:
    """A PostgreSQL server with pgvector; its ``postgres`` database is for making others."""
    with embedded_postgres(server_folder / "pg", durable=False) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> str:
    """Name of a database that holds the newest schema and nothing else."""
    name = "patchpilot_template"
    _administer(postgres_url, f"CREATE DATABASE {name}")
    template = Database(_named(postgres_url, name), pool_size=1)
    template.migrate()
    template.close()
    return name


@pytest.fixture
def database_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """Address of a fresh, migrated database of this test alone."""
    name = f"test_{secrets.token_hex(6)}"
    _administer(postgres_url, f"CREATE DATABASE {name} TEMPLATE {migrated_template}")
    yield _named(postgres_url, name)
    _administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """Address of a fresh database without any schema."""
    name = f"test_{secrets.token_hex(6)}"
    _administer(postgres_url, f"CREATE DATABASE {name}")
    yield _named(postgres_url, name)
    _administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Storage on a fresh, migrated database."""
    storage = Database(database_url)
    yield storage
    storage.close()


@pytest.fixture(scope="session")
def redis_server_url(server_folder: Path) -> Iterator[str]:
    with embedded_redis(server_folder / "redis") as url:
        yield url


@pytest.fixture
def redis_url(redis_server_url: str) -> str:
    """Address of an empty Redis."""
    with redis.Redis.from_url(redis_server_url) as client:
        client.flushall()
    return redis_server_url


def _named(url: str, name: str) -> str:
    return url.replace("/postgres?", f"/{name}?")


def _administer(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real browser for whoever needs one."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    switches = [
        "no-sandbox",
        "disable-gpu",
        "disable-quic",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
    ]
    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=[f"--{switch}" for switch in switches]
        )
        yield browser
        browser.close()
