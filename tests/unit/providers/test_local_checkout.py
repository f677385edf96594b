"""A checkout on this machine as a code host, with real git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from patchpilot.errors import NotFoundError, PermanentError
from patchpilot.source import Repo, Sha
from providers.hosts import work_tree
from providers.hosts.local import LocalCheckout

MOST = 10_000_000


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=Ana", "-c", "user.email=ana@example.org", "-c", "protocol.file.allow=always"]
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Two commits on main; ``b.txt`` came with the second."""
    folder = tmp_path / "wörk tree"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text(f"{name}\n")
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", f"Add {name}")
    return folder


@pytest.fixture
def look(tmp_path: Path):
    count = iter(range(100))

    def opened(path: Path, **options) -> LocalCheckout:
        scratch = tmp_path / f"scratch-{next(count)}"
        scratch.mkdir()
        return LocalCheckout.open(path, scratch=scratch, most_bytes=options.pop("most", MOST), **options)

    return opened


@pytest.fixture
def files(tmp_path: Path):
    def of(host: LocalCheckout, commit: str = "") -> dict[str, bytes]:
        into = tmp_path / f"into-{len(list(tmp_path.iterdir()))}"
        into.mkdir()
        host.checkout(host.repo, Sha(commit or host.head), into)
        return {
            str(place.relative_to(into)): place.read_bytes()
            for place in sorted(into.rglob("*"))
            if place.is_file()
        }

    return of


def test_what_was_committed_is_the_commit_itself(work, look, files):
    host = look(work)

    assert (host.head, host.changed) == (git(work, "rev-parse", "HEAD"), False)
    assert files(host) == {"a.txt": b"a.txt\n", "b.txt": b"b.txt\n"}
    commit = host.commit(host.repo, host.head)
    assert (commit.subject, commit.author) == ("Add b.txt", "Ana")
    assert "+b.txt" in commit.diff
    assert files(host, commit.parents[0]) == {"a.txt": b"a.txt\n"}


def test_changes_that_are_not_committed_become_a_commit_on_top_of_head(work, look, files):
    (work / "a.txt").write_bytes(b"edited\r\n")
    (work / "b.txt").unlink()
    (work / "new.txt").write_text("new\n")
    (work / ".gitignore").write_text("*.log\n")
    (work / "x.log").write_text("ignored\n")

    host = look(work)

    assert host.changed
    assert files(host) == {".gitignore": b"*.log\n", "a.txt": b"edited\r\n", "new.txt": b"new\n"}
    commit = host.commit(host.repo, host.head)
    assert commit.parents == (git(work, "rev-parse", "HEAD"),)
    assert "+edited" in commit.diff


def test_the_same_files_get_the_same_id(work, look):
    (work / "a.txt").write_text("edited\n")

    assert look(work).head == look(work).head


def test_nothing_of_the_checkout_is_touched(work, look):
    (work / "a.txt").write_text("edited\n")
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in sorted(work.rglob("*")) if p.is_file()}

    host = look(work)
    host.commit(host.repo, host.head)

    after = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in sorted(work.rglob("*")) if p.is_file()}
    assert after == before


def test_a_strangers_configuration_runs_nothing_and_moves_nothing(work, look, files, tmp_path):
    trap = tmp_path / "trap"
    for key in ("core.fsmonitor", "filter.x.clean", "filter.x.smudge", "diff.x.textconv", "core.sshCommand"):
        git(work, "config", key, f"touch '{trap}'")
    git(work, "config", "core.worktree", "/etc")
    (work / ".gitattributes").write_text("* filter=x diff=x text eol=crlf export-ignore\n")
    (work / "a.txt").write_text("edited\n")

    host = look(work)
    host.commit(host.repo, host.head)

    assert files(host)["a.txt"] == b"edited\n"
    assert set(files(host)) == {".gitattributes", "a.txt", "b.txt"}
    assert not trap.exists()


def test_a_feature_branch_is_compared_with_where_it_left_the_default_branch(work, look):
    base = git(work, "rev-parse", "HEAD")
    git(work, "checkout", "--quiet", "-b", "feature")
    for number in range(2):
        git(work, "commit", "--quiet", "--allow-empty", "--message", f"Work {number}")

    host = look(work)

    assert (host.branch, host.default_branch) == ("feature", "main")
    assert host.merge_base(host.repo, "main", host.head) == base
    with pytest.raises(NotFoundError):
        host.merge_base(host.repo, "no-such-branch", host.head)


def test_a_shallow_clone_has_no_parent(work, look, tmp_path):
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{work}", "shallow")

    host = look(tmp_path / "shallow")

    assert host.commit(host.repo, host.head).parents == ()
    with pytest.raises(NotFoundError, match="shallow"):
        host.checkout(host.repo, Sha("ab" * 20), tmp_path)


def test_files_of_a_submodule_come_along(work, look, files, tmp_path):
    git(tmp_path, "clone", "--quiet", str(work), "part")
    git(work, "submodule", "add", "--quiet", str(tmp_path / "part"), "lib")
    git(work, "commit", "--quiet", "--message", "Add lib")

    assert files(look(work))["lib/a.txt"] == b"a.txt\n"


def test_a_repository_inside_that_is_not_tracked_is_left_out_and_told(work, look, files, tmp_path):
    git(work, "clone", "--quiet", str(work), "inner")

    host = look(work)

    assert not [name for name in files(host) if name.startswith("inner/")]
    assert "inner/" in host.left_out[0]


def test_links_out_of_the_checkout_and_special_files_stay_behind(work, look, files, tmp_path):
    (work / "passwd").symlink_to("/etc/passwd")
    (work / "here").symlink_to("a.txt")
    (work / "loop").symlink_to("loop")
    os.mkfifo(work / "pipe")

    assert set(files(look(work))) == {"a.txt", "b.txt", "here"}


def test_a_tracked_folder_that_became_a_link_is_not_followed(work, look, files, tmp_path):
    (work / "sub").mkdir()
    (work / "sub/x.txt").write_text("x\n")
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message", "Add sub")
    outside = tmp_path / "outside"
    (work / "sub").rename(outside)
    (outside / "x.txt").write_text("secret\n")
    (work / "sub").symlink_to(outside)

    assert b"secret\n" not in files(look(work)).values()


def test_ignored_files_come_along_when_asked_for_and_others_stay_behind(work, look, files):
    (work / ".gitignore").write_text("gen/\n")
    (work / "gen").mkdir()
    (work / "gen/x.txt").write_text("x\n")

    assert set(files(look(work, include=["gen"], exclude=["b.*"]))) == {".gitignore", "a.txt", "gen/x.txt"}
    with pytest.raises(PermanentError, match="to include"):
        look(work, include=["../elsewhere"])


def test_a_folder_without_git_is_one_commit_without_parents(tmp_path, look, files):
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "a.txt").write_text("a\n")

    host = look(folder)

    assert files(host) == {"a.txt": b"a\n"}
    assert host.commit(host.repo, host.head).parents == ()
    assert host.repo == Repo("local", "local/plain")


def test_an_empty_folder_and_a_repository_without_commits_are_empty_trees(tmp_path, look, files):
    folder = tmp_path / "empty"
    folder.mkdir()
    assert files(look(folder)) == {}

    git(folder, "init", "--quiet")
    assert files(look(folder)) == {}


def test_a_subfolder_stands_for_its_repository(work, look):
    (work / "deep/er").mkdir(parents=True)

    host = look(work / "deep/er")

    assert (host.tree.root, host.tree.inside) == (work, "deep/er")


def test_a_linked_worktree_and_a_detached_head_work(work, look, files, tmp_path):
    git(work, "worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))

    host = look(tmp_path / "linked")

    assert (host.branch, host.changed) == ("HEAD", False)
    assert set(files(host)) == {"a.txt", "b.txt"}


@pytest.mark.parametrize(
    ("address", "repo"),
    [
        ("git@github.com:acme/widget.git", Repo("github", "acme/widget")),
        ("https://token@github.com/acme/widget", Repo("github", "acme/widget")),
        ("ssh://git@gitlab.com:22/a/b/c.git", Repo("gitlab", "a/b/c")),
        ("/srv/git/widget.git", Repo("local", "local/w-rk-tree")),
    ],
)
def test_the_name_on_the_code_host_is_that_of_origin(work, look, address, repo):
    git(work, "remote", "add", "origin", address)

    assert look(work).repo == repo


def test_what_is_no_checkout_is_refused_in_a_sentence(work, look, tmp_path):
    git(tmp_path, "clone", "--quiet", "--bare", str(work), "bare.git")
    for path, said in (
        (tmp_path / "nothing", "there is no folder"),
        (work / "a.txt", "is not a folder"),
        (work / ".git", r"inside \.git"),
        (tmp_path / "bare.git", "bare repository"),
    ):
        with pytest.raises(PermanentError, match=said):
            look(path)
    (work / ".git/HEAD").write_text("garbage\n")
    with pytest.raises(PermanentError, match="can't read the repository"):
        look(work)


def test_too_much_is_refused_by_the_name_of_the_largest_before_it_is_copied(work, look):
    with (work / "huge.bin").open("wb") as file:
        file.truncate(1 << 40)

    with pytest.raises(PermanentError, match=r"--exclude \(the largest is 'huge\.bin'"):
        look(work)
    assert look(work, exclude=["*.bin"]).head == git(work, "rev-parse", "HEAD")


def test_a_whole_machine_is_no_checkout(look):
    with pytest.raises(PermanentError, match="'/' is no checkout but the whole machine; give the folder"):
        look(Path("/"))


def test_a_folder_without_git_that_is_far_too_large_is_refused_before_git_lists_it(
    tmp_path, look, monkeypatch
):
    monkeypatch.setattr(work_tree, "_MOST_WITHOUT_GIT", 2)
    folder = tmp_path / "home"
    installed = folder / "node_modules"
    installed.mkdir(parents=True)
    for number in range(5):
        (installed / f"{number}.js").write_text("")
    (folder / "a.txt").write_text("a")
    assert look(folder).changed  # what is installed does not count

    (folder / "b.txt").write_text("b")
    with pytest.raises(PermanentError, match="not under git and has more than 2 files; give the folder"):
        look(folder)
    git(folder, "init", "--quiet")
    look(folder)


def test_a_file_that_cannot_be_read_is_named_with_what_to_do(work, look, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(work_tree, "_copy_file", refuse)

    with pytest.raises(PermanentError, match=r"'a\.txt' can't be read: Permission denied.*--exclude a\.txt"):
        look(work)


def test_a_folder_that_may_not_be_read_is_told(work, look, monkeypatch):
    listed = work_tree.look

    def warns(arguments, **where):
        done = listed(arguments, **where)
        if "ls-files" in arguments:
            done.stderr = b"warning: could not open directory 'secret/': Permission denied\n"
        return done

    monkeypatch.setattr(work_tree, "look", warns)

    assert look(work).left_out == ["secret/ (this user may not read it)"]
