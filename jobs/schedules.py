"""The schedule: what is done by the clock, on RQ's own scheduler.

``rq.cron.CronScheduler`` keeps the list and knows what is due. The list is code and the scheduler's memory is
this process, so there is nothing to restore after Redis was wiped: what was on a queue then is sent again
when its time comes again. What is done (:mod:`jobs.periodic`) works out from Postgres what is due, so it does
not matter whether it is done twice, late, or by the schedulers of two processes.

Three things are done differently than RQ does them by itself:

- Its scheduler enqueues with RQ's default serializer, which is pickle; our workers take JSON only.
- Its ``start`` ends when Redis is away. Here a turn is cut short, and the next one comes.
- Its cron strings are read in this machine's local time, and nothing is due in the hour that clocks show
  twice; so only intervals are used, and a channel's time zone is Postgres' business.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.cron import CronJob, CronScheduler
from rq.exceptions import SchedulerNotFound
from rq.serializers import JSONSerializer
from rq.utils import now

from jobs import periodic
from jobs.leading import Duty, lead
from jobs.queues import EFFECTS
from patchpilot.errors import TemporaryError
from storage.database import Database

DUTY: Final = Duty(name="schedule", lock="schedule", every=1.0)
_LONGEST_SECONDS: Final = 10 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Periodic:
    """Something that is done over and over."""

    work: Callable[[], None]
    every: int
    """Seconds; the first time is at once."""
    queue: str = EFFECTS
    """That queue's tasks are short, so nothing waits there behind a heal."""


SCHEDULE: Final = (
    Periodic(work=periodic.mark_digests, every=30),
    Periodic(work=periodic.expire, every=30),
    Periodic(work=periodic.clean_up, every=60 * 60),
)


class _JsonScheduler(CronScheduler):
    """RQ's scheduler for workers that take JSON."""

    def enqueue_jobs(self) -> list[CronJob]:
        """Enqueue what is due; each that was enqueued counts as such even if the next one can't be."""
        due = [job for job in self.get_jobs() if job.should_run()]
        for job in due:
            queue = Queue(job.queue_name, connection=self.connection, serializer=JSONSerializer)
            options: dict[str, Any] = job.job_options
            queue.enqueue(job.func_name, **options)
            job.set_enqueue_time(now())
        return due


class Schedules:
    """Has RQ's scheduler send what is due, in one process at a time."""

    def __init__(self, db: Database, redis: Redis, *, schedule: Sequence[Periodic] = SCHEDULE) -> None:
        self._db = db
        self._scheduler = _JsonScheduler(redis)
        for one in schedule:
            self._scheduler.register(
                one.work,
                queue_name=one.queue,
                interval=one.every,
                job_timeout=_LONGEST_SECONDS,
                # While nobody works on the queue, each takes its predecessor's place.
                ttl=one.every,
                result_ttl=0,
                failure_ttl=24 * 60 * 60,
            )

    def run(self, stop: threading.Event) -> None:
        """Send what is due until ``stop`` is set."""
        try:
            lead(self._db, DUTY, self.tick, stop)
        finally:
            # Only RQ's own list of schedulers; an entry that stays is dropped from it after two minutes.
            with suppress(RedisError, SchedulerNotFound):
                self._scheduler.register_death()

    def tick(self) -> list[str]:
        """Send what is due; returns its names. Raises :class:`TemporaryError` when Redis is away."""
        try:
            sent = self._scheduler.enqueue_jobs()
            if sent:
                self._scheduler.save()
            # Also what registers it with RQ, at first and again after Redis was wiped.
            self._scheduler.heartbeat()
        except RedisError as error:
            raise TemporaryError("sending what is due: Redis does not answer", retry_after=2) from error
        return [job.name for job in sent]
