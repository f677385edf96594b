"""Branches, pull requests and comments: exactly one of each, whatever happens on the way."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from patchpilot.errors import PatchDoesNotApplyError, PermanentError, TemporaryError, UnsafePathError
from patchpilot.source import Proposal, PullRequest, Repo, Sha
from providers.hosts import diffs
from providers.hosts.diffs import File
from providers.hosts.github_auth import WRITER, AppKey, GitHubAccess, PlainToken
from providers.hosts.github_pulls import MAX_BODY, GitHubPullRequests

BRANCH = "patchpilot/fix/pp-12-0a1b2c3d-1"
PATCH = """\
diff --git a/src/a.py b/src/a.py
--- a/src/a.py
+++ b/src/a.py
@@ -1,2 +1,2 @@
 one
-two
+TWO
"""


@pytest.fixture
def pulls(github: Any, token: str) -> GitHubPullRequests:
    access = GitHubAccess(PlainToken(token), api_url=github.api_url, permissions=WRITER, writes=True)
    return GitHubPullRequests(access)


@pytest.fixture
def base(github: Any) -> Sha:
    files = {"src/a.py": "one\ntwo\n", "run.sh": "#!/bin/sh\n", "old.txt": "old\n", "crlf.txt": "a\r\nb\r\n"}
    return Sha(github.commit(files, modes={"run.sh": "100755"}))


@pytest.fixture
def proposal(repo: Repo, base: Sha) -> Proposal:
    return Proposal(
        repo=repo, base_branch="main", base_sha=base, branch=BRANCH, patch=PATCH, title="Shout two",
        body="Why: …", commit_message="Shout two\n\nApproved-by: ana", labels=("patchpilot",),
    )  # fmt: skip


def test_one_branch_with_one_commit_and_one_draft_pull_request(
    github: Any, pulls: GitHubPullRequests, proposal: Proposal, base: Sha
) -> None:
    made = pulls.open_pull_request(proposal)

    head = github.head(BRANCH)
    assert made == PullRequest(
        repo=proposal.repo,
        number=1,
        url=f"{github.url}/acme/widget/pull/1",
        branch=BRANCH,
        head_sha=head,
        draft=True,
    )
    assert github.git("rev-parse", f"{head}^") == base
    assert github.git("show", "-s", "--format=%B", head) == "Shout two\n\nApproved-by: ana"
    assert github.git("diff", "--stat", base, head).startswith("src/a.py | 2 +-")
    assert github.show(f"{head}:src/a.py") == "one\nTWO"
    assert github.labels == [(1, ["patchpilot"])]


def test_twenty_repeated_calls_are_one_pull_request(
    github: Any, pulls: GitHubPullRequests, proposal: Proposal
) -> None:
    results = [pulls.open_pull_request(proposal) for _ in range(20)]
    assert len(set(results)) == 1
    assert len(github.pulls) == 1


def test_twenty_concurrent_calls_are_one_branch_and_one_pull_request(
    github: Any, pulls: GitHubPullRequests, proposal: Proposal
) -> None:
    results: list[PullRequest] = []
    threads = [
        threading.Thread(target=lambda: results.append(pulls.open_pull_request(proposal))) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 20
    assert len({(made.number, made.head_sha) for made in results}) == 1
    assert len(github.pulls) == 1


@pytest.mark.parametrize("call", ["POST .*/git/refs$", "POST .*/pulls$"])
@pytest.mark.parametrize("status", [502, 500, 422])
def test_created_then_an_error_is_looked_up_and_not_created_again(
    github: Any, pulls: GitHubPullRequests, proposal: Proposal, fault: Any, call: str, status: int
) -> None:
    github.faults.append(fault(call, status, after=True))
    assert pulls.open_pull_request(proposal).number == 1
    assert github.count(call) == 1
    assert len(github.pulls) == 1


@pytest.mark.parametrize("call", ["git/blobs", "git/trees$", "git/commits$", "git/refs$", "pulls$"])
@pytest.mark.parametrize("after", [True, False])
def test_any_write_may_fail_and_the_next_call_finishes_the_work(
    github: Any, pulls: GitHubPullRequests, proposal: Proposal, fault: Any, call: str, after: bool
) -> None:
    github.faults += [
        fault(f"POST .*{call}", 502, after=after),
        fault("GET .*/(pulls|ref/heads/.*)$", 503, times=9),
    ]
    with pytest.raises(TemporaryError):
        pulls.open_pull_request(proposal)
    github.faults.clear()

    assert pulls.open_pull_request(proposal).number == 1
    assert len(github.pulls) == 1


def test_writes_are_never_retried_blindly(
    github: Any, pulls: GitHubPullRequests, proposal: Proposal, fault: Any
) -> None:
    github.faults.append(fault("POST .*/git/blobs", 502))
    with pytest.raises(TemporaryError):
        pulls.open_pull_request(proposal)
    assert github.count("POST .*/git/blobs") == 1


def test_a_branch_that_an_earlier_call_made_is_used(
    github: Any, pulls: GitHubPullRequests, proposal: Proposal
) -> None:
    pulls.open_pull_request(proposal)
    head = github.head(BRANCH)
    github.pulls.clear()

    assert pulls.open_pull_request(proposal).head_sha == head
    assert github.count("POST .*/git/refs$") == 1


def test_a_branch_with_other_content_is_not_touched(
    github: Any, pulls: GitHubPullRequests, proposal: Proposal
) -> None:
    other = github.commit({"x": "somebody else's"}, branch=BRANCH)
    with pytest.raises(PermanentError, match="exists with other content"):
        pulls.open_pull_request(proposal)
    assert github.head(BRANCH) == other
    assert github.pulls == []


def test_a_closed_pull_request_of_the_branch_is_found_too(
    github: Any, pulls: GitHubPullRequests, proposal: Proposal
) -> None:
    pulls.open_pull_request(proposal)
    github.pulls[0]["state"] = "closed"
    assert pulls.open_pull_request(proposal).number == 1
    assert len(github.pulls) == 1


def test_where_drafts_are_not_supported_an_ordinary_one_is_opened(
    github: Any, pulls: GitHubPullRequests, proposal: Proposal
) -> None:
    github.drafts = False
    assert pulls.open_pull_request(proposal).draft is False


def test_what_only_a_policy_has_approved_is_a_draft_or_is_not_opened(
    github: Any, pulls: GitHubPullRequests, proposal: Proposal
) -> None:
    github.drafts = False
    with pytest.raises(PermanentError, match="takes no draft pull requests"):
        pulls.open_pull_request(replace(proposal, draft_only=True))
    assert github.pulls == []


def test_a_label_that_cannot_be_set_costs_nothing(
    github: Any, pulls: GitHubPullRequests, proposal: Proposal, fault: Any
) -> None:
    github.faults.append(fault("labels", 403))
    assert pulls.open_pull_request(proposal).number == 1


def test_a_base_branch_that_is_gone_is_said_so(
    github: Any, pulls: GitHubPullRequests, proposal: Proposal
) -> None:
    with pytest.raises(PermanentError, match=r"branch 'release' of .* is gone"):
        pulls.open_pull_request(replace(proposal, base_branch="release"))


def test_the_base_branch_itself_is_never_written(pulls: GitHubPullRequests, proposal: Proposal) -> None:
    with pytest.raises(PermanentError, match="base branch itself"):
        pulls.open_pull_request(replace(proposal, branch="main"))


def test_a_long_body_is_cut_with_a_note(github: Any, pulls: GitHubPullRequests, proposal: Proposal) -> None:
    pulls.open_pull_request(replace(proposal, body="x" * 100_000, title="t" * 400))
    assert len(github.pulls[0]["body"]) == MAX_BODY
    assert "left out" in github.pulls[0]["body"][-80:]
    assert len(github.pulls[0]["title"]) == 256


# --- patches ------------------------------------------------------------------------------------------


def test_new_deleted_renamed_and_executable_files_and_crlf_come_out_right(
    github: Any, pulls: GitHubPullRequests, proposal: Proposal, base: Sha
) -> None:
    patch = (
        "diff --git a/run.sh b/run.sh\n--- a/run.sh\n+++ b/run.sh\n@@ -1 +1,2 @@\n #!/bin/sh\n+echo hi\n"
        "diff --git a/new/ü.txt b/new/ü.txt\nnew file mode 100755\n--- /dev/null\n"
        '+++ "b/new/\\303\\274.txt"\n@@ -0,0 +1 @@\n+new\n'
        "diff --git a/old.txt b/old.txt\ndeleted file mode 100644\n--- a/old.txt\n+++ /dev/null\n"
        "@@ -1 +0,0 @@\n-old\n"
        "diff --git a/src/a.py b/lib/b.py\nsimilarity index 100%\nrename from src/a.py\nrename to lib/b.py\n"
        "diff --git a/crlf.txt b/crlf.txt\n--- a/crlf.txt\n+++ b/crlf.txt\n"
        "@@ -1,2 +1,2 @@\n a\r\n-b\r\n+c\r\n"
    )

    head = pulls.open_pull_request(replace(proposal, patch=patch)).head_sha

    listing = github.git(
        "-c", "core.quotePath=false", "ls-tree", "-r", "--format=%(objectmode) %(path)", head
    )
    assert listing.splitlines() == [
        "100644 crlf.txt", "100644 lib/b.py", "100755 new/ü.txt", "100755 run.sh",
    ]  # fmt: skip
    assert github.show(f"{head}:run.sh") == "#!/bin/sh\necho hi"
    assert github.show(f"{head}:crlf.txt") == "a\r\nc"


def test_a_patch_that_does_not_fit_is_refused_before_anything_is_written(
    github: Any, pulls: GitHubPullRequests, proposal: Proposal
) -> None:
    with pytest.raises(PatchDoesNotApplyError, match=r"src/a\.py"):
        pulls.open_pull_request(replace(proposal, patch=PATCH.replace("-two", "-three")))
    assert github.count("^POST") == 0


def simple(path: str, mode: str = "100644") -> str:
    head = f"diff --git a/{path} b/{path}\nnew file mode {mode}\n"
    return f"{head}--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n"


@pytest.mark.parametrize(
    "patch",
    [
        simple("../evil"),
        simple("/etc/passwd"),
        simple("a/../../evil"),
        simple(".git/hooks/post-checkout"),
        simple("sub/.GIT/config"),
        simple(".github/workflows/ci.yml"),
        simple(".GitHub/Workflows/ci.yml"),
        simple("a\\b"),
        simple("link", "120000"),
        simple("module", "160000"),
        simple("evil\u202etxt"),
        "diff --git a/x b/x\nold mode 100644\nnew mode 120000\n",
        "diff --git a/x b/../y\nrename from x\nrename to ../y\n",
        "diff --git a/x b/x\nGIT binary patch\nliteral 1\nIcmZ\n",
        "--- x\n+++ x\n@@ -1 +1 @@\n-a\n+b\n",
        PATCH + simple(".github/workflows/ci.yml"),
        PATCH.replace("+TWO", "+TWO\x00"),
    ],
)
def test_what_no_patch_may_touch_is_refused_before_any_call(
    github: Any, pulls: GitHubPullRequests, proposal: Proposal, patch: str
) -> None:
    with pytest.raises(UnsafePathError):
        pulls.open_pull_request(replace(proposal, patch=patch))
    assert github.requests == []


@pytest.mark.parametrize("patch", ["", "hello", "@@ -1 +1 @@\n-a\n+b\n"])
def test_text_that_is_no_diff_is_refused(pulls: GitHubPullRequests, proposal: Proposal, patch: str) -> None:
    with pytest.raises(PatchDoesNotApplyError):
        pulls.open_pull_request(replace(proposal, patch=patch))


def test_a_path_through_a_symlink_or_submodule_of_the_repository_is_refused(
    github: Any, pulls: GitHubPullRequests, proposal: Proposal
) -> None:
    files = {"dir": "elsewhere", "vendor/lib": "1" * 40, "link": "src"}
    modes = {"dir": "120000", "vendor/lib": "160000", "link": "120000"}
    base = Sha(github.commit(files, modes=modes))
    for path in ("dir/new.txt", "vendor/lib/x.txt"):
        with pytest.raises(UnsafePathError):
            pulls.open_pull_request(replace(proposal, base_sha=base, patch=simple(path)))
    change = "diff --git a/link b/link\n--- a/link\n+++ b/link\n@@ -1 +1 @@\n-src\n+/etc\n"
    with pytest.raises(UnsafePathError):
        pulls.open_pull_request(replace(proposal, base_sha=base, patch=change))


def test_a_removed_line_that_looks_like_a_header_is_content() -> None:
    patch = "--- a/q.sql\n+++ b/q.sql\n@@ -1,2 +1 @@\n--- a/../../etc/passwd\n keep\n"
    assert diffs.touched_paths(patch) == ("q.sql",)
    before = {"q.sql": File(b"-- a/../../etc/passwd\nkeep\n")}
    assert diffs.apply(patch, before) == {"q.sql": File(b"keep\n")}


def test_a_file_without_a_newline_at_its_end_keeps_it_so() -> None:
    patch = (
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n"
    )
    assert diffs.apply(patch, {"x": File(b"a")}) == {"x": File(b"b")}


# --- comments -----------------------------------------------------------------------------------------


def test_one_comment_is_written_and_then_kept_up_to_date(
    github: Any, pulls: GitHubPullRequests, repo: Repo
) -> None:
    first = pulls.comment(repo, 3, marker="patchpilot:PP-12", body="Diagnosing")
    again = pulls.comment(repo, 3, marker="patchpilot:PP-12", body="Fixed")

    assert first == again
    assert [comment["body"] for comment in github.comments] == ["Fixed\n\n<!-- patchpilot:PP-12 -->"]


def test_somebody_elses_comment_with_our_marker_is_not_ours(
    github: Any, pulls: GitHubPullRequests, repo: Repo
) -> None:
    marker = "<!-- patchpilot:PP-12 -->"
    forged = {"id": 1, "issue": 3, "body": marker, "html_url": "u", "user": {"login": "mallory"}}
    github.comments.append(forged)
    pulls.comment(repo, 3, marker="patchpilot:PP-12", body="Real")
    assert github.comments[0]["body"] == marker
    assert len(github.comments) == 2


def test_an_apps_comment_is_known_by_its_app(github: Any, repo: Repo, pem: str) -> None:
    access = GitHubAccess(AppKey("7", pem), api_url=github.api_url, permissions=WRITER, writes=True)
    writer = GitHubPullRequests(access)
    writer.comment(repo, 3, marker="m", body="one")
    writer.comment(repo, 3, marker="m", body="two")
    assert len(github.comments) == 1


def test_a_comment_created_then_502_is_found(
    github: Any, pulls: GitHubPullRequests, repo: Repo, fault: Any
) -> None:
    github.faults.append(fault("POST .*comments", 502, after=True))
    assert pulls.comment(repo, 3, marker="m", body="x").endswith("/c/1")
    assert len(github.comments) == 1


def test_a_long_comment_keeps_its_marker(github: Any, pulls: GitHubPullRequests, repo: Repo) -> None:
    for _ in range(2):
        pulls.comment(repo, 3, marker="m", body="x" * 100_000)
    assert len(github.comments) == 1
    assert github.comments[0]["body"].endswith("<!-- m -->")
    assert len(github.comments[0]["body"]) == MAX_BODY


OTHER = PATCH.replace("+TWO", "+two!")


@pytest.fixture
def second(proposal: Proposal, pulls: GitHubPullRequests) -> Proposal:
    """Another round of a pull request that is open."""
    first = pulls.open_pull_request(proposal)
    return replace(proposal, patch=OTHER, title="Shout two!", body="Again: …", onto=first.head_sha)


def test_a_second_round_goes_on_top_of_the_first_in_the_same_pull_request(
    github: Any, pulls: GitHubPullRequests, second: Proposal, base: Sha
) -> None:
    again = [pulls.open_pull_request(second) for _ in range(3)]

    assert len(set(again)) == 1
    head = github.head(BRANCH)
    assert again[0].head_sha == head
    assert github.git("rev-parse", f"{head}^") == second.onto
    assert github.show(f"{head}:src/a.py") == "one\ntwo!"
    assert [(pull["title"], pull["body"]) for pull in github.pulls] == [("Shout two!", "Again: …")]
    assert github.count("PATCH .*/git/refs") == 1


def test_a_second_round_leaves_what_somebody_pushed_alone(
    github: Any, pulls: GitHubPullRequests, second: Proposal
) -> None:
    theirs = github.commit({"src/a.py": "one\ntheirs\n"}, branch=BRANCH)

    with pytest.raises(PermanentError, match="somebody has pushed"):
        pulls.open_pull_request(second)
    assert github.head(BRANCH) == theirs


def test_a_closed_pull_request_gets_no_second_round(
    github: Any, pulls: GitHubPullRequests, second: Proposal
) -> None:
    github.pulls[0]["state"] = "closed"
    with pytest.raises(PermanentError, match="closed"):
        pulls.open_pull_request(second)


def test_a_label_that_the_repository_lacks_is_made_once(
    github: Any, pulls: GitHubPullRequests, proposal: Proposal
) -> None:
    pulls.open_pull_request(proposal)
    pulls.open_pull_request(replace(proposal, branch="patchpilot/fix/pp-13-0a1b2c3d-1"))
    assert github.made_labels == ["patchpilot"]


def test_the_last_commit_messages_are_read_newest_first(
    github: Any, pulls: GitHubPullRequests, base: Sha, repo: Repo
) -> None:
    github.commit({"x": "1"})
    assert len(pulls.recent_messages(repo, "main", limit=1)) == 1
    assert len(pulls.recent_messages(repo, "main", limit=50)) == 2
    assert pulls.recent_messages(repo, "gone", limit=50) == []
