"""The token that scripts send with changing calls."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Annotated

from fastapi import Header, HTTPException

from bot.parts import BotParts


def bearer(parts: BotParts) -> Callable[..., None]:
    """Changing calls need ``API_TOKEN``; without one in the settings they are refused, not open."""

    def check(authorization: Annotated[str, Header()] = "") -> None:
        token = parts.settings.api_token.get_secret_value()
        if not token:
            raise HTTPException(403, "changing calls are off: set API_TOKEN to turn them on")
        if not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
            raise HTTPException(401, "send the API token as: Authorization: Bearer …")

    return check
