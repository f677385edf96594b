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
    examine,
    load,
)

STORES = {"DATABASE_URL": "postgresql://u:p@localhost/db", "REDIS_URL": "redis://localhost:6379/0"}
BOT = {
    **STORES,
    "GITHUB_WEBHOOK_SECRET": "whsec",
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_SIGNING_SECRET": "signing",
    "GITHUB_READER_TOKEN": "token",
}


@pytest.fixture
def environment(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in [
        *BOT,
        "PUBLIC_URL",
        "SLACK_APP_TOKEN",
        "ANTHROPIC_API_KEY",
        "HEAL_MAX_DOLLARS",
        "SANDBOX_ENGINE",
    ]:
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


def test_what_compose_takes_from_a_comment_is_no_secret(environment):
    environment(**BOT | {"SLACK_SIGNING_SECRET": "# or SLACK_APP_TOKEN for Socket Mode"})

    with pytest.raises(ConfigurationError, match=r"SLACK_SIGNING_SECRET: is a comment.* lines of their own"):
        load(BotSettings)


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
    environment(**STORES, SANDBOX="some other program's", SANDBOX_ENGINE="podman")

    with pytest.raises(ConfigurationError, match="SANDBOX_ENGINE: must be 'auto'"):
        load(kind)


def test_a_log_level_that_is_none_is_refused_and_case_does_not_matter(environment):
    environment(**BOT, LOG_LEVEL="loud")
    with pytest.raises(ConfigurationError, match="LOG_LEVEL: must be one of DEBUG, INFO, WARNING, ERROR"):
        load(BotSettings)

    environment(LOG_LEVEL="warning")
    assert load(BotSettings).log_level == "WARNING"


def test_all_that_keeps_the_bot_from_starting_is_told_at_once(environment):
    environment(PUBLIC_URL="nope", RERUN_FLAKY="perhaps", GITHUB_READER_APP_ID="7")

    with pytest.raises(ConfigurationError) as caught:
        load(BotSettings)

    told = str(caught.value)
    assert told.count("\n") == 7
    for said in (
        "DATABASE_URL: is not set; write for instance postgresql://user:password@host:5432/patchpilot",
        "REDIS_URL: is not set",
        "PUBLIC_URL: must be an address",
        "GITHUB_WEBHOOK_SECRET: is not set",
        "SLACK_BOT_TOKEN: is not set",
        "neither SLACK_SIGNING_SECRET",
        "GITHUB_READER_PRIVATE_KEY is not set",
    ):
        assert said in told


@pytest.mark.parametrize("kind", [BotSettings, WorkerSettings, EffectsSettings])
def test_who_has_no_access_to_github_is_told_how_to_get_it(environment, kind):
    environment(**{**BOT, "GITHUB_READER_TOKEN": ""})

    with pytest.raises(
        ConfigurationError, match=r"no GitHub credentials: .* `patchpilot setup github` makes"
    ):
        load(kind)


def test_what_is_well_can_be_used_beside_what_is_not(environment):
    environment(**{**BOT, "SLACK_SIGNING_SECRET": "", "SLACK_CHANNEL": "#builds", "DATABASE_URL": "x"})

    found = examine(BotSettings)

    assert found.settings is not None
    assert found.settings.slack_channel == "#builds"
    assert found.unusable == {"DATABASE_URL", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN"}
    assert len(found.problems) == 2


def test_what_is_wrong_within_a_slice_hides_nothing_else(environment):
    environment(**STORES, SANDBOX_ENGINE="podman", GITHUB_READER_TOKEN="", HEAL_MAX_DOLLARS="plenty")

    assert len(examine(WorkerSettings).problems) == 3


def test_a_file_of_settings_that_is_no_text_is_told(environment, tmp_path):
    (tmp_path / ".env").write_bytes(b"\x89PNG\xff\xfe")

    with pytest.raises(ConfigurationError, match=r"\.env is no UTF-8 text"):
        load(BotSettings)


def test_a_heal_on_the_command_line_minds_no_other_programs_settings(environment):
    environment(PUBLIC_URL="/static", LOG_LEVEL="trace", DATABASE_URL="sqlite://")

    load(LocalSettings)
