"""The Slack and GitHub manifests say what the code asks for: no less, and no more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from playground.town import EVENTS, SCOPES
from providers.hosts.github_auth import READER, WRITER

ENOUGH = {"read": {"read", "write"}, "write": {"write"}}


def github(root: Path, name: str) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((root / "deploy" / name).read_text())
    return manifest


@pytest.fixture(scope="module")
def slack(root: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = yaml.safe_load((root / "deploy/slack-manifest.yaml").read_text())
    return manifest


def test_slack_is_asked_for_the_scopes_that_the_playground_grants(slack):
    assert sorted(slack["oauth_config"]["scopes"]["bot"]) == sorted(SCOPES)


def test_slack_sends_the_events_that_the_playground_sends(slack):
    assert sorted(slack["settings"]["event_subscriptions"]["bot_events"]) == sorted(EVENTS)


def test_slack_posts_everything_to_the_one_address_that_the_bot_serves(slack):
    addresses = {
        slack["settings"]["event_subscriptions"]["request_url"],
        slack["settings"]["interactivity"]["request_url"],
        *(command["url"] for command in slack["features"]["slash_commands"]),
    }

    assert addresses == {"https://patchpilot.example.com/slack/events"}
    assert [command["command"] for command in slack["features"]["slash_commands"]] == ["/patchpilot"]


@pytest.mark.parametrize(("name", "asked"), [("github-app.json", WRITER), ("github-app-reader.json", READER)])
def test_a_github_app_may_do_what_its_role_asks_a_token_for(root, name, asked):
    granted = github(root, name)["default_permissions"]

    for permission, level in asked.items():
        assert granted.get(permission) in ENOUGH[level], permission


@pytest.mark.parametrize("name", ["github-app.json", "github-app-reader.json"])
def test_no_github_app_may_touch_workflows_secrets_or_settings(root, name):
    granted = set(github(root, name)["default_permissions"])

    assert granted <= {"actions", "checks", "contents", "issues", "metadata", "pull_requests"}


def test_the_reader_can_write_nothing_and_hears_nothing(root):
    reader = github(root, "github-app-reader.json")

    assert set(reader["default_permissions"].values()) == {"read"}
    assert reader["default_events"] == []
    assert reader["hook_attributes"]["active"] is False


# GitHub sends an event only to Apps with the permission it belongs to:
# https://docs.github.com/en/webhooks/webhook-events-and-payloads
@pytest.mark.parametrize(
    ("event", "permission"),
    [
        ("workflow_run", "actions"),
        ("issue_comment", "issues"),
        ("pull_request", "pull_requests"),
        ("check_run", "checks"),
    ],
)
def test_the_app_that_hears_webhooks_has_the_permission_behind_each(root, event, permission):
    app = github(root, "github-app.json")

    assert event in app["default_events"]
    assert permission in app["default_permissions"]


def test_the_app_hears_no_event_beyond_those(root):
    events = github(root, "github-app.json")["default_events"]

    assert sorted(events) == ["check_run", "issue_comment", "pull_request", "workflow_run"]
