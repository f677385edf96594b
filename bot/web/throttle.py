"""A limit on what anybody may begin without having signed in: it costs a row and a way to the code host.

Counted in Postgres, so that all bots count together. An address is stored only as a hash. Behind a reverse
proxy the address is the one that it forwards, if it is one of ``TRUSTED_PROXIES``.
"""

from __future__ import annotations

import hashlib
from ipaddress import IPv6Address, ip_address
from typing import Final

from fastapi import Request
from fastapi.responses import HTMLResponse

from bot.web.pages import page
from storage.database import Database
from storage.throttles import take_turn

PER_ADDRESS: Final = 20
"""A minute; a whole office may share one."""
IN_ALL: Final = 300
"""A minute, from all addresses together: who has many of them gets no further."""


def throttled(db: Database, request: Request, what: str) -> HTMLResponse | None:
    """The answer 429 if ``what`` was asked for too often in this minute; ``None`` to go on."""
    own = f"{what}:{_hashed(request)}"
    wait = take_turn(db, own, limit=PER_ADDRESS) or take_turn(db, what, limit=IN_ALL)
    if not wait:
        return None
    made = page(
        "Too many at once",
        f"This was asked for too often in the last minute. Nothing was begun; try again in {wait} seconds.",
        status=429,
    )
    made.headers["Retry-After"] = str(wait)
    return made


def _hashed(request: Request) -> str:
    host = request.client.host if request.client is not None else ""
    try:
        address = ip_address(host)
    except ValueError:
        network = host
    else:
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            # A server for both kinds sees the older one so: ``::ffff:192.0.2.7``.
            address = address.ipv4_mapped
        # Whoever has one IPv6 address has 2^64 of them.
        network = address.exploded[:19] if isinstance(address, IPv6Address) else str(address)
    return hashlib.sha256(network.encode()).hexdigest()[:32]
