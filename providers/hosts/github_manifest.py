"""GitHub Apps made from a manifest: what the form sends, and what GitHub gives for the code that comes back.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import httpx
from pydantic import BaseModel, PositiveInt, ValidationError

from patchpilot.errors import PermanentError, TemporaryError
from providers.hosts.github_auth import USER_AGENT, checked_url, web_url_of
from providers.hosts.github_errors import translated

WRITER: Final = "github-app.json"
READER: Final = "github-app-reader.json"
_EXAMPLE: Final = "https://patchpilot.example.com"
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")
_ORGANISATION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")
_TIMEOUT: Final = httpx.Timeout(20.0, connect=5.0)
_CREATED: Final = 201
_GONE: Final = frozenset({404, 422})
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeApp:
    """An App that GitHub has registered, with its secrets, which it shows this once."""

    id: int
    slug: str
    page: str
    client_id: str
    client_secret: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    """Empty where its webhook is off."""
    pem: str = field(repr=False)


class _Conversion(BaseModel):
    id: PositiveInt
    slug: str
    html_url: str
    client_id: str
    client_secret: str
    webhook_secret: str | None = None
    pem: str


def manifest(name: str, *, public_url: str, redirect_url: str) -> dict[str, Any]:
    """The manifest of that file for this installation; GitHub sends the browser back to ``redirect_url``."""
    text = _read(name).replace(_EXAMPLE, public_url.rstrip("/"))
    made: dict[str, Any] = json.loads(text)
    return made | {"redirect_url": redirect_url}


def form_address(api_url: str, *, organisation: str, state: str) -> str:
    """Where a browser posts a manifest to. Raises ``PermanentError`` for a name or address that can't be."""
    if organisation and not _ORGANISATION.fullmatch(organisation):
        raise PermanentError(f"{organisation!r} is no name of an organisation on GitHub")
    place = f"/organizations/{organisation}" if organisation else ""
    return f"{web_url_of(checked_url(api_url))}{place}/settings/apps/new?{urlencode({'state': state})}"


def made_app(api_url: str, code: str) -> MadeApp:
    """What GitHub has registered, for its one-hour code; it takes each code once.

    Raises :class:`~patchpilot.errors.PermanentError` or ``TemporaryError``; neither shows a secret.
    """
    doing = "asking for the new App's secrets"
    if not _CODE.fullmatch(code):
        raise PermanentError("GitHub sent no code that can be used; make the App again")
    with (
        translated(doing),
        httpx.Client(
            timeout=_TIMEOUT, headers={"User-Agent": USER_AGENT, "Accept": "application/vnd.github+json"}
        ) as client,
    ):
        answer = client.post(f"{api_url.rstrip('/')}/app-manifests/{code}/conversions")
    if answer.status_code in _GONE:
        raise PermanentError("GitHub does not know this code (any more): it works once, for an hour")
    if answer.status_code >= _SERVER_ERROR:
        raise TemporaryError(f"GitHub answered {answer.status_code} while {doing}", retry_after=15)
    if answer.status_code != _CREATED:
        raise PermanentError(f"GitHub answered {answer.status_code} while {doing}")
    try:
        said = _Conversion.model_validate_json(answer.content)
    except ValidationError:
        # Without a cause: pydantic's message would show the key.
        raise PermanentError(f"GitHub's answer has an unknown shape while {doing}") from None
    return MadeApp(
        id=said.id,
        slug=said.slug,
        page=said.html_url,
        client_id=said.client_id,
        client_secret=said.client_secret,
        webhook_secret=said.webhook_secret or "",
        pem=said.pem,
    )


def _read(name: str) -> str:
    # In a wheel they lie beside this file; in a checkout where people look for them.
    packed = files("providers.hosts").joinpath("manifests", name)
    if packed.is_file():
        return packed.read_text(encoding="utf-8")
    return (Path(__file__).parents[2] / "deploy" / name).read_text(encoding="utf-8")
