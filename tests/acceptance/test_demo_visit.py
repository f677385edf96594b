"""What a visitor of the demo may try, before the story goes on without them."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from patchpilot.heals import HealState
from playground.samples import CHECKOUT
from playground.scenarios import OPEN_LEDGER, leave_to_visitor
from tests.signals import HEARS_SIGNALS

pytestmark = pytest.mark.acceptance


def test_an_escalated_incident_is_a_visitors_until_their_retry_has_ended(stage, renamed):
    sample, github = renamed(CHECKOUT, "visited"), stage.town.github
    github.wait_for_ci(sample.full_name, sample.create(github))
    job = stage.reach(sample.break_it(github), HealState.ESCALATED)
    stage.auto = False

    assert leave_to_visitor(stage, sample, job, seconds=0)["id"] == job["id"]
    with ThreadPoolExecutor(1) as pool:
        told = len(stage.notes)
        waiting = pool.submit(leave_to_visitor, stage, sample, job, seconds=86_400)
        stage.wait(lambda: len(stage.notes) > told, "the visitor to be told")
        assert "priya pushes a fix" in stage.notes[-1].text
        assert not waiting.done()
        answer = httpx.post(
            f"{stage.town.bot_url}/api/jobs/{job['id']}/decisions",
            json={"verb": "retry", "login": "ana", "text": "look at the README"},
            headers=stage.town.bearer,
        )
        assert answer.is_success, answer.text
        again = waiting.result(timeout=120)

    assert again["state"] == HealState.ESCALATED
    assert [one["verb"] for one in again["decisions"]] == ["retry"]


def test_a_visitor_may_subscribe_the_public_channel_to_the_ledger(stage, renamed):
    sample, town = renamed(OPEN_LEDGER, "subscribed"), stage.town
    town.github.wait_for_ci(sample.full_name, sample.create(town.github))

    assert town.slack.slash("ana", "#ci", f"/patchpilot subscribe {sample.full_name}").ok

    answers = stage.wait(
        lambda: [m.text for m in town.slack.ephemerals("ana") if sample.full_name in m.text], "the answer"
    )
    assert "Subscribed" in answers[-1]


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGHUP])
def test_the_demo_ends_while_a_story_waits_for_its_visitor(tmp_path, ending):
    terminal, inner = pty.openpty()
    demo = subprocess.Popen(
        [*HEARS_SIGNALS, sys.executable, "-m", "cli", "demo", "ledger", "--logs", str(tmp_path / "logs")],
        stdin=inner,
        stdout=inner,
        stderr=inner,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    os.close(inner)
    told = b""
    try:
        while b"press Approve" not in told:
            told += os.read(terminal, 65_536)
        demo.send_signal(ending)
        while b"Stopping" not in told:
            told += os.read(terminal, 65_536)
        assert b"cleared away" not in told
        demo.send_signal(ending)  # once more, from one who sees nothing happen
        while b"all is cleared away" not in told:
            told += os.read(terminal, 65_536)
        assert demo.wait(timeout=90) == 0
    finally:
        demo.kill()
        demo.wait()
        os.close(terminal)

    assert b"Still stopping" in told
    assert [each.name for each in tmp_path.iterdir()] == ["logs"]
    assert (tmp_path / "logs" / "bot.log").stat().st_size
