"""Credentials, token cache, and GitHub's errors as ours."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import pytest

from patchpilot.errors import (
    ConfigurationError,
    NotFoundError,
    PatchPilotError,
    PermanentError,
    TemporaryError,
)
from patchpilot.settings import EffectsSettings, GitHubReaderSettings
from patchpilot.source import HostUser, Permission, Repo, Sha
from providers.hosts.github import MAX_DIFF_CHARS, GitHubHost
from providers.hosts.github_auth import (
    READER,
    WRITER,
    AppKey,
    GitHubAccess,
    PlainToken,
    reader_access,
    writer_access,
)

ANA = HostUser(host="github", login="ana", id=1)


@pytest.fixture
def host(github: Any, token: str, tmp_path: Path) -> GitHubHost:
    return GitHubHost(GitHubAccess(PlainToken(token), api_url=github.api_url), cache=tmp_path / "cache")


def reader(**values: str) -> GitHubReaderSettings:
    return GitHubReaderSettings(_env_file=None, **values)  # type: ignore[call-arg, arg-type]


def effects(**values: str) -> EffectsSettings:
    stores = {"database_url": "postgresql://u:p@h/d", "redis_url": "redis://h"}
    return EffectsSettings(_env_file=None, **stores, **values)  # type: ignore[call-arg, arg-type]


# --- tokens -------------------------------------------------------------------------------------------


def test_an_installation_token_is_asked_once_per_repository_with_named_permissions(
    github: Any, pem: str, repo: Repo, token: str
) -> None:
    access = GitHubAccess(AppKey("7", pem), api_url=github.api_url, permissions=WRITER, writes=True)

    assert [access.token_for(repo) for _ in range(5)] == [token] * 5
    access.token_for(Repo("github", "acme/other"))

    assert github.tokens_asked == [
        {"repositories": ["widget"], "permissions": dict(WRITER)},
        {"repositories": ["other"], "permissions": dict(WRITER)},
    ]
    assert "workflows" not in {**READER, **WRITER}


def test_a_token_is_renewed_five_minutes_before_its_end(github: Any, pem: str, repo: Repo) -> None:
    now = time.time()
    access = GitHubAccess(AppKey("7", pem), api_url=github.api_url, clock=lambda: now)
    access.token_for(repo)
    now += 3600 - 330
    access.token_for(repo)
    assert len(github.tokens_asked) == 1
    now += 60
    access.token_for(repo)
    assert len(github.tokens_asked) == 2


def test_a_revoked_token_is_asked_anew_next_time(
    github: Any, pem: str, repo: Repo, fault: Any, tmp_path: Path
) -> None:
    access = GitHubAccess(AppKey("7", pem), api_url=github.api_url)
    host = GitHubHost(access, cache=tmp_path)
    github.faults.append(fault("permission", 401, message="Bad credentials"))
    with pytest.raises(PermanentError, match="refused the credentials"):
        host.permission(repo, ANA)

    assert host.permission(repo, ANA) is Permission.NONE
    assert len(github.tokens_asked) == 2


def test_an_app_that_is_not_installed_says_where_to_install_it(github: Any, pem: str, repo: Repo) -> None:
    github.installed = False
    access = GitHubAccess(AppKey("7", pem), api_url=github.api_url)
    with pytest.raises(NotFoundError, match="install the App on acme/widget"):
        access.token_for(repo)


def test_a_permission_that_was_not_granted_is_named(github: Any, pem: str, repo: Repo, fault: Any) -> None:
    said = "The permissions requested are not granted to this installation."
    github.faults.append(fault("access_tokens", 422, message=said))
    access = GitHubAccess(AppKey("7", pem), api_url=github.api_url)
    with pytest.raises(PermanentError, match=r"grant it contents: read, actions: read"):
        access.token_for(repo)


def test_no_log_at_any_level_holds_a_token(
    github: Any, pem: str, repo: Repo, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    access = GitHubAccess(AppKey("7", pem), api_url=github.api_url)
    with access.session(repo, "looking") as session:
        session.text("", "application/json")
    assert token not in caplog.text
    assert pem not in repr(AppKey("7", pem))
    assert token not in repr(PlainToken(token))


# --- settings -----------------------------------------------------------------------------------------


def test_settings_give_an_app_or_a_token(pem: str, tmp_path: Path, github: Any, repo: Repo) -> None:
    file = tmp_path / "key.pem"
    file.write_text(pem)
    for key in (pem, str(file), pem.replace("\n", "\\n")):
        access = reader_access(
            reader(github_api_url=github.api_url, github_reader_app_id="7", github_reader_private_key=key)
        )
        assert access.app_id == 7
        assert access.token_for(repo)
    assert writer_access(effects(github_token="t")).token_for(repo) == "t"
    assert writer_access(effects(github_token="t")).writes
    assert not reader_access(reader(github_reader_token="t")).writes


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "no GitHub credentials: set GITHUB_READER_APP_ID"),
        ({"github_reader_app_id": "7"}, "GITHUB_READER_PRIVATE_KEY is not set"),
        ({"github_reader_private_key": "x"}, "GITHUB_READER_APP_ID is not set"),
        ({"github_reader_app_id": "7", "github_reader_private_key": "/no/file"}, "neither PEM text"),
        ({"github_reader_app_id": "7", "github_reader_private_key": "-----BEGIN x"}, "can't be used"),
        ({"github_reader_token": "t", "github_api_url": "github.com"}, "GITHUB_API_URL"),
        ({"github_reader_token": "t", "github_api_url": "https://u:p@github.com"}, "GITHUB_API_URL"),
        ({"github_reader_token": "t", "github_api_url": "file:///etc"}, "GITHUB_API_URL"),
    ],
)
def test_settings_that_cannot_work_stop_the_start(values: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        reader_access(reader(**values))


@pytest.mark.parametrize(
    ("api", "git"),
    [
        ("https://api.github.com", "https://github.com/acme/widget.git"),
        ("https://ghe.example.org/api/v3/", "https://ghe.example.org/acme/widget.git"),
        ("https://api.acme.ghe.com", "https://acme.ghe.com/acme/widget.git"),
        ("http://127.0.0.1:8080/api/v3", "http://127.0.0.1:8080/acme/widget.git"),
    ],
)
def test_git_lives_beside_the_api(api: str, git: str, repo: Repo) -> None:
    assert GitHubAccess(PlainToken("t"), api_url=api).git_url(repo) == git


# --- errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "message", "kind", "says"),
    [
        (401, {}, "Bad credentials", PermanentError, "renew the token"),
        (403, {}, "Resource not accessible by integration", PermanentError, "check the permissions"),
        (422, {}, "Validation Failed", PermanentError, "Validation Failed"),
        (451, {}, "blocked", PermanentError, "451"),
        (429, {}, "", TemporaryError, "rate limit"),
        (403, {}, "You have exceeded a secondary rate limit.", TemporaryError, "rate limit"),
        (403, {"Retry-After": "7"}, "slow down", TemporaryError, "next try in 7 s"),
        (403, {"x-ratelimit-remaining": "0"}, "API rate limit exceeded", TemporaryError, "rate limit"),
        (500, {}, "", TemporaryError, "answered 500"),
        (502, {}, "", TemporaryError, "answered 502"),
        (503, {"Retry-After": "9"}, "", TemporaryError, "answered 503"),
    ],
)
def test_every_status_becomes_an_error_that_says_what_was_being_done(
    github: Any, host: GitHubHost, repo: Repo, fault: Any,
    status: int, headers: dict[str, str], message: str, kind: type[PatchPilotError], says: str,
) -> None:  # fmt: skip
    github.faults.append(fault("permission", status, times=9, headers=headers, message=message))
    with pytest.raises(kind, match=says) as caught:
        host.permission(repo, ANA)
    assert "asking what 'ana' may do on acme/widget" in str(caught.value)


IN_TEN_MINUTES = "in ten minutes"


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "42"}, 42, 42),
        ({"Retry-After": "soon"}, 60, 60),
        ({"Retry-After": "nan"}, 60, 60),
        ({"Retry-After": "999999999"}, 3900, 3900),
        ({}, 60, 60),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": IN_TEN_MINUTES}, 500, 601),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, 1, 1),
    ],
)
def test_the_wait_is_the_one_that_github_asks_for(
    github: Any, host: GitHubHost, repo: Repo, fault: Any, headers: dict[str, str], least: float, most: float
) -> None:
    # Reckoned now: parameters are made when tests are collected, which may be long ago.
    soon = str(int(time.time()) + 600)
    headers = {name: soon if value == IN_TEN_MINUTES else value for name, value in headers.items()}
    github.faults.append(fault("permission", 429, times=9, headers=headers))
    with pytest.raises(TemporaryError) as caught:
        host.permission(repo, ANA)
    assert least <= caught.value.retry_after <= most


def test_a_rate_limit_is_never_slept_out_or_retried_here(
    github: Any, host: GitHubHost, repo: Repo, fault: Any
) -> None:
    github.faults.append(fault("permission", 403, times=9, headers={"Retry-After": "300"}))
    with pytest.raises(TemporaryError):
        host.permission(repo, ANA)
    assert github.count("permission") == 1


def test_a_read_survives_two_server_errors(github: Any, host: GitHubHost, repo: Repo, fault: Any) -> None:
    github.collaborators["ana"] = {"permission": "write", "role_name": "write"}
    github.faults.append(fault("permission", 502, times=2))
    assert host.permission(repo, ANA) is Permission.WRITE


def test_a_server_that_is_away_is_temporary(repo: Repo, tmp_path: Path) -> None:
    host = GitHubHost(GitHubAccess(PlainToken("t"), api_url="http://127.0.0.1:9"), cache=tmp_path)
    with pytest.raises(TemporaryError, match="can't be reached"):
        host.permission(repo, ANA)


# --- reading ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "permission"),
    [
        ({"permission": "write", "role_name": "maintain"}, Permission.MAINTAIN),
        ({"permission": "read", "role_name": "triage"}, Permission.TRIAGE),
        ({"permission": "admin", "role_name": "admin"}, Permission.ADMIN),
        ({"permission": "write"}, Permission.WRITE),
        ({"permission": "none", "role_name": ""}, Permission.NONE),
        ({"permission": "push", "role_name": "write"}, Permission.WRITE),
        ({"permission": "write", "role_name": "release-manager"}, Permission.NONE),
        ({"permission": "admin", "role_name": "admin", "user": {"login": "ana", "id": 2}}, Permission.NONE),
        (None, Permission.NONE),
    ],
)
def test_permission_reads_the_role(
    github: Any, host: GitHubHost, repo: Repo, answer: dict[str, Any] | None, permission: Permission
) -> None:
    if answer is not None:
        github.collaborators["ana"] = answer
    assert host.permission(repo, ANA) is permission


def test_a_login_is_quoted_in_the_path(github: Any, host: GitHubHost, repo: Repo) -> None:
    assert host.permission(repo, HostUser(host="github", login="../../user", id=1)) is Permission.NONE
    asked = github.requests[-2][1]
    assert "..%2F..%2Fuser" in asked or "../../user/permission" in asked


def test_who_was_renamed_is_known_by_the_number(github: Any, host: GitHubHost, repo: Repo) -> None:
    github.collaborators["anita"] = {
        "permission": "write",
        "role_name": "write",
        "user": {"login": "anita", "id": 1},
    }
    github.logins[1] = "anita"

    assert host.permission(repo, HostUser(host="github", login="ana", id=1)) is Permission.WRITE
    assert host.permission(repo, HostUser(host="github", login="ana", id=2)) is Permission.NONE


def test_a_branch_that_is_gone_is_none_and_a_repository_that_is_gone_an_error(
    github: Any, host: GitHubHost, repo: Repo
) -> None:
    made = github.commit({"a": "x"}, branch="feature/x")
    assert host.branch_head(repo, "feature/x") == made
    assert host.branch_head(repo, "gone") is None
    with pytest.raises(NotFoundError, match="acme/gone"):
        host.branch_head(Repo("github", "acme/gone"), "main")


def test_a_commit_comes_with_author_parents_and_diff(github: Any, host: GitHubHost, repo: Repo) -> None:
    parent = github.commit({"a": "one\n"})
    made = github.commit({"a": "two\n"}, message="Change a\n\nBecause.")

    commit = host.commit(repo, Sha(made))

    assert (commit.author, commit.subject) == ("Ana", "Change a")
    assert commit.parents == (parent,)
    assert "-one\n+two" in commit.diff
    assert "+two" in host.compare(repo, Sha(parent), Sha(made)).diff


def test_a_long_diff_is_cut_and_says_so(github: Any, host: GitHubHost, repo: Repo) -> None:
    made = github.commit({"a": "line of text\n" * 20_000})
    diff = host.commit(repo, Sha(made)).diff
    assert len(diff) < MAX_DIFF_CHARS + 200
    assert diff.endswith("more characters of this diff are left out\n")


def test_a_diff_that_github_finds_too_large_is_left_out(
    github: Any, host: GitHubHost, repo: Repo, fault: Any
) -> None:
    made = github.commit({"a": "x"})

    real = github.answer

    def answer(method: str, path: str, query: Any, headers: Any, body: Any) -> Any:
        if headers.get("Accept") == "application/vnd.github.diff":
            fault("", 406, message="Sorry, the diff exceeded the maximum number of lines (20000)").strike()
        return real(method, path, query, headers, body)

    github.answer = answer
    assert host.commit(repo, Sha(made)).diff == ""
