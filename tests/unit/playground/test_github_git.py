"""Real git over HTTP, and the same repository through the REST API."""

import subprocess

import github
import httpx
import pytest
from github import InputGitTreeElement


def git(*arguments, cwd, check=True):
    env = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(cwd),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Ben",
        "GIT_AUTHOR_EMAIL": "ben@example.com",
        "GIT_COMMITTER_NAME": "Ben",
        "GIT_COMMITTER_EMAIL": "ben@example.com",
        "LC_ALL": "C",
    }
    done = subprocess.run(["git", *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if check:
        assert done.returncode == 0, done.stderr
    return done


def remote(site, token, name="acme/widget"):
    return f"{site.hub.base_url.replace('://', f'://x-access-token:{token}@')}/{name}.git"


def clone(site, token, folder):
    git("clone", "-q", remote(site, token), "work", cwd=folder)
    return folder / "work"


def commit(work, path, text, message="Change"):
    target = work / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    git("add", "-A", cwd=work)
    git("commit", "-qm", message, cwd=work)


def test_a_person_clones_and_pushes(github_site, tmp_path):
    work = clone(github_site, github_site.hub.token_for("ben"), tmp_path)
    commit(work, "big.txt", "line\n" * 200_000)
    git("push", "-q", "origin", "HEAD:refs/heads/feature/big", cwd=work)

    repo = github_site.as_person("ana").get_repo("acme/widget")
    assert repo.get_branch("feature/big").commit.commit.message == "Change"
    github_site.hub.drain()
    push = github_site.hooks.events("push")[-1]
    assert b'"ref":"refs/heads/feature/big"' in push.body


@pytest.mark.parametrize("token", ["", "ghp_wrong"])
def test_a_bad_token_can_neither_clone_nor_push(github_shared, tmp_path, token):
    refused = git("clone", "-q", remote(github_shared, token), "work", cwd=tmp_path, check=False)
    assert refused.returncode != 0
    url = f"{github_shared.hub.base_url}/acme/widget.git/info/refs?service=git-upload-pack"
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, headers={"Authorization": "Bearer ghp_wrong"}).status_code == 401


def test_a_reader_may_clone_and_not_push(github_shared, tmp_path):
    work = clone(github_shared, github_shared.hub.token_for("dora"), tmp_path)
    commit(work, "x.txt", "x")
    refused = git("push", "origin", "HEAD:main", cwd=work, check=False)
    assert "403" in refused.stderr


def test_an_app_may_not_push_workflows_but_may_push_the_rest(github_site, tmp_path):
    work = clone(github_site, github_site.installation_token(), tmp_path)
    commit(work, ".github/workflows/evil.yml", "on: push\n")
    refused = git("push", "origin", "HEAD:refs/heads/evil", cwd=work, check=False)
    assert refused.returncode != 0
    assert "without `workflows` permission" in refused.stderr
    git("reset", "-q", "--hard", "origin/main", cwd=work)
    commit(work, "fine.txt", "fine\n")
    git("push", "-q", "origin", "HEAD:refs/heads/fine", cwd=work)


def test_any_reachable_commit_can_be_fetched_by_its_id(github_site, tmp_path):
    first = github_site.hub.branch_head("acme/widget")
    github_site.hub.push("acme/widget", "main", author="ana", message="Second", files={"a": "1"})
    git("init", "-q", "work", cwd=tmp_path)
    url = remote(github_site, github_site.installation_token({"contents": "read"}))
    git("fetch", "-q", "--depth=1", url, first, cwd=tmp_path / "work")
    assert git("rev-parse", "FETCH_HEAD", cwd=tmp_path / "work").stdout.strip() == first


def test_blobs_trees_commits_and_refs_make_a_branch(github_site):
    repo = github_site.as_app().get_repo("acme/widget")
    main = repo.get_branch("main").commit
    blob = repo.create_git_blob("print('hi')\n", "utf-8")
    elements = [
        InputGitTreeElement("src/deep/hi.py", "100755", "blob", sha=blob.sha),
        InputGitTreeElement("README.md", "100644", "blob", sha=None),
        InputGitTreeElement("notes.txt", "100644", "blob", content="ok\n"),
    ]
    tree = repo.create_git_tree(elements, base_tree=repo.get_git_tree(main.sha))
    made = repo.create_git_commit("Move things", tree, [repo.get_git_commit(main.sha)])
    repo.create_git_ref("refs/heads/patchpilot/fix/7", made.sha)

    listed = {entry.path: entry.mode for entry in repo.get_git_tree(made.sha, recursive=True).tree}
    assert listed == {
        "notes.txt": "100644",
        "src": "040000",
        "src/deep": "040000",
        "src/deep/hi.py": "100755",
    }
    assert made.author.name == "patchpilot[bot]"
    assert repo.get_git_ref("heads/patchpilot/fix/7").object.sha == made.sha
    assert [ref.ref for ref in repo.get_git_matching_refs("heads/patchpilot/")] == [
        "refs/heads/patchpilot/fix/7"
    ]
    files = {file.filename: file.status for file in repo.get_commit(made.sha).files}
    assert files == {"README.md": "removed", "notes.txt": "added", "src/deep/hi.py": "added"}


def test_refs_move_forward_only_unless_forced_and_can_go(github_site):
    repo = github_site.as_app().get_repo("acme/widget")
    first = repo.get_branch("main").commit.sha
    repo.create_git_ref("refs/heads/side", first)
    second = github_site.hub.push("acme/widget", "side", author="ana", message="More", files={"a": "1"})
    ref = repo.get_git_ref("heads/side")
    with pytest.raises(github.GithubException, match="not a fast forward"):
        ref.edit(first)
    ref.edit(first, force=True)
    assert github_site.hub.branch_head("acme/widget", "side") == first
    ref.delete()
    with pytest.raises(github.UnknownObjectException):
        repo.get_branch("side")
    assert repo.get_commit(second).sha == second


@pytest.mark.parametrize(
    ("ref", "sha", "message"),
    [
        ("refs/heads/main", "{head}", "Reference already exists"),
        ("refs/heads/a..b", "{head}", "not a valid ref name"),
        ("main", "{head}", "not a valid ref name"),
        ("refs/heads/x", "0" * 40, "Object does not exist"),
        ("refs/heads/main/x", "{head}", "Reference cannot be created"),
    ],
)
def test_impossible_refs_are_refused(github_shared, ref, sha, message):
    head = github_shared.hub.branch_head("acme/widget")
    answer = httpx.post(
        f"{github_shared.hub.api_url}/repos/acme/widget/git/refs",
        headers={"Authorization": f"token {github_shared.installation_token()}"},
        json={"ref": ref, "sha": sha.format(head=head)},
    )
    assert (answer.status_code, message in answer.json()["message"]) == (422, True)


@pytest.mark.parametrize("path", ["../x", ".git/config", "/etc/passwd", "a//b", ""])
def test_impossible_paths_are_refused(github_shared, path):
    answer = httpx.post(
        f"{github_shared.hub.api_url}/repos/acme/widget/git/trees",
        headers={"Authorization": f"token {github_shared.installation_token()}"},
        json={"tree": [{"path": path, "mode": "100644", "type": "blob", "content": "x"}]},
    )
    assert answer.status_code == 422


def test_contents_are_read_written_and_deleted(github_site):
    repo = github_site.as_app().get_repo("acme/widget")
    made = repo.create_file("docs/a b.md", "Add a page", "first\n")
    assert repo.get_contents("docs/a b.md").decoded_content == b"first\n"
    with pytest.raises(github.GithubException) as refused:
        repo.update_file("docs/a b.md", "Change", "second\n", "0" * 40)
    assert refused.value.status == 409
    changed = repo.update_file("docs/a b.md", "Change", "second\n", made["content"].sha)
    assert [entry.path for entry in repo.get_contents("")] == ["README.md", "docs"]
    assert [entry.path for entry in repo.get_contents("docs")] == ["docs/a b.md"]
    repo.delete_file("docs/a b.md", "Remove", changed["content"].sha)
    with pytest.raises(github.UnknownObjectException):
        repo.get_contents("docs/a b.md")
    assert repo.get_contents("docs/a b.md", ref=changed["commit"].sha).decoded_content == b"second\n"


def test_compare_tells_ahead_behind_and_what_changed(github_site):
    hub = github_site.hub
    base = hub.branch_head("acme/widget")
    hub.push("acme/widget", "side", author="ben", message="Side", files={"a.txt": "1\n", "bin": b"\0\1"})
    hub.push("acme/widget", "main", author="ana", message="Main", files={"b.txt": "2\n"})
    repo = github_site.as_person("ana").get_repo("acme/widget")
    found = repo.compare("main", "side")
    assert (found.status, found.ahead_by, found.behind_by) == ("diverged", 1, 1)
    assert found.merge_base_commit.sha == base
    assert {file.filename: file.patch for file in found.files} == {
        "a.txt": "@@ -0,0 +1 @@\n+1",
        "bin": None,
    }
    diff = httpx.get(
        f"{hub.api_url}/repos/acme/widget/compare/main...side",
        headers={
            "Authorization": f"token {hub.token_for('ana')}",
            "Accept": "application/vnd.github.diff",
        },
    )
    assert diff.headers["content-type"].startswith("application/vnd.github.diff")
    assert diff.text.startswith("diff --git a/a.txt b/a.txt\nnew file mode 100644\n")


def test_history_is_paged_with_links(github_site):
    for number in range(5):
        github_site.hub.push(
            "acme/widget", "main", author="ana", message=f"Step {number}", files={"n": str(number)}
        )
    repo = github_site.as_person("ana").get_repo("acme/widget")
    repo._requester.per_page = 2
    assert [one.commit.message for one in repo.get_commits()] == [
        "Step 4",
        "Step 3",
        "Step 2",
        "Step 1",
        "Step 0",
        "Begin",
    ]
    assert [one.commit.message for one in repo.get_commits(path="README.md")] == ["Begin"]
    assert repo.get_commits()[0].author.login == "ana"


def test_a_renamed_file_is_reported_as_such(github_site):
    text = "".join(f"line {number}\n" for number in range(50))
    hub = github_site.hub
    hub.push("acme/widget", "main", author="ana", message="Add", files={"old.txt": text})
    sha = hub.push(
        "acme/widget", "main", author="ana", message="Rename", files={"old.txt": None, "new.txt": text}
    )
    (file,) = github_site.as_person("ana").get_repo("acme/widget").get_commit(sha).files
    assert (file.status, file.previous_filename, file.filename) == ("renamed", "old.txt", "new.txt")


def test_a_tarball_comes_from_a_short_lived_address(github_shared):
    head = {"Authorization": f"token {github_shared.hub.token_for('ana')}"}
    answer = httpx.get(f"{github_shared.hub.api_url}/repos/acme/widget/tarball/main", headers=head)
    assert answer.status_code == 302
    location = answer.headers["location"]
    assert httpx.get(location).content[:2] == b"\x1f\x8b"
    assert httpx.get(location, headers=head).status_code == 401
    assert httpx.get(location + "x").status_code == 404
