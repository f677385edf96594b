"""The HTTP application."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from fastapi_offline import FastAPIOffline

from bot.parts import BotParts
from bot.web import commands, dashboard, health, jobs, live, metrics, sign_in, webhooks
from bot.web.pages import TO_DASHBOARD, page
from patchpilot import __version__
from patchpilot.errors import PatchPilotError, TemporaryError
from patchpilot.text import capital, sentence


def create_app(
    parts: BotParts, *, more: Sequence[APIRouter] = (), slack: Callable[[], None] = lambda: None
) -> FastAPI:
    """Join the routers; ``more`` is how Slack's endpoint comes in, ``slack`` raises unless Slack answers."""
    # Swagger's files come with it: the page works without internet, and nobody else's script runs where
    # people are signed in.
    app = FastAPIOffline(
        title="PatchPilot",
        version=__version__,
        summary="Heals red CI: reproduces it, proves a fix in a sandbox, and asks a human first.",
        docs_url="/api/docs",
        redoc_url=None,
        static_url="/api/docs-assets",
        swagger_ui_oauth2_redirect_url="/api/docs/oauth2-redirect",
        openapi_url="/api/openapi.json",
    )
    app.state.parts = parts
    for routes in (
        health.router(parts, slack=slack),
        webhooks.router(parts),
        jobs.router(parts),
        commands.router(parts),
        metrics.router(parts),
        sign_in.router(parts),
        live.router(parts),
        dashboard.router(parts),
        *more,
    ):
        app.include_router(routes)

    @app.exception_handler(PatchPilotError)
    def explain(request: Request, error: PatchPilotError) -> Response:
        if request.url.path.startswith("/auth/"):
            return _told(error)
        if isinstance(error, TemporaryError):
            after = {"Retry-After": str(max(1, round(error.retry_after)))}
            return JSONResponse({"detail": str(error)}, status_code=503, headers=after)
        return JSONResponse({"detail": str(error)}, status_code=422)

    return app


def _told(error: PatchPilotError) -> Response:
    """For people on their way to sign in, not for programs."""
    text = f"{escape(capital(sentence(error)))} Nothing was changed; please try again."
    away = isinstance(error, TemporaryError)
    return page("That did not work", text, form=TO_DASHBOARD, status=503 if away else 422)
