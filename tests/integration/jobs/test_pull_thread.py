"""What a pull request shows: its one comment, its check run, reactions and answers, by the real tasks."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import text

from bot.pulls.front import PullFront
from jobs import pr_thread
from jobs.queues import EFFECTS
from jobs.roles import Role
from patchpilot.commands import Answer, Ruling
from patchpilot.errors import TemporaryError
from patchpilot.heals import HealId
from patchpilot.pull_thread import AskState
from patchpilot.settings import EffectsSettings
from patchpilot.source import Repo
from providers.hosts.github_checks import GitHubChecks
from providers.hosts.github_pulls import GitHubPullRequests
from storage import content_calls
from storage.mutes import pause_pull, resume_pull
from storage.pull_asks import settle_ask, waiting_asks

MARKER = "<!-- patchpilot:pull -->"


class PullRequest:
    """A pull request of ana's whose CI is red."""

    def __init__(self, life: Any) -> None:
        self.life = life
        self.sha = life.push({"value.txt": "bad\n"}, branch="change", message="Change it")
        life.hear()
        self.number = life.github.open_pull_request(
            life.name, head="change", base="main", title="Change", by="ana"
        )
        life.hear()
        self.heal: HealId = life.heal_at(self.sha)
        self.incident = life.see(self.heal).incident
        self.front = PullFront(life.db, None)  # type: ignore[arg-type]  # only followed here, never asked

    def follow(self) -> None:
        """Let the bot hear what happened, and the effects role show it."""
        self.front._shown.free_at.clear()
        self.front.tick()
        self.life.work()

    def comments(self) -> list[str]:
        with self.life.github.core.world.lock:
            return [one.body for one in self.life.pull(self.number).comments]

    def sticky(self) -> str:
        found = [body for body in self.comments() if MARKER in body]
        assert len(found) == 1, found
        return found[0]

    def checks(self) -> list[Any]:
        return list(self.life.repo().check_runs.values())

    def show(self, role: Role | None = None) -> None:
        args = {"host": "github", "repo": self.life.name, "number": str(self.number)}
        pr_thread.show(role or self.life.roles[EFFECTS], args)


@pytest.fixture
def pull(life: Any) -> PullRequest:
    return PullRequest(life)


def test_one_comment_and_one_check_run_follow_the_heal_to_its_end(pull: PullRequest) -> None:
    pull.follow()
    assert "🔴 New" in pull.sticky()
    assert [(run.head_sha, run.status) for run in pull.checks()] == [(pull.sha, "in_progress")]

    pull.life.propose(pull.heal)
    pull.follow()
    assert "🟡 Needs approval" in pull.sticky()
    assert "The value is bad" in pull.sticky()
    assert "+good" in pull.sticky()
    assert [(run.status, run.conclusion) for run in pull.checks()] == [("completed", "neutral")]

    pull.life.push({"value.txt": "good\n"}, branch="change", message="Mend it")
    pull.life.hear()
    pull.follow()
    assert "✅ Green again" in pull.sticky()
    assert len(pull.comments()) == 1
    assert pull.checks()[0].actions == []


def test_a_pause_stands_at_the_head_of_the_comment_until_it_ends(pull: PullRequest) -> None:
    pull.follow()
    repo = Repo("github", pull.life.name)

    pause_pull(pull.life.db, repo, pull.number, author="ana", why="")
    pull.show()
    head = pull.sticky().removeprefix(MARKER).strip().split("\n")[0]
    assert head == "⏸️ Paused by `ana`: `@patchpilot resume` lets me work here again."

    resume_pull(pull.life.db, repo, pull.number)
    pull.show()
    assert "Paused" not in pull.sticky()


def test_an_answer_without_words_is_only_a_reaction(pull: PullRequest) -> None:
    pull.follow()
    comment = pull.life.github.comment(pull.life.name, pull.number, by="carl", body="@patchpilot explain")
    pull.life.hear()
    (ask,) = waiting_asks(pull.life.db)
    before = pull.sticky()
    settle_ask(pull.life.db, ask, Answer(ruling=Ruling.DENIED, text=""), state=AskState.REFUSED, reply=False)
    pull.life.work()

    with pull.life.github.core.world.lock:
        asked = next(one for one in pull.life.pull(pull.number).comments if one.id == comment)
        assert [one.content for one in asked.reactions] == ["-1"]
    assert pull.sticky() == before


def test_what_has_not_changed_is_not_written_again(pull: PullRequest, monkeypatch: Any) -> None:
    pull.follow()
    monkeypatch.setattr(pr_thread, "take_content_call", lambda *_: pytest.fail("it wrote again"))
    pull.show()
    pull.show()


def test_a_strangers_comment_with_our_marker_is_left_alone(pull: PullRequest) -> None:
    pull.life.github.comment(pull.life.name, pull.number, by="carl", body=f"mine\n\n{MARKER}")
    pull.follow()

    first, second = pull.comments()
    assert first == f"mine\n\n{MARKER}"
    assert "PP-" in second


def test_the_check_run_of_an_earlier_commit_does_not_stay_open(pull: PullRequest) -> None:
    pull.follow()
    later = pull.life.push({"value.txt": "bad\n", "x": "1"}, branch="change", message="Go on")
    pull.life.hear()
    with pull.life.db.transaction() as session:
        # What settling does once the later log was read: the incident looks at the later commit.
        session.execute(
            text(
                "UPDATE incidents SET heal_id = (SELECT heals.id FROM heals JOIN failures ON "
                "failures.id = heals.failure_id WHERE head_sha = :sha) WHERE id = :incident"
            ),
            {"sha": later, "incident": pull.incident},
        )
    pull.follow()

    assert {run.head_sha: run.status for run in pull.checks()} == {
        pull.sha: "completed",
        later: "in_progress",
    }
    assert "Later commit" in pull.checks()[0].output["title"]


def test_a_token_that_may_write_no_check_runs_still_comments(pull: PullRequest) -> None:
    def refused(*_: Any) -> str:
        raise pr_thread.PermanentError("You must authenticate via a GitHub App.")

    role = pull.life.roles[EFFECTS]
    pr_thread._hands(role).checks.put = refused  # type: ignore[method-assign]
    pull.follow()
    pull.follow()

    assert "🔴 New" in pull.sticky()
    assert pull.checks() == []


def test_what_ended_long_ago_gets_no_comment_any_more(pull: PullRequest) -> None:
    pull.life.push({"value.txt": "good\n"}, branch="change", message="Mend it")
    pull.life.hear()
    with pull.life.db.transaction() as session:
        session.execute(text("UPDATE heals SET updated_at = now() - interval '25 hours'"))
    pull.follow()

    assert pull.comments() == []


def test_comments_wait_when_there_were_too_many_just_now(pull: PullRequest, monkeypatch: Any) -> None:
    monkeypatch.setattr(content_calls, "_WINDOWS", ((60.0, 1), (3600.0, 400)))
    with pytest.raises(TemporaryError, match="the next waits"):
        pull.follow()
    assert len(pull.comments()) == 1


@pytest.mark.parametrize(
    ("state", "ruling", "reaction"),
    [
        (AskState.ACCEPTED, Ruling.APPLIED, "eyes"),
        (AskState.DONE, Ruling.ANSWERED, "rocket"),
        (AskState.REFUSED, Ruling.DENIED, "-1"),
    ],
)
@pytest.mark.parametrize("reply", [True, False])
def test_an_answer_is_a_reaction_and_one_place_to_read_it(
    pull: PullRequest, state: AskState, ruling: Ruling, reaction: str, reply: bool
) -> None:
    comment = pull.life.github.comment(pull.life.name, pull.number, by="carl", body="@patchpilot explain")
    pull.life.hear()
    (ask,) = waiting_asks(pull.life.db)
    answer = Answer(ruling=ruling, text="Because of @everyone", incident=pull.incident)
    for _ in range(2):
        settle_ask(pull.life.db, ask, answer, state=state, reply=reply)
    pull.life.work()
    for _ in range(2):
        pr_thread.answer(pull.life.roles[EFFECTS], {"ask": str(ask.id)})

    with pull.life.github.core.world.lock:
        asked = next(one for one in pull.life.pull(pull.number).comments if one.id == comment)
        assert [one.content for one in asked.reactions] == [reaction]
    ours = [body for body in pull.comments() if "<!-- patchpilot:" in body]
    assert len(ours) == 1
    assert "Because of @\u2060everyone" in ours[0]
    assert (MARKER in ours[0]) is not reply


def test_only_the_effects_role_writes(pull: PullRequest) -> None:
    assert isinstance(pull.life.roles[EFFECTS].settings, EffectsSettings)
    with pytest.raises(pr_thread.ConfigurationError, match="can't write to a code host"):
        pull.show(pull.life.roles["heal"])


def test_two_workers_that_show_at_once_make_one_comment_and_one_check_run(
    pull: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is held where it has found nothing, until the other is there too or has had its time to come."""
    for kind, name in ((GitHubPullRequests, "_find_comment"), (GitHubChecks, "_find")):
        _meet_after(monkeypatch, kind, name)
    workers = [Role(name=EFFECTS, settings=pull.life.roles[EFFECTS].settings) for _ in range(2)]
    try:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(pull.show, workers))
    finally:
        for worker in workers:
            worker.db.close()

    assert "🔴 New" in pull.sticky()
    assert [run.head_sha for run in pull.checks()] == [pull.sha]


def _meet_after(monkeypatch: pytest.MonkeyPatch, kind: type, name: str) -> None:
    look, both = getattr(kind, name), threading.Barrier(2)

    def held(*args: Any) -> Any:
        found = look(*args)
        if found is None:
            with suppress(threading.BrokenBarrierError):
                both.wait(2)
        return found

    monkeypatch.setattr(kind, name, held)
