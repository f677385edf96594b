"""How a REST request is answered: found in a table, authenticated, authorised, handled.

Handlers are plain functions from a :class:`Call` to an :class:`Answer`. They run on a worker thread and hold
the world's lock, so each request sees and makes one consistent state.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import parse_qs, unquote, urlencode

from pydantic import BaseModel, ConfigDict, ValidationError

from playground.github.auth import Caller, authenticate
from playground.github.core import Core
from playground.github.errors import ApiError, not_found
from playground.github.faults import Fault, FaultKind
from playground.github.model import Account, PlaygroundRepo
from playground.github.shapes import Json

_RATE_LIMIT = 5000
_MAX_PAGE = 100
_JSON = "application/json; charset=utf-8"


class Body(BaseModel):
    """A request's JSON body: wrong types are refused, unknown keys ignored, as GitHub does."""

    model_config = ConfigDict(strict=True, extra="ignore")


Read = TypeVar("Read", bound=Body)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response."""

    body: object = None
    """A JSON value, or bytes to send as they are."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = _JSON

    @property
    def content(self) -> bytes:
        """The bytes of the body."""
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.status in {204, 205, 302} else json.dumps(self.body).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it came."""

    method: str
    path: str
    """After ``/api/v3``, still percent-encoded."""
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """With lower-case names."""
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that was let in."""

    core: Core
    caller: Caller
    request: Request
    params: Mapping[str, str]
    query: Mapping[str, str]
    found: PlaygroundRepo | None = None

    @property
    def repo(self) -> PlaygroundRepo:
        """The repository that the path names."""
        assert self.found is not None, "only routes below /repos/{owner}/{repo} ask for it"
        return self.found

    @property
    def actor(self) -> Account:
        """Who acts; raises 401 for an anonymous request."""
        return self.caller.user()

    @property
    def accept(self) -> str:
        """The wanted media type."""
        return self.request.headers.get("accept", "")

    def wants(self, kind: str) -> bool:
        """Whether a custom media type is asked for: ``diff``, ``patch``, ``raw``.
        https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#media-types"""
        return re.search(rf"application/vnd\.github\.(?:v3\.)?{kind}\b", self.accept) is not None

    def number(self, name: str) -> int:
        """A number in the path; what is none is not there."""
        text = self.params[name]
        if not (text.isascii() and text.isdigit() and len(text) < 19):  # noqa: PLR2004 -- 64 bits
            raise not_found()
        return int(text)

    def read(self, kind: type[Read]) -> Read:
        """The body as ``kind``; raises 400 for what is not JSON, 422 for what does not fit."""
        return self.read_bytes(kind, self.request.body or b"{}")

    def read_bytes(self, kind: type[Read], body: bytes) -> Read:
        """The same for a body that was put in another form first."""
        try:
            data = json.loads(body)
        except (ValueError, RecursionError):
            raise ApiError(400, "Problems parsing JSON") from None
        if not isinstance(data, dict):
            raise ApiError(400, "Body should be a JSON object")
        try:
            return kind.model_validate_json(body)
        except ValidationError as error:
            raise _explained(kind.__name__, error) from None

    def listed(self, items: Sequence[Json], *, under: str = "") -> Answer:
        """One page of a list, with the links to the others; ``under`` names the list in an object."""
        per_page = min(max(self._count("per_page", 30), 1), _MAX_PAGE)
        page = max(self._count("page", 1), 1)
        chosen = list(items[(page - 1) * per_page : page * per_page])
        body: object = {"total_count": len(items), under: chosen} if under else chosen
        return Answer(body, headers=self._links(page, -(-len(items) // per_page)))

    def _count(self, name: str, default: int) -> int:
        text = self.query.get(name, "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default  # noqa: PLR2004

    def _links(self, page: int, last: int) -> dict[str, str]:
        wanted = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        if page <= 1:
            del wanted["prev"], wanted["first"]
        if page >= last:
            del wanted["next"], wanted["last"]
        base = f"{self.core.site.api}{self.request.path}"
        links = [
            f'<{base}?{urlencode({**self.query, "page": number})}>; rel="{name}"'
            for name, number in wanted.items()
        ]
        return {"Link": ", ".join(links)} if links else {}


Handler = Callable[[Call], Answer]


class Route:
    """One line of the table: a method, a path with ``{names}``, what it needs, and who answers."""

    def __init__(self, method: str, path: str, handler: Handler, needs: str = "") -> None:
        self.method = method
        self.path = path
        self.handler = handler
        self.area, _, self.level = needs.partition(":")
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path))
        self._pattern = re.compile(re.sub(r"\\{(\w+):path\\}", r"(?P<\1>.*)", pattern))

    def match(self, path: str) -> dict[str, str] | None:
        """The decoded values of the path's names, or ``None``."""
        found = self._pattern.fullmatch(path)
        return {name: unquote(value) for name, value in found.groupdict().items()} if found else None


class Api:
    """The REST API."""

    def __init__(self, core: Core, routes: Iterable[Route]) -> None:
        self._core = core
        self._routes = tuple(routes)
        self._used: dict[str, int] = {}

    def answer(self, request: Request) -> Answer:
        """Answer a request; every refusal becomes GitHub's error body."""
        fault = self._core.faults.request(request.method, request.path)
        if fault and fault.kind is FaultKind.SLOW:
            time.sleep(fault.seconds)
        try:
            if fault and fault.kind in {FaultKind.STATUS, FaultKind.RATE_LIMIT}:
                raise _failure(fault)
            answer = self._handle(request)
            if fault and fault.kind is FaultKind.DONE_THEN_STATUS:
                raise _failure(fault)
        except ApiError as error:
            answer = Answer(error.body, error.status, error.headers)
        return Answer(
            answer.body, answer.status, {**self._rate_headers(request), **answer.headers}, answer.media_type
        )

    def _handle(self, request: Request) -> Answer:
        with self._core.world.lock:
            caller = authenticate(self._core.world, request.headers.get("authorization"))
            path = request.path.rstrip("/") or "/"
            route, params = self._find(request.method, path)
            found = self._repository(params, caller)
            if found is not None and route.area:
                caller.require(found, route.area, route.level)
            query = {
                name: values[-1] for name, values in parse_qs(request.query, keep_blank_values=True).items()
            }
            call = Call(
                core=self._core, caller=caller, request=request, params=params, query=query, found=found
            )
            answer = route.handler(call)
        if request.method != "GET":
            self._core.feed.changed()
        return answer

    def _find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        for route in self._routes:
            if route.method == ("GET" if method == "HEAD" else method):
                params = route.match(path)
                if params is not None:
                    return route, params
        raise not_found()

    def _repository(self, params: Mapping[str, str], caller: Caller) -> PlaygroundRepo | None:
        if not {"owner", "repo"} <= params.keys():
            return None
        found = self._core.world.repositories.get(f"{params['owner']}/{params['repo']}".lower())
        # An App that signs with its own key only asks where it is installed, not what is inside.
        if found is None or not (caller.app or caller.sees(found)):
            raise not_found()
        return found

    def _rate_headers(self, request: Request) -> dict[str, str]:
        key = request.headers.get("authorization", "")
        used = self._used[key] = self._used.get(key, 0) + 1
        return {
            "X-RateLimit-Limit": str(_RATE_LIMIT),
            "X-RateLimit-Remaining": str(max(_RATE_LIMIT - used, 0)),
            "X-RateLimit-Used": str(used),
            "X-RateLimit-Reset": str(int(time.time()) + 3600),
            "X-RateLimit-Resource": "core",
            "X-GitHub-Media-Type": "github.v3; format=json",
        }


def _failure(fault: Fault) -> ApiError:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    if fault.kind is FaultKind.RATE_LIMIT:
        message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
        return ApiError(403, message, headers=headers)
    return ApiError(fault.status, "Server Error", headers=headers)


def _explained(resource: str, error: ValidationError) -> ApiError:
    errors = []
    for problem in error.errors(include_url=False, include_input=False):
        missing = problem["type"] == "missing"
        errors.append(
            {
                "resource": resource,
                "field": ".".join(str(part) for part in problem["loc"]),
                "code": "missing_field" if missing else "invalid",
                "message": problem["msg"].removeprefix("Value error, "),
            }
        )
    shown = "; ".join(f"{one['field']}: {one['message']}" for one in errors)
    return ApiError(422, f"Invalid request.\n\n{shown}", errors=errors)
