"""Leases that are kept while work goes on."""

from __future__ import annotations

import threading

import pytest

from jobs.leases import kept_alive
from patchpilot.errors import TemporaryError


@pytest.mark.parametrize("failure", [TemporaryError("Postgres restarts"), ValueError("a defect")])
def test_a_renewal_that_fails_leaves_the_deadline_in_force(failure):
    gave_up = threading.Event()

    def renew():
        raise failure

    with kept_alive(renew, every=0.01, deadline=0.05, give_up=gave_up.set):
        assert gave_up.wait(90)


def test_who_has_lost_the_lease_gives_up():
    gave_up = threading.Event()

    with kept_alive(lambda: False, every=0.01, deadline=60, give_up=gave_up.set):
        assert gave_up.wait(90)
