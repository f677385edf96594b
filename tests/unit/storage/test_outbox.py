from concurrent.futures import ThreadPoolExecutor

from storage.database import Database
from storage.tasks import add_task, claim_task, due_tasks, finish_task, postpone_task, renew_task


def _add(db: Database, *keys: str, delay: float = 0) -> None:
    with db.transaction() as session:
        for key in keys:
            add_task(session, queue="heal", name="a.b", args={"heal": "1"}, key=key, delay_seconds=delay)


def test_a_task_is_sent_once_and_again_when_nobody_did_it(database: Database) -> None:
    _add(database, "k")

    first = due_tasks(database)

    assert [(task.queue, task.name, task.args) for task in first] == [("heal", "a.b", {"heal": "1"})]
    assert due_tasks(database) == []
    assert len(due_tasks(database, resend_after=0)) == 1


def test_the_same_key_is_one_task_even_when_done(database: Database) -> None:
    _add(database, "k", "k")
    task = claim_task(database, due_tasks(database)[0].id, owner="a", seconds=60)
    finish_task(database, task)
    _add(database, "k")

    assert due_tasks(database, resend_after=0) == []


def test_a_delayed_task_waits(database: Database) -> None:
    _add(database, "k", delay=60)

    assert due_tasks(database) == []


def test_relays_beside_each_other_share_the_tasks(database: Database) -> None:
    _add(database, *[f"k{number}" for number in range(40)])

    with ThreadPoolExecutor(4) as pool:
        sent = [
            task.id for tasks in pool.map(lambda _: due_tasks(database, limit=10), range(8)) for task in tasks
        ]

    sent += [task.id for task in due_tasks(database)]
    assert len(sent) == len(set(sent)) == 40


def test_one_worker_claims_a_task(database: Database) -> None:
    _add(database, "k")
    number = due_tasks(database)[0].id

    with ThreadPoolExecutor(8) as pool:
        claims = list(
            pool.map(lambda name: claim_task(database, number, owner=str(name), seconds=60), range(8))
        )

    assert sum(claim is not None for claim in claims) == 1
    assert due_tasks(database, resend_after=0) == []


def test_a_claim_that_ran_out_is_another_workers_and_the_first_changes_nothing(database: Database) -> None:
    _add(database, "k")
    number = due_tasks(database)[0].id
    first = claim_task(database, number, owner="a", seconds=0)
    second = claim_task(database, number, owner="b", seconds=60)

    assert second.attempts == 2
    assert not renew_task(database, first, seconds=60)
    finish_task(database, first)
    postpone_task(database, first, seconds=0, error="late")
    assert renew_task(database, second, seconds=60)
    finish_task(database, second)
    assert claim_task(database, number, owner="c", seconds=60) is None
    assert not renew_task(database, second, seconds=60)


def test_a_postponed_task_comes_back(database: Database) -> None:
    _add(database, "k")
    task = claim_task(database, due_tasks(database)[0].id, owner="a", seconds=60)

    postpone_task(database, task, seconds=60, error="GitHub is away")
    assert claim_task(database, task.id, owner="a", seconds=60) is None
    assert due_tasks(database, resend_after=0) == []

    with database.transaction() as session:
        from sqlalchemy import text

        session.execute(text("UPDATE tasks SET not_before = now()"))
    assert [item.id for item in due_tasks(database)] == [task.id]


def test_an_unknown_task_can_not_be_claimed(database: Database) -> None:
    assert claim_task(database, 99, owner="a", seconds=60) is None
