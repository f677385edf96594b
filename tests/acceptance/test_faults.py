"""Whatever dies or repeats itself: one card, one branch, one pull request, one decision."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta

import httpx
import psutil
import psycopg
import pytest
import redis

from patchpilot.grammar.values import DigestTime
from patchpilot.heals import HealState
from patchpilot.routing import Subscription
from playground.installation import ROLES
from playground.samples import CHECKOUT, LEDGER
from playground.stage import WAIT_SECONDS, wait_for
from storage.subscriptions import subscribe

pytestmark = pytest.mark.acceptance

NODES = {
    "ingest": ("steps", "NEW.name = 'ingest' AND NEW.finished_at IS NULL"),
    "diagnose": ("steps", "NEW.name = 'diagnose' AND NEW.finished_at IS NULL"),
    "retrieve": ("steps", "NEW.name = 'retrieve' AND NEW.finished_at IS NULL"),
    "generate": ("steps", "NEW.name = 'reproduce' AND NEW.finished_at IS NULL"),
    "validate": ("steps", "NEW.name LIKE 'validate%' AND NEW.finished_at IS NULL"),
    "decide": ("checkpoint_writes", "NEW.channel = '__interrupt__'"),
    "resolve": ("steps", "NEW.name = 'resolve' AND NEW.finished_at IS NULL"),
}
"""Where each node is held: in its own first write."""


def broken(stage, sample) -> str:
    github = stage.town.github
    green = sample.create(github)
    assert github.wait_for_ci(sample.full_name, green) == "success"
    red = sample.break_it(github)
    assert github.wait_for_ci(sample.full_name, red) == "failure"
    return red


def approved(stage, job, times: int = 1) -> None:
    card = stage.approval(job)
    with ThreadPoolExecutor(times) as pool:
        list(pool.map(lambda _: press(stage, card), range(times)))


def press(stage, card) -> None:
    stage.town.slack.press("ana", stage.town.channel, card.ts, "approve")


def ended_once(stage, sample, red) -> None:
    """One incident with one card, one branch of ours, one pull request."""
    job = stage.reach(red, HealState.PR_OPEN)
    assert len(stage.cards(job["incident"])) == 1
    assert [pull.state for pull in stage.town.github.pull_requests(sample.full_name)] == ["draft"]
    assert [decision["verb"] for decision in job["decisions"]] == ["approve"]
    thread = stage.town.slack.thread(stage.town.channel, stage.cards(job["incident"])[0].ts)
    keys = [message.metadata["event_payload"]["key"] for message in thread if message.metadata]
    assert len(keys) == len(set(keys)), keys


@contextmanager
def wiped(url, every: float = 0.1):
    stop = threading.Event()

    def wipe() -> None:
        with redis.Redis.from_url(url) as client:
            while not stop.wait(every):
                client.flushall()

    thread = threading.Thread(target=wipe)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("node", NODES)
def test_a_worker_killed_in_a_node_resumes_and_ends_once(node, home, stage, held, renamed):
    sample = renamed(LEDGER, f"killed-in-{node}")
    table, condition = NODES[node]
    green = sample.create(home.town.github)
    assert home.town.github.wait_for_ci(sample.full_name, green) == "success"

    with held(table, condition) as reached:
        red = sample.break_it(home.town.github)
        if node == "resolve":
            approved(stage, stage.reach(red, HealState.AWAITING_APPROVAL))
        assert wait_for(reached, seconds=WAIT_SECONDS)
        home.processes.kill("worker")

    job = stage.reach(red, HealState.AWAITING_APPROVAL, HealState.OPENING_PR, HealState.PR_OPEN)
    if node != "resolve":
        approved(stage, job)
    ended_once(stage, sample, red)


def test_a_worker_killed_while_escalating_still_escalates(home, stage, held, renamed):
    sample = renamed(CHECKOUT, "killed-in-escalate")
    green = sample.create(home.town.github)
    assert home.town.github.wait_for_ci(sample.full_name, green) == "success"

    with held("heals", "NEW.state = 'escalated'") as reached:
        red = sample.break_it(home.town.github)
        assert wait_for(reached, seconds=WAIT_SECONDS)
        home.processes.kill("worker")

    job = stage.reach(red, HealState.ESCALATED)
    stage.wait(lambda: stage.cards(job["incident"]), "the card")
    assert len(stage.cards(job["incident"])) == 1


def test_a_killed_work_horse_alone_is_made_up_for(home, stage, held, renamed):
    sample = renamed(LEDGER, "killed-horse")
    green = sample.create(home.town.github)
    assert home.town.github.wait_for_ci(sample.full_name, green) == "success"

    with held(*NODES["validate"]) as reached:
        red = sample.break_it(home.town.github)
        assert wait_for(reached, seconds=WAIT_SECONDS)
        for horse in psutil.Process(home.processes.pid("worker")).children():
            horse.send_signal(signal.SIGKILL)

    approved(stage, stage.reach(red, HealState.AWAITING_APPROVAL))
    ended_once(stage, sample, red)


def test_the_effects_process_killed_in_the_middle_opens_one_pull_request(home, stage, held, renamed):
    sample = renamed(LEDGER, "killed-effects")
    red = broken(stage, sample)
    job = stage.reach(red, HealState.AWAITING_APPROVAL)

    with held("heals", "NEW.state = 'pr_open'") as reached:
        approved(stage, job)
        assert wait_for(reached, seconds=WAIT_SECONDS)
        home.processes.kill("effects")

    ended_once(stage, sample, red)


def test_the_bot_killed_while_announcing_posts_each_message_once(home, stage, held, renamed):
    sample = renamed(LEDGER, "killed-bot")
    green = sample.create(home.town.github)
    assert home.town.github.wait_for_ci(sample.full_name, green) == "success"

    with held("effects", "NEW.key LIKE 'slack:diagnosis%' AND NEW.outside IS NOT NULL") as reached:
        red = sample.break_it(home.town.github)
        assert wait_for(reached, seconds=WAIT_SECONDS)
        home.processes.kill("bot")

    home.wait_until_ready()
    approved(stage, stage.reach(red, HealState.AWAITING_APPROVAL))
    ended_once(stage, sample, red)


def test_a_redis_that_is_wiped_all_the_time_loses_nothing(home, stage, renamed):
    sample = renamed(LEDGER, "wiped-redis")

    with wiped(home.redis_url):
        red = broken(stage, sample)
        approved(stage, stage.reach(red, HealState.AWAITING_APPROVAL))
        stage.reach(red, HealState.PR_OPEN)

    ended_once(stage, sample, red)


def test_the_same_webhook_ten_times_is_one_failure(home, stage, renamed):
    sample = renamed(LEDGER, "ten-deliveries")
    red = broken(stage, sample)
    job = stage.reach(red, HealState.AWAITING_APPROVAL)
    github = home.town.github
    delivery = next(
        d
        for d in github.deliveries()
        if d.event == "workflow_run" and d.action == "completed" and red.encode() in d.body
    )

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: github.redeliver(delivery.guid), range(10)))
    github.drain()

    listed = httpx.get(f"{home.town.bot_url}/api/jobs?limit=200", headers=home.town.bearer)
    jobs = listed.json()["jobs"]
    assert [j["id"] for j in jobs if j["commit"] == red] == [job["id"]]
    assert stage.detail(job["id"])["failures"] == 1


def test_twenty_approves_at_once_are_one_decision_and_one_pull_request(stage, renamed):
    sample = renamed(LEDGER, "twenty-approves")
    red = broken(stage, sample)

    approved(stage, stage.reach(red, HealState.AWAITING_APPROVAL), times=20)

    ended_once(stage, sample, red)


def test_a_forged_signature_is_refused_and_nothing_is_recorded(home):
    before = httpx.get(f"{home.town.bot_url}/api/metrics/summary").json()["failures"]
    headers = {
        "X-GitHub-Event": "workflow_run",
        "X-GitHub-Delivery": "11111111-2222-3333-4444-555555555555",
        "X-Hub-Signature-256": "sha256=" + "0" * 64,
        "Content-Type": "application/json",
    }

    forged = httpx.post(f"{home.town.bot_url}/api/webhooks/github", content=b"{}", headers=headers)
    del headers["X-Hub-Signature-256"]
    unsigned = httpx.post(f"{home.town.bot_url}/api/webhooks/github", content=b"{}", headers=headers)

    assert (forged.status_code, unsigned.status_code) == (401, 401)
    assert httpx.get(f"{home.town.bot_url}/api/metrics/summary").json()["failures"] == before


def test_a_killed_worker_leaves_no_sandbox_behind(home, stage, renamed):
    """The horse dies with its parent, and what it ran in the sandbox ends by itself."""
    before = sandboxes()
    sample = renamed(LEDGER, "no-leftovers")
    red = broken(stage, sample)
    home.processes.kill("worker")
    stage.reach(red, HealState.AWAITING_APPROVAL)

    stage.wait(lambda: not sandboxes() - before, "the sandboxes to end")


def sandboxes() -> set[int]:
    return {p.pid for p in psutil.process_iter(["name"]) if p.info["name"] == "bwrap"}


@contextmanager
def everything_down(home):
    for role in ROLES:
        home.processes.pause(role)
    try:
        yield
    finally:
        for role in ROLES:
            home.processes.resume(role)


def digest_asked_for(home, name) -> str:
    """A channel that asked four weeks ago for a digest on the day that was yesterday."""
    slack = home.town.slack
    channel = slack.add_channel(name, members=["ana"])
    [bot] = slack.workspace.apps.values()
    slack.invite(name, bot.bot_user)
    yesterday = DigestTime((datetime.now(UTC) - timedelta(days=1)).weekday(), time(9))
    subscribe(
        home.db,
        Subscription(
            team=slack.team_id, channel=channel, private=False, host="github", repo=f"acme/{name}",
            digest=yesterday, zone="UTC",
        ),
    )  # fmt: skip
    with psycopg.connect(home.database_url) as connection:
        connection.execute(
            "UPDATE subscriptions SET digest_since = now() - interval '28 days' WHERE channel = %s", [channel]
        )
    return channel


def test_a_digest_that_was_due_while_everything_was_down_comes_late_and_once(home, stage, renamed):
    sample = renamed(LEDGER, "late-digest")
    red = broken(stage, sample)
    stage.wait(lambda: stage.job(red), "the failure")
    with everything_down(home):
        late = digest_asked_for(home, "late-digest")

    with wiped(home.redis_url, every=2.0):
        stage.wait(lambda: home.town.slack.messages(late), "the late digest")
        home.processes.kill("bot")
        home.processes.kill("effects")
        # By the time that another one has come, whatever would be sent twice has been.
        other = digest_asked_for(home, "later-digest")
        stage.wait(lambda: home.town.slack.messages(other), "the digest of another channel")

    with psycopg.connect(home.database_url, autocommit=True) as connection:
        marked = "SELECT channel, ended FROM digests ORDER BY marked_at"
        ended = [(late, "sent"), (other, "sent")]
        stage.wait(lambda: connection.execute(marked).fetchall() == ended, "both to be booked as sent")
    assert len(home.town.slack.messages(late)) == len(home.town.slack.messages(other)) == 1
