"""``docker-compose.yml``: each role gets its own slice of the settings, and no more power than it needs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from patchpilot.settings import BotSettings, CommonSettings, EffectsSettings, WorkerSettings, described

SLICES = {
    "migrate": CommonSettings,
    "bot": BotSettings,
    "worker": WorkerSettings,
    "effects": EffectsSettings,
}
NEEDLESS = {"SANDBOX_TOOLBOX"}
"""For bubblewrap only; the containers use Docker."""
SECRETS = ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "GITHUB_WEBHOOK_SECRET", "SLACK_BOT_TOKEN")


@pytest.fixture
def compose_command() -> list[str]:
    """Compose itself: the engine's plugin, or the program of its own that Debian has."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(command[0])
            and not subprocess.run([*command, "version"], check=False, capture_output=True).returncode
        ):
            return command
    pytest.skip("Docker Compose is not installed")


@pytest.fixture
def project(root: Path, tmp_path: Path) -> Path:
    """The compose file in a folder of its own, so that no ``.env`` of the checkout is read."""
    shutil.copy(root / "docker-compose.yml", tmp_path)
    shutil.copytree(root / "deploy/sandbox", tmp_path / "deploy/sandbox")
    return tmp_path


def configured(command: list[str], project: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    (project / ".env").write_text("".join(f"{name}={value}\n" for name, value in env.items()))
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [*command, "config"], check=False, cwd=project, env=clean, capture_output=True, text=True
    )


@pytest.mark.parametrize("role", SLICES)
def test_a_role_is_handed_exactly_its_own_slice(compose, role):
    own = {name for name, _, _ in described(SLICES[role])} - NEEDLESS

    assert set(compose["services"][role]["environment"]) == own


@pytest.mark.parametrize(
    ("role", "never"),
    [
        ("bot", {"ANTHROPIC_API_KEY", "GITHUB_TOKEN", "GITHUB_PRIVATE_KEY"}),
        ("worker", {"GITHUB_TOKEN", "GITHUB_PRIVATE_KEY", "SLACK_BOT_TOKEN", "GITHUB_WEBHOOK_SECRET"}),
        ("effects", {"ANTHROPIC_API_KEY", "GITHUB_READER_TOKEN", "SLACK_BOT_TOKEN", "GITHUB_WEBHOOK_SECRET"}),
    ],
)  # fmt: skip
def test_no_role_holds_what_only_another_may(compose, role, never):
    service = compose["services"][role]

    assert not never & set(service["environment"])
    assert "env_file" not in service, "an env_file would hand the whole .env on"


def test_only_the_worker_reaches_the_docker_engine(compose):
    with_socket = {
        name
        for name, service in compose["services"].items()
        if any("docker.sock" in volume for volume in service.get("volumes", ())) or "group_add" in service
    }

    assert with_socket == {"worker"}


def test_no_service_is_privileged_and_none_may_gain_privileges(compose):
    for name, service in compose["services"].items():
        assert not {"privileged", "cap_add", "pid", "ipc", "userns_mode", "devices"} & set(service), name
        assert service.get("network_mode") != "host", name
        assert service["security_opt"] == ["no-new-privileges:true"], name


@pytest.mark.parametrize("role", SLICES)
def test_a_role_runs_without_capabilities_on_a_read_only_root(compose, role):
    service = compose["services"][role]

    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True
    assert "user" not in service, "the image's own user is not root"


def test_services_from_outside_are_pinned_to_a_version(compose):
    built = {"patchpilot:latest", "patchpilot-sandbox:latest"}
    images = {service["image"] for service in compose["services"].values()} - built

    assert len(images) == 2
    for image in images:
        assert re.search(r":\d+\.\d+\.\d+-\w+$", image), image


def test_whatever_stays_up_has_a_health_check(compose):
    staying = {
        name for name, service in compose["services"].items() if service["restart"] == "unless-stopped"
    }

    assert staying == {"postgres", "redis", "bot", "worker", "effects"}
    assert all("healthcheck" in compose["services"][name] for name in staying)


def test_nothing_but_the_bot_is_published_and_that_only_on_this_machine(compose):
    published = {
        name: service["ports"] for name, service in compose["services"].items() if "ports" in service
    }

    assert published == {"bot": ["${PATCHPILOT_LISTEN:-127.0.0.1}:${PATCHPILOT_PORT:-8000}:8000"]}


def test_no_secret_has_a_default(root):
    text = (root / "docker-compose.yml").read_text()

    assert not re.findall(r"\$\{\w*(?:TOKEN|SECRET|PASSWORD|KEY)\w*:?[-+]", text)


def test_a_missing_secret_names_itself_in_the_file(root):
    text = (root / "docker-compose.yml").read_text()

    for name in SECRETS:
        uses = re.findall(rf"\$\{{{name}\b[^}}]*\}}", text)
        assert uses
        assert all(use.startswith(f"${{{name}:?set {name} in .env") for use in uses)


def test_compose_accepts_the_file_and_hands_settings_on(compose_command, project):
    result = configured(compose_command, project, dict.fromkeys(SECRETS, "x1") | {"HEAL_MAX_DOLLARS": "2.50"})

    assert result.returncode == 0, result.stderr
    services = yaml.safe_load(result.stdout)["services"]
    assert services["worker"]["environment"]["HEAL_MAX_DOLLARS"] in {"2.50", 2.5}
    assert services["worker"]["environment"].get("LOG_LEVEL") is None
    assert (
        services["bot"]["environment"]["DATABASE_URL"]
        == "postgresql://patchpilot:x1@postgres:5432/patchpilot"
    )


@pytest.mark.parametrize("missing", SECRETS)
def test_compose_refuses_to_start_without_a_secret(compose_command, project, missing):
    result = configured(compose_command, project, {name: "x1" for name in SECRETS if name != missing})

    assert result.returncode != 0
    assert f"set {missing} in .env" in result.stderr


@pytest.mark.parametrize("role", ["bot", "worker", "effects"])
def test_a_role_without_its_settings_says_which_and_does_not_start(role, tmp_path):
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    result = subprocess.run(
        [sys.executable, "-m", "cli", "run", role],
        check=False,
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
    )

    assert result.returncode == 2
    assert "DATABASE_URL: is not set" in result.stderr


def test_alive_is_asked_as_the_compose_file_does(compose: dict[str, Any], root: Path) -> None:
    assert (root / "deploy/alive.py").is_file()
    for role in ("bot", "worker", "effects"):
        test = compose["services"][role]["healthcheck"]["test"]
        assert test[:3] == ["CMD", "python", "/usr/local/lib/patchpilot/alive.py"]
