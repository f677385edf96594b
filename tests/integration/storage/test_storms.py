"""Many things at once, in any order: what the database promises must hold whoever comes first."""

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import text

from patchpilot.commands import Actor, Command, Medium, Verb
from patchpilot.errors import LeaseLostError, PermanentError
from patchpilot.events import Cursor
from patchpilot.failures import Category, DistilledFailure, RunFinished
from patchpilot.heals import OPEN, HealState
from patchpilot.source import Repo, RunRef, Sha
from storage import events
from storage.budget import BudgetLimits
from storage.database import Database
from storage.decisions import decide
from storage.heals import take_heal
from storage.incidents import heals, open_incidents
from storage.intake import record_failure, record_success
from storage.tasks import add_task, claim_task, due_tasks, finish_task

LIMITS = BudgetLimits(
    heal_max_dollars=Decimal(1),
    heal_max_tokens=10,
    repo_day_max_dollars=Decimal(1),
    repo_day_max_tokens=100_000,
)
START = datetime(2026, 1, 1, tzinfo=UTC)


def _run(number: int, delivery: int, *, succeeded: bool = False) -> RunFinished:
    return RunFinished(
        delivery_id=f"d{number}-{delivery}",
        run=RunRef(provider="github_actions", repo=Repo("github", f"acme/r{number % 5}"), run_id=str(number)),
        workflow=f"w{number % 2}",
        branch="main",
        head_sha=Sha(f"{number:040x}"),
        succeeded=succeeded,
        finished_at=START + timedelta(minutes=number),
    )


def test_shuffled_repeated_deliveries_make_one_heal_per_run(database: Database) -> None:
    deliveries = [_run(number, copy % 3) for number in range(100) for copy in range(6)]
    random.Random(7).shuffle(deliveries)

    with ThreadPoolExecutor(8) as pool:
        recorded = list(pool.map(lambda event: record_failure(database, event), deliveries))

    assert sum(not item.duplicate for item in recorded) == 100
    assert len(heals(database, limit=1000)) == 100
    with database.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM tasks")) == 100


def _work(database: Database, heal: str, chance: random.Random) -> None:
    journal = take_heal(database, heal, owner="w", seconds=60, budget=LIMITS)  # type: ignore[arg-type]
    if journal is None:
        return
    try:
        journal.move(HealState.INGESTING)
        fingerprint = f"f{chance.randrange(3)}"
        if journal.settle(
            DistilledFailure(text="", category=Category.TEST, fingerprint=fingerprint, cause=fingerprint)
        ).joined:
            return
        journal.move(HealState.DIAGNOSING)
        journal.move(chance.choice([HealState.REPAIRING, HealState.FLAKY, HealState.ESCALATED]))
    except (LeaseLostError, PermanentError):
        return  # A green run or a person was quicker.


def test_workers_webhooks_and_people_at_once_leave_nothing_half_done(database: Database) -> None:
    chance = random.Random(11)
    queued = [record_failure(database, _run(number, 0)).heal for number in range(60)]

    def act(number: int) -> None:
        match number % 4:
            case 0 | 1:
                _work(database, queued[number % 60] or "", random.Random(number))
            case 2:
                late = 30 + number % 40
                record_success(database, _run(1000 + number, 0, succeeded=True)) if number % 12 == 2 else (
                    record_failure(database, _run(2000 + late, number))
                )
            case _:
                actor = Actor(medium=Medium.API, name="ana")
                decide(
                    database,
                    Command(
                        verb=chance.choice(list(Verb)), actor=actor, incident=1 + number % 20, key=str(number)
                    ),
                )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(act, range(240)))

    _check_invariants(database)


def _check_invariants(database: Database) -> None:
    with database.transaction() as session:
        states = dict(session.execute(text("SELECT id, state FROM heals")).all())  # type: ignore[arg-type]
        incidents = session.execute(text("SELECT id, heal_id, open, failures FROM incidents")).all()
        counted = Counter(
            dict(session.execute(text("SELECT incident_id, count(*) FROM heals GROUP BY 1")).all())  # type: ignore[arg-type]
        )
    assert all(row.open == (HealState(states[row.heal_id]) in OPEN) for row in incidents)
    assert all(row.failures <= counted[row.id] for row in incidents if row.open)
    fingerprints = [
        (found.repo, found.branch, found.fingerprint)
        for found in open_incidents(database)
        if found.fingerprint
    ]
    assert len(fingerprints) == len(set(fingerprints))
    told = [event for _, event in events.read(database, Cursor(), limit=10_000)]
    told.sort(key=lambda event: event.id)
    last = {event.heal: event.data["to"] for event in told if "to" in event.data}
    assert all(states[heal] == state for heal, state in last.items())


def test_readers_of_a_busy_log_miss_nothing_and_see_nothing_twice(database: Database) -> None:
    incident = record_failure(database, _run(1, 0)).incident
    assert incident is not None
    seen: list[object] = []

    def write(number: int) -> None:
        from patchpilot.events import EventKind

        with database.transaction() as session:
            for part in range(3):
                events.append(
                    session, EventKind.NOTE, incident=incident, heal="", data={"text": f"{number}.{part}"}
                )
            session.execute(text("SELECT pg_sleep(random() * 0.01)"))

    with ThreadPoolExecutor(6) as pool:
        writers = [pool.submit(write, number) for number in range(80)]
        cursor = Cursor()
        while not all(writer.done() for writer in writers):
            part = events.read(database, cursor, limit=7)
            seen += [event.data.get("text") for _, event in part]
            cursor = part[-1][0] if part else cursor
    while rest := events.read(database, cursor):
        seen += [event.data.get("text") for _, event in rest]
        cursor = rest[-1][0]

    notes = [text_ for text_ in seen if text_]
    assert sorted(map(str, notes)) == sorted(f"{number}.{part}" for number in range(80) for part in range(3))


def test_every_task_is_done_once_by_many_workers_though_some_die(database: Database) -> None:
    with database.transaction() as session:
        for number in range(60):
            add_task(session, queue="heal", name="n", args={"n": str(number)}, key=str(number))
    done: Counter[str] = Counter()

    def work(seed: int) -> None:
        chance = random.Random(seed)
        while tasks := due_tasks(database, limit=5, resend_after=0.02):
            for sent in tasks:
                dies = chance.random() < 0.2
                task = claim_task(database, sent.id, owner=str(seed), seconds=0.01 if dies else 60)
                if task is None or dies:
                    continue
                done[task.args["n"]] += 1
                finish_task(database, task)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    for _ in range(1000):
        # What died is due again only after a moment, and a loop that finds nothing due ends.
        if len(done) == 60:
            break
        time.sleep(0.02)
        work(99)

    assert done == Counter({str(number): 1 for number in range(60)})
