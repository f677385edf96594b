"""Keeps open pages up to date: everything on connect, afterwards each part that changed."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

_QUIET = 0.05
"""Seconds; changes that come closer together than this travel together."""

Part = tuple[str, Callable[[], Any], Callable[[Callable[[], None]], Callable[[], None]]]
"""Name, how to read it, how to hear of changes."""


async def follow(socket: WebSocket, parts: tuple[Part, ...]) -> None:
    """Send the parts to one page until it goes away."""
    await socket.accept()
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()

    def note() -> None:
        # Called from whatever thread made the change, perhaps while the loop ends.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(changed.set)

    stops = [subscribe(note) for _, _, subscribe in parts]
    try:
        async with anyio.create_task_group() as both:
            both.start_soon(_send, socket, parts, changed)
            await _until_gone(socket)
            both.cancel_scope.cancel()
    finally:
        for stop in stops:
            stop()


async def _send(socket: WebSocket, parts: tuple[Part, ...], changed: asyncio.Event) -> None:
    sent: dict[str, str] = {}
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            changed.clear()
            for name, read, _ in parts:
                state = json.dumps(await run_in_threadpool(read))
                if sent.get(name) != state:
                    sent[name] = state
                    await socket.send_text(f'{{"part":{json.dumps(name)},"state":{state}}}')
            await changed.wait()
            await asyncio.sleep(_QUIET)


async def _until_gone(socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await socket.receive_text()
