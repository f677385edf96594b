"""Checkout over real smart HTTP (``git http-backend``)."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import threading
from pathlib import Path
from typing import Any

import pytest

from patchpilot.errors import NotFoundError, PermanentError, TemporaryError, UnsafePathError
from patchpilot.source import Repo, Sha
from providers.hosts import git
from providers.hosts.github import GitHubHost
from providers.hosts.github_auth import GitHubAccess, PlainToken
from providers.hosts.mirror import MirrorLimits
from providers.hosts.unpack import TreeLimits, safe_path, unpack


@pytest.fixture
def host(github: Any, token: str, tmp_path: Path) -> GitHubHost:
    access = GitHubAccess(PlainToken(token), api_url=github.api_url)
    return GitHubHost(access, cache=tmp_path / "cache")


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def test_a_checkout_holds_exactly_the_files_of_the_commit(
    github: Any, host: GitHubHost, repo: Repo, tmp_path: Path
) -> None:
    first = Sha(
        github.commit(
            {"a.py": "one\n", "bin/run": "#!/bin/sh\n", "p/q r/ü.txt": "x"}, modes={"bin/run": "100755"}
        )
    )
    second = Sha(github.commit({"a.py": "two\n", "bin/run": None}))

    host.checkout(repo, first, tmp_path / "one")
    host.checkout(repo, second, tmp_path / "two")

    assert tree(tmp_path / "one") == {"a.py": "one\n", "bin/run": "#!/bin/sh\n", "p/q r/ü.txt": "x"}
    assert tree(tmp_path / "two") == {"a.py": "two\n", "p/q r/ü.txt": "x"}
    assert (tmp_path / "one/bin/run").stat().st_mode & stat.S_IXUSR
    assert not (tmp_path / "one/a.py").stat().st_mode & stat.S_IXUSR


def test_files_that_releases_leave_out_are_there_and_nothing_is_substituted(
    github: Any, host: GitHubHost, repo: Repo, tmp_path: Path
) -> None:
    commit = github.commit(
        {
            ".gitattributes": "/tests export-ignore\nv.txt export-subst\n",
            "tests/t.py": "t",
            "v.txt": "$Format:%H$",
        }
    )

    host.checkout(repo, Sha(commit), tmp_path / "tree")

    assert tree(tmp_path / "tree")["tests/t.py"] == "t"
    assert tree(tmp_path / "tree")["v.txt"] == "$Format:%H$"


def test_a_commit_that_no_branch_holds_any_more_is_checked_out(
    github: Any, host: GitHubHost, repo: Repo, tmp_path: Path
) -> None:
    lost = Sha(github.commit({"a": "lost"}, branch="topic"))
    github.commit({"a": "kept"})
    github.git("update-ref", "-d", "refs/heads/topic")

    host.checkout(repo, lost, tmp_path / "tree")

    assert tree(tmp_path / "tree") == {"a": "lost"}


def test_a_second_checkout_needs_no_network(
    github: Any, host: GitHubHost, repo: Repo, tmp_path: Path
) -> None:
    commit = Sha(github.commit({"a": "x"}))
    host.checkout(repo, commit, tmp_path / "one")
    before = len(github.requests)

    host.checkout(repo, commit, tmp_path / "two")

    assert len(github.requests) == before


def test_symlinks_stay_only_if_they_stay_inside(
    github: Any, host: GitHubHost, repo: Repo, tmp_path: Path
) -> None:
    links = {
        "ok": "real.txt", "deep/ok": "../real.txt", "passwd": "/etc/passwd", "up": "../outside",
        "deep/up": "../../outside", "a/b/c/root": "../../..", "sneaky": "a/b/c/root/../outside",
        "loop": "loop",
    }  # fmt: skip
    (tmp_path / "outside").write_text("secret")
    commit = github.commit({"real.txt": "real", **links}, modes=dict.fromkeys(links, "120000"))

    host.checkout(repo, Sha(commit), tmp_path / "tree")

    root = tmp_path / "tree"
    kept = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_symlink()}
    assert kept == {"ok", "deep/ok", "a/b/c/root"}


def test_a_submodule_is_an_empty_folder(github: Any, host: GitHubHost, repo: Repo, tmp_path: Path) -> None:
    commit = github.commit({"a": "x", "vendor/lib": "1" * 40}, modes={"vendor/lib": "160000"})

    host.checkout(repo, Sha(commit), tmp_path / "tree")

    assert tree(tmp_path / "tree") == {"a": "x"}


def test_an_unknown_commit_and_an_unknown_repository_are_not_found(
    github: Any, host: GitHubHost, repo: Repo, tmp_path: Path
) -> None:
    github.commit({"a": "x"})
    with pytest.raises(NotFoundError, match="no commit ffffffffffff"):
        host.checkout(repo, Sha("f" * 40), tmp_path / "one")
    with pytest.raises(NotFoundError, match="acme/gone"):
        host.checkout(Repo("github", "acme/gone"), Sha("f" * 40), tmp_path / "two")


def test_a_refused_token_is_said_so(github: Any, repo: Repo, tmp_path: Path) -> None:
    commit = Sha(github.commit({"a": "x"}))
    access = GitHubAccess(PlainToken("wrong-token"), api_url=github.api_url)
    with pytest.raises(PermanentError, match="refused the credentials") as caught:
        GitHubHost(access, cache=tmp_path / "cache").checkout(repo, commit, tmp_path / "tree")
    assert "wrong-token" not in str(caught.value)


def test_a_server_that_is_away_is_temporary(repo: Repo, token: str, tmp_path: Path) -> None:
    access = GitHubAccess(PlainToken(token), api_url="http://127.0.0.1:9/api/v3")
    with pytest.raises(TemporaryError):
        GitHubHost(access, cache=tmp_path / "cache").checkout(repo, Sha("f" * 40), tmp_path / "tree")


def test_a_folder_with_something_in_it_is_refused(host: GitHubHost, repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(PermanentError, match="not empty"):
        host.checkout(repo, Sha("f" * 40), tmp_path)


def test_limits_end_a_checkout(github: Any, repo: Repo, token: str, tmp_path: Path) -> None:
    commit = Sha(github.commit({"a": "x" * 5000, "b": os.urandom(200_000)}))
    access = GitHubAccess(PlainToken(token), api_url=github.api_url)
    small = {
        "bytes": MirrorLimits(tree=TreeLimits(total_bytes=1000)),
        "entries": MirrorLimits(tree=TreeLimits(entries=1)),
        "pack": MirrorLimits(pack_bytes=50_000),
    }
    for name, limits in small.items():
        host = GitHubHost(access, cache=tmp_path / f"cache-{name}", limits=limits)
        with pytest.raises(PermanentError, match=r"too (large|many)"):
            host.checkout(repo, commit, tmp_path / name)


def test_a_mirror_past_its_size_is_begun_anew(github: Any, repo: Repo, token: str, tmp_path: Path) -> None:
    access = GitHubAccess(PlainToken(token), api_url=github.api_url)
    host = GitHubHost(access, cache=tmp_path / "cache", limits=MirrorLimits(mirror_bytes=10_000))
    old = Sha(github.commit({"a": os.urandom(50_000)}))
    host.checkout(repo, old, tmp_path / "one")
    new = Sha(github.commit({"a": "small"}))

    host.checkout(repo, new, tmp_path / "two")

    assert not host._mirrors.has(repo, old)


@pytest.mark.parametrize("harm", ["pack", "head", "config"])
def test_a_broken_mirror_is_begun_anew(
    github: Any, host: GitHubHost, repo: Repo, tmp_path: Path, harm: str
) -> None:
    commit = Sha(github.commit({"a": "x" * 1000, "b": "y"}))
    host.checkout(repo, commit, tmp_path / "one")
    mirror = tmp_path / "cache/github/acme/widget.git"
    if harm == "head":
        (mirror / "HEAD").write_text("")
    elif harm == "config":
        (mirror / "config").write_text("[")
    else:
        for path in [*mirror.rglob("objects/??/*"), *mirror.rglob("*.pack")]:
            path.chmod(0o644)
            path.write_bytes(path.read_bytes()[:20])
    try:
        host.checkout(repo, commit, tmp_path / "two")
    except TemporaryError:
        # Nothing half-written stands in the way of the retry, which fetches anew.
        host.checkout(repo, commit, tmp_path / "two")

    assert tree(tmp_path / "two") == {"a": "x" * 1000, "b": "y"}


def test_eight_checkouts_at_once_do_not_disturb_each_other(
    github: Any, host: GitHubHost, repo: Repo, tmp_path: Path
) -> None:
    commits = [Sha(github.commit({"a": f"{number}"})) for number in range(8)]
    threads = [
        threading.Thread(target=host.checkout, args=(repo, commit, tmp_path / f"t{number}"))
        for number, commit in enumerate(commits)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [tree(tmp_path / f"t{number}")["a"] for number in range(8)] == [str(number) for number in range(8)]


def test_the_token_is_in_no_argument_and_no_file(
    github: Any, host: GitHubHost, repo: Repo, token: str, tmp_path: Path
) -> None:
    commit = Sha(github.commit({"a": "x"}))
    host.checkout(repo, commit, tmp_path / "tree")

    stored = b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert token.encode() not in stored
    assert token not in " ".join(git.command(["fetch", github.url]))


def test_git_sees_only_the_environment_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_TRACE", "GIT_SSH_COMMAND", "GIT_DIR", "GITHUB_TOKEN", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "1")
    env = git.environment(url="https://github.com/acme/widget.git", token="t")
    assert not {"GIT_TRACE", "GIT_SSH_COMMAND", "GIT_DIR", "GITHUB_TOKEN", "ANTHROPIC_API_KEY"} & set(env)
    keys = {value for name, value in env.items() if name.startswith("GIT_CONFIG_KEY")}
    assert "http.https://github.com/.extraHeader" in keys
    assert "protocol.http.allow" not in keys


@pytest.mark.parametrize(
    "name",
    ["../a", "/a", "a/../../b", ".git/config", "a/.GIT/x", "a\\b", ".git ./x", "git~1/x", ".gi\u200ct/x", ""],
)
def test_unsafe_paths_are_refused(name: str) -> None:
    with pytest.raises(UnsafePathError):
        safe_path(name)


def test_a_hostile_archive_writes_nothing_outside(tmp_path: Path) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        member = tarfile.TarInfo("../evil")
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    data.seek(0)
    (tmp_path / "in").mkdir()
    with pytest.raises(UnsafePathError):
        unpack(data, tmp_path / "in", TreeLimits())
    assert not (tmp_path / "evil").exists()
