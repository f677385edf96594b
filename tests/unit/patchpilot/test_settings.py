"""Settings are one slice per role; what is missing or malformed stops the start with a sentence."""

from __future__ import annotations

import pytest

from patchpilot.errors import ConfigurationError
from patchpilot.settings import (
    BotSettings,
    EffectsSettings,
    LocalSettings,
    SandboxSettings,
    WorkerSettings,
    load,
)

STORES = {"DATABASE_URL": "postgresql://u:p@localhost/db", "REDIS_URL": "redis://localhost:6379/0"}
BOT = {
    **STORES,
    "GITHUB_WEBHOOK_SECRET": "whsec",
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_SIGNING_SECRET": "signing",
}


@pytest.fixture
def environment(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in [*BOT, "SLACK_APP_TOKEN", "ANTHROPIC_API_KEY", "HEAL_MAX_DOLLARS", "SANDBOX_ENGINE"]:
        monkeypatch.delenv(name, raising=False)

    def put(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return put


def test_a_complete_bot_starts(environment):
    environment(**BOT)

    assert load(BotSettings).slack_channel == "#ci"


@pytest.mark.parametrize("missing", ["DATABASE_URL", "REDIS_URL", "GITHUB_WEBHOOK_SECRET", "SLACK_BOT_TOKEN"])
def test_a_missing_secret_stops_the_bot_and_is_named(environment, missing):
    environment(**{name: value for name, value in BOT.items() if name != missing})

    with pytest.raises(ConfigurationError, match=missing):
        load(BotSettings)


def test_an_unsigned_set_up_is_refused(environment):
    environment(**{**BOT, "GITHUB_WEBHOOK_SECRET": " "})
    with pytest.raises(ConfigurationError, match="unsigned webhooks"):
        load(BotSettings)

    environment(**{**BOT, "SLACK_SIGNING_SECRET": ""})
    with pytest.raises(ConfigurationError, match="unsigned Slack requests"):
        load(BotSettings)


def test_socket_mode_needs_no_signing_secret(environment):
    environment(**{**BOT, "SLACK_SIGNING_SECRET": "", "SLACK_APP_TOKEN": "xapp-1"})

    assert load(BotSettings).slack_app_token.get_secret_value() == "xapp-1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://localhost/db"),
        ("REDIS_URL", "localhost:6379"),
        ("HEAL_MAX_DOLLARS", "-1"),
        ("HEAL_MAX_DOLLARS", "plenty"),
        ("STORM_PLACES", "-7"),
    ],
)
def test_a_malformed_setting_is_named_and_its_value_not_shown(environment, name, value):
    environment(**{**STORES, name: value})

    with pytest.raises(ConfigurationError, match=name) as caught:
        load(WorkerSettings)
    assert value not in str(caught.value)


def test_one_place_is_no_storm(environment):
    environment(**{**STORES, "STORM_PLACES": "1"})

    with pytest.raises(ConfigurationError, match="STORM_PLACES: must be 0"):
        load(WorkerSettings)


def test_a_slice_holds_no_other_roles_secrets():
    bot, worker, effects = (set(kind.model_fields) for kind in (BotSettings, WorkerSettings, EffectsSettings))

    assert "anthropic_api_key" not in bot | effects
    assert not {"github_private_key", "github_token"} & (bot | worker)
    assert not {"slack_bot_token", "github_webhook_secret"} & (worker | effects)


@pytest.mark.parametrize("kind", [SandboxSettings, WorkerSettings, LocalSettings])
def test_a_setting_of_a_slice_within_is_named_as_the_environment_has_it(environment, kind):
    environment(**STORES, SANDBOX_ENGINE="podman")

    with pytest.raises(ConfigurationError, match="SANDBOX_ENGINE: Input should be"):
        load(kind)


def test_a_log_level_that_is_none_is_refused_and_case_does_not_matter(environment):
    environment(**BOT, LOG_LEVEL="loud")
    with pytest.raises(ConfigurationError, match="LOG_LEVEL: must be one of DEBUG, INFO, WARNING, ERROR"):
        load(BotSettings)

    environment(LOG_LEVEL="warning")
    assert load(BotSettings).log_level == "WARNING"
