"""The live feed: the event log copied to a capped Redis Stream, and a WebSocket that tells it on.

Postgres is the truth and the stream a convenience: it may be wiped at any moment, and whoever follows it
looks the news up by REST. An entry names what changed and says nothing of it, so nobody learns from the feed
what they may not see.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError, ResponseError

from bot.following import Follower
from bot.parts import BotParts
from jobs.leading import Duty
from patchpilot.errors import TemporaryError
from patchpilot.events import Event
from storage.database import Database

STREAM: Final = "patchpilot:live"
KEPT: Final = 2_000
"""Entries that a client which was away can catch up with; after that it reads the list again."""
_CONSUMER: Final = "live"
_DUTY: Final = Duty(name="live", lock="live", every=0.3)
_BLOCK_MS: Final = 10_000
_ID: Final = re.compile(r"\d{1,20}-\d{1,20}")
_POLICY_VIOLATION: Final = 1008
_TRY_AGAIN_LATER: Final = 1013


class LiveFeed:
    """Copies events to the stream; one process at a time, elected by an advisory lock."""

    def __init__(self, db: Database, redis: Redis) -> None:
        self._redis = redis
        self._events = Follower(db, _DUTY, consumer=_CONSUMER)

    def run(self, stop: threading.Event) -> None:
        """Copy until ``stop`` is set; survives the absence of Redis and of Postgres."""
        self._events.run(self.tick, stop)

    def tick(self) -> None:
        """Copy what is new. An entry may come twice after a crash, which tells a follower nothing false."""
        found = [event for _, event in self._events.news()]
        if not found:
            return
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                for event in found:
                    pipe.xadd(STREAM, {"event": _told(event)}, maxlen=KEPT, approximate=True)
                pipe.execute()
        except RedisError as error:
            raise TemporaryError(f"copying events to the live feed: {error}", retry_after=2) from error
        self._events.save()


def _told(event: Event) -> str:
    return json.dumps(
        {"kind": event.kind, "incident": event.incident, "job": event.heal, "at": event.at.isoformat()}
    )


def router(parts: BotParts) -> APIRouter:
    """``/api/live``: a WebSocket of ``{"id", "kind", "incident", "job", "at"}``.

    ``?after=ID`` goes on behind the last id that was seen; without it the feed starts now. An empty object
    says that the feed has started, or that there was no news for a while.
    """
    routes = APIRouter(tags=["live"])

    @routes.websocket("/api/live")
    async def live(socket: WebSocket) -> None:
        if not _from_here(socket):
            await socket.close(_POLICY_VIOLATION)
            return
        await socket.accept()
        after = socket.query_params.get("after", "")
        redis = AsyncRedis.from_url(parts.settings.redis_url.get_secret_value(), socket_connect_timeout=2)
        try:
            await _tell(socket, redis, after if _ID.fullmatch(after) else "$")
        except (WebSocketDisconnect, RuntimeError):
            pass
        except RedisError:
            await socket.close(_TRY_AGAIN_LATER, "Redis does not answer")
        finally:
            await redis.aclose()

    return routes


async def _tell(socket: WebSocket, redis: AsyncRedis, after: str) -> None:
    """Until either side ends: news as it comes, an empty object first, since nothing is missed from there on,
    and then now and again to see who is there."""
    gone = asyncio.ensure_future(_until_closed(socket))
    try:
        if after == "$":
            after = await _newest(redis)
        await socket.send_json({})
        while not gone.done():
            asked = asyncio.ensure_future(redis.xread({STREAM: after}, count=200, block=_BLOCK_MS))
            await asyncio.wait({gone, asked}, return_when=asyncio.FIRST_COMPLETED)
            if not asked.done():
                asked.cancel()
                return
            answer = asked.result()
            if not answer:
                await socket.send_json({})
                continue
            for entry, fields in answer[0][1]:
                after = entry.decode()
                await socket.send_json({"id": after, **json.loads(fields[b"event"])})
    finally:
        gone.cancel()


async def _newest(redis: AsyncRedis) -> str:
    """The stream's last id: ``$`` would be another place at each call, and lose what comes between two."""
    try:
        return str((await redis.xinfo_stream(STREAM))["last-generated-id"].decode())
    except ResponseError:  # There is no stream yet.
        return "0-0"


async def _until_closed(socket: WebSocket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


def _from_here(socket: WebSocket) -> bool:
    """A browser names the page that asks; a page of another site may not listen in."""
    origin = socket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == socket.headers.get("host")
