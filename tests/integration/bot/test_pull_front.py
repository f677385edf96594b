"""From a webhook to an answer: what is asked on a pull request, once, by whoever may."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import text

from bot.pulls.front import OUTSIDERS_ANSWERS, PullFront
from patchpilot.commands import Actor, Command, Medium, Verb
from patchpilot.failures import PullRequestClosed, RunFinished
from patchpilot.grammar import Way
from patchpilot.heals import HealState
from patchpilot.pull_thread import AskState
from patchpilot.source import HostUser, Permission, Repo, RunRef, Sha
from storage.decisions import decide
from storage.incidents import open_incidents, snapshot
from storage.intake import record_failure, record_pull_request_closed, record_success
from storage.mutes import pause_pull, paused_by, resume_pull
from storage.pull_asks import REPLIES_A_DAY, find_ask, latest_asks

REPO = Repo("github", "acme/ledger")
PULL = 7


class Conversation:
    """A pull request with a failure, and people who write there."""

    def __init__(self, world, api):
        self.world, self.db, self.api = world, world.db, api
        self.front = PullFront(world.db, world.parts.door)
        self.numbers = itertools.count(1)

    def fail(self, **facts):
        return record_failure(self.db, self.run(succeeded=False, **facts))

    def succeed(self, **facts):
        return record_success(self.db, self.run(succeeded=True, **facts))

    def run(self, *, succeeded, workflow="CI", sha="", minute=None):
        self.made = number = next(self.numbers)
        return RunFinished(
            delivery_id=f"run-{number}",
            run=RunRef(provider="github_actions", repo=REPO, run_id=str(5000 + number)),
            workflow=workflow,
            branch="rounding",
            head_sha=Sha(sha or f"{number:040x}"),
            succeeded=succeeded,
            author="cleo",
            pull_request=PULL,
            base_branch="main",
            started_at=None if minute is None else datetime(2026, 5, 4, 9, minute, tzinfo=UTC),
        )

    def deliver(self, event, payload, *, delivery=""):
        body = json.dumps(payload | {"repository": REPOSITORY}).encode()
        headers = {
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": delivery or f"delivery-{next(self.numbers)}",
            "X-Hub-Signature-256": "sha256=" + hmac.new(b"webhook-secret", body, hashlib.sha256).hexdigest(),
            "Content-Type": "application/json",
        }
        return self.api.post("/api/webhooks/github", content=body, headers=headers)

    def comment(self, login, body, *, kind="User", action="created", comment=0, delivery="", answer=True):
        user = {"login": login, "id": 100 + len(login), "type": kind}
        payload = {
            "action": action,
            "issue": {"number": PULL, "pull_request": {"url": "u"}},
            "comment": {"id": comment or next(self.numbers) + 900, "body": body, "user": user},
            "sender": user,
        }
        status = self.deliver("issue_comment", payload, delivery=delivery).status_code
        if answer:
            self.front.tick()
        return status

    def press(self, login, action, *, external="", delivery=""):
        payload = {
            "action": "requested_action",
            "check_run": {"id": 31, "external_id": external},
            "requested_action": {"identifier": action},
            "sender": {"login": login, "id": 5, "type": "User"},
        }
        status = self.deliver("check_run", payload, delivery=delivery).status_code
        self.front.tick()
        return status

    def asks(self):
        with self.db.transaction() as session:
            ids = session.scalars(text("SELECT id FROM pull_asks ORDER BY id")).all()
        return [find_ask(self.db, one) for one in ids]

    def tasks(self, name):
        with self.db.transaction() as session:
            return (
                session.execute(
                    text("SELECT args FROM tasks WHERE name = :name ORDER BY id"),
                    {"name": f"jobs.pr_thread.{name}"},
                )
                .scalars()
                .all()
            )


REPOSITORY = {"id": 1, "full_name": "acme/ledger", "default_branch": "main", "private": True}


@pytest.fixture
def talk(world):
    with httpx.Client(base_url=world.url) as api:
        yield Conversation(world, api)


@pytest.fixture
def waiting(talk):
    """The number of an incident of the pull request that waits for approval."""
    recorded = talk.fail()
    talk.world.propose(recorded.heal)
    return recorded.incident


def test_a_question_is_answered_from_the_incidents_evidence_in_a_reply(talk, waiting):
    assert talk.comment("cleo", "@patchpilot explain") == 202

    (ask,) = talk.asks()
    assert (ask.state, ask.reply, ask.incident) == (AskState.DONE, True, waiting)
    assert "An import that nothing uses" in ask.answer
    assert talk.tasks("answer") == [{"ask": str(ask.id)}]


@pytest.mark.parametrize("said", ["approve", "approve PP-{}"])
def test_an_approve_that_is_heard_late_approves_nothing_newer(talk, waiting, said):
    talk.comment("ana", f"@patchpilot {said.format(waiting)}", answer=False)
    newer = talk.world.propose_anew(waiting)

    talk.front.tick()

    (ask,) = talk.asks()
    assert ask.state is AskState.REFUSED
    assert "has another proposal now than when you asked" in ask.answer
    found = snapshot(talk.db, waiting).heal
    assert (found.state, found.approval_id) == (HealState.AWAITING_APPROVAL, newer)
    talk.comment("ana", "@patchpilot approve")
    assert snapshot(talk.db, waiting).heal.state is HealState.OPENING_PR


def test_an_approve_before_anything_is_proposed_approves_nothing(talk):
    recorded = talk.fail()
    talk.comment("ana", "@patchpilot approve", answer=False)
    talk.world.propose(recorded.heal)

    talk.front.tick()

    assert talk.asks()[0].state is AskState.REFUSED
    assert snapshot(talk.db, recorded.incident).heal.state is HealState.AWAITING_APPROVAL


def test_a_refusal_names_the_reason_and_who_may_and_changes_nothing(talk, waiting):
    talk.comment("cleo", "@patchpilot approve")
    talk.comment("stranger", "@patchpilot escalate")

    first, second = talk.asks()
    assert first.state is second.state is AskState.REFUSED
    assert "@cleo may not approve" in first.answer
    assert "People with write access to acme/ledger may approve" in first.answer
    assert "People with triage access" in second.answer
    assert snapshot(talk.db, waiting).heal.state is HealState.AWAITING_APPROVAL


def test_an_approval_is_accepted_and_done_once_the_pull_request_is_open(talk, waiting):
    talk.comment("ana", "LGTM\n\n@patchpilot approve")
    (ask,) = talk.asks()
    assert ask.state is AskState.ACCEPTED
    heal = snapshot(talk.db, waiting).heal
    assert (heal.state, heal.decisions[-1].actor) == (HealState.OPENING_PR, "ana")
    assert heal.decisions[-1].medium == Medium.PULL_REQUEST


def test_a_retry_is_done_once_the_heal_is_not_at_work_any_more(talk, waiting):
    talk.comment("ben", "@patchpilot retry use py3.12")
    (ask,) = talk.asks()
    assert ask.state is AskState.ACCEPTED
    assert snapshot(talk.db, waiting).heal.state is HealState.REPAIRING

    talk.world.propose(snapshot(talk.db, waiting).heal.id)
    talk.world.until(lambda: talk.front.tick() or talk.asks()[0].state is AskState.DONE)
    assert len(talk.tasks("answer")) == 2


def test_one_comment_is_heard_once_by_whatever_delivery(talk, waiting):
    assert talk.comment("ana", "@patchpilot retry", comment=55, delivery="d-1", answer=False) == 202
    assert talk.comment("ana", "@patchpilot retry", comment=55, delivery="d-1") == 200
    assert talk.comment("ana", "@patchpilot retry", comment=55, delivery="d-2") == 200

    assert len(talk.asks()) == 1
    assert len(snapshot(talk.db, waiting).heal.decisions) == 1


@pytest.mark.parametrize(
    "said",
    [
        {"kind": "Bot"},
        {"login": "renovate[bot]"},
        {"action": "edited"},
        {"action": "deleted"},
        {"body": "> @patchpilot approve\nlazy"},
        {"body": "`@patchpilot approve`"},
        {"body": "no command"},
    ],
)
def test_bots_edits_quotes_and_code_are_not_heard(talk, waiting, said):
    assert talk.comment(**({"login": "ana", "body": "@patchpilot approve"} | said)) == 202

    assert talk.asks() == []


def test_two_commands_in_one_comment_are_not_done(talk, waiting):
    talk.comment("ana", "@patchpilot approve\n@patchpilot reject")

    (ask,) = talk.asks()
    assert ask.state is AskState.REFUSED
    assert "One command per comment" in ask.answer
    assert snapshot(talk.db, waiting).heal.state is HealState.AWAITING_APPROVAL


def test_a_slip_is_met_with_what_was_probably_meant(talk, waiting):
    talk.comment("ana", "@patchpilot aprove")

    assert "Did you mean `approve`?" in talk.asks()[0].answer


def test_a_click_on_the_check_run_is_a_request_like_any_other(talk, waiting):
    assert talk.press("cleo", "retry", external=f"PP-{waiting}") == 202
    assert talk.press("ben", "retry", external=f"PP-{waiting}", delivery="click") == 202
    assert talk.press("ben", "retry", external=f"PP-{waiting}", delivery="click") == 200

    refused, retried = talk.asks()
    assert (refused.state, retried.state) == (AskState.REFUSED, AskState.ACCEPTED)
    assert (retried.way, retried.number, retried.reply) == (Way.CHECK, PULL, False)
    assert snapshot(talk.db, waiting).heal.attempt == 2


@pytest.mark.parametrize("external", ["", "PP-", "PP-99999", "12 OR 1", "PP-" + "9" * 40])
def test_a_click_on_what_is_not_ours_asks_nothing(talk, waiting, external):
    assert talk.press("ana", "escalate", external=external) == 202
    assert talk.asks() == []


def test_an_action_that_check_runs_do_not_have_is_refused(talk, waiting):
    talk.press("ana", "approve", external=f"PP-{waiting}")

    assert talk.asks()[0].state is AskState.REFUSED
    assert snapshot(talk.db, waiting).heal.state is HealState.AWAITING_APPROVAL


def test_replies_have_an_end_and_what_is_beyond_is_told_in_the_one_comment(talk, waiting):
    for _ in range(REPLIES_A_DAY + 2):
        talk.comment("ana", "@patchpilot status", answer=False)
    talk.world.until(lambda: talk.front.tick() or all(one.state is AskState.DONE for one in talk.asks()))

    assert sum(one.reply for one in talk.asks()) == REPLIES_A_DAY
    assert len(latest_asks(talk.db, REPO, PULL)) == 2


@pytest.mark.parametrize("access", [Permission.NONE, Permission.READ])
def test_an_outsider_gets_few_answers_a_day_and_then_only_reactions(talk, waiting, access):
    talk.world.permissions.of["outsider"] = access
    for _ in range(12):
        talk.comment("outsider", "@patchpilot explain")
    talk.comment("ben", "@patchpilot explain")

    *asked, bens = talk.asks()
    assert [one.reply for one in asked] == [True] * OUTSIDERS_ANSWERS + [False] * 9
    assert [f"last of {OUTSIDERS_ANSWERS} answers" in one.answer for one in asked].index(True) == 2
    assert sum("to more I only react" in one.answer for one in asked) == 1
    assert {(one.state, one.answer) for one in asked[OUTSIDERS_ANSWERS:]} == {(AskState.REFUSED, "")}
    assert len(talk.tasks("answer")) == len(talk.asks())
    assert bens.reply
    # What only gets a reaction does not push what people were told out of the one comment.
    assert latest_asks(talk.db, REPO, PULL) == []


def test_an_outsiders_refusals_on_a_fix_of_ours_have_an_end_too(talk):
    for _ in range(OUTSIDERS_ANSWERS + 2):
        talk.comment("outsider", "@patchpilot approve")

    assert [one.reply for one in talk.asks()] == [True] * OUTSIDERS_ANSWERS + [False] * 2


def test_an_outsiders_answers_are_counted_for_the_repository_and_over_processes(talk, waiting):
    for _ in range(OUTSIDERS_ANSWERS):
        talk.comment("outsider", "@patchpilot help")
    with talk.db.transaction() as session:
        session.execute(text("UPDATE pull_asks SET number = number + 1, login = 'renamed'"))
    talk.front = PullFront(talk.db, talk.world.parts.door)

    talk.comment("outsider", "@patchpilot help")
    talk.comment("somebody-else", "@patchpilot help")

    assert [bool(one.answer) for one in talk.asks()[-2:]] == [False, True]


def test_an_outsiders_answers_come_back_after_a_day(talk, waiting):
    for _ in range(OUTSIDERS_ANSWERS + 1):
        talk.comment("outsider", "@patchpilot help")
    with talk.db.transaction() as session:
        session.execute(text("UPDATE pull_asks SET at = at - interval '24 hours'"))

    talk.comment("outsider", "@patchpilot help")

    assert talk.asks()[-1].reply


def test_who_can_read_a_private_repository_is_no_outsider(talk, waiting):
    talk.world.permissions.private.add("acme/ledger")
    for _ in range(OUTSIDERS_ANSWERS + 2):
        talk.comment("cleo", "@patchpilot help")

    assert all(one.reply for one in talk.asks())


def test_without_a_failure_the_answer_is_a_reply(talk):
    talk.comment("ana", "@patchpilot retry")

    (ask,) = talk.asks()
    assert (ask.state, ask.reply) == (AskState.REFUSED, True)
    assert "no failure of this pull request" in ask.answer


@pytest.mark.parametrize(
    ("said", "told"), [("bogus", "bogus"), ("reject PP-{}", "reject"), ("status", "PP-{}")]
)
def test_on_a_fix_of_ours_whatever_is_answered_is_a_reply(talk, said, told):
    incident, _ = talk.world.fail()
    with talk.db.transaction() as session:
        session.execute(text("UPDATE heals SET pull_request_number = :pull"), {"pull": PULL})

    talk.comment("stranger", f"@patchpilot {said.format(incident)}")

    (ask,) = talk.asks()
    assert ask.reply
    assert told.format(incident) in ask.answer


def test_a_paused_pull_request_is_left_alone_until_it_is_resumed(talk):
    talk.comment("ben", "@patchpilot pause while I rebase")
    assert paused_by(talk.db, REPO, PULL) == "ben"
    assert talk.fail().incident is None

    talk.comment("ben", "@patchpilot resume")
    assert talk.fail().incident is not None


def test_the_status_says_who_has_paused_also_where_nothing_failed(talk):
    talk.comment("ben", "@patchpilot pause")
    talk.comment("ana", "@patchpilot status")

    status = talk.asks()[-1]
    assert (status.state, status.reply) == (AskState.DONE, True)
    assert "no failure of this pull request" in status.answer
    assert "Paused by @ben: `@patchpilot resume` lets me work here again." in status.answer


def paused(talk) -> None:
    talk.comment("ben", "@patchpilot pause while I rebase")


def resumed(talk) -> str:
    talk.comment("ben", "@patchpilot resume")
    return talk.asks()[-1].answer


def test_the_newest_red_run_that_came_during_the_pause_is_taken_up_on_resume(talk):
    paused(talk)
    talk.fail()
    newest = talk.fail()
    talk.world.permissions.heads["rounding"] = Sha(f"{talk.made:040x}")
    assert newest.incident is None

    assert "It is red: I take up PP-1." in resumed(talk)

    assert snapshot(talk.db, 1).heal.failure.head_sha == Sha(f"{talk.made:040x}")
    assert len(open_incidents(talk.db)) == 1
    assert "was not paused" in resumed(talk)


def test_each_red_workflow_of_the_head_is_taken_up(talk):
    paused(talk)
    for workflow in ("CI", "Docs"):
        talk.fail(workflow=workflow, sha="a" * 40)

    assert "PP-1, PP-2" in resumed(talk)


def test_what_was_green_again_before_the_resume_is_left_alone(talk):
    paused(talk)
    talk.fail()
    talk.succeed()

    assert resumed(talk) == "I look after acme/ledger#7 again."
    assert open_incidents(talk.db) == []


def test_a_green_run_that_is_older_than_the_red_one_does_not_hide_it(talk):
    paused(talk)
    talk.fail(minute=5)
    talk.succeed(minute=3)

    assert "I take up PP-1" in resumed(talk)


def test_a_red_run_of_a_commit_that_is_not_the_head_any_more_is_left_alone(talk):
    paused(talk)
    talk.fail()
    talk.world.permissions.heads["rounding"] = Sha("f" * 40)

    assert resumed(talk) == "I look after acme/ledger#7 again."
    assert "was not paused" in resumed(talk)


def test_a_pull_request_that_was_closed_during_its_pause_has_nothing_to_take_up(talk):
    paused(talk)
    talk.fail()
    record_pull_request_closed(
        talk.db,
        PullRequestClosed(
            delivery_id="closed",
            repo=REPO,
            number=PULL,
            branch="rounding",
            head_sha=Sha("1" * 40),
            merged=False,
        ),
    )

    assert resumed(talk) == "I look after acme/ledger#7 again."


def test_a_held_run_that_its_resumer_did_not_live_to_take_up_is_taken_up_by_the_next(talk):
    paused(talk)
    talk.fail()
    resume_pull(talk.db, REPO, PULL)

    assert "I take up PP-1" in resumed(talk)


def test_a_pause_of_one_pull_request_is_none_of_another(talk):
    pause_pull(talk.db, REPO, PULL + 1, author="ana", why="")

    assert talk.fail().incident is not None


def test_a_burst_of_events_is_shown_once_and_then_again_only_after_a_while(talk, waiting):
    talk.front.tick()
    talk.front.tick()

    assert talk.tasks("show") == [{"host": "github", "repo": "acme/ledger", "number": str(PULL)}]


def test_a_defect_met_on_one_request_is_answered_and_keeps_nobody_waiting(talk, waiting, monkeypatch):
    door = talk.world.parts.door
    real = door.handle
    monkeypatch.setattr(door, "handle", lambda asked: 1 / 0 if asked.actor.name == "ana" else real(asked))
    talk.comment("ana", "@patchpilot status", answer=False)
    talk.comment("ben", "@patchpilot status")

    broken, fine = talk.asks()
    assert (broken.state, fine.state) == (AskState.REFUSED, AskState.DONE)
    assert "defect" in broken.answer


def test_what_slack_decided_first_is_told_with_the_name_of_who_did(talk, waiting):
    ana = Actor(medium=Medium.SLACK, name="U1", host_user=HostUser(host="github", login="ana"))
    decide(talk.db, Command(verb=Verb.APPROVE, actor=ana, incident=waiting))
    talk.comment("ana", "@patchpilot approve")

    assert "already approved by @ana" in talk.asks()[0].answer


def test_a_run_of_a_fork_finds_its_pull_request(talk):
    sha = "c" * 40
    pull = {"number": PULL, "head": {"ref": "main", "sha": sha, "repo": None}, "base": {"ref": "main"}}
    sender = {"login": "stranger", "id": 9, "type": "User"}
    talk.deliver("pull_request", {"action": "opened", "pull_request": pull, "sender": sender})
    run = {
        "id": 88,
        "head_branch": "main",
        "head_sha": sha,
        "conclusion": "failure",
        "head_repository": {"id": 2, "full_name": "stranger/ledger"},
        "pull_requests": [],
    }
    talk.deliver("workflow_run", {"action": "completed", "workflow_run": run})
    talk.comment("cleo", "@patchpilot status")

    (ask,) = talk.asks()
    failure = snapshot(talk.db, ask.incident).heal.failure
    assert (failure.pull_request, failure.from_fork, failure.base_branch) == (PULL, True, "main")
    assert talk.tasks("show") == [{"host": "github", "repo": "acme/ledger", "number": str(PULL)}]
