"""Turns within a minute, on a real Postgres."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from storage.throttles import take_turn


def test_the_first_go_on_and_the_rest_are_told_how_long_to_wait(database):
    assert [take_turn(database, "a", limit=2) for _ in range(2)] == [0, 0]
    assert 1 <= take_turn(database, "a", limit=2) <= 60
    assert take_turn(database, "b", limit=2) == 0


def test_the_next_minute_begins_anew_and_what_is_over_is_forgotten(database):
    for key in ("a", "a", "b"):
        take_turn(database, key, limit=1)
    with database.transaction() as session:
        session.execute(text("UPDATE throttles SET begun_at = now() - interval '61 seconds'"))

    assert take_turn(database, "a", limit=1) == 0
    with database.transaction() as session:
        assert session.execute(text("SELECT key, used FROM throttles")).all() == [("a", 1)]


def test_of_many_at_once_exactly_so_many_go_on(database):
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: take_turn(database, "a", limit=5), range(20)))

    assert waits.count(0) == 5


def test_two_whose_minutes_are_over_do_not_lock_each_other_up(database):
    """Each removes what is over, the other's minute too, and counts itself."""
    for _ in range(40):
        with database.transaction() as session:
            session.execute(text("DELETE FROM throttles"))
            session.execute(
                text(
                    "INSERT INTO throttles SELECT key, now() - interval '61 seconds', 1 "
                    "FROM unnest(ARRAY['a', 'b', 'c', 'd']) AS key"
                )
            )
        at_once = threading.Barrier(4)

        def ask(key, at_once=at_once):
            at_once.wait()
            return take_turn(database, key, limit=1)

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(ask, "abcd")) == [0, 0, 0, 0]
