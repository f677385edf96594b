"""What is too old to matter is removed, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from patchpilot.commands import Answer, Ruling
from patchpilot.events import Cursor
from patchpilot.failures import CommentWritten
from patchpilot.heals import HealState
from patchpilot.pull_thread import AskState
from patchpilot.source import HostUser, Repo
from storage import events
from storage.database import Database
from storage.heals import escalate
from storage.incidents import snapshot_of_heal
from storage.intake import record_pull_request_closed
from storage.pull_asks import record_comment, settle_ask, waiting_asks
from storage.retention import Retention, clean_up
from storage.tasks import add_task, claim_task, due_tasks, finish_task
from storage.uses import use_once

ANA = HostUser(host="github", login="ana", id=1)


def forget(db: Database) -> int:
    return sum(clean_up(db, Retention()).values())


def run(db: Database, statement: str) -> None:
    with db.transaction() as session:
        session.execute(text(statement))


def count(db: Database, table: str) -> int:
    with db.transaction() as session:
        return int(session.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


def finish_all(db: Database) -> None:
    for due in due_tasks(db, resend_after=0):
        task = claim_task(db, due.id, owner="test", seconds=60)
        assert task is not None
        finish_task(db, task)


def asked(db: Database, state: AskState | None) -> None:
    """A comment's command, settled with ``state`` or still waiting."""
    record_comment(
        db,
        CommentWritten(
            delivery_id="d1",
            repo=Repo("github", "acme/widget"),
            number=3,
            comment_id=7,
            author=ANA,
            author_is_bot=False,
            body="/patchpilot status",
        ),
        "status",
    )
    if state is not None:
        [ask] = waiting_asks(db)
        settle_ask(db, ask, Answer(ruling=Ruling.APPLIED, text="Done."), state=state, reply=False)


def test_done_tasks_are_forgotten_after_thirty_days_and_waiting_ones_never(database: Database) -> None:
    with database.transaction() as session:
        add_task(session, queue="heal", name="a.b", args={}, key="done")
    finish_all(database)
    with database.transaction() as session:
        add_task(session, queue="heal", name="a.b", args={}, key="waits")
    run(database, "UPDATE tasks SET created_at = now() - interval '90 days'")
    run(database, "UPDATE tasks SET done_at = now() - interval '29 days' WHERE done_at IS NOT NULL")
    assert forget(database) == 0

    run(database, "UPDATE tasks SET done_at = now() - interval '31 days' WHERE done_at IS NOT NULL")
    assert forget(database) == 1
    assert [task.name for task in due_tasks(database, resend_after=0)] == ["a.b"]


def test_the_uses_of_days_gone_by_are_forgotten_and_todays_still_count(database: Database) -> None:
    assert use_once(database, ANA, limit=1)
    assert forget(database) == 0
    assert not use_once(database, ANA, limit=1)

    run(database, "UPDATE daily_uses SET day = day - 3")
    assert forget(database) == 1
    assert count(database, "daily_uses") == 0


@pytest.mark.parametrize("state", [AskState.DONE, AskState.REFUSED])
def test_what_was_asked_is_forgotten_a_week_after_its_answer_was_shown(
    database: Database, state: AskState
) -> None:
    asked(database, state)
    run(database, "UPDATE pull_asks SET settled_at = now() - interval '8 days'")
    assert forget(database) == 0, "the answer has not been shown yet"

    finish_all(database)
    assert forget(database) == 1
    assert count(database, "pull_asks") == 0


@pytest.mark.parametrize("state", [None, AskState.ACCEPTED])
def test_what_is_still_to_be_done_is_never_forgotten(database: Database, state: AskState | None) -> None:
    asked(database, state)
    finish_all(database)
    run(database, "UPDATE pull_asks SET at = at - interval '90 days'")
    run(database, "UPDATE pull_asks SET settled_at = settled_at - interval '90 days'")
    assert forget(database) == 0
    assert count(database, "pull_asks") == 1


def test_sign_ins_that_nobody_finished_are_forgotten(database: Database) -> None:
    run(
        database,
        "INSERT INTO link_requests (state_sha256, medium, team, account, verifier, created_at)"
        " VALUES ('old', 'dashboard', '', '', 'v', now() - interval '8 days'),"
        " ('new', 'dashboard', '', '', 'v', now())",
    )
    assert forget(database) == 1
    assert count(database, "link_requests") == 1


@pytest.mark.parametrize(
    ("table", "made", "moment", "days"),
    [
        ("deliveries", "INSERT INTO deliveries (id) VALUES ('d')", "received_at", 7),
        ("heard_requests", "INSERT INTO heard_requests (key, until) VALUES ('k', now())", "at", 7),
        (
            "effects",
            (
                "INSERT INTO effects (key, kind, outside, finished_at)"
                " VALUES ('slack:digest:C:1', 'slack', '{}', now())"
            ),
            "finished_at",
            90,
        ),
        (
            "digests",
            (
                "INSERT INTO digests (team, channel, at, day, due, zone, home, ended, ended_at)"
                " VALUES ('', 'C', 'mon@09:00', '2026-01-05', now(), 'UTC', true, 'sent', now())"
            ),
            "ended_at",
            90,
        ),
    ],
)
def test_each_is_kept_for_its_days_and_settings_say_otherwise(
    database: Database, table: str, made: str, moment: str, days: int
) -> None:
    run(database, made)
    run(database, f"UPDATE {table} SET {moment} = now() - interval '{days} days' + interval '1 hour'")
    assert forget(database) == 0

    run(database, f"UPDATE {table} SET {moment} = now() - interval '{days} days 1 hour'")
    longer = Retention(deliveries=days + 1, tasks=days + 1, events=days + 1)
    assert sum(clean_up(database, longer).values()) == 0
    assert clean_up(database, Retention())[table] == 1
    assert count(database, table) == 0


def test_a_digest_that_is_not_sent_and_a_call_of_unknown_fate_are_never_forgotten(database: Database) -> None:
    run(
        database,
        "INSERT INTO digests (team, channel, at, day, due, zone, home, marked_at)"
        " VALUES ('', 'C', 'mon@09:00', '2020-01-06', '2020-01-06', 'UTC', true, '2020-01-06')",
    )
    run(
        database,
        "INSERT INTO effects (key, kind, begun_at) VALUES ('slack:digest:C:1', 'slack', '2020-01-06')",
    )

    assert forget(database) == 0


def test_many_rows_go_in_several_transactions(database: Database) -> None:
    run(
        database,
        "INSERT INTO deliveries (id, received_at)"
        " SELECT n, now() - interval '8 days' FROM generate_series(1, 25) n",
    )
    run(database, "INSERT INTO deliveries (id) VALUES ('today')")

    assert clean_up(database, Retention(), at_once=10)["deliveries"] == 25
    assert count(database, "deliveries") == 1


def age(db: Database) -> None:
    """Make everything that happened a year older."""
    run(db, "UPDATE events SET at = at - interval '1 year'")
    run(db, "UPDATE heals SET updated_at = updated_at - interval '1 year'")
    run(db, "UPDATE tasks SET done_at = done_at - interval '1 year'")


def read_everything(db: Database, consumer: str) -> None:
    for place, _ in events.read(db, events.load_cursor(db, consumer), limit=10_000):
        events.save_cursor(db, consumer, place)


def incidents_with_events(db: Database) -> set[int]:
    with db.transaction() as session:
        return set(session.scalars(text("SELECT incident_id FROM events")))


def test_events_of_incidents_that_are_over_go_once_every_consumer_has_read_them(world: Any) -> None:
    over = world.red(branch="a").incident
    world.green(branch="a")
    still_open = world.awaiting(branch="b", fingerprint="b")
    world.red(branch="c")
    world.green(branch="c")
    last = max(incidents_with_events(world.db))
    age(world.db)
    assert forget(world.db) == 0, "nobody has read them"

    read_everything(world.db, "announcer")
    with world.db.transaction() as session:
        first = session.execute(text("SELECT txid, id FROM events ORDER BY txid, id LIMIT 1")).one()
    events.save_cursor(world.db, "slow", Cursor(first.txid, first.id - 1))
    assert forget(world.db) == 0, "one has not"

    read_everything(world.db, "slow")
    assert clean_up(world.db, Retention())["events"] > 0

    # The very newest stays, whatever it is about: a restored database is known by it.
    assert incidents_with_events(world.db) == {snapshot_of_heal(world.db, still_open.heal_id).id, last}
    assert over not in incidents_with_events(world.db)
    assert world.state(still_open.heal_id) is HealState.AWAITING_APPROVAL


def test_nothing_that_people_or_the_memory_ask_for_goes(world: Any, make: Any) -> None:
    journal = world.pr_open()
    record_pull_request_closed(world.db, make.closed(journal.heal_id, merged=True))
    finish_all(world.db)
    read_everything(world.db, "announcer")
    kept = (
        "incidents",
        "failures",
        "heals",
        "steps",
        "proposals",
        "decisions",
        "memories",
        "thread_notes",
        "links",
    )
    before = {table: count(world.db, table) for table in kept}
    assert before["decisions"] == before["proposals"] == 1
    age(world.db)

    assert forget(world.db) > 0

    assert {table: count(world.db, table) for table in kept} == before


def checkpoints(db: Database) -> list[str]:
    with db.transaction() as session:
        return list(session.scalars(text("SELECT thread_id FROM checkpoints ORDER BY thread_id")))


def test_where_a_heal_stood_in_the_graph_goes_once_no_move_leads_back_to_work(world: Any) -> None:
    recovered = world.red(branch="a").heal
    world.green(branch="a")
    waiting = world.awaiting(branch="b", fingerprint="b").heal_id
    left_to_people = world.red(branch="c").heal
    escalate(world.db, left_to_people, reason="no fix")
    age(world.db)
    assert "checkpoints" not in [name for name, gone in clean_up(world.db, Retention()).items() if gone]

    # As the graph's checkpointer makes them; no heal has run on this database.
    for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes"):
        run(world.db, f"CREATE TABLE {table} (thread_id text NOT NULL)")
        for heal in (recovered, waiting, left_to_people):
            run(world.db, f"INSERT INTO {table} VALUES ('{heal}'), ('{heal}')")

    assert clean_up(world.db, Retention(tasks=500))["checkpoints"] == 0
    assert clean_up(world.db, Retention())["checkpoints"] == 1
    assert set(checkpoints(world.db)) == {waiting, left_to_people}
    assert count(world.db, "checkpoint_blobs") == count(world.db, "checkpoint_writes") == 4


def test_done_tasks_of_an_open_incident_stay_and_tell_that_they_were_asked_for(world: Any) -> None:
    over = world.red(branch="a").heal
    still_open = world.awaiting(branch="b", fingerprint="b").heal_id
    finish_all(world.db)
    world.green(branch="a")
    finish_all(world.db)
    age(world.db)

    assert forget(world.db) > 0

    with world.db.transaction() as session:
        left = set(session.scalars(text("SELECT args->>'heal' FROM tasks WHERE done_at IS NOT NULL")))
    assert left == {still_open}
    assert over not in left
