"""``patchpilot doctor`` on a running installation, as an admin runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import redis
from rq import Worker

from playground.stage import wait_for
from storage.troubles import broken_places, clear_broken


def doctor(home, role: str, **changed: str) -> tuple[int, dict[str, tuple[str, str, str]]]:
    """Exit code, and level, text and what to do by subject."""
    environment = home.town.environment(role, database_url=home.database_url, redis_url=home.redis_url)
    done = subprocess.run(
        [sys.executable, "-m", "cli", "doctor", role, "--json"],
        env={"PATH": os.environ["PATH"], "HOME": "/tmp", **environment, **changed},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)["findings"]
    return done.returncode, {one["about"]: (one["level"], one["text"], one["mend"]) for one in found}


@pytest.fixture(scope="module", autouse=True)
def installed(home):
    """Both Apps are installed on an account that has a repository."""
    home.town.github.create_repository("acme/looked-at", collaborators={"ana": "admin"})
    with redis.Redis.from_url(home.redis_url) as client:
        # They are told to start together with the bot, and load more than it does.
        assert wait_for(lambda: len(Worker.all(connection=client)) >= 2, seconds=60)


@pytest.mark.parametrize("role", ["bot", "worker", "effects"])
def test_a_running_installation_is_found_well(home, role):
    code, found = doctor(home, role)

    assert (code, [about for about, (level, _, _) in found.items() if level == "failed"]) == (0, [])
    assert all(mend for level, _, mend in found.values() if level == "warning")
    assert found["database schema"][0] == "well"
    assert found["worker processes"][0] == "well"


def test_what_each_role_relies_on_is_looked_at(home):
    assert {"Slack token", "Slack scopes", "Slack channel"} <= set(doctor(home, "bot")[1])
    assert {"sandbox", "model"} <= set(doctor(home, "worker")[1])
    assert {"GitHub writer: events", "GitHub writer: webhook"} <= set(doctor(home, "effects")[1])


@pytest.mark.parametrize(
    ("role", "changed", "about", "mend"),
    [
        ("bot", {"SLACK_BOT_TOKEN": "xoxb-old"}, "Slack token", "Bot User OAuth Token"),
        ("bot", {"SLACK_CHANNEL": "#not-there"}, "Slack channel", "/invite in #not-there"),
        ("bot", {"GITHUB_WEBHOOK_SECRET": ""}, "bot settings", "patchpilot settings"),
        ("bot", {"REDIS_URL": "redis://127.0.0.1:1/0"}, "Redis", "check REDIS_URL"),
        ("bot", {"DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}, "database", "check DATABASE_URL"),
        ("bot", {"GITHUB_APP_CLIENT_SECRET": "another"}, "GitHub sign-in", "client secret"),
        ("bot", {"GITHUB_APP_CLIENT_ID": "Iv1.nobody"}, "GitHub sign-in", "client id"),
        ("bot", {"GITHUB_APP_CLIENT_ID": ""}, "GitHub sign-in", "GITHUB_APP_CLIENT_ID"),
        ("bot", {"PUBLIC_URL": "http://127.0.0.1:1"}, "GitHub sign-in", "client id"),
        ("bot", {"SLACK_ADMIN": "U0NOBODY"}, "SLACK_ADMIN", "member's id"),
        ("bot", {"SLACK_ESCALATION_GROUP": "@oncall"}, "SLACK_ESCALATION_GROUP", "group's id"),
        ("effects", {"GITHUB_APP_ID": "9"}, "GitHub writer", "GITHUB_APP_ID"),
        ("effects", {"GITHUB_APP_ID": "", "GITHUB_TOKEN": "ghp_old"}, "GitHub writer", "GITHUB_TOKEN"),
        (
            "worker",
            {"GITHUB_READER_APP_ID": "", "GITHUB_READER_TOKEN": "ghp_old"},
            "GitHub reader",
            "GITHUB_READER_TOKEN",
        ),
        (
            "effects",
            {"GITHUB_APP_ID": "", "GITHUB_TOKEN": "t", "GITHUB_API_URL": "http://127.0.0.1:1/api/v3"},
            "GitHub writer",
            "a proxy (HTTPS_PROXY) and GITHUB_API_URL",
        ),
        ("worker", {"ANTHROPIC_MODEL": "claude-0"}, "model", "ANTHROPIC_MODEL"),
        ("worker", {"SANDBOX_PREPARE_CA": "/nope"}, "SANDBOX_PREPARE_CA", "PEM file"),
        ("worker", {"PUBLIC_URL": "nope"}, "worker settings", "patchpilot settings"),
        (
            "worker",
            {
                "MEMORY_EMBEDDER": "http",
                "MEMORY_EMBEDDER_URL": "http://127.0.0.1:1/v1",
                "MEMORY_EMBEDDER_MODEL": "m",
            },
            "embedder",
            "MEMORY_EMBEDDER_",
        ),
        (
            "worker",
            {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": "http://127.0.0.1:1"},
            "model",
            "ANTHROPIC_BASE_URL",
        ),
    ],
)
def test_what_is_broken_is_named_with_what_to_do(home, role, changed, about, mend):
    code, found = doctor(home, role, **changed)

    assert code == 1
    assert found[about][0] == "failed"
    assert mend in found[about][2]


def test_a_plain_token_that_github_answers_to_is_found_well(home):
    token = home.town.github.token_for("ana")
    code, found = doctor(home, "effects", GITHUB_APP_ID="", GITHUB_PRIVATE_KEY="", GITHUB_TOKEN=token)

    assert code == 0
    assert found["GitHub writer"][:2] == ("well", "GitHub answers to the token")
    assert found["GitHub writer: permissions"][0] == "note"


def test_a_channel_that_messages_do_not_get_to_is_named_with_what_to_do(home):
    slack = home.town.slack
    channel = slack.add_channel("old", members=list(home.town.members.values()))
    slack.invite("old", next(app.bot_user for app in slack.workspace.apps.values()))
    slack.archive("old")
    try:
        assert wait_for(lambda: channel in {row.place for row in broken_places(home.db)}, seconds=60)
        _, found = doctor(home, "bot")
    finally:
        slack.workspace.channel(channel).archived = False
        clear_broken(home.db, channel)

    level, text, mend = found[f"Slack messages to {channel}"]
    assert level == "warning"
    assert "is_archived" in text
    assert "unarchive it" in mend


def test_what_is_well_is_looked_at_beside_settings_that_are_not(home):
    _, found = doctor(home, "worker", DATABASE_URL="", REDIS_URL="", GITHUB_READER_APP_ID="")

    level, text, _ = found["worker settings"]
    assert level == "failed"
    assert {"sandbox", "model", "embedder"} <= set(found)
    assert not {"database", "Redis", "GitHub reader"} & set(found)
    assert "DATABASE_URL" in text
    assert "GITHUB_READER_APP_ID" in text


def test_a_webhook_secret_that_is_not_the_app_s_shows_in_the_deliveries(home):
    """GitHub signs with another secret than the bot checks, and each delivery is turned away."""
    github = home.town.github
    app = next(app for app in github.core.world.apps.values() if app.webhook_url)
    said = app.webhook_secret
    app.webhook_secret = "another"
    try:
        github.create_repository("acme/wrong-secret", collaborators={"ana": "admin"})
        github.push("acme/wrong-secret", "main", author="ana", message="Begin", files={"README.md": "# x\n"})
        number = github.open_pull_request(
            "acme/wrong-secret", head=_branch(github), base="main", title="Change", by="ana"
        )
        github.comment("acme/wrong-secret", number, by="ana", body="hello")
        github.drain()
        _, found = doctor(home, "effects")
    finally:
        app.webhook_secret = said

    level, text, mend = found["GitHub writer: webhook"]
    assert level in {"failed", "warning"}
    assert "deliver" in text
    assert mend


def _branch(github) -> str:
    github.push("acme/wrong-secret", "change", author="ana", message="Change", files={"README.md": "# y\n"})
    return "change"
