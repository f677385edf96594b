"""``POST /api/webhooks/{provider}``: verify the raw bytes, record in one transaction, answer.

GitHub wants an answer within 10 s and does not repeat by itself, so a delivery is answered 503 only when
nothing was recorded and it is worth delivering again.
https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks
"""

from __future__ import annotations

import logging
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from bot.intake import accept
from bot.parts import BotParts
from patchpilot.errors import ForgeryError, MalformedPayloadError, PermanentError, TemporaryError
from patchpilot.ports import WebhookParser
from storage.intake import Recorded

log = logging.getLogger(__name__)

MAX_BODY_BYTES: Final = 25 * 1024 * 1024
"""GitHub's own limit for payloads: https://docs.github.com/en/webhooks/webhook-events-and-payloads"""


def router(parts: BotParts) -> APIRouter:
    """The webhook endpoints."""
    routes = APIRouter(prefix="/api/webhooks", tags=["webhooks"])

    @routes.post("/{provider}", status_code=202, summary="Receive a CI provider's or code host's webhook")
    async def receive(provider: str, request: Request) -> Response:
        parser = parts.parsers.get(provider)
        if parser is None:
            return _answer(404, "unknown", f"no webhooks are taken from {provider[:40]!r}", parts, provider)
        body = await _read(request)
        if body is None:
            return _answer(413, "malformed", "the body is larger than 25 MB", parts, provider)
        headers = {name.lower(): value for name, value in request.headers.items()}
        with parts.metrics.webhook_seconds.labels(provider).time():
            return await run_in_threadpool(_take, parts, parser, provider, headers, body)

    return routes


async def _read(request: Request) -> bytes | None:
    """The body, or ``None`` as soon as it is known to be too large."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _take(
    parts: BotParts, parser: WebhookParser, provider: str, headers: dict[str, str], body: bytes
) -> Response:
    try:
        event = parser.parse(headers, body)
        recorded = accept(parts.db, event)
    except ForgeryError as error:
        log.warning("webhook refused", extra={"action": "webhook_forged", "provider": provider})
        return _answer(401, "forged", str(error), parts, provider)
    except MalformedPayloadError as error:
        return _answer(400, "malformed", str(error), parts, provider)
    except TemporaryError as error:
        log.warning("webhook postponed", extra={"action": "webhook_postponed", "cause": str(error)})
        return _answer(503, "postponed", "nothing was recorded; deliver this again later", parts, provider)
    except PermanentError as error:
        return _answer(422, "refused", str(error), parts, provider)
    return _recorded(recorded, parts, provider)


def _recorded(recorded: Recorded | None, parts: BotParts, provider: str) -> Response:
    if recorded is None:
        # 2xx also for what says nothing to us: GitLab disables hooks that keep answering 4xx.
        return _answer(202, "ignored", "this event asks nothing of PatchPilot", parts, provider)
    if recorded.duplicate:
        return _answer(200, "duplicate", "this delivery was recorded before", parts, provider)
    incident = f"PP-{recorded.incident}" if recorded.incident else None
    return _answer(202, "accepted", "recorded", parts, provider, incident=incident, job=recorded.heal)


def _answer(
    status: int, answer: str, text: str, parts: BotParts, provider: str, **more: str | None
) -> JSONResponse:
    # An unknown provider's name comes from outside; as a label it would grow the metrics without end.
    parts.metrics.webhooks.labels(provider if provider in parts.parsers else "other", answer).inc()
    content = {"answer": answer, "detail": text, **{name: value for name, value in more.items() if value}}
    return JSONResponse(content, status_code=status)
