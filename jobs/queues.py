"""The two RQ queues. A job carries one number: the id of a durable task row in Postgres.

Redis holds nothing but these wake-ups. It may be wiped at any moment; :mod:`jobs.dispatch` sends again what
has not been done. Jobs are serialised as JSON, because RQ's default unpickles whatever stands in Redis.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, AuthorizationError, RedisError
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

from patchpilot.errors import TemporaryError, UnreachableError
from storage.tasks import Task

HEAL: Final = "heal"
"""Reads, thinks and runs untrusted code; holds the model key, and nothing that can write."""
EFFECTS: Final = "effects"
"""Writes branches and pull requests; holds neither a model key nor Docker."""
NAMES: Final = (HEAL, EFFECTS)

PERFORM: Final = "jobs.run.perform"
JOB_SECONDS: Final = 2 * 60 * 60
"""Only a last resort: leases, deadlines per call and the heal's own deadline end work long before."""


def connect(url: str) -> Redis:
    """A client that fails fast, so that nobody waits for a Redis that is away."""
    return Redis.from_url(url, socket_connect_timeout=2, socket_timeout=5, retry=Retry(NoBackoff(), 0))


def unreachable(error: RedisError) -> UnreachableError:
    """What is wrong with ``REDIS_URL``, or with what it leads to."""
    refused = isinstance(error, AuthenticationError | AuthorizationError)
    return UnreachableError(
        "Redis does not answer",
        advice="it refuses the user or password of REDIS_URL; correct it"
        if refused
        else "start it, or correct REDIS_URL",
    )


class Queues:
    """Puts tasks on their queues."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._queues = {name: Queue(name, connection=redis, serializer=JSONSerializer) for name in NAMES}

    def send(self, tasks: Iterable[Task]) -> None:
        """Enqueue a wake-up per task; raises :class:`TemporaryError` when Redis is away."""
        try:
            for task in tasks:
                self._queues[task.queue].enqueue(
                    PERFORM,
                    task.id,
                    # A person who has just decided waits for this one.
                    at_front="decision" in task.args,
                    job_timeout=JOB_SECONDS,
                    result_ttl=0,
                    failure_ttl=24 * 60 * 60,
                    description=f"{task.name} #{task.id}",
                )
        except RedisError as error:
            raise TemporaryError(
                "putting tasks on the queue: Redis does not answer", retry_after=2
            ) from error

    def ping(self) -> None:
        """Raise :class:`TemporaryError` when Redis does not answer."""
        try:
            self._redis.ping()
        except RedisError as error:
            raise TemporaryError("Redis does not answer; check REDIS_URL", retry_after=2) from error

    def waiting(self) -> dict[str, int]:
        """How many wake-ups lie in each queue."""
        try:
            return {name: queue.count for name, queue in self._queues.items()}
        except RedisError as error:
            raise TemporaryError("Redis does not answer; check REDIS_URL", retry_after=2) from error
