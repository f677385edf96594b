"""The page and what it talks to: ``/``, ``/static``, ``/playground/…``.

Whoever reaches these routes may act as any person of the playground, so they answer clients on this machine
only, under a local host name (against DNS rebinding) and, for everything that changes something or streams,
from the page itself (``Origin``).
"""

from __future__ import annotations

import ipaddress
import mimetypes
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, HTTPException, Request, Response, WebSocket
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse
from pydantic import ValidationError
from starlette.requests import HTTPConnection

from playground.slack.answers import IncompleteFormError, NotPossibleError, SlackError
from playground.slack.server import Slack
from playground.web import diffs
from playground.web.acts import ACT, carry_out
from playground.web.github_state import github_state
from playground.web.github_view import GitHubView, RefusedError
from playground.web.live import Part, follow
from playground.web.slack_state import slack_state

_STATIC = Path(__file__).parent / "static"
_LOCAL_NAMES = {"localhost", "127.0.0.1", "::1", "testserver"}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_POLICY_VIOLATION = 1008


def router(slack: Slack, github: GitHubView) -> APIRouter:
    """The page of one playground."""
    routes = APIRouter(include_in_schema=False, dependencies=[Depends(_only_local)])
    _serve_page(routes)
    _serve_state(routes, slack, github)
    _serve_reading(routes, slack, github)
    _serve_acts(routes, slack, github)
    _serve_addresses(routes)
    return routes


def _serve_page(routes: APIRouter) -> None:
    @routes.get("/")
    def page() -> Response:
        return FileResponse(_STATIC / "index.html", headers=_HEADERS)

    @routes.get("/static/{name}")
    def static(name: str) -> Response:
        file = _STATIC / name
        if "/" in name or name.startswith(".") or not file.is_file():
            raise HTTPException(404, f"there is no file {name[:80]!r}")
        return FileResponse(file, headers=_HEADERS, media_type=mimetypes.guess_type(name)[0])


def _serve_state(routes: APIRouter, slack: Slack, github: GitHubView) -> None:
    parts: tuple[Part, ...] = (
        ("slack", lambda: slack_state(slack), slack.subscribe),
        ("github", lambda: github_state(github), github.subscribe),
    )

    @routes.get("/playground/state")
    def state() -> Response:
        return JSONResponse({name: read() for name, read, _ in parts}, headers=_HEADERS)

    @routes.websocket("/playground/ws")
    async def live(socket: WebSocket) -> None:
        if not _from_the_page(socket, origin_needed=True):
            await socket.close(code=_POLICY_VIOLATION)
            return
        await follow(socket, parts)


def _serve_reading(routes: APIRouter, slack: Slack, github: GitHubView) -> None:
    @routes.get("/playground/files/{file_id}")
    def file(file_id: str) -> Response:
        with slack.workspace.lock:
            found = slack.workspace.files.get(file_id)
        if found is None or found.content is None:
            raise HTTPException(404, "there is no such file")
        # Only pictures are shown as what they claim to be; SVG may hold scripts, the policy stops them.
        kind = found.mimetype if found.mimetype.startswith("image/") else "text/plain; charset=utf-8"
        return Response(found.content, media_type=kind, headers=_HEADERS)

    @routes.get("/playground/log")
    def log(repo: str, job: int) -> Response:
        try:
            return PlainTextResponse(github.log(repo, job), headers=_HEADERS)
        except RefusedError as error:
            raise HTTPException(404, str(error)) from None

    @routes.get("/playground/diff")
    def diff(repo: str, number: int) -> Response:
        try:
            return JSONResponse(diffs.files(github.diff(repo, number)), headers=_HEADERS)
        except RefusedError as error:
            raise HTTPException(404, str(error)) from None


def _serve_acts(routes: APIRouter, slack: Slack, github: GitHubView) -> None:
    @routes.post("/playground/act")
    async def act(request: Request) -> Response:
        if not _from_the_page(request, origin_needed=False):
            raise HTTPException(403, "only the playground's own page may act")
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise HTTPException(415, "send JSON, with Content-Type: application/json")
        try:
            wanted = ACT.validate_json(await request.body())
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise HTTPException(422, f"{place or 'the action'}: {first['msg']}") from None
        return await _answered(lambda: run_in_threadpool(carry_out, wanted, slack, github))


def _serve_addresses(routes: APIRouter) -> None:
    """The addresses that Slack's permalinks and GitHub's ``html_url`` have; the page's script reads them."""

    def address() -> Response:
        return FileResponse(_STATIC / "index.html", headers=_HEADERS)

    for path in (
        "/archives/{channel}/{message}",
        "/{owner}/{repo}/pull/{rest:path}",
        "/{owner}/{repo}/actions/runs/{rest:path}",
        "/{owner}/{repo}/commit/{rest}",
    ):
        routes.add_api_route(path, address, methods=["GET"])


async def _answered(act: Callable[[], Awaitable[dict[str, object]]]) -> Response:
    try:
        return JSONResponse(await act(), headers=_HEADERS)
    except IncompleteFormError as error:
        return JSONResponse({"ok": False, "problems": error.problems}, headers=_HEADERS)
    except (NotPossibleError, RefusedError, SlackError) as error:
        return JSONResponse({"ok": False, "error": str(error)}, status_code=409, headers=_HEADERS)


def _only_local(connection: HTTPConnection) -> None:
    host = connection.client.host if connection.client else ""
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "testclient"
    if not local or _host_name(connection) not in _LOCAL_NAMES:
        raise HTTPException(403, "the playground's page answers this machine only, as localhost or 127.0.0.1")


def _from_the_page(connection: HTTPConnection, *, origin_needed: bool) -> bool:
    origin = connection.headers.get("origin")
    if origin is None:
        return not origin_needed
    return urlsplit(origin).netloc == connection.headers.get("host", "")


def _host_name(connection: HTTPConnection) -> str:
    return urlsplit(f"//{connection.headers.get('host', '')}").hostname or ""
