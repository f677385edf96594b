from __future__ import annotations

import socket

import pytest

from bot.web.listening import listen
from patchpilot.errors import PermanentError


def test_a_name_is_listened_on_at_all_its_addresses():
    sockets = listen("127.0.0.1", 0)
    try:
        with socket.create_connection(sockets[0].getsockname()[:2]):
            pass
    finally:
        for one in sockets:
            one.close()


def test_a_port_that_is_taken_is_told_with_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(PermanentError, match=f"port {port} of 127.0.0.1: .* --port"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "not an address"])
def test_an_address_of_another_machine_is_told(host):
    with pytest.raises(PermanentError, match="--host"):
        listen(host, 0)
