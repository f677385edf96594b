"""An ASGI application served on loopback from a thread of this process."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from patchpilot.errors import PermanentError

_START_SECONDS: Final = 20.0
_TRIES: Final = 50
_HANDED_OUT: Final[deque[int]] = deque(maxlen=256)
"""Ports given lately: whoever asked may not listen yet, and the kernel would give the same one again."""


def free_port(preferred: int = 0) -> int:
    """``preferred`` if nobody listens there, else any free port of the loopback interface."""
    for port in (preferred, *[0] * _TRIES):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            number: int = probe.getsockname()[1]
        if port == preferred != 0 or number not in _HANDED_OUT:
            _HANDED_OUT.append(number)
            return number
    raise PermanentError("this machine has no free port on its loopback interface")


@contextmanager
def served(app: ASGIApp, *, port: int) -> Iterator[None]:
    """Serve ``app`` on 127.0.0.1 while the block runs."""
    server = uvicorn.Server(
        uvicorn.Config(
            app, host="127.0.0.1", port=port, log_level="error", access_log=False, timeout_graceful_shutdown=1
        )
    )
    thread = threading.Thread(target=server.run, name=f"server-{port}", daemon=True)
    thread.start()
    end = time.monotonic() + _START_SECONDS
    while not server.started:
        if time.monotonic() > end or not thread.is_alive():
            raise PermanentError(f"the playground could not listen on port {port}")
        time.sleep(0.02)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=5)
