"""Applications that are served on loopback."""

from __future__ import annotations

from playground.serving import free_port


def test_a_port_that_was_given_is_not_given_again_before_anybody_can_listen_there():
    given = [free_port() for _ in range(200)]

    assert len(set(given)) == len(given)
    assert free_port(given[0]) == given[0], "who asks for one by its number gets it"
