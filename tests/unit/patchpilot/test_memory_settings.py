"""The memory's settings: what is half set or malformed stops the start and says what to write."""

from __future__ import annotations

import pytest

from patchpilot.errors import ConfigurationError
from patchpilot.settings import EmbedderKind, WorkerSettings, load
from patchpilot.source import Repo

STORES = {
    "DATABASE_URL": "postgresql://u:p@localhost/db",
    "REDIS_URL": "redis://localhost:6379/0",
    "GITHUB_READER_TOKEN": "token",
}
REMOTE = {
    **STORES,
    "MEMORY_EMBEDDER": "http",
    "MEMORY_EMBEDDER_URL": "http://localhost:11434/v1",
    "MEMORY_EMBEDDER_MODEL": "nomic-embed-text",
}


@pytest.fixture
def started(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in (*REMOTE, "MEMORY_SHARED", "MEMORY_EMBEDDER_KEY", "MEMORY_EMBEDDER_DIMENSIONS"):
        monkeypatch.delenv(name, raising=False)

    def start(values: dict[str, str]) -> WorkerSettings:
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        return load(WorkerSettings)

    return start


def test_by_default_nothing_leaves_and_nothing_is_shared(started):
    settings = started(STORES)

    assert settings.memory_embedder is EmbedderKind.HASHING
    assert settings.sharing.partners(Repo("github", "acme/widget")) == ()


def test_groups_are_read(started):
    settings = started({**STORES, "MEMORY_SHARED": "acme/* acme-labs/*, beta/web"})

    assert settings.sharing.partners(Repo("github", "acme-labs/x")) == ("acme/*", "acme-labs/*")


def test_a_malformed_group_stops_the_start(started):
    with pytest.raises(ConfigurationError, match=r"MEMORY_SHARED.*'acme'.*owner/name"):
        started({**STORES, "MEMORY_SHARED": "acme"})


@pytest.mark.parametrize("missing", ["MEMORY_EMBEDDER_URL", "MEMORY_EMBEDDER_MODEL"])
def test_a_service_needs_address_and_model(started, missing):
    assert started(REMOTE).memory_embedder is EmbedderKind.HTTP

    with pytest.raises(ConfigurationError, match=missing):
        started({**REMOTE, missing: ""})


@pytest.mark.parametrize(
    "url",
    [
        "localhost:11434",
        "ftp://x/v1",
        "http://",
        "http://[",
        "http://h:99999/",
        "https://u:p@h/v1",
        "https://h/v1?key=k",
    ],
)
def test_an_address_that_is_none_or_holds_a_secret_stops_the_start(started, url):
    with pytest.raises(ConfigurationError, match="MEMORY_EMBEDDER_URL"):
        started({**REMOTE, "MEMORY_EMBEDDER_URL": url})
