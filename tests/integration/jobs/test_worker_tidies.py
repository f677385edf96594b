"""A worker clears away what another, killed one left: at its start, and again whatever it does then."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rq import Queue, Worker
from rq.serializers import JSONSerializer

from agent.heal import prepare_checkpoints
from jobs import worker
from jobs.queues import HEAL, connect
from jobs.roles import Role
from jobs.tasks import tidy
from patchpilot.settings import WorkerSettings
from playground.stage import wait_for
from sandbox import folders, reap


def test_tidying_goes_on_whatever_goes_wrong():
    tidied: queue.Queue[str] = queue.Queue()

    def broken() -> None:
        tidied.put("tried")
        raise OSError("the engine is away")

    with worker.tidied(broken, every=0.01):
        assert [tidied.get(timeout=90) for _ in range(3)] == ["tried"] * 3


WORKS = """
import sys, tempfile
from jobs import worker
tempfile.tempdir, worker.TIDY_SECONDS = sys.argv[1], 0.1
worker.run_worker("heal")
"""


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_a_leftover_goes_while_rq_waits_for_work_and_while_a_task_runs(
    state, database_url, redis_url, tmp_path
):
    given = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "GITHUB_READER_TOKEN": "t",
        "SANDBOX_LAYERS": str(tmp_path / "layers"),
    }
    redis = connect(redis_url)
    if state == "busy":
        Queue(HEAL, connection=redis, serializer=JSONSerializer).enqueue("time.sleep", 600)

    def in_state() -> bool:
        return [one.get_state() for one in Worker.all(connection=redis)] == [state]

    with subprocess.Popen([sys.executable, "-c", WORKS, str(tmp_path)], env=os.environ | given) as working:
        try:
            # Nothing is sent from here on: RQ's own maintenance would run again only after minutes.
            assert wait_for(in_state, seconds=60)
            leftover = tmp_path / f"{folders.PREFIX}dead"
            leftover.mkdir()
            os.utime(leftover, (0, 0))

            assert wait_for(lambda: not leftover.exists(), seconds=60)
            assert in_state()
        finally:
            working.kill()


def test_a_dead_worker_s_folder_goes_and_a_living_one_s_stays(database_url, redis_url, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    settings = WorkerSettings(
        _env_file=None, database_url=database_url, redis_url=redis_url, github_reader_token="t"
    )
    dead = tmp_path / f"{folders.PREFIX}dead"
    dead.mkdir()
    with folders.OwnedFolder() as alive:
        for folder in (dead, alive.path):
            os.utime(folder, (0, 0))

        tidy(Role(name="heal", settings=settings))

        assert (dead.exists(), alive.path.exists()) == (False, True)


HEALS_UNTIL_KILLED = """
import json, sys, tempfile, time
from jobs import tasks
from jobs.roles import Role
from patchpilot.settings import WorkerSettings

class Benches:
    engine, reason = "bubblewrap", ""
    def open(self, spec):
        print(spec.tree, flush=True)
        time.sleep(120)

given = json.load(sys.stdin)
tempfile.tempdir = given.pop("tempdir")
heal = given.pop("heal")
tasks._workbenches = lambda role: Benches()
tasks.heal(Role(name="heal", settings=WorkerSettings(_env_file=None, **given)), {"heal": heal})
"""


def test_the_checkout_of_a_worker_that_was_killed_in_a_heal_goes(life: Any, tmp_path, monkeypatch):
    place = tmp_path / "temporary"
    place.mkdir()
    prepare_checkpoints(life.db.checkpoint_pool())
    settings = life.roles[HEAL].settings
    given = {
        "tempdir": str(place),
        "heal": life.break_it(),
        "database_url": settings.database_url.get_secret_value(),
        "redis_url": "redis://localhost:1/0",
        "github_api_url": settings.github_api_url,
        "github_reader_app_id": settings.github_reader_app_id,
        "github_reader_private_key": settings.github_reader_private_key.get_secret_value(),
    }
    with subprocess.Popen(
        [sys.executable, "-c", HEALS_UNTIL_KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        with worker.stdin as told:
            json.dump(given, told)
        tree = Path(worker.stdout.readline().strip())
        assert (tree / "value.txt").read_text() == "bad\n"
        assert place in tree.parents
        monkeypatch.setattr("tempfile.tempdir", str(place))
        reap(settings.sandbox, older_than_seconds=0)
        assert tree.exists()
        worker.send_signal(signal.SIGKILL)
        worker.wait()

    for folder in place.iterdir():
        os.utime(folder, (0, 0))
    tidy(life.roles[HEAL])

    assert not list(place.iterdir())
