"""Workflows really run: runs, jobs, logs and re-runs as a client of GitHub sees them."""

import json
import re

import github
import httpx
import pytest

FULL = """\
name: CI
on:
  push:
    branches: [main, "release/*"]
  pull_request:
env:
  LEVEL: top
jobs:
  lint:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 1
      - run: echo lint $LEVEL on $GITHUB_EVENT_NAME
  test:
    needs: lint
    strategy:
      matrix:
        python: ["3.11", "3.12"]
    runs-on: ubuntu-latest
    env:
      PYTHON: ${{ matrix.python }}
    steps:
      - name: Look
        run: |
          echo "python $PYTHON"
          cat verdict.txt
          exit $(cat verdict.txt)
      - name: Skipped after a failure
        run: echo never
      - name: Clean up
        if: always()
        run: echo "::warning file=a.py::cleaned"
"""


def push(site, files, *, branch="main", message="Change"):
    return site.hub.push("acme/widget", branch, author="ben", message=message, files=files)


def red(site):
    return push(site, {".github/workflows/ci.yml": FULL, "verdict.txt": "3\n"})


def run_of(site, sha):
    site.hub.wait_for_ci("acme/widget", sha)
    (run,) = site.as_app().get_repo("acme/widget").get_workflow_runs(head_sha=sha)
    return run


def log_of(site, job):
    token = site.installation_token({"actions": "read"})
    head = {"Authorization": f"token {token}"}
    url = f"{site.hub.api_url}/repos/acme/widget/actions/jobs/{job.id}/logs"
    answer = httpx.get(url, headers=head)
    assert answer.status_code == 302
    assert httpx.get(answer.headers["location"], headers=head).status_code == 401
    return httpx.get(answer.headers["location"]).text


def test_a_red_run_is_told_by_webhook_with_its_jobs_and_steps(github_site):
    run = run_of(github_site, red(github_site))
    assert (run.name, run.event, run.status, run.conclusion, run.run_attempt) == (
        "CI",
        "push",
        "completed",
        "failure",
        1,
    )
    jobs = {job.name: job for job in run.jobs()}
    assert {name: job.conclusion for name, job in jobs.items()} == {
        "lint": "success",
        "test (3.11)": "failure",
        "test (3.12)": "failure",
    }
    steps = [(step.number, step.name, step.conclusion) for step in jobs["test (3.11)"].steps]
    assert steps == [
        (1, "Set up job", "success"),
        (2, "Look", "failure"),
        (3, "Skipped after a failure", "skipped"),
        (4, "Clean up", "success"),
        (5, "Complete job", "success"),
    ]
    github_site.hub.drain()
    told = [json.loads(one.body) for one in github_site.hooks.events("workflow_run")]
    assert [one["action"] for one in told] == ["requested", "in_progress", "completed"]
    last = told[-1]["workflow_run"]
    assert (last["conclusion"], last["head_branch"], last["path"]) == (
        "failure",
        "main",
        ".github/workflows/ci.yml",
    )
    assert last["head_commit"]["message"] == "Change"
    assert last["head_repository"]["full_name"] == "acme/widget"


def test_the_log_has_the_form_of_github_actions(github_site):
    run = run_of(github_site, red(github_site))
    job = next(job for job in run.jobs() if job.name == "test (3.11)")
    text = log_of(github_site, job)
    assert text.startswith("\ufeff20")
    lines = text.removeprefix("\ufeff").splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", line) for line in lines)
    assert [line[:28] for line in lines] == sorted(line[:28] for line in lines)
    said = [line[29:] for line in lines]
    start = said.index('##[group]Run echo "python $PYTHON"')
    assert said[start : start + 12] == [
        '##[group]Run echo "python $PYTHON"',
        '\x1b[36;1mecho "python $PYTHON"\x1b[0m',
        "\x1b[36;1mcat verdict.txt\x1b[0m",
        "\x1b[36;1mexit $(cat verdict.txt)\x1b[0m",
        "shell: /usr/bin/bash -e {0}",
        "env:",
        "  LEVEL: top",
        "  PYTHON: 3.11",
        "##[endgroup]",
        "python 3.11",
        "3",
        "##[error]Process completed with exit code 3.",
    ]
    assert "##[warning]cleaned" in said


def test_only_failed_jobs_are_run_again_and_earlier_attempts_stay(github_site):
    run = run_of(github_site, red(github_site))
    assert run.rerun_failed_jobs()
    github_site.hub.wait_for_ci("acme/widget", run.head_sha)
    run.update()
    assert (run.run_attempt, run.conclusion) == (2, "failure")
    base = f"/repos/acme/widget/actions/runs/{run.id}"
    ask = github_site.as_app().requester.requestJsonAndCheck
    first = ask("GET", f"{base}/attempts/1/jobs")[1]["jobs"]
    second = ask("GET", f"{base}/attempts/2/jobs")[1]["jobs"]
    assert {job["run_attempt"] for job in first} == {1}
    assert not {job["id"] for job in first} & {job["id"] for job in second}
    assert ask("GET", f"{base}/attempts/1")[1]["conclusion"] == "failure"
    with pytest.raises(github.UnknownObjectException):
        ask("GET", f"{base}/attempts/9/jobs")


def test_a_cured_branch_goes_green_and_its_pull_request_is_checked(github_site):
    red(github_site)
    sha = push(github_site, {"verdict.txt": "0\n"}, branch="fix")
    assert github_site.hub.runs("acme/widget", sha=sha) == ()
    repo = github_site.as_app().get_repo("acme/widget")
    pull = repo.create_pull(base="main", head="fix", title="Fix", body="")
    run = run_of(github_site, sha)
    assert (run.event, run.conclusion, run.head_branch) == ("pull_request", "success", "fix")
    assert [one.number for one in run.pull_requests] == [pull.number]
    checks = {check.name: check.conclusion for check in repo.get_commit(sha).get_check_runs()}
    assert checks == {"lint": "success", "test (3.11)": "success", "test (3.12)": "success"}
    merged = github_site.hub.merge("acme/widget", pull.number, by="ana")
    assert github_site.hub.wait_for_ci("acme/widget", merged) == "success"


def test_a_pull_request_is_checked_as_merged_with_its_base(github_site):
    push(github_site, {".github/workflows/ci.yml": FULL, "verdict.txt": "0\n"})
    sha = push(github_site, {"note.txt": "hi\n"}, branch="fix")
    push(github_site, {"verdict.txt": "4\n"})
    repo = github_site.as_app().get_repo("acme/widget")
    repo.create_pull(base="main", head="fix", title="Fix", body="")
    assert run_of(github_site, sha).conclusion == "failure"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("on: push\njobs: [", "not valid YAML"),
        ("on: push\n", "no jobs"),
        ("on: push\njobs:\n  a:\n    steps: []\n", "no steps"),
        ("on: push\njobs:\n  a:\n    steps: [{name: x}]\n", "either run or uses"),
        ("on: push\njobs:\n  a:\n    uses: ./x.yml\n", "reusable workflow"),
        ("on: push\njobs:\n  a:\n    needs: b\n    steps: [{run: x}]\n", "can't be met"),
        ("- just\n- a list\n", "must be a mapping"),
    ],
)
def test_an_unusable_workflow_is_a_failed_run_without_jobs(github_site, text, problem):
    sha = push(github_site, {".github/workflows/bad.yml": text})
    run = run_of(github_site, sha)
    assert (run.conclusion, list(run.jobs())) == ("failure", [])
    assert problem in github_site.hub.core.world.repository("acme/widget").runs[run.id].problem


def test_an_unknown_expression_fails_the_step_and_says_so(github_site):
    text = "on: push\njobs:\n  a:\n    steps:\n      - run: echo ${{ fromJSON('x') }}\n"
    run = run_of(github_site, push(github_site, {".github/workflows/ci.yml": text}))
    (job,) = run.jobs()
    assert job.conclusion == "failure"
    assert "fromJSON('x')" in log_of(github_site, job)


def test_logs_can_be_missing_binary_or_huge(github_site):
    run = run_of(github_site, red(github_site))
    job = next(iter(run.jobs()))
    url = f"{github_site.hub.api_url}/repos/acme/widget/actions/jobs/{job.id}/logs"
    head = {"Authorization": f"token {github_site.installation_token()}"}
    github_site.hub.inject("log_missing")
    assert httpx.get(url, headers=head).status_code == 404
    github_site.hub.inject("log_binary")
    assert b"\0" in httpx.get(httpx.get(url, headers=head).headers["location"]).content
    github_site.hub.inject("log_size", megabytes=5)
    huge = httpx.get(httpx.get(url, headers=head).headers["location"]).content
    assert len(huge) > 4_900_000
    assert len(httpx.get(httpx.get(url, headers=head).headers["location"]).content) < 5_000


def test_the_logs_of_a_run_come_as_a_zip(github_site):
    import io
    import zipfile

    run = run_of(github_site, red(github_site))
    head = {"Authorization": f"token {github_site.installation_token()}"}
    answer = httpx.get(f"{run.url}/logs", headers=head)
    archive = zipfile.ZipFile(io.BytesIO(httpx.get(answer.headers["location"]).content))
    assert archive.namelist() == ["0_lint.txt", "1_test (3.11).txt", "2_test (3.12).txt"]


def test_a_push_elsewhere_starts_nothing_and_a_pattern_matches(github_site):
    red(github_site)
    assert github_site.hub.wait_for_ci("acme/widget", push(github_site, {"a": "1"}, branch="other")) == ""
    assert github_site.hub.wait_for_ci("acme/widget", push(github_site, {"a": "2"}, branch="release/1"))


def test_the_page_shows_what_happened_and_passes_on_refusals(github_site):
    from playground.github.page import GitHubPage
    from playground.web.github_view import RefusedError

    page = GitHubPage(github_site.hub)
    changes = []
    stop = page.subscribe(lambda: changes.append(1))
    sha = red(github_site)
    github_site.hub.wait_for_ci("acme/widget", sha)
    stop()
    assert changes
    (repo,) = page.repositories()
    assert (repo.commits[0].state, repo.runs[0].state) == ("failure", "failure")
    assert "exit code 3" in page.log("acme/widget", repo.runs[0].jobs[1].id)
    push(github_site, {"verdict.txt": "0\n"}, branch="fix")
    github_site.hub.open_pull_request(
        "acme/widget", head="fix", base="main", title="Fix", by="ben", draft=True
    )
    page.comment("acme/widget", 1, "Thanks", by="cleo")
    with pytest.raises(RefusedError, match="dora may not"):
        page.merge("acme/widget", 1, by="dora")
    with pytest.raises(RefusedError, match="no pull request"):
        page.diff("acme/widget", 7)
    page.ready("acme/widget", 1, by="ben")
    page.close("acme/widget", 1, by="cleo")
    page.reopen("acme/widget", 1, by="cleo")
    page.merge("acme/widget", 1, by="ana")
    with pytest.raises(RefusedError, match="merged already"):
        page.merge("acme/widget", 1, by="ana")
    (pull,) = page.repositories()[0].pulls
    assert (pull.state, pull.comments[0].body) == ("merged", "Thanks")
    github_site.hub.wait_for_ci("acme/widget", sha)


def test_a_run_without_a_sandbox_is_cancelled_and_never_red(github_site):
    from patchpilot.errors import SandboxUnavailableError

    class Away:
        engine = "none"
        reason = "nothing is installed"

        def open(self, spec):
            raise SandboxUnavailableError("install bubblewrap or Docker")

    github_site.hub.core.runs._ci._workbenches = Away()
    run = run_of(github_site, red(github_site))
    assert run.conclusion == "cancelled"
    lint = next(iter(run.jobs()))
    assert "install bubblewrap or Docker" in log_of(github_site, lint)


def test_a_link_that_leaves_its_folder_is_not_checked_out(github_site):
    hub, git = github_site.hub, github_site.hub.core.world.repository("acme/widget").git
    red(github_site)
    head = hub.branch_head("acme/widget")
    from playground.github.gitdata import Identity
    from playground.github.gitstore import Entry
    from playground.github.model import now

    evil = git.write_tree([Entry("out", git.write_blob(b"/etc"), "120000")], base=head)
    who = Identity("Eve", "eve@example.com", now())
    sha = git.write_commit(evil, message="Link", parents=[head], author=who, committer=who)
    ref = github_site.as_person("ana").get_repo("acme/widget").get_git_ref("heads/main")
    ref.edit(sha)
    run = run_of(github_site, sha)
    # The link is left out, as it is when the worker checks out; the rest is as red as it was.
    assert run.conclusion == "failure"
    assert "/etc" not in log_of(github_site, next(iter(run.jobs())))
