"""Asking for a rerun, and where a branch left another, against a GitHub on loopback."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from patchpilot.errors import ConfigurationError, NotFoundError, PermanentError
from patchpilot.settings import EffectsSettings
from patchpilot.source import Repo, RunRef, Sha
from providers.ci.github_actions import GitHubActions
from providers.hosts.github import GitHubHost
from providers.hosts.github_auth import GitHubAccess, PlainToken, rerun_access

ASKED = "POST .*/actions/runs/77/rerun-failed-jobs"


@pytest.fixture
def run(repo: Repo) -> RunRef:
    return RunRef(provider="github_actions", repo=repo, run_id="77", attempt=2)


@pytest.fixture
def settings(github: Any, pem: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> EffectsSettings:
    monkeypatch.chdir(tmp_path)
    return EffectsSettings(
        database_url=SecretStr("postgresql://u:p@localhost/x"),
        redis_url=SecretStr("redis://localhost"),
        github_api_url=github.api_url,
        github_app_id="7",
        github_private_key=SecretStr(pem),
        rerun_flaky=True,
    )


def test_a_rerun_asks_for_a_token_that_may_do_nothing_else(
    github: Any, settings: EffectsSettings, run: RunRef
) -> None:
    github.run_attempt = 2

    GitHubActions(rerun_access(settings)).rerun(run)

    assert github.count(ASKED) == 1
    assert github.tokens_asked == [
        {"repositories": ["widget"], "permissions": {"actions": "write", "metadata": "read"}}
    ]


def test_without_the_setting_no_such_token_is_asked_for(settings: EffectsSettings) -> None:
    with pytest.raises(ConfigurationError, match="RERUN_FLAKY"):
        rerun_access(settings.model_copy(update={"rerun_flaky": False}))


def test_a_run_with_a_later_attempt_is_left_alone(
    github: Any, settings: EffectsSettings, run: RunRef
) -> None:
    github.run_attempt = 3

    GitHubActions(rerun_access(settings)).rerun(run)

    assert github.count(ASKED) == 0


def test_a_run_that_is_no_number_never_becomes_a_path(settings: EffectsSettings, run: RunRef) -> None:
    with pytest.raises(PermanentError, match="no run id"):
        GitHubActions(rerun_access(settings)).rerun(replace(run, run_id="../77"))


@pytest.fixture
def host(github: Any, token: str, tmp_path: Path) -> GitHubHost:
    return GitHubHost(GitHubAccess(PlainToken(token), api_url=github.api_url), cache=tmp_path / "cache")


def test_a_branch_left_another_at_their_newest_common_commit(
    github: Any, host: GitHubHost, repo: Repo
) -> None:
    left = github.commit({"a": "one\n"})
    github.git("update-ref", "refs/heads/feature/x", left)
    head = github.commit({"b": "two\n"}, branch="feature/x")
    github.commit({"c": "three\n"})

    assert host.merge_base(repo, "main", Sha(head)) == left


def test_a_branch_that_is_gone_was_left_nowhere(github: Any, host: GitHubHost, repo: Repo) -> None:
    head = github.commit({"a": "one\n"})

    with pytest.raises(NotFoundError):
        host.merge_base(repo, "gone", Sha(head))
