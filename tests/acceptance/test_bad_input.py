"""What is wrong outside ends in a sentence that says what to do, never in a stuck heal or a traceback."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
import sys

import httpx
import pytest

from patchpilot.heals import HealState
from playground.samples import LEDGER
from playground.stage import WAIT_SECONDS, wait_for

pytestmark = pytest.mark.acceptance

WORKFLOW_WITHOUT_COMMANDS = """\
name: CI
on: [push]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: acme/always-fails@v1
"""


@pytest.fixture
def red(stage, renamed):
    """Break a repository of the test's own after a fault was planned; returns the red commit."""

    def make(name: str, **fault) -> str:
        github = stage.town.github
        sample = renamed(LEDGER, name)
        assert github.wait_for_ci(sample.full_name, sample.create(github)) == "success"
        if fault:
            github.inject(**fault)
        sha = sample.break_it(github)
        assert github.wait_for_ci(sample.full_name, sha) == "failure"
        return sha

    return make


def delivered(home, payload, *, delivery: str) -> httpx.Response:
    body = json.dumps(payload).encode()
    digest = hmac.new(home.town.secrets.webhook.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "X-GitHub-Event": "workflow_run",
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": f"sha256={digest}",
        "Content-Type": "application/json",
    }
    return httpx.post(f"{home.town.bot_url}/api/webhooks/github", content=body, headers=headers, timeout=60)


def payload_for(stage, sample_name: str, sha: str, **changes):
    """The real payload of a run, changed."""
    delivery = next(
        d
        for d in stage.town.github.deliveries()
        if d.event == "workflow_run" and d.action == "completed" and sha.encode() in d.body
    )
    payload = json.loads(delivery.body)
    payload["workflow_run"].update(changes)
    return payload


def tells(stage, job) -> str:
    """What the card says, which must be for people."""
    cards = stage.wait(lambda: stage.cards(job["incident"]), "the card")
    stage.wait(lambda: "Needs a human" in stage.cards(job["incident"])[0].text, "the card to tell the end")
    text = cards[0].text + stage.cards(job["incident"])[0].text
    assert "Traceback" not in text
    assert "Error(" not in text
    return job["reason"]


def test_a_log_that_is_gone_is_said_so(stage, red):
    job = stage.reach(red("log-gone", kind="log_missing", times=50), HealState.ESCALATED)
    stage.town.github.core.faults.clear()

    assert "log" in tells(stage, job)


def test_a_log_of_100_mb_is_read_to_its_end(stage, red):
    job = stage.reach(red("log-large", kind="log_size", megabytes=100), HealState.AWAITING_APPROVAL)

    assert job["author"].startswith("fixer:")


def test_a_binary_log_is_said_so(stage, red):
    job = stage.reach(red("log-binary", kind="log_binary", times=50), HealState.ESCALATED)
    stage.town.github.core.faults.clear()

    assert "text" in tells(stage, job) or "binary" in tells(stage, job)


def test_a_workflow_without_commands_is_left_to_people_with_advice(stage, renamed):
    github = stage.town.github
    sample = renamed(LEDGER, "no-commands")
    assert github.wait_for_ci(sample.full_name, sample.create(github)) == "success"
    sha = github.push(
        sample.full_name,
        "main",
        author="jonas",
        message="Use the shared action",
        files={".github/workflows/ci.yml": WORKFLOW_WITHOUT_COMMANDS},
    )
    assert github.wait_for_ci(sample.full_name, sha) == "failure"

    job = stage.reach(sha, HealState.ESCALATED)

    assert tells(stage, job)


def test_a_repository_the_app_is_not_installed_on_is_named(home, stage, red):
    sha = red("unknown-repository-source")
    stage.reach(sha, HealState.AWAITING_APPROVAL)
    other = "d" * 40
    payload = payload_for(stage, "unknown-repository-source", sha, id=5_555_555, head_sha=other)
    payload["repository"].update(full_name="nobody/nothing", name="nothing")
    payload["workflow_run"]["head_repository"] = payload["repository"]
    payload["workflow_run"]["head_commit"]["id"] = other

    assert delivered(home, payload, delivery="unknown-1").status_code == 202
    job = stage.reach(other, HealState.ESCALATED)

    assert "nobody/nothing" in tells(stage, job)


def test_a_commit_that_can_not_be_fetched_any_more_is_said_so(home, stage, red):
    sha = red("commit-gone")
    stage.reach(sha, HealState.AWAITING_APPROVAL)
    other = "e" * 40
    payload = payload_for(stage, "commit-gone", sha, head_sha=other, run_attempt=1, id=7_777_777)
    payload["workflow_run"]["head_commit"]["id"] = other

    assert delivered(home, payload, delivery="commit-gone-1").status_code == 202
    job = stage.reach(other, HealState.ESCALATED)

    assert tells(stage, job)


def test_a_repository_that_can_not_be_cloned_is_named(stage, held, renamed):
    github = stage.town.github
    sample = renamed(LEDGER, "not-cloned")
    assert github.wait_for_ci(sample.full_name, sample.create(github)) == "success"
    with held("steps", "NEW.name = 'retrieve' AND NEW.finished_at IS NULL", seconds=8) as reached:
        sha = sample.break_it(github)
        assert wait_for(reached, seconds=WAIT_SECONDS)
        # The log has been read; now the repository is deleted, or our App is taken off it.
        with github.core.world.lock:
            del github.core.world.repositories[sample.full_name]
    job = stage.reach(sha, HealState.ESCALATED)

    assert "acme/not-cloned" in tells(stage, job)


def test_a_branch_deleted_before_the_approval_ends_with_a_reason(home, stage, renamed):
    github = stage.town.github
    sample = renamed(LEDGER, "branch-deleted")
    assert github.wait_for_ci(sample.full_name, sample.create(github)) == "success"
    # A branch beside main, with a workflow that runs on it.
    workflow = github.read_file(sample.full_name, ".github/workflows/ci.yml")
    sha = github.push(
        sample.full_name,
        "feature",
        author="jonas",
        message="Export entries",
        files={
            **dict(sample.breakage.files),
            ".github/workflows/ci.yml": workflow.replace("[main]", "[main, feature]"),
        },
    )
    assert github.wait_for_ci(sample.full_name, sha) == "failure"
    job = stage.reach(sha, HealState.AWAITING_APPROVAL)
    github.delete_branch(sample.full_name, "feature", by="jonas")

    stage.town.slack.press("ana", stage.town.channel, stage.approval(job).ts, "approve")
    ended = stage.reach(sha, HealState.ESCALATED)

    assert "feature" in ended["reason"]
    assert not github.pull_requests(sample.full_name)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"not json", 400),
        (b"[]", 400),
        (b'{"action": "completed"}', 400),
        (b'{"action": 7}', 400),
    ],
)
def test_a_signed_body_of_another_shape_is_a_400_with_a_sentence(home, body, status):
    digest = hmac.new(home.town.secrets.webhook.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "X-GitHub-Event": "workflow_run",
        "X-GitHub-Delivery": hashlib.sha256(body).hexdigest()[:32],
        "X-Hub-Signature-256": f"sha256={digest}",
        "Content-Type": "application/json",
    }

    answer = httpx.post(f"{home.town.bot_url}/api/webhooks/github", content=body, headers=headers)

    assert answer.status_code == status
    assert answer.json()["detail"]


def test_a_body_over_25_mb_is_refused(home):
    answer = httpx.post(
        f"{home.town.bot_url}/api/webhooks/github", content=b"x" * (26 * 1024 * 1024), timeout=30
    )

    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, "DATABASE_URL"),
        ({"DATABASE_URL": "mysql://x", "REDIS_URL": "redis://x"}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://x/y", "REDIS_URL": "redis://x"}, "GITHUB_WEBHOOK_SECRET"),
        (
            {
                "DATABASE_URL": "postgresql://x/y",
                "REDIS_URL": "redis://x",
                "GITHUB_WEBHOOK_SECRET": "s",
                "SLACK_BOT_TOKEN": "xoxb-1",
            },
            "SLACK_SIGNING_SECRET",
        ),
    ],
)
def test_an_unsigned_or_malformed_set_up_refuses_to_start(environment, named, tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "cli", "run", "bot"],
        env={"PATH": os.environ["PATH"], **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 2
    assert named in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("role", "named"), [("worker", "GITHUB_READER_APP_ID"), ("effects", "GITHUB_APP_ID")]
)
def test_a_role_without_its_credential_refuses_to_start(role, named, tmp_path):
    stores = {"DATABASE_URL": "postgresql://x/y", "REDIS_URL": "redis://127.0.0.1:1/0"}

    ended = subprocess.run(
        [sys.executable, "-m", "cli", "run", role],
        env={"PATH": os.environ["PATH"], **stores},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 2, ended.stderr
    assert named in ended.stderr
    assert "Traceback" not in ended.stderr
