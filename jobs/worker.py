"""A worker process: one RQ worker on one queue."""

from __future__ import annotations

import ctypes
import gc
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from importlib import import_module
from typing import Any, Final

from redis.exceptions import RedisError
from rq import Worker
from rq.serializers import JSONSerializer

from jobs.queues import EFFECTS, HEAL, connect, unreachable
from jobs.roles import assume

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG: Final = 1
_PRELOAD: Final = {HEAL: ("jobs.tasks", "jobs.answers"), EFFECTS: ("jobs.effects", "jobs.periodic")}
TIDY_SECONDS: Final = 30.0


class BoundWorker(Worker):
    """An RQ worker whose work horse dies with it.

    RQ leaves the horse running when its parent is killed; another worker would then do the same task beside
    it. ``PR_SET_PDEATHSIG`` closes that gap: https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
    """

    def main_work_horse(self, job: Any, queue: Any) -> None:
        """Bind the horse's life to this process's, then work."""
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        super().main_work_horse(job, queue)


def run_worker(name: str) -> None:
    """Work on the queue of role ``name`` until told to stop (SIGTERM ends after the task at hand)."""
    role = assume(name)
    # Loaded before the fork, so that no task pays for the imports again; a missing secret stops the start.
    tasks, *_ = [import_module(module) for module in _PRELOAD[name]]
    tasks.check(role)
    # All that is loaded stays: the collector need not look at it again, neither in each fork, where a look
    # would copy its pages, nor for a second or two at the end. https://docs.python.org/3/library/gc.html#gc.freeze
    gc.freeze()
    try:
        worker = BoundWorker(
            [name],
            connection=connect_blocking(role.settings.redis_url.get_secret_value()),
            serializer=JSONSerializer,
            job_monitoring_interval=5,
            maintenance_interval=60,
        )
    except RedisError as error:
        raise unreachable(error) from error
    with tidied(partial(tasks.tidy, role)) if hasattr(tasks, "tidy") else nullcontext():
        log.info("worker ready", extra={"action": "worker_ready", "role": name})
        worker.work(logging_level="WARNING")


@contextmanager
def tidied(tidy: Callable[[], None], *, every: float | None = None) -> Iterator[None]:
    """Call ``tidy`` at once, and then every :data:`TIDY_SECONDS` while the block runs.

    On a thread of its own: RQ's maintenance has to wait until its pop returns, which takes 405 s on an idle
    worker, or until the task at hand ends. What can't be tidied now is tidied next time.
    """
    stop = threading.Event()

    def attempt() -> None:
        try:
            tidy()
        except Exception:
            log.exception("tidying failed", extra={"action": "tidying_failed"})

    def go_on() -> None:
        while not stop.wait(TIDY_SECONDS if every is None else every):
            attempt()

    # The first time before any task is forked off, so that what is imported or made on first use is there:
    # a fork beside it would copy its locks as they stand.
    attempt()
    threading.Thread(target=go_on, name="tidying", daemon=True).start()
    try:
        yield
    finally:
        stop.set()


def connect_blocking(url: str) -> Any:
    """A client for RQ's blocking pops: no read timeout of ours, RQ sets its own."""
    client = connect(url)
    client.connection_pool.connection_kwargs.pop("socket_timeout", None)
    return client
