"""A check-up of what all roles share: the database, the queues, and whether anybody works on them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from redis.exceptions import RedisError
from rq import Worker

from jobs.queues import EFFECTS, HEAL, connect, unreachable
from patchpilot.checkup import Finding, failed, warning, well
from patchpilot.errors import PatchPilotError, UnreachableError
from patchpilot.settings import CommonSettings
from storage.database import Database
from storage.tasks import oldest_waiting

_LATE_SECONDS: Final = 300.0
_ROLE: Final = {HEAL: "worker", EFFECTS: "effects"}


def findings(settings: CommonSettings, *, unusable: Collection[str] = ()) -> Iterator[Finding]:
    """Look at Postgres and Redis as the settings name them, except where those are ``unusable``."""
    if "DATABASE_URL" not in unusable:
        yield from _database(settings)
    if "REDIS_URL" not in unusable:
        yield from _queues(settings)


def _database(settings: CommonSettings) -> Iterator[Finding]:
    db = Database(settings.database_url.get_secret_value(), pool_size=1)
    try:
        db.ping()
        yield well("database", "answers")
        if not db.schema_is_current():
            yield failed("database schema", "is not this version's", "run: patchpilot migrate")
            return
        yield well("database schema", "is current")
        late = {queue: age for queue, age in oldest_waiting(db).items() if age > _LATE_SECONDS}
        for queue, age in late.items():
            yield failed(
                f"tasks of {queue}",
                f"the oldest has been waiting for {age / 60:.0f} minutes",
                f"run patchpilot run {_ROLE.get(queue, queue)}, and the bot, which hands tasks out",
            )
        if not late:
            yield well("tasks", "none waits for longer than it should")
    except UnreachableError as error:
        yield failed("database", error.in_full, "check DATABASE_URL and that the server runs")
    except PatchPilotError as error:
        yield failed("database", str(error), "check DATABASE_URL and that the server runs")
    finally:
        db.close()


def _queues(settings: CommonSettings) -> Iterator[Finding]:
    try:
        with connect(settings.redis_url.get_secret_value()) as redis:
            redis.ping()
            yield well("Redis", "answers")
            working = {name for worker in Worker.all(connection=redis) for name in worker.queue_names()}
    except RedisError as error:
        yield failed("Redis", unreachable(error).in_full, "check REDIS_URL and that the server runs")
        return
    for queue, role in _ROLE.items():
        if queue in working:
            yield well(f"{role} processes", "at least one is running")
        else:
            yield warning(f"{role} processes", "none is running", f"start one: patchpilot run {role}")
