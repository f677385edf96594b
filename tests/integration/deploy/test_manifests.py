"""The Slack and GitHub manifests say what the code asks for: no less, and no more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.slack.needs import EVENTS, SCOPES
from patchpilot.grammar import VERBS, Way
from providers.hosts.github_auth import READER, WRITER

ENOUGH = {"read": {"read", "write"}, "write": {"write"}}


def github(root: Path, name: str) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((root / "deploy" / name).read_text())
    return manifest


HTTP, SOCKET = "slack-manifest.yaml", "slack-manifest-socket.yaml"


def slack(root: Path, name: str) -> dict[str, Any]:
    manifest: dict[str, Any] = yaml.safe_load((root / "deploy" / name).read_text())
    return manifest


def addresses(node: object) -> Iterator[str]:
    """Everything in a manifest that says where Slack sends to."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in {"url", "request_url", "redirect_urls"}:
                yield from [value] if isinstance(value, str) else value
            else:
                yield from addresses(value)
    elif isinstance(node, list):
        for one in node:
            yield from addresses(one)


def without_addresses(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: without_addresses(value)
            for key, value in node.items()
            if key not in {"url", "request_url", "redirect_urls", "socket_mode_enabled"}
        }
    return [without_addresses(one) for one in node] if isinstance(node, list) else node


@pytest.mark.parametrize("name", [HTTP, SOCKET])
def test_slack_is_asked_for_the_scopes_that_the_code_needs(root, name):
    assert sorted(slack(root, name)["oauth_config"]["scopes"]["bot"]) == sorted(SCOPES)


@pytest.mark.parametrize("name", [HTTP, SOCKET])
def test_slack_sends_the_events_that_the_code_handles(root, name):
    subscriptions = slack(root, name)["settings"]["event_subscriptions"]

    assert sorted(subscriptions["bot_events"]) == sorted(EVENTS)


def test_slack_posts_everything_to_the_one_address_that_the_bot_serves(root):
    base = "https://patchpilot.example.com/slack"

    assert set(addresses(slack(root, HTTP))) == {f"{base}/events", f"{base}/oauth_redirect"}


def test_with_socket_mode_slack_is_told_of_no_address(root):
    assert list(addresses(slack(root, SOCKET))) == []
    assert slack(root, SOCKET)["settings"]["socket_mode_enabled"] is True
    assert slack(root, HTTP)["settings"]["socket_mode_enabled"] is False


def test_both_slack_manifests_make_the_same_app(root):
    assert without_addresses(slack(root, SOCKET)) == without_addresses(slack(root, HTTP))


def test_slack_hints_at_every_verb_that_can_be_typed(root):
    [command] = slack(root, HTTP)["features"]["slash_commands"]

    assert command["command"] == "/patchpilot"
    assert command["usage_hint"].split(" | ") == [v.name for v in VERBS.values() if Way.SLASH in v.ways]


# https://docs.slack.dev/reference/app-manifest
def test_slack_takes_the_manifests_texts(root):
    made = slack(root, HTTP)
    [command] = made["features"]["slash_commands"]

    assert len(made["display_information"]["name"]) <= 35
    assert len(made["display_information"]["description"]) <= 140
    assert len(command["description"]) <= 2_000
    assert len(command["usage_hint"]) <= 1_000


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
        ("pull_request_review", "pull_requests"),
        ("pull_request_review_comment", "pull_requests"),
        ("push", "contents"),
        ("check_run", "checks"),
    ],
)
def test_the_app_that_hears_webhooks_has_the_permission_behind_each(root, event, permission):
    app = github(root, "github-app.json")

    assert event in app["default_events"]
    assert permission in app["default_permissions"]


def test_the_app_hears_no_event_beyond_those(root):
    events = github(root, "github-app.json")["default_events"]

    assert sorted(events) == [
        "check_run",
        "issue_comment",
        "pull_request",
        "pull_request_review",
        "pull_request_review_comment",
        "push",
        "workflow_run",
    ]


def test_people_sign_in_with_the_app_that_can_write_nothing(root):
    reader, writer = github(root, "github-app-reader.json"), github(root, "github-app.json")

    assert reader["callback_urls"] == ["https://patchpilot.example.com/auth/github/callback"]
    assert "callback_urls" not in writer
