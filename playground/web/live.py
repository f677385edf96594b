"""Keeps open pages up to date: everything on connect, afterwards each part that changed."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

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
    gone = asyncio.create_task(_until_gone(socket))
    sender = asyncio.create_task(_send(socket, parts, changed))
    try:
        await asyncio.wait({gone, sender}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for stop in stops:
            stop()
        for task in (gone, sender):
            task.cancel()
        await asyncio.gather(gone, sender, return_exceptions=True)


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
