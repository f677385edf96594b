"""Check runs and reactions on the playground's GitHub: one of each, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from patchpilot.errors import PermanentError, TemporaryError
from patchpilot.pull_thread import CheckAction, CheckAnnotation, CheckReport, Reaction
from patchpilot.source import Repo, Sha
from playground.github.faults import FaultKind
from playground.github.server import GitHub, router
from playground.serving import free_port, served
from providers.hosts.github_auth import WRITER, AppKey, GitHubAccess
from providers.hosts.github_checks import GitHubChecks
from providers.hosts.github_reactions import GitHubReactions
from tests.app_keys import key_pair

REPO = Repo("github", "acme/widget")


def _app(github: GitHub, app_id: str, slug: str) -> GitHubAccess:
    pair = key_pair()
    github.install_app(app_id, public_key_pem=pair.public, permissions=WRITER, slug=slug)
    return GitHubAccess(AppKey(app_id, pair.private), api_url=github.api_url, permissions=WRITER, writes=True)


class Site:
    def __init__(self, github: GitHub) -> None:
        self.github = github
        self.ours, self.theirs = _app(github, "7", "patchpilot"), _app(github, "8", "other")
        github.create_repository(REPO.full_name, collaborators={"ana": "write"})
        github.push(REPO.full_name, "main", author="ana", message="Start", files={"a.py": "1\n"})
        self.sha = Sha(
            github.push(REPO.full_name, "change", author="ana", message="Change", files={"a.py": "2\n"})
        )
        self.number = github.open_pull_request(
            REPO.full_name, head="change", base="main", title="Change", by="ana"
        )

    @property
    def runs(self) -> list[Any]:
        return list(self.github.core.world.repository(REPO.full_name).check_runs.values())

    def card(self) -> Any:
        return self.github.snapshot()[0].pulls[0]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    port = free_port()
    with ExitStack() as stack:
        github = stack.enter_context(GitHub(tmp_path, base_url=f"http://127.0.0.1:{port}", ci=None))
        app = FastAPI()
        app.include_router(router(github))
        stack.enter_context(served(app, port=port))
        yield Site(github)


@pytest.fixture
def report(site: Site) -> CheckReport:
    return CheckReport(
        head_sha=site.sha,
        external_id="PP-12",
        completed=False,
        title="Repairing",
        summary="An import that nothing uses",
        actions=(CheckAction(identifier="escalate", label="Escalate", description="Leave it to people"),),
    )


def test_a_check_run_is_made_once_and_ends_neutral(site: Site, report: CheckReport) -> None:
    checks = GitHubChecks(site.ours)
    made = checks.put(REPO, report)
    again = GitHubChecks(site.ours).put(
        REPO, replace(report, completed=True, title="Needs approval", actions=())
    )

    assert made == again
    (run,) = site.runs
    assert (run.name, run.status, run.conclusion) == ("PatchPilot", "completed", "neutral")
    assert (run.output["title"], run.external_id, run.actions) == ("Needs approval", "PP-12", [])


def test_a_check_run_that_ended_goes_on_when_work_does(site: Site, report: CheckReport) -> None:
    checks = GitHubChecks(site.ours)
    checks.put(REPO, replace(report, completed=True))
    checks.put(REPO, report)

    assert [run.status for run in site.runs] == ["in_progress"]


def test_more_annotations_than_a_request_takes_are_all_there_once(site: Site, report: CheckReport) -> None:
    places = tuple(CheckAnnotation(path="a.py", line=n, message=f"line {n}") for n in range(1, 121))
    checks = GitHubChecks(site.ours)
    for _ in range(2):
        checks.put(REPO, replace(report, annotations=places))

    assert [one["start_line"] for one in site.runs[0].annotations] == list(range(1, 121))


def test_a_check_run_of_another_app_by_our_name_is_left_alone(site: Site, report: CheckReport) -> None:
    theirs = GitHubChecks(site.theirs).put(REPO, replace(report, title="Theirs"))
    ours = GitHubChecks(site.ours).put(REPO, report)

    assert ours != theirs
    assert [run.output["title"] for run in site.runs] == ["Theirs", "Repairing"]


@pytest.mark.parametrize("status", [500, 502])
def test_a_creation_in_doubt_is_looked_up(site: Site, report: CheckReport, status: int) -> None:
    site.github.inject(FaultKind.DONE_THEN_STATUS, method="POST", path="check-runs$", status=status)
    GitHubChecks(site.ours).put(REPO, report)

    assert len(site.runs) == 1


def test_a_rate_limit_says_when_to_come_back(site: Site, report: CheckReport) -> None:
    site.github.inject(FaultKind.RATE_LIMIT, method="POST", path="check-runs$", retry_after=7)
    with pytest.raises(TemporaryError) as raised:
        GitHubChecks(site.ours).put(REPO, report)

    assert raised.value.retry_after == 7


def test_a_commit_that_is_gone_is_said_so(site: Site, report: CheckReport) -> None:
    with pytest.raises(PermanentError):
        GitHubChecks(site.ours).put(REPO, replace(report, head_sha=Sha("e" * 40)))


def test_a_reaction_is_given_once(site: Site) -> None:
    comment = site.github.comment(REPO.full_name, site.number, by="ana", body="@patchpilot retry")
    reactions = GitHubReactions(site.ours)
    given: list[Callable[[], bool]] = [
        lambda: reactions.give(REPO, comment, Reaction.EYES),
        lambda: reactions.give(REPO, comment, Reaction.EYES),
        lambda: reactions.give(REPO, comment, Reaction.ROCKET),
    ]

    assert all(give() for give in given)
    assert dict(site.card().comments[0].reactions) == {"eyes": 1, "rocket": 1}


def test_a_comment_on_a_line_gets_its_reaction_too(site: Site) -> None:
    comment = site.github.comment_on_line(
        REPO.full_name, site.number, by="ana", body="@patchpilot retry", path="a.py", line=1
    )

    assert GitHubReactions(site.ours).give(REPO, comment, Reaction.EYES)

    (pull,) = site.github.core.world.repository(REPO.full_name).pulls.values()
    assert [one.content for one in pull.line_comments[0].reactions] == ["eyes"]


def test_a_comment_that_is_gone_gets_no_reaction(site: Site) -> None:
    assert GitHubReactions(site.ours).give(REPO, 424242, Reaction.EYES) is False
