"""Slack's page that asks a person whether an app may be added to the workspace.

https://docs.slack.dev/authentication/installing-with-oauth
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse

from playground.slack.model import App
from playground.slack.server import Slack

PATH = "/slack/oauth/v2/authorize"
_FIELDS = ("client_id", "scope", "redirect_uri", "state")


def router(slack: Slack) -> APIRouter:
    """The page and what its buttons do."""
    routes = APIRouter(include_in_schema=False)

    @routes.get(PATH)
    def ask(request: Request) -> Response:
        asked = {name: request.query_params.get(name, "") for name in _FIELDS}
        app, problem = _app(slack, asked)
        return PlainTextResponse(problem, status_code=400) if app is None else _page(slack, app, asked)

    @routes.post(PATH)
    async def answer(request: Request) -> Response:
        sent = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
        asked = {name: sent.get(name, "") for name in _FIELDS}
        app, problem = _app(slack, asked)
        if app is None:
            return PlainTextResponse(problem, status_code=400)
        said = {"state": asked["state"]}
        if sent.get("allow"):
            _reinstall(slack, app)
            said["code"] = slack.oauth_code(app.id, redirect_uri=asked["redirect_uri"])
        else:
            said["error"] = "access_denied"
        mark = "&" if "?" in asked["redirect_uri"] else "?"
        return RedirectResponse(f"{asked['redirect_uri']}{mark}{urlencode(said)}", status_code=303)

    return routes


def _app(slack: Slack, asked: Mapping[str, str]) -> tuple[App | None, str]:
    """The app that asks, or Slack's word for what is wrong with its question."""
    with slack.workspace.lock:
        app = next(
            (app for app in slack.workspace.apps.values() if app.client_id == asked["client_id"]), None
        )
    if app is None:
        return None, "invalid_client_id"
    if not set(filter(None, asked["scope"].split(","))) <= app.scopes or not asked["scope"]:
        return None, "invalid_scope"
    if app.redirect_urls and not asked["redirect_uri"].startswith(app.redirect_urls):
        return None, "redirect_uri did not match any configured URIs"
    return app, ""


def _reinstall(slack: Slack, app: App) -> None:
    """An app whose token was taken back gets a new one."""
    with slack.workspace.lock:
        if app.revoked or not app.active:
            app.bot_token = f"xoxb-{secrets.token_hex(12)}"
            app.revoked, app.active = False, True


def _page(slack: Slack, app: App, asked: Mapping[str, str]) -> Response:
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in asked.items()
    )
    scopes = "".join(f"<li>{escape(scope)}</li>" for scope in sorted(asked["scope"].split(",")))
    team, name = escape(slack.workspace.name), escape(slack.workspace.users[app.bot_user].name)
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Add {name}</title>'
        f"<h1>{name} asks to be added to {team}</h1><ul>{scopes}</ul>"
        f'<form method="post" action="{PATH}">{hidden}<button name="allow" value="yes">Allow</button> '
        f"<button>Cancel</button></form></html>"
    )
