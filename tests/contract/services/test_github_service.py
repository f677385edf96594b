"""What PatchPilot relies on in GitHub, on two GitHubs."""

from __future__ import annotations

import pytest

from patchpilot.errors import NotFoundError, PermanentError
from patchpilot.failures import PullRequestClosed, RunFinished
from patchpilot.source import HostUser, Permission, Proposal, Repo
from providers.ci.github_actions import GitHubActions
from providers.hosts.github import GitHubHost
from providers.hosts.github_pulls import GitHubPullRequests

REPO = Repo("github", "ana/shop")
PATCH = """\
diff --git a/NOTES.md b/NOTES.md
new file mode 100644
--- /dev/null
+++ b/NOTES.md
@@ -0,0 +1 @@
+Hello
"""


def proposal(side, branch: str) -> Proposal:
    return Proposal(
        repo=REPO, base_branch="main", base_sha=side.base, branch=branch, patch=PATCH, title="Add notes",
        body="Why", commit_message="Add notes", labels=("patchpilot",),
    )  # fmt: skip


def test_an_app_s_token_reaches_its_own_installation_only(github_side) -> None:
    with github_side.reader.client_for(REPO) as client:
        assert client.get_repo(REPO.full_name).private
    with pytest.raises(NotFoundError):
        github_side.reader.token_for(Repo("github", "nobody/nothing"))


def test_branch_heads_are_read(github_side) -> None:
    host = GitHubHost(github_side.reader)

    assert host.branch_head(REPO, "main") == github_side.base
    assert host.branch_head(REPO, "not-there") is None


def test_permissions_are_read_live(github_side) -> None:
    host = GitHubHost(github_side.reader)

    assert host.permission(REPO, HostUser(host="github", login="ana")) is Permission.ADMIN
    assert host.permission(REPO, HostUser(host="github", login="stranger")) is Permission.NONE


def test_a_reader_s_token_can_write_nothing(github_side) -> None:
    with pytest.raises(PermanentError):
        GitHubPullRequests(github_side.reader).open_pull_request(proposal(github_side, "patchpilot/fix/no"))


def test_one_proposal_is_one_draft_however_often_it_is_asked_for(github_side) -> None:
    pulls = GitHubPullRequests(github_side.writer)
    wanted = proposal(github_side, "patchpilot/fix/once")

    numbers = {pulls.open_pull_request(wanted).number for _ in range(5)}

    assert len(numbers) == 1
    with github_side.writer.client_for(REPO) as client:
        repo = client.get_repo(REPO.full_name)
        pull = repo.get_pull(numbers.pop())
        assert pull.draft
        assert (pull.head.ref, pull.base.ref) == ("patchpilot/fix/once", "main")
        assert [label.name for label in pull.labels] == ["patchpilot"]
        commit = repo.get_commit(pull.head.sha)
        assert [parent.sha for parent in commit.parents] == [github_side.base]
        assert repo.get_contents("NOTES.md", ref=pull.head.sha).decoded_content == b"Hello\n"
        assert pull.user.login == "patchpilot[bot]"


def test_a_closed_pull_request_comes_back_as_a_signed_webhook(github_side) -> None:
    made = GitHubPullRequests(github_side.writer).open_pull_request(
        proposal(github_side, "patchpilot/fix/closed")
    )
    with github_side.writer.client_for(REPO) as client:
        client.get_repo(REPO.full_name).get_pull(made.number).edit(state="closed")

    closed = github_side.event(PullRequestClosed)

    assert (closed.repo, closed.number, closed.branch, closed.merged) == (
        REPO,
        made.number,
        "patchpilot/fix/closed",
        False,
    )


def test_a_comment_is_kept_up_to_date(github_side) -> None:
    pulls = GitHubPullRequests(github_side.writer)
    made = pulls.open_pull_request(proposal(github_side, "patchpilot/fix/comment"))
    with github_side.writer.client_for(REPO) as client:
        pull = client.get_repo(REPO.full_name).get_pull(made.number)
        comment = pull.create_issue_comment("Diagnosing")
        comment.edit("Fixed")

        assert [found.body for found in pull.get_issue_comments()] == ["Fixed"]


def test_a_check_run_is_written_and_completed(github_side) -> None:
    with github_side.writer.client_for(REPO) as client:
        repo = client.get_repo(REPO.full_name)
        run = repo.create_check_run("PatchPilot", github_side.base, status="in_progress")
        run.edit(
            status="completed",
            conclusion="neutral",
            output={"title": "Diagnosed", "summary": "An import that nothing uses"},
        )

        found = [
            one for one in repo.get_commit(github_side.base).get_check_runs() if one.name == "PatchPilot"
        ]
        assert [(one.status, one.conclusion) for one in found] == [("completed", "neutral")]


def test_a_red_run_its_job_and_its_log_behind_a_redirect(github_side) -> None:
    commit = github_side.fail()
    while (event := github_side.event(RunFinished)).head_sha != commit:
        pass
    actions = GitHubActions(github_side.reader)

    job = next(job for job in actions.jobs(event.run) if job.failed)
    log = b"".join(actions.open_log(event.run, job)).decode()

    assert (event.branch, event.succeeded) == ("main", False)
    assert job.name == "test"
    assert "assert 1 == 2" in log
