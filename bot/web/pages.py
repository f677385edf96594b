"""Small pages that a person meets on the way: the dashboard's look, a title, a sentence, perhaps a button."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Final
from urllib.parse import parse_qs

from fastapi import Request
from fastapi.responses import HTMLResponse

ASSETS: Final = {"app.js": "text/javascript", "app.css": "text/css", "icon.svg": "image/svg+xml"}
"""What pages are made of, by its type."""
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
TO_DASHBOARD: Final = '<p><a class="button" href="/">To the dashboard</a></p>'
_LONGEST: Final = 4_000


def page(title: str, text: str, *, form: str = "", status: int = 200) -> HTMLResponse:
    """The page; ``text`` and ``form`` are HTML, whatever came from outside in them is escaped already."""
    body = f'<section class="card"><h1>{title}</h1><p>{text}</p>{form}</section>'
    return HTMLResponse(document(title, body), status_code=status, headers=HEADERS)


def document(title: str, body: str, *, assets: str = "/dashboard", home: str = "/") -> str:
    """A whole page around ``body``; :func:`static` is served at ``assets``, the header leads ``home``."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title} · PatchPilot</title><link rel="icon" href="{assets}/icon.svg">'
        f'<link rel="stylesheet" href="{assets}/app.css"></head><body class="small">'
        f'<header><a class="brand" href="{home}"><img src="{assets}/icon.svg" alt="">PatchPilot</a></header>'
        f"<main>{body}</main></body></html>"
    )


def static(name: str) -> str:
    """One of :data:`ASSETS`, or the dashboard's page."""
    return files("bot.web").joinpath("static", name).read_text(encoding="utf-8")


def posted(name: str) -> Callable[[Request], Awaitable[str]]:
    """A form's field, as a dependency; a body that is no form of ours has none."""

    async def field(request: Request) -> str:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _LONGEST:
                return ""
        return parse_qs(body.decode("ascii", "replace")).get(name, [""])[0]

    return field
