"""Slack over HTTP: one endpoint for events, interactions and slash commands. Bolt checks the signature."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from slack_bolt import App
from slack_bolt.adapter.starlette.handler import to_bolt_request, to_starlette_response


def router(app: App) -> APIRouter:
    """``POST /slack/events``."""
    routes = APIRouter(tags=["slack"])

    @routes.post("/slack/events", summary="Receive Slack's events, interactions and slash commands")
    async def receive(request: Request) -> Response:
        body = await request.body()
        # Bolt's own adapter dispatches on the event loop, where one slow handler would hold up all webhooks.
        answer = await run_in_threadpool(app.dispatch, to_bolt_request(request, body))
        return to_starlette_response(answer)

    return routes
