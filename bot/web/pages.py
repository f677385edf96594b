"""Small pages of ours that a person meets on the way: a title, a sentence, perhaps a button."""

from __future__ import annotations

from typing import Final

from fastapi.responses import HTMLResponse

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


def page(title: str, text: str, *, form: str = "", status: int = 200) -> HTMLResponse:
    """The page; ``text`` and ``form`` are HTML, whatever came from outside in them is escaped already."""
    style = "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:4rem auto;padding:0 1rem}"
    style += "button{font:inherit;padding:.6rem 1rem}"
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title} · PatchPilot</title>'
        f"<style>{style}</style><h1>{title}</h1><p>{text}</p>{form}</html>",
        status_code=status,
        headers=HEADERS,
    )
