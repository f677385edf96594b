"""Keeping leases alive while work goes on, and ending work that has outlived its deadline."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from patchpilot.errors import TemporaryError

log = logging.getLogger(__name__)

EX_TEMPFAIL = os.EX_TEMPFAIL


def owner() -> str:
    """Who holds a lease, for people who look into the table."""
    return f"{socket.gethostname()}:{os.getpid()}"


@contextmanager
def kept_alive(
    renew: Callable[[], bool], *, every: float, deadline: float, give_up: Callable[[], None] | None = None
) -> Iterator[None]:
    """Call ``renew`` every ``every`` seconds while the block runs.

    Past ``deadline`` seconds, or when ``renew`` says that another worker holds the lease, the process exits
    on the spot: a node that swallows every exception (as LangGraph's retry and ``except Exception`` do with
    RQ's own timeout) can't be stopped from inside. The task row is then taken up again by lease.
    """
    stop = threading.Event()
    end = give_up or (lambda: os._exit(EX_TEMPFAIL))
    started = time.monotonic()

    def beat() -> None:
        while not stop.wait(every):
            if time.monotonic() - started > deadline:
                log.error("work has outlived its deadline", extra={"action": "deadline_passed"})
                end()
                return
            try:
                if not renew():
                    log.error("lease is lost", extra={"action": "lease_lost"})
                    end()
                    return
            except TemporaryError as error:
                # Postgres restarts; the lease outlasts a few missed beats, and writes are fenced anyway.
                log.warning("lease not renewed", extra={"action": "lease_not_renewed", "cause": str(error)})
            except Exception:
                # Without this thread nobody would hold the work to its deadline.
                log.exception("lease not renewed", extra={"action": "lease_not_renewed"})

    thread = threading.Thread(target=beat, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=every + 1)
