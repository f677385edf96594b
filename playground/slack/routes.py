"""HTTP and WebSocket routes of the playground's Slack, all under ``/slack``."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response, WebSocket
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, PlainTextResponse

from playground.slack import oauth
from playground.slack.faults import WEB_API_KINDS
from playground.slack.methods.files import MAX_BYTES
from playground.slack.schema import Json
from playground.slack.server import Slack

_HELD_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_MAX_CALL_BYTES = 4_000_000


def router(slack: Slack) -> APIRouter:
    """Routes for the Web API, uploads and downloads, ``response_url`` and Socket Mode."""
    routes = APIRouter(include_in_schema=False)
    _serve_web_api(routes, slack)
    _serve_files(routes, slack)
    _serve_replies(routes, slack)
    routes.include_router(oauth.router(slack))

    @routes.websocket("/slack/socket")
    async def socket(websocket: WebSocket) -> None:
        await slack.sockets.serve(websocket)

    return routes


def _serve_web_api(routes: APIRouter, slack: Slack) -> None:
    @routes.api_route("/slack/api/{method}", methods=["GET", "POST"])
    async def web_api(method: str, request: Request) -> Response:
        body = await request.body()
        if len(body) > _MAX_CALL_BYTES:
            return JSONResponse({"ok": False, "error": "request_too_large"}, status_code=413)
        try:
            args, token = _arguments(request, body)
        except ValueError as error:
            return JSONResponse({"ok": False, "error": str(error)})
        fault = slack.faults.take(method, *WEB_API_KINDS)
        answer = await run_in_threadpool(slack.call, method, args, token, fault)
        if fault and fault.kind == "timeout":
            await _hold(request)
        elif fault and fault.kind == "delay":
            await asyncio.sleep(fault.retry_after)
        return JSONResponse(answer.body, status_code=answer.status, headers=dict(answer.headers))


def _serve_files(routes: APIRouter, slack: Slack) -> None:
    @routes.post("/slack/upload/{ticket}")
    async def upload(ticket: str, request: Request) -> Response:
        content = await request.body()
        if len(content) > MAX_BYTES:
            return PlainTextResponse("file_too_large", status_code=413)
        with slack.workspace.lock:
            file = next((f for f in slack.workspace.files.values() if f.ticket == ticket), None)
            if file is None or file.content is not None:
                return PlainTextResponse("invalid upload address", status_code=404)
            file.content, file.size = content, len(content)
        return PlainTextResponse(f"OK - {len(content)}")

    @routes.get("/slack/files/{file_id}/{name:path}")
    def download(file_id: str, name: str, request: Request) -> Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        with slack.workspace.lock:
            app = slack.workspace.app_by_token(token) if token else None
            file = slack.workspace.files.get(file_id)
        if app is None or not app.active:
            return PlainTextResponse("files need the bot's token", status_code=403)
        if file is None or file.content is None:
            return PlainTextResponse(f"there is no file {name[:80]!r}", status_code=404)
        return Response(file.content, media_type=file.mimetype)


def _serve_replies(routes: APIRouter, slack: Slack) -> None:
    @routes.post("/slack/respond/{word}")
    async def respond(word: str, request: Request) -> Response:
        try:
            reply: Any = json.loads(await request.body())
        except ValueError:
            reply = None
        if not isinstance(reply, dict):
            return PlainTextResponse("invalid_payload", status_code=400)
        status, text = await run_in_threadpool(slack.replies.respond, word, reply)
        return PlainTextResponse(text, status_code=status)


def _arguments(request: Request, body: bytes) -> tuple[Json, str]:
    """The call's arguments and token; raises ValueError with Slack's code for a body that can't be read."""
    args: Json = dict(request.query_params)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "application/json":
        try:
            sent = json.loads(body or b"{}")
        except ValueError:
            raise ValueError("invalid_json") from None
        if not isinstance(sent, dict):
            raise ValueError("json_not_object")
        args |= sent
    elif body:
        try:
            args |= dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True))
        except UnicodeDecodeError:
            raise ValueError("invalid_form_data") from None
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        args |= _client(credentials)
    token = credentials.strip() if scheme.lower() == "bearer" else str(args.get("token") or "")
    return args, token


def _client(credentials: str) -> Json:
    try:
        client_id, _, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return {}
    return {"client_id": client_id, "client_secret": secret}


async def _hold(request: Request) -> None:
    """Leave the caller waiting until it gives up."""
    waited = 0.0
    while waited < _HELD_SECONDS and not await request.is_disconnected():
        await asyncio.sleep(_LOOK_SECONDS)
        waited += _LOOK_SECONDS
