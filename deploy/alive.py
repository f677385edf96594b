# ruff: noqa: INP001, T201 - a script of the image, in no package; its one sentence is for `docker inspect`
"""Health check in the image: ``alive.py bot [PORT]`` asks the HTTP server, ``alive.py worker`` the stores.

A worker has no port. Docker ends its container when the process ends; what is left to see from outside is
whether it reaches what it works on. Exit 0 when healthy; otherwise one sentence and exit 1.
"""

from __future__ import annotations

import http.client
import os
import sys

SECONDS = 3
PORT = "8000"


def _bot(port: str = PORT) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=SECONDS)
    try:
        connection.request("GET", "/health")
        status = connection.getresponse().status
    finally:
        connection.close()
    if status != http.client.OK:
        raise OSError(f"/health answered {status}")


def _stores() -> None:
    # Loaded here: the bot's check runs every few seconds and needs neither.
    import psycopg  # noqa: PLC0415
    import redis  # noqa: PLC0415

    psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=SECONDS).close()
    with redis.Redis.from_url(
        os.environ["REDIS_URL"], socket_connect_timeout=SECONDS, socket_timeout=SECONDS
    ) as client:
        client.ping()


def main() -> int:
    """Check the role that the first argument names."""
    try:
        match sys.argv[1:]:
            case ["bot", *port]:
                _bot(*port)
            case _:
                _stores()
    except Exception as error:  # noqa: BLE001 - whatever is wrong, the container is not healthy
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
