"""The sockets that the bot listens on, or a sentence why it can't."""

from __future__ import annotations

import errno
import socket

from patchpilot.errors import PermanentError

_NOT_OF_THIS_MACHINE = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
_WHY = {
    errno.EADDRINUSE: "something listens there already; stop it, or choose another port with --port",
    errno.EACCES: "ports below 1024 need more rights; choose another with --port",
    errno.EADDRNOTAVAIL: "this machine has no such address; --host 0.0.0.0 is all that it has",
}


def listen(host: str, port: int) -> list[socket.socket]:
    """A socket for each address that ``host`` has here. Raises :class:`PermanentError` with what to do."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise PermanentError(f"--host {host!r} is no address of this machine, such as 127.0.0.1") from error
    sockets: list[socket.socket] = []
    refused: OSError | None = None
    for family, _, _, _, address in dict.fromkeys(found):
        try:
            sockets.append(socket.create_server(address[:2], family=family, backlog=2048))
        except OSError as error:
            if error.errno not in _NOT_OF_THIS_MACHINE:
                _close(sockets)
                raise _told(host, port, error) from error
            # A name may have an address of a kind that this machine does not speak.
            refused = error
    if not sockets:
        raise _told(host, port, refused) from refused
    return sockets


def _close(sockets: list[socket.socket]) -> None:
    for one in sockets:
        one.close()


def _told(host: str, port: int, error: OSError | None) -> PermanentError:
    why = _WHY.get(error.errno or 0, error.strerror) if error else ""
    return PermanentError(f"can't listen on port {port} of {host}: {why}")
