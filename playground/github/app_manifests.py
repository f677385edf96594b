"""Apps from a manifest: the page that a form is posted to, and the code that buys the new App's secrets.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import APIRouter
from pydantic import BaseModel, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from playground.github import shapes
from playground.github.core import Core
from playground.github.model import App, now

CODE_LIFE: Final = timedelta(hours=1)
_LONGEST_NAME: Final = 34
_MOST_BYTES: Final = 100_000


class _Hook(BaseModel):
    url: str = Field(pattern=r"^https?://")
    active: bool = True


class Manifest(BaseModel):
    """What a form may ask for."""

    name: str = Field(min_length=1, max_length=_LONGEST_NAME)
    url: str = Field(pattern=r"^https?://")
    redirect_url: str = Field(pattern=r"^https?://")
    hook_attributes: _Hook | None = None
    callback_urls: list[str] = Field(default_factory=list, max_length=10)
    default_permissions: dict[str, str] = Field(default_factory=dict)
    default_events: list[str] = Field(default_factory=list)
    description: str = ""
    public: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    app: App
    pem: str
    expires_at: datetime


class AppManifests:
    """The codes that were given out. Each works once, for an hour."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._codes: dict[str, _Made] = {}
        self._asked: dict[str, tuple[Manifest, str]] = {}

    def router(self) -> APIRouter:
        """``/settings/apps/new``, for an organisation too, and ``/app-manifests/{code}/conversions``."""
        routes = APIRouter(include_in_schema=False)

        @routes.post("/settings/apps/new")
        async def ask(request: Request, state: str = "") -> Response:
            return self._ask(await _form(request), state)

        @routes.post("/organizations/{organisation}/settings/apps/new")
        async def ask_for(organisation: str, request: Request, state: str = "") -> Response:
            if self._core.world.find_account(organisation) is None:
                return _page("<p>There is no such organisation.</p>", status=404)
            return self._ask(await _form(request), state)

        @routes.post("/settings/apps")
        async def create(request: Request) -> Response:
            return await run_in_threadpool(self._create, await _form(request))

        @routes.post("/api/v3/app-manifests/{code}/conversions")
        def convert(code: str) -> Response:
            return self._convert(code)

        return routes

    def _ask(self, form: dict[str, str], state: str) -> Response:
        try:
            wanted = Manifest.model_validate_json(form.get("manifest", ""))
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            return _page(f"<p>Error: the manifest can't be used. {escape(wrong)}</p>", status=422)
        key = secrets.token_hex(8)
        self._asked[key] = wanted, state
        return _page(
            f"<p>{escape(wanted.description)}</p><form method='post' action='/settings/apps'>"
            f"<input type='hidden' name='asked' value='{key}'>"
            f"<label>GitHub App name <input name='name' value='{escape(wanted.name)}'></label> "
            f"<button>Create GitHub App for you</button></form>"
        )

    def _create(self, form: dict[str, str]) -> Response:
        found = self._asked.pop(form.get("asked", ""), None)
        if found is None:
            return _page("<p>That page is too old.</p>", status=404)
        wanted, state = found
        name = form.get("name", "").strip() or wanted.name
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        with self._core.world.lock:
            if any(one.slug == slug for one in self._core.world.apps.values()):
                return _page("<p>Name is already taken.</p>", status=422)
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        made = self._register(wanted, name, slug, key)
        code = secrets.token_hex(20)
        self._codes[code] = _Made(app=made, pem=_private(key), expires_at=now() + CODE_LIFE)
        answer = {"code": code} | ({"state": state} if state else {})
        mark = "&" if urlsplit(wanted.redirect_url).query else "?"
        return RedirectResponse(f"{wanted.redirect_url}{mark}{urlencode(answer)}", status_code=303)

    def _register(self, wanted: Manifest, name: str, slug: str, key: rsa.RSAPrivateKey) -> App:
        hook = wanted.hook_attributes
        sends = hook is not None and hook.active
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        with self._core.world.lock:
            app = App(
                id=max(self._core.world.apps, default=0) + 1,
                slug=slug,
                name=name,
                public_key_pem=public.decode(),
                permissions=dict(wanted.default_permissions),
                events=tuple(wanted.default_events),
                webhook_url=hook.url if hook is not None and sends else "",
                webhook_secret=secrets.token_hex(20) if sends else "",
                bot=self._core.world.account(f"{slug}[bot]", kind="Bot"),
                client_id=f"Iv23{secrets.token_hex(8)}",
                client_secret=secrets.token_hex(20),
                callback_url=next(iter(wanted.callback_urls), ""),
                # A new App is installed nowhere.
                everywhere=False,
            )
            self._core.world.add_app(app)
        return app

    def _convert(self, code: str) -> Response:
        made = self._codes.pop(code, None)
        if made is None or made.expires_at < now():
            return JSONResponse({"message": "Not Found", "status": "404"}, status_code=404)
        shape = shapes.app(self._core.site, made.app) | {
            "client_id": made.app.client_id,
            "client_secret": made.app.client_secret,
            "webhook_secret": made.app.webhook_secret or None,
            "pem": made.pem,
        }
        return JSONResponse(shape, status_code=201)


def _private(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


async def _form(request: Request) -> dict[str, str]:
    body = await request.body()
    fields = parse_qs(body[:_MOST_BYTES].decode("utf-8", "replace"))
    return {name: values[0] for name, values in fields.items()}


def _page(body: str, *, status: int = 200) -> HTMLResponse:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Create GitHub App</title>'
        f"<h1>Create GitHub App</h1>{body}</html>",
        status_code=status,
    )
