"""The HTTP application."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse

from bot.parts import BotParts
from bot.web import health, jobs, metrics, webhooks
from patchpilot import __version__
from patchpilot.errors import PatchPilotError, TemporaryError


def create_app(parts: BotParts, *, more: Sequence[APIRouter] = ()) -> FastAPI:
    """Join the routers; ``more`` is how Slack's endpoint comes in."""
    app = FastAPI(
        title="PatchPilot",
        version=__version__,
        summary="Heals red CI: reproduces it, proves a fix in a sandbox, and asks a human first.",
        docs_url="/api/docs",
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    for routes in (
        health.router(parts),
        webhooks.router(parts),
        jobs.router(parts),
        metrics.router(parts),
        *more,
    ):
        app.include_router(routes)

    @app.exception_handler(PatchPilotError)
    def explain(_: Request, error: PatchPilotError) -> JSONResponse:
        if isinstance(error, TemporaryError):
            after = {"Retry-After": str(max(1, round(error.retry_after)))}
            return JSONResponse({"detail": str(error)}, status_code=503, headers=after)
        return JSONResponse({"detail": str(error)}, status_code=422)

    return app
