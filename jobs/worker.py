"""A worker process: one RQ worker on one queue."""

from __future__ import annotations

import ctypes
import logging
import signal
from importlib import import_module
from typing import Any, Final

from rq import Worker
from rq.serializers import JSONSerializer

from jobs.queues import EFFECTS, HEAL, connect
from jobs.roles import assume

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG: Final = 1
_PRELOAD: Final = {HEAL: "jobs.tasks", EFFECTS: "jobs.effects"}


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
    import_module(_PRELOAD[name]).check(role)
    worker = BoundWorker(
        [name],
        connection=connect_blocking(role.settings.redis_url.get_secret_value()),
        serializer=JSONSerializer,
        job_monitoring_interval=5,
        maintenance_interval=60,
    )
    log.info("worker ready", extra={"action": "worker_ready", "role": name})
    worker.work(logging_level="WARNING")


def connect_blocking(url: str) -> Any:
    """A client for RQ's blocking pops: no read timeout of ours, RQ sets its own."""
    client = connect(url)
    client.connection_pool.connection_kwargs.pop("socket_timeout", None)
    return client
