"""Socket Mode: the WebSocket connections of apps, and the envelopes that travel over them.

An app asks ``apps.connections.open`` for an address with a ticket, connects, is greeted with ``hello`` and
acknowledges every envelope by its ``envelope_id``, if it wants with a payload.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import threading
import time
from collections import defaultdict
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from playground.slack.schema import Json

_TICKET_SECONDS = 30.0
_POLICY_VIOLATION = 1008


@dataclass(eq=False)
class _Connection:
    loop: asyncio.AbstractEventLoop
    outgoing: asyncio.Queue[Json | None] = field(default_factory=asyncio.Queue)

    def put(self, message: Json | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop ended between the look and the call
            self.loop.call_soon_threadsafe(self.outgoing.put_nowait, message)


class Sockets:
    """Connections by app; safe to use from any thread except the server's own loop."""

    def __init__(self) -> None:
        self._tickets: dict[str, tuple[str, float]] = {}
        self._connections: defaultdict[str, list[_Connection]] = defaultdict(list)
        self._waiting: dict[str, Future[Json | str]] = {}
        self._turn = 0
        self._lock = threading.Lock()

    def ticket(self, app_id: str) -> str:
        """A word that lets the app connect once, within half a minute."""
        word = secrets.token_urlsafe(24)
        with self._lock:
            self._tickets[word] = (app_id, time.monotonic() + _TICKET_SECONDS)
        return word

    def connected(self, app_id: str) -> int:
        """How many connections the app has open."""
        with self._lock:
            return len(self._connections[app_id])

    def ask(self, app_id: str, envelope: Json, *, seconds: float) -> Json | str | None:
        """Send an envelope over one of the app's connections; None when nobody acknowledged it in time."""
        answer: Future[Json | str] = Future()
        with self._lock:
            open_ones = self._connections[app_id]
            if not open_ones:
                return None
            # Slack spreads envelopes over an app's connections.
            self._turn += 1
            connection = open_ones[self._turn % len(open_ones)]
            self._waiting[envelope["envelope_id"]] = answer
        connection.put(envelope)
        try:
            return answer.result(timeout=seconds)
        except FutureTimeoutError:
            return None
        finally:
            with self._lock:
                self._waiting.pop(envelope["envelope_id"], None)

    def disconnect(self, app_id: str, *, reason: str) -> None:
        """Tell the app's clients to reconnect, and close, as Slack does every few hours."""
        with self._lock:
            connections = list(self._connections[app_id])
        for connection in connections:
            connection.put({"type": "disconnect", "reason": reason, "debug_info": {"host": "playground"}})
            connection.put(None)

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection until either side closes it."""
        app_id = self._redeem(socket.query_params.get("ticket", ""))
        if app_id is None:
            await socket.close(code=_POLICY_VIOLATION)
            return
        await socket.accept()
        connection = _Connection(asyncio.get_running_loop())
        with self._lock:
            self._connections[app_id].append(connection)
            count = len(self._connections[app_id])
        connection.outgoing.put_nowait(_hello(app_id, count))
        try:
            async with anyio.create_task_group() as both:
                both.start_soon(_send_all, socket, connection.outgoing)
                await self._receive_all(socket)
                both.cancel_scope.cancel()
        finally:
            with self._lock:
                self._connections[app_id].remove(connection)

    def _redeem(self, word: str) -> str | None:
        with self._lock:
            app_id, expires = self._tickets.pop(word, ("", 0.0))
        return app_id if expires > time.monotonic() else None

    async def _receive_all(self, socket: WebSocket) -> None:
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                self._acknowledge(await socket.receive_text())

    def _acknowledge(self, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            return
        if not isinstance(message, dict):
            return
        with self._lock:
            waiting = self._waiting.pop(str(message.get("envelope_id")), None)
        if waiting is not None:
            waiting.set_result(message.get("payload") or "")


async def _send_all(socket: WebSocket, outgoing: asyncio.Queue[Json | None]) -> None:
    # A client that went away shows in the receiver too, which ends the connection.
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while (message := await outgoing.get()) is not None:
            await socket.send_text(json.dumps(message))
        await socket.close()


def _hello(app_id: str, count: int) -> Json:
    return {
        "type": "hello",
        "num_connections": count,
        "debug_info": {"host": "playground", "build_number": 1, "approximate_connection_time": 18060},
        "connection_info": {"app_id": app_id},
    }
