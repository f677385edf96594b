"""The token that scripts send, where the API's documentation can send it too."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

from bot.parts import BotParts

# Not a header parameter: OpenAPI ignores one that is called Authorization, so nobody could try a call.
# https://spec.openapis.org/oas/v3.1.0#parameter-object
_SCHEME: Final = HTTPBearer(
    scheme_name="API_TOKEN",
    description="The bot's setting `API_TOKEN`: calls that change something need it, and with it one reads "
    "what is known of private repositories. Write the token alone, without `Bearer`.",
    auto_error=False,
)

Given = Annotated[HTTPAuthorizationCredentials | None, Depends(_SCHEME)]
"""What was sent as ``Authorization: Bearer …``, right or wrong; a dependency of routes."""


class Problem(BaseModel):
    """Why a call was refused."""

    detail: str | list[dict[str, object]]
    """A sentence: what is wrong and what to do. Of a request that is not well formed, what is wrong where."""


def answers(**meanings: str) -> dict[int | str, dict[str, Any]]:
    """For a route's documentation: what a call that needs the token is answered with, besides its success.

    ``meanings`` go by status, as ``_409``.
    """
    meant = {
        401: "The token is missing or is not API_TOKEN's; nothing was done.",
        403: "Changing calls are off, as the bot has no API_TOKEN.",
        503: "Postgres, Redis or the code host does not answer right now; try again after `Retry-After`.",
    } | {int(status[1:]): text for status, text in meanings.items()}
    return {status: {"model": Problem, "description": text} for status, text in sorted(meant.items())}


def bearer(parts: BotParts) -> Callable[..., None]:
    """Changing calls need ``API_TOKEN``; without one in the settings they are refused, not open."""

    def check(given: Given) -> None:
        if not parts.settings.api_token.get_secret_value():
            raise HTTPException(403, "changing calls are off: set API_TOKEN to turn them on")
        if given is None:
            raise _unauthorized(
                "this call needs the bot's API_TOKEN; send it as: Authorization: Bearer TOKEN"
            )
        if not is_api_token(parts, given):
            raise _unauthorized(
                "the token that you sent is not the bot's API_TOKEN", ', error="invalid_token"'
            )

    return check


def is_api_token(parts: BotParts, given: HTTPAuthorizationCredentials | None) -> bool:
    """Whether what was sent is the token; never so where none is set."""
    token = parts.settings.api_token.get_secret_value()
    if not token or given is None:
        return False
    # Headers come as Latin-1, so a token may hold what ``compare_digest`` refuses as text.
    return hmac.compare_digest(given.credentials.encode(), token.encode())


def _unauthorized(why: str, error: str = "") -> HTTPException:
    # https://datatracker.ietf.org/doc/html/rfc6750#section-3
    return HTTPException(401, why, headers={"WWW-Authenticate": f'Bearer realm="PatchPilot"{error}'})
