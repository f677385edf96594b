"""A whole PatchPilot on this machine: real processes, one installation for all tests of this folder."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from patchpilot.settings import SandboxSettings, load
from playground.installation import ROLES, Installation, installation
from playground.samples import Sample
from playground.slack.pace import QUICK
from playground.stage import Stage
from sandbox import open_workbenches

FAST = {"LEASE_SECONDS": "3", "STORM_PLACES": "0", "FLAKY_RUNS": "16"}
"""Leases are short, so that a killed worker's heal is taken up soon. Copies of one sample break under
many names here, which would be a storm. A coin is tossed so often that it never falls on one side only."""


@contextmanager
def started(**more: str) -> Iterator[Installation]:
    """A PatchPilot of its own; ``more`` is what its worker's environment has besides."""
    workbenches = open_workbenches(load(SandboxSettings))
    if workbenches.engine == "none":
        if os.environ.get("CI") == "true":
            pytest.fail(f"no sandbox: {workbenches.reason}")
        pytest.skip(workbenches.reason)
    with tempfile.TemporaryDirectory(prefix="patchpilot-acceptance-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with installation(folder, workbenches, pace=QUICK, durable=False) as running:
            for role in ROLES:
                running.start(role, more=FAST | (more if role == "worker" else {}))
            running.wait_until_ready()
            yield running


@pytest.fixture(scope="session")
def home() -> Iterator[Installation]:
    """The installation that most tests share. It has no model key."""
    with started() as running:
        yield running


@pytest.fixture
def start() -> Callable[..., object]:
    """For tests that need an installation of their own."""
    return started


@pytest.fixture
def stage(home: Installation, request: pytest.FixtureRequest) -> Stage:
    return Stage(town=home.town, scenario=request.node.name, tell=lambda note: None, auto=True)


@pytest.fixture
def renamed() -> Callable[[Sample, str], Sample]:
    """A sample under a name of the test's own, so that tests do not meet each other's incidents."""

    def rename(sample: Sample, name: str) -> Sample:
        return dataclasses.replace(sample, full_name=f"acme/{name}")

    return rename


@pytest.fixture
def held(home: Installation) -> Callable[..., object]:
    """Let whoever writes a certain row hang in Postgres, so that a test can kill it right there."""

    @contextmanager
    def hold(table: str, condition: str, *, seconds: int = 600) -> Iterator[Callable[[], bool]]:
        with psycopg.connect(home.database_url, autocommit=True) as connection:
            connection.execute(
                "CREATE OR REPLACE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN PERFORM pg_sleep({seconds}); RETURN NEW; END $$"
            )
            connection.execute(
                f"CREATE TRIGGER hold BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW "
                f"WHEN ({condition}) EXECUTE FUNCTION hold()"
            )

            def reached() -> bool:
                row = connection.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
                ).fetchone()
                return bool(row and row[0])

            try:
                yield reached
            finally:
                if seconds > 60:
                    # Nobody waits that long: the held backend has the lock that DROP TRIGGER needs, and its
                    # client may be dead. A shorter hold ends by itself, and its work goes on.
                    connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
                    )
                connection.execute(f"DROP TRIGGER hold ON {table}")

    return hold
