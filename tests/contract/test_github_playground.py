"""The GitHub provider against the playground's GitHub: App tokens, webhooks, logs, checkout, pull requests.

Nothing is faked but the sandbox: CI runs each step of our own sample as a plain process.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from patchpilot.errors import NotFoundError, PermanentError, TemporaryError
from patchpilot.failures import CommentWritten, HostEvent, PullRequestClosed, RunFinished
from patchpilot.fixes import ReplayPlan
from patchpilot.source import CIJob, HostUser, Permission, Proposal, Repo, Sha
from playground.github.ci import CIRunner
from playground.github.faults import FaultKind
from playground.github.server import GitHub, router
from playground.samples import LEDGER
from playground.serving import free_port, served
from providers.ci.github_actions import GitHubActions
from providers.ci.github_runs import GitHubRuns
from providers.ci.github_webhooks import GitHubWebhooks
from providers.hosts.github import GitHubHost
from providers.hosts.github_auth import READER, WRITER, AppKey, GitHubAccess
from providers.hosts.github_people import GitHubPeople
from providers.hosts.github_pulls import GitHubPullRequests
from providers.hosts.github_reviewers import GitHubReviewers, Requested
from tests.app_keys import key_pair
from tests.plain_bench import PlainBench, PlainBenches

SECRET = "a secret for webhooks"
REPO = Repo("github", LEDGER.full_name)
BRANCH = "patchpilot/fix/pp-1-0a1b2c3d-1"


@dataclass
class Site:
    github: GitHub
    reader: GitHubAccess
    writer: GitHubAccess
    green: Sha
    red: Sha
    events: queue.Queue[HostEvent] = field(default_factory=queue.Queue)

    def event(self, kind: type[Any]) -> Any:
        while True:
            event = self.events.get(timeout=90)
            if isinstance(event, kind):
                return event


@contextmanager
def _listening(events: queue.Queue[HostEvent]) -> Iterator[str]:
    """A bot's end of the webhooks: parses with the real parser and keeps what it says."""
    parser = GitHubWebhooks(SECRET)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            event = parser.parse(self.headers, body)  # type: ignore[arg-type]  # a mapping in all but name
            if event is not None:
                events.put(event)
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _app(github: GitHub, app_id: str, permissions: Mapping[str, str], **more: str) -> AppKey:
    pair = key_pair()
    github.install_app(app_id, public_key_pem=pair.public, permissions=permissions, **more)
    return AppKey(app_id, pair.private)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    port = free_port()
    events: queue.Queue[HostEvent] = queue.Queue()
    github = GitHub(
        tmp_path_factory.mktemp("github"), base_url=f"http://127.0.0.1:{port}", ci=CIRunner(PlainBenches())
    )
    app = FastAPI()
    app.include_router(router(github))
    with github, _listening(events) as hook, served(app, port=port):
        reader = _app(github, "1", READER, slug="reader")
        writer = _app(
            github,
            "2",
            {**WRITER, "actions": "read"},
            slug="patchpilot",
            webhook_url=hook,
            webhook_secret=SECRET,
        )
        green = LEDGER.create(github)
        red = LEDGER.break_it(github)
        assert github.wait_for_ci(LEDGER.full_name, red) == "failure"
        yield Site(
            github,
            GitHubAccess(reader, api_url=github.api_url),
            GitHubAccess(writer, api_url=github.api_url, permissions=WRITER, writes=True),
            Sha(green),
            Sha(red),
            events,
        )


@pytest.fixture(scope="module")
def failure(site: Site) -> RunFinished:
    while (event := site.event(RunFinished)).succeeded:
        pass
    return event


@pytest.fixture(scope="module")
def failed_job(site: Site, failure: RunFinished) -> CIJob:
    return next(job for job in GitHubActions(site.reader).jobs(failure.run) if job.failed)


@pytest.fixture
def host(site: Site, tmp_path: Path) -> GitHubHost:
    return GitHubHost(site.reader, cache=tmp_path / "cache")


def test_a_red_run_arrives_as_a_signed_webhook(site: Site, failure: RunFinished) -> None:
    assert failure.run.repo == REPO
    assert failure.head_sha == site.red
    assert failure.branch == "main"
    assert failure.workflow_path.startswith(".github/workflows/")
    assert not failure.from_fork


def test_a_run_that_is_named_by_its_address_is_the_one_that_was_reported(
    site: Site, failure: RunFinished
) -> None:
    runs = GitHubRuns(site.reader)
    address = runs.address(failure.run.url)

    asked = runs.fetch(address)

    assert (address.repo, str(address.run_id)) == (failure.run.repo, failure.run.run_id)
    assert replace(asked, delivery_id=failure.delivery_id) == failure


@pytest.mark.parametrize(
    ("end", "why"),
    [
        ("", "is not a run's address"),
        ("/actions/runs/", "is not a run's address"),
        ("/pull/1", "is not a run's address"),
    ],
)
def test_what_is_no_runs_address_is_told_apart(site: Site, end: str, why: str) -> None:
    runs = GitHubRuns(site.reader)

    with pytest.raises(PermanentError, match=why):
        runs.address(f"{site.github.base_url}/{REPO}{end}")
    with pytest.raises(PermanentError, match="the code host that I read from"):
        runs.address(f"https://evil.test/{REPO}/actions/runs/1")


def test_a_run_that_is_not_there_is_not_found(site: Site, failure: RunFinished) -> None:
    runs = GitHubRuns(site.reader)

    with pytest.raises(NotFoundError):
        runs.fetch(replace(runs.address(failure.run.url), run_id=999_999))


def test_the_failed_job_its_log_and_what_it_ran_fit_together(
    site: Site, failure: RunFinished, failed_job: CIJob, host: GitHubHost, tmp_path: Path
) -> None:
    actions = GitHubActions(site.reader)
    host.checkout(REPO, failure.head_sha, tmp_path / "tree")

    log = b"".join(actions.open_log(failure.run, failed_job)).decode()
    plan = actions.replay(tmp_path / "tree", workflow_path=failure.workflow_path, job=failed_job)

    assert isinstance(plan, ReplayPlan), plan
    assert f"##[group]Run {plan.failing.script.splitlines()[0]}" in log
    assert PlainBench(tmp_path / "tree").run(plan.failing).failed
    assert plan.suite is not None


def test_a_missing_log_is_not_found(site: Site, failure: RunFinished, failed_job: CIJob) -> None:
    site.github.inject(FaultKind.LOG_MISSING)
    with pytest.raises(NotFoundError, match="no log"):
        GitHubActions(site.reader).open_log(failure.run, failed_job)


def test_source_commits_and_permissions_are_read(site: Site, host: GitHubHost, tmp_path: Path) -> None:
    commit = host.commit(REPO, site.red)
    assert commit.parents == (site.green,)
    assert commit.diff.startswith("diff --git ")
    assert host.compare(REPO, site.green, site.red).diff.strip() == commit.diff.strip()
    assert host.merge_base(REPO, "main", site.green) == site.green
    assert host.branch_head(REPO, "main") == site.red
    assert host.branch_head(REPO, "gone") is None
    for login, role in LEDGER.people.items():
        user = HostUser(host="github", login=login)
        assert host.permission(REPO, user) is Permission[role.upper()]
    assert host.permission(REPO, HostUser(host="github", login="stranger")) is Permission.NONE


def test_a_reader_can_write_nothing(site: Site) -> None:
    proposal = _proposal(site, "patchpilot/fix/reader")
    with pytest.raises(PermanentError):
        GitHubPullRequests(
            GitHubAccess(site.reader._credentials, api_url=site.github.api_url)
        ).open_pull_request(proposal)


def _proposal(site: Site, branch: str) -> Proposal:
    patch = "diff --git a/NOTES.md b/NOTES.md\nnew file mode 100644\n--- /dev/null\n"
    patch += "+++ b/NOTES.md\n@@ -0,0 +1 @@\n+Hello\n"
    return Proposal(
        repo=REPO, base_branch="main", base_sha=site.red, branch=branch, patch=patch, title="Add notes",
        body="Why", labels=("patchpilot",),
        # Of one second, equal commits are one commit, which may be merged already.
        commit_message=f"Add notes for {branch}",
    )  # fmt: skip


@pytest.mark.parametrize("call", ["/git/refs$", "/pulls$"])
def test_created_then_502_and_twenty_calls_are_one_pull_request(site: Site, call: str) -> None:
    pulls = GitHubPullRequests(site.writer)
    proposal = _proposal(site, f"patchpilot/fix/{call.strip('/$').replace('/', '-')}")
    site.github.inject(FaultKind.DONE_THEN_STATUS, method="POST", path=call)

    made = {pulls.open_pull_request(proposal).number for _ in range(20)}

    assert len(made) == 1
    with site.writer.client_for(REPO) as client:
        pull = client.get_repo(REPO.full_name).get_pull(made.pop())
        assert pull.draft
        assert [(file.filename, file.additions) for file in pull.get_files()] == [("NOTES.md", 1)]


def test_a_rate_limit_names_the_wait(site: Site, host: GitHubHost) -> None:
    site.github.inject(FaultKind.RATE_LIMIT, path="/permission", retry_after=33)
    with pytest.raises(TemporaryError) as caught:
        host.permission(REPO, HostUser(host="github", login="ana"))
    assert caught.value.retry_after == 33


def test_a_merge_and_a_comment_come_back_as_webhooks(site: Site) -> None:
    pulls = GitHubPullRequests(site.writer)
    made = pulls.open_pull_request(_proposal(site, BRANCH))
    for body in ("Diagnosing", "Fixed"):
        pulls.comment(REPO, made.number, marker="patchpilot:PP-1", body=body)
    person = next(login for login, role in LEDGER.people.items() if role in {"write", "maintain", "admin"})
    site.github.comment(REPO.full_name, made.number, by=person, body="@patchpilot status")

    with site.writer.client_for(REPO) as client:
        comments = client.get_repo(REPO.full_name).get_pull(made.number).get_issue_comments()
        assert [comment.body.partition("\n")[0] for comment in comments] == ["Fixed", "@patchpilot status"]
    while (comment := site.event(CommentWritten)).author_is_bot:
        pass
    assert (comment.body, comment.author.login) == ("@patchpilot status", person)

    merged = site.github.merge(REPO.full_name, made.number, by=person)
    closed = site.event(PullRequestClosed)
    assert (closed.number, closed.branch, closed.merged, closed.merge_sha) == (
        made.number,
        BRANCH,
        True,
        merged,
    )


def test_an_app_that_is_not_installed_is_told_where(site: Site) -> None:
    with pytest.raises(NotFoundError, match="install the App on nobody/nothing"):
        site.reader.token_for(Repo("github", "nobody/nothing"))


def test_code_owners_are_asked_and_who_can_not_be_is_named(site: Site) -> None:
    owners = "*.md @ana @stranger @acme/core\n"
    site.github.push(
        REPO.full_name, "main", author="ana", message="Name owners", files={".github/CODEOWNERS": owners}
    )
    made = GitHubPullRequests(site.writer).open_pull_request(_proposal(site, "patchpilot/fix/owned"))
    reviewers = GitHubReviewers(site.writer)

    def ask(*without: str) -> Requested:
        return reviewers.request(REPO, made.number, base="main", paths=["NOTES.md"], without=without)

    assert ask("Ana").asked == ()
    assert ask() == Requested(asked=("ana",), refused=("stranger", "acme/core"))
    assert ask().asked == ()
    with site.writer.client_for(REPO) as client:
        users, _teams = client.get_repo(REPO.full_name).get_pull(made.number).get_review_requests()
        assert [user.login for user in users] == ["ana"]


def test_accounts_are_named_by_their_number_as_github_attributes_commits(site: Site) -> None:
    people = GitHubPeople(site.writer)
    ana = people.find(REPO, HostUser(host="github", login="ana"))
    assert ana is not None
    number = ana.email.split("+")[0]
    assert ana.email == f"{number}+ana@users.noreply.github.com"
    assert people.find(REPO, HostUser(host="github", login="ana", id=int(number))) == ana
    assert people.find(REPO, HostUser(host="github", login="ana", id=int(number) + 1)) is None
    assert people.find(REPO, HostUser(host="github", login="nobody-at-all")) is None
    ourselves = people.ourselves(REPO)
    assert ourselves is not None
    assert ourselves.login == "patchpilot[bot]"
