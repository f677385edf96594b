"""Sign-in for Apps: the web application flow, with a page that asks who you are in place of a password.

https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from playground.github.core import Core
from playground.github.model import Account, App, Token, now

CODE_LIFE: Final = timedelta(minutes=10)
"""A code "will expire after 10 minutes"."""
TOKEN_LIFE: Final = timedelta(hours=8)
_CARRIED: Final = ("client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Code:
    app: App
    account: Account
    challenge: str
    expires_at: datetime


class OAuth:
    """The codes that were given out. Each works once."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._codes: dict[str, _Code] = {}

    def router(self) -> APIRouter:
        """``/login/oauth``."""
        routes = APIRouter(prefix="/login/oauth", include_in_schema=False)

        @routes.get("/authorize")
        def ask(request: Request) -> Response:
            return self._ask(dict(request.query_params))

        @routes.post("/authorize")
        async def consent(request: Request) -> Response:
            return self._consent(_form(await request.body()))

        @routes.post("/access_token")
        async def exchange(request: Request) -> Response:
            return JSONResponse(self._exchange(_form(await request.body())))

        return routes

    def _app(self, asked: Mapping[str, str]) -> App | None:
        """The App, if it is one and the callback is the one that it registered."""
        for app in self._core.world.apps.values():
            if app.client_id and app.client_id == asked.get("client_id"):
                return app if asked.get("redirect_uri", app.callback_url) == app.callback_url else None
        return None

    def _ask(self, asked: Mapping[str, str]) -> Response:
        app = self._app(asked)
        if app is None:
            return _page("404", "<p>No App has that client id and callback address.</p>", status=404)
        carried = "".join(
            f'<input type="hidden" name="{name}" value="{escape(asked[name])}">'
            for name in _CARRIED
            if name in asked
        )
        people = [one for one in self._core.world.accounts.values() if one.kind == "User"]
        choices = "".join(
            f'<p><button name="login" value="{escape(one.login)}">Sign in as '
            f"<b>{escape(one.login)}</b> and authorize</button></p>"
            for one in sorted(people, key=lambda one: one.login)
        )
        return _page(
            f"Authorize {escape(app.name)}",
            f"<p>{escape(app.name)} wants to know who you are. In the playground there are no passwords: "
            f'say who you are.</p><form method="post" action="/login/oauth/authorize">{carried}{choices}'
            '<p><button name="login" value="">Cancel</button></p></form>',
        )

    def _consent(self, asked: Mapping[str, str]) -> Response:
        app = self._app(asked)
        if app is None:
            return _page("404", "<p>No App has that client id and callback address.</p>", status=404)
        state = {"state": asked["state"]} if "state" in asked else {}
        account = self._core.world.find_account(asked.get("login", ""))
        if account is None:
            denied = {"error": "access_denied", "error_description": "The user has denied your application"}
            return _back(app.callback_url, denied | state)
        code = secrets.token_hex(10)
        challenge = asked.get("code_challenge", "") if asked.get("code_challenge_method") == "S256" else ""
        self._codes[code] = _Code(
            app=app,
            account=account,
            challenge=challenge,
            expires_at=now() + CODE_LIFE,
        )
        return _back(app.callback_url, {"code": code} | state)

    def _exchange(self, asked: Mapping[str, str]) -> dict[str, str | int]:
        """Errors are answered with 200, as GitHub does."""
        app = self._app(asked)
        if app is None or not hmac.compare_digest(app.client_secret, asked.get("client_secret", "")):
            return _error("incorrect_client_credentials")
        code = self._codes.pop(asked.get("code", ""), None)
        if code is None or code.app is not app or code.expires_at < now():
            return _error("bad_verification_code")
        if code.challenge and code.challenge != _challenge(asked.get("code_verifier", "")):
            return _error("bad_verification_code")
        token = Token(
            value=f"ghu_{secrets.token_hex(18)}", account=code.account, expires_at=now() + TOKEN_LIFE
        )
        with self._core.world.lock:
            self._core.world.tokens[token.value] = token
        seconds = int(TOKEN_LIFE.total_seconds())
        return {"access_token": token.value, "token_type": "bearer", "scope": "", "expires_in": seconds}


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _error(code: str) -> dict[str, str | int]:
    return {"error": code, "error_description": f"The request was refused: {code}."}


def _form(body: bytes) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _back(callback: str, answer: Mapping[str, str]) -> Response:
    parts = urlsplit(callback)
    return RedirectResponse(urlunsplit(parts._replace(query=urlencode(answer))), status_code=303)


def _page(title: str, body: str, *, status: int = 200) -> HTMLResponse:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:30rem;margin:3rem auto}"
        f"button{{font:inherit;padding:.4rem .8rem}}</style><h1>{title}</h1>{body}</html>",
        status_code=status,
    )
