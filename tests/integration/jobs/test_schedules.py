"""RQ's own scheduler on a real Redis, real workers, a real Postgres: what is due is done, lost or doubled."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from rq import Queue
from rq.cron import CronScheduler
from rq.serializers import JSONSerializer
from sqlalchemy import text

from jobs import periodic
from jobs.queues import EFFECTS, connect
from jobs.schedules import Periodic, Schedules
from patchpilot.errors import TemporaryError
from patchpilot.grammar.values import read_digest_time
from patchpilot.routing import Subscription
from playground.stage import wait_for
from storage.database import Database
from storage.subscriptions import subscribe

OFTEN = (Periodic(work=periodic.mark_digests, every=1),)


@contextmanager
def working(database_url: str, redis_url: str) -> Iterator[None]:
    """A process of the effects role, as ``patchpilot run effects`` starts it."""
    given = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "GITHUB_TOKEN": "t"}
    script = "from jobs import worker\nworker.run_worker('effects')"
    with subprocess.Popen([sys.executable, "-c", script], env=os.environ | given) as process:
        try:
            yield
        finally:
            process.kill()


@contextmanager
def scheduling(db: Database, redis_url: str) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(
        target=lambda: Schedules(db, connect(redis_url), schedule=OFTEN).run(stop), daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(90)


@contextmanager
def wiped(redis_url: str) -> Iterator[None]:
    stop, redis = threading.Event(), connect(redis_url)

    def wipe() -> None:
        while not stop.wait(0.7):
            redis.flushall()

    thread = threading.Thread(target=wipe)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def ask_for_digest(db: Database, channel: str) -> None:
    """A digest that was asked for a week ago and came due since."""
    subscribe(
        db,
        Subscription(
            team="T1",
            channel=channel,
            private=False,
            host="github",
            repo="acme/widget",
            digest=read_digest_time("wed@12:00"),
            zone="Europe/Berlin",
        ),
    )
    with db.transaction() as session:
        session.execute(text("UPDATE subscriptions SET digest_since = now() - interval '8 days'"))


def marked(db: Database) -> list[str]:
    with db.transaction() as session:
        return list(session.scalars(text("SELECT channel FROM digests ORDER BY channel")))


def test_what_is_due_is_marked_by_a_worker(database, database_url, redis_url):
    ask_for_digest(database, "C1")
    schedules = Schedules(database, connect(redis_url))

    assert schedules.tick() == [
        "jobs.periodic.mark_digests",
        "jobs.periodic.expire",
        "jobs.periodic.clean_up",
    ]
    assert schedules.tick() == [], "nothing else is due yet"
    with working(database_url, redis_url):
        assert wait_for(lambda: marked(database) == ["C1"], seconds=90)
        queue = Queue(EFFECTS, connection=connect(redis_url), serializer=JSONSerializer)
        assert wait_for(lambda: queue.count == queue.started_job_registry.count == 0, seconds=60)

    assert queue.failed_job_registry.count == 0


def test_two_schedulers_two_workers_and_a_redis_that_is_wiped_all_the_time_mark_each_digest_once(
    database, database_url, redis_url
):
    other = Database(database_url)
    with working(database_url, redis_url), working(database_url, redis_url), wiped(redis_url):
        # The second stands by, and takes over when the first is gone.
        with scheduling(database, redis_url), scheduling(other, redis_url):
            for number in range(3):
                ask_for_digest(database, f"C{number}")
                assert wait_for(lambda: len(marked(database)) > number, seconds=90)  # noqa: B023 - asked now
        with scheduling(other, redis_url):
            ask_for_digest(database, "C9")
            assert wait_for(lambda: "C9" in marked(database), seconds=90)

    assert marked(database) == ["C0", "C1", "C2", "C9"]
    other.close()


def test_schedulers_that_both_believe_to_lead_double_nothing(database, database_url, redis_url):
    ask_for_digest(database, "C1")
    for schedules in (Schedules(database, connect(redis_url)) for _ in range(3)):
        schedules.tick()
    queue = Queue(EFFECTS, connection=connect(redis_url), serializer=JSONSerializer)
    assert queue.count == 9

    with working(database_url, redis_url), working(database_url, redis_url):
        assert wait_for(lambda: queue.count == queue.started_job_registry.count == 0, seconds=90)

    assert marked(database) == ["C1"]


def test_redis_holds_names_as_json_and_nothing_to_be_unpickled(database, redis_url):
    redis = connect(redis_url)
    Schedules(database, redis, schedule=(Periodic(work=periodic.mark_digests, every=600),)).tick()

    [job] = Queue(EFFECTS, connection=redis, serializer=JSONSerializer).job_ids
    assert (
        zlib.decompress(redis.hget(f"rq:job:{job}", "data"))
        == b'["jobs.periodic.mark_digests", null, [], {}]'
    )
    # Whatever nobody fetched goes before the next one comes.
    assert 0 < redis.ttl(f"rq:job:{job}") <= 600


def test_after_a_wipe_rq_knows_the_scheduler_again_and_the_same_things_are_due(database, redis_url):
    redis = connect(redis_url)
    schedules = Schedules(database, redis)
    schedules.tick()
    redis.flushall()

    schedules.tick()

    [known] = CronScheduler.all(redis)
    assert [(job.name, job.interval) for job in known.get_jobs()] == [
        ("jobs.periodic.mark_digests", 30),
        ("jobs.periodic.expire", 30),
        ("jobs.periodic.clean_up", 3600),
    ]


def test_what_could_not_be_sent_is_sent_when_redis_is_back(database, redis_url):
    redis = connect(redis_url)
    schedules = Schedules(database, redis)
    at_home = dict(redis.connection_pool.connection_kwargs)
    redis.connection_pool.connection_kwargs["path" if "path" in at_home else "port"] = "/nowhere"
    with pytest.raises(TemporaryError, match="Redis does not answer"):
        schedules.tick()

    redis.connection_pool.connection_kwargs.update(at_home)
    redis.connection_pool.reset()

    assert len(schedules.tick()) == 3


def test_a_database_that_is_away_is_told_and_ends_nothing(monkeypatch, caplog, redis_url, database):
    from jobs.roles import Role
    from patchpilot.settings import EffectsSettings

    settings = EffectsSettings(
        _env_file=None, database_url="postgresql://u@127.0.0.1:1/x", redis_url=redis_url, github_token="t"
    )
    monkeypatch.setattr(periodic, "current_role", lambda: Role(name=EFFECTS, settings=settings))

    periodic.mark_digests()

    assert [record.action for record in caplog.records] == ["mark_digests_waits"]
