"""The HTTP side: one router with the REST API, GraphQL, git and short-lived downloads."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from itertools import chain

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from playground.github import (
    graphql,
    rest_actions,
    rest_apps,
    rest_checks,
    rest_commits,
    rest_contents,
    rest_git,
    rest_issues,
    rest_pulls,
    rest_repos,
    smart_http,
)
from playground.github.api import Answer, Api, Request, Route
from playground.github.app_manifests import AppManifests
from playground.github.core import Core
from playground.github.model import now
from playground.github.oauth import OAuth

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def build_router(core: Core) -> APIRouter:
    """To be included in an application without a prefix."""
    api = Api(core, _routes())
    routes = APIRouter(include_in_schema=False)
    routes.include_router(OAuth(core).router())
    routes.include_router(AppManifests(core).router())

    @routes.api_route("/api/v3", methods=_METHODS)
    @routes.api_route("/api/v3/{path:path}", methods=_METHODS)
    async def rest(request: HttpRequest) -> Response:
        raw = request.scope.get("raw_path", request.url.path.encode()).decode("latin-1").partition("?")[0]
        asked = Request(
            method=request.method,
            path=raw.removeprefix("/api/v3"),
            query=request.url.query,
            headers=dict(request.headers),
            body=await request.body(),
        )
        return _response(await run_in_threadpool(api.answer, asked))

    @routes.post("/api/graphql")
    async def graph(request: HttpRequest) -> Response:
        authorization, body = request.headers.get("authorization"), await request.body()
        status, shape = await run_in_threadpool(graphql.answer, core, authorization, body)
        return _response(Answer(shape, status))

    @routes.get("/_downloads/{key}")
    async def download(key: str, request: HttpRequest) -> Response:
        return _response(await run_in_threadpool(_download, core, key, request.headers.get("authorization")))

    @routes.get("/{owner}/{name}/pull/{number:int}")
    async def pull_page(owner: str, name: str, number: int) -> Response:
        return _to_page(core, f"{owner}/{name}", f"pull/{number}")

    @routes.get("/{owner}/{name}/actions/runs/{run:int}")
    async def run_page(owner: str, name: str, run: int) -> Response:
        return _to_page(core, f"{owner}/{name}", f"run/{run}")

    @routes.get("/{owner}/{name}/actions/runs/{run:int}/job/{job:int}")
    async def job_page(owner: str, name: str, run: int, job: int) -> Response:
        return _to_page(core, f"{owner}/{name}", f"run/{run}/{job}")

    @routes.get("/{owner}/{name}/commit/{sha}")
    async def commit_page(owner: str, name: str, sha: str) -> Response:  # noqa: ARG001 -- part of the address
        return _to_page(core, f"{owner}/{name}", "commits")

    @routes.get("/{owner}/{name}.git/info/refs")
    async def advertise(owner: str, name: str, request: HttpRequest, service: str = "") -> Response:
        headers = dict(request.headers)
        return _response(
            await run_in_threadpool(smart_http.advertise, core, f"{owner}/{name}", service, headers)
        )

    @routes.post("/{owner}/{name}.git/{service}")
    async def serve(owner: str, name: str, service: str, request: HttpRequest) -> Response:
        headers, body = dict(request.headers), await request.body()
        repository = f"{owner}/{name}"
        return _response(await run_in_threadpool(smart_http.serve, core, repository, service, headers, body))

    return routes


def _to_page(core: Core, full_name: str, place: str) -> Response:
    """GitHub's addresses lead to where the playground's page shows the same."""
    known = core.world.repositories.get(full_name.lower())
    if known is None:
        return Response(b"Not Found", 404, media_type="text/plain")
    return Response(status_code=302, headers={"Location": f"/#/github/{known.full_name}/{place}"})


def _routes() -> Iterable[Route]:
    # The first match answers, so the parts with the more particular paths come first.
    parts = (
        rest_apps,
        rest_checks,
        rest_commits,
        rest_contents,
        rest_git,
        rest_pulls,
        rest_issues,
        rest_actions,
        rest_repos,
    )
    return chain.from_iterable(part.routes() for part in parts)


def _download(core: Core, key: str, authorization: str | None) -> Answer:
    """Serve a short-lived download.

    Like the blob store behind GitHub, it refuses a request that still carries GitHub's token: the address
    itself is the permission, and a token sent here would be a leak.
    """
    if authorization:
        return Answer(b"InvalidAuthenticationInfo: do not send your token here", 401, media_type="text/plain")
    found = core.downloads.get(key)
    if found is None or found.expires_at < now():
        return Answer(b"this address has expired", 404, media_type="text/plain")
    return Answer(found.read(), media_type=found.media_type)


def _response(answer: Answer) -> Response:
    headers = {**answer.headers, "X-GitHub-Request-Id": str(uuid.uuid4())}
    if answer.status in {204, 302}:
        return Response(status_code=answer.status, headers=headers)
    return Response(answer.content, answer.status, headers, answer.media_type)
