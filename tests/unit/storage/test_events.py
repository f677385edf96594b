from typing import Any

import pytest
from sqlalchemy import text

from patchpilot.events import Cursor, EventKind
from patchpilot.source import HostUser
from storage import events
from storage.effects import begin_effect, effect, effects_of, finish_effect
from storage.links import link, linked, unlink


def test_a_consumer_reads_on_from_its_cursor(world: Any) -> None:
    world.red()
    first = events.read(world.db, events.load_cursor(world.db, "announcer"), limit=1)
    events.save_cursor(world.db, "announcer", first[-1][0])

    rest = events.read(world.db, events.load_cursor(world.db, "announcer"))

    assert [event.kind for _, event in first + rest] == [
        EventKind.FAILURE_RECORDED,
        EventKind.INCIDENT_OPENED,
    ]
    assert events.read(world.db, rest[-1][0]) == []


def test_a_cursor_never_goes_back(world: Any) -> None:
    events.save_cursor(world.db, "a", Cursor(9, 9))
    events.save_cursor(world.db, "a", Cursor(9, 3))

    assert events.load_cursor(world.db, "a") == Cursor(9, 9)
    assert events.load_cursor(world.db, "b") == Cursor()


def test_an_event_committed_late_is_not_passed_over(world: Any) -> None:
    incident = world.red().incident
    start = events.read(world.db, Cursor())[-1][0]
    with world.db.transaction() as slow:
        events.append(slow, EventKind.NOTE, incident=incident, heal="", data={"text": "slow"})
        with world.db.transaction() as quick:
            events.append(quick, EventKind.NOTE, incident=incident, heal="", data={"text": "quick"})
        # The slow one has the smaller id; reading past it now would lose it.
        assert events.read(world.db, start) == []

    told = [event.data["text"] for _, event in events.read(world.db, start)]
    assert told == ["slow", "quick"]


def test_after_a_restore_into_a_new_cluster_the_log_goes_on(world: Any) -> None:
    world.red(branch="a")
    read = events.read(world.db, Cursor())
    world.red(branch="b")
    with world.db.transaction() as session:
        # As a dump from a cluster that had seen many more transactions.
        session.execute(text("UPDATE events SET txid = txid + 1000000000"))
    behind = Cursor(read[-1][0].transaction + 10**9, read[-1][0].id)
    events.save_cursor(world.db, "announcer", behind)

    world.db.migrate()
    world.red(branch="c")

    told = events.read(world.db, events.load_cursor(world.db, "announcer"))
    assert [event.data.get("branch") for _, event in told][::2] == ["b", "c"]
    before = events.load_cursor(world.db, "announcer")
    world.db.migrate()
    assert events.load_cursor(world.db, "announcer") == before


def test_what_was_rolled_back_never_happened(world: Any) -> None:
    incident = world.red().incident
    before = len(events.read(world.db, Cursor()))

    def append_and_fail() -> None:
        with world.db.transaction() as session:
            events.append(session, EventKind.NOTE, incident=incident, heal="", data={})
            raise KeyError

    with pytest.raises(KeyError):
        append_and_fail()

    assert len(events.read(world.db, Cursor())) == before


def test_an_effect_is_fresh_once(world: Any) -> None:
    incident = world.red().incident
    first = begin_effect(world.db, "slack:card:1", kind="message", incident=incident)

    again = begin_effect(world.db, "slack:card:1", kind="message", incident=incident)

    assert (first.fresh, again.fresh) == (True, False)
    assert again.outside is None


def test_a_finished_effect_keeps_what_the_outside_said(world: Any) -> None:
    incident = world.red().incident
    begin_effect(world.db, "k", kind="message", incident=incident)
    finish_effect(world.db, "k", outside={"ts": "1.2"}, digest="d1")
    finish_effect(world.db, "k", outside={"ts": "1.2"}, digest="d2")
    begin_effect(world.db, "l", kind="branch", incident=incident)

    assert effect(world.db, "k").outside == {"ts": "1.2"}
    assert effect(world.db, "k").digest == "d2"
    assert effect(world.db, "none") is None
    assert [item.key for item in effects_of(world.db, incident)] == ["k", "l"]
    assert [item.key for item in effects_of(world.db, incident, kind="branch")] == ["l"]


def test_an_account_is_linked_to_one_user_of_the_host(database) -> None:
    place = {"medium": "slack", "team": "T1", "account": "U1"}
    assert linked(database, **place) is None
    link(database, **place, user=HostUser(host="github", login="ana", id=1))
    link(database, **place, user=HostUser(host="github", login="anna", id=1))

    assert linked(database, **place) == HostUser(host="github", login="anna", id=1)
    assert linked(database, **(place | {"team": "T2"})) is None
    assert unlink(database, **place)
    assert not unlink(database, **place)


def test_a_reader_is_not_held_up_by_old_events(world: Any) -> None:
    world.red()
    with world.db.transaction() as session:
        plan = "\n".join(
            session.scalars(
                text(
                    "EXPLAIN SELECT * FROM events WHERE (txid, id) > (1, 1) "
                    "AND txid < 10 ORDER BY txid, id LIMIT 10"
                )
            )
        )
    assert "events_in_order" in plan
