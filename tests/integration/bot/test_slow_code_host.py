"""Presses, forms and commands while the code host takes longer to say who may than Slack waits for an app."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

import pytest
from fastapi import FastAPI

from patchpilot.errors import TemporaryError
from patchpilot.heals import HealState
from patchpilot.source import Permission
from playground.github.server import GitHub
from playground.github.server import router as github_router
from playground.serving import free_port, served
from playground.slack.pace import QUICK, Pace
from providers.hosts.github import GitHubHost
from providers.hosts.github_auth import READER, AppKey, GitHubAccess
from storage.incidents import snapshot
from tests.app_keys import key_pair

WAITS = 6.0
"""How long Slack waits here; twice its own 3 s, which a laden machine may need for nothing."""
SECONDS = 8
"""How long the code host takes: longer than Slack waits."""


@pytest.fixture
def pace() -> Pace:
    return replace(QUICK, acknowledge=WAITS)


@pytest.fixture
def github(world, tmp_path, monkeypatch) -> Iterator[GitHub]:
    """The playground's GitHub, whom the bot asks who may."""
    # Leaves a laden machine more of the time that Slack waits.
    monkeypatch.setattr("bot.slack.submissions.FORM_SECONDS", 0.5)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        github = stack.enter_context(GitHub(tmp_path / "github", base_url=url, ci=None))
        app = FastAPI()
        app.include_router(github_router(github))
        stack.enter_context(served(app, port=port))
        pair = key_pair()
        github.create_repository("acme/ledger", collaborators={"ana": "write", "ben": "triage"})
        github.install_app("7", public_key_pem=pair.public, permissions=READER)
        access = GitHubAccess(AppKey("7", pair.private), api_url=github.api_url)
        world.parts.authority._host = GitHubHost(access)
        yield github


def slow(github, *, times=1):
    github.inject("slow", path="/permission", seconds=SECONDS, times=times)


def open_form(world, who, action):
    message = world.items()["approval"]
    world.slack.press(who, world.channel, message.ts, action)
    world.until(lambda: world.slack.modal(who) is not None)
    return world.slack.modal(who).id


def told(world, who):
    world.until(lambda: bool(world.slack.ephemerals(who)))
    return world.slack.ephemerals(who)[-1]


def proposed(world):
    incident, heal = world.fail()
    world.propose(heal)
    world.show()
    return incident


def direct_messages(world, words):
    lines = world.slack.workspace.messages.items()
    return [
        m for channel, line in lines if channel != world.channel for m in line.values() if words in m.text
    ]


def test_a_form_closes_in_time_and_what_came_of_it_is_told_in_the_thread(world, github):
    incident = proposed(world)
    form = open_form(world, "ben", "retry")
    slow(github)

    receipt = world.slack.submit_view("ben", form, {"hint": "keep os"})

    assert receipt.ok
    assert not receipt.body
    assert world.slack.modal("ben") is None
    message = told(world, "ben")
    assert "goes back to repair" in message.text
    assert message.thread_ts == world.card().ts
    assert [one.verb for one in snapshot(world.db, incident).heal.decisions] == ["retry"]


def test_a_refusal_that_comes_late_is_told_with_its_reason_and_what_was_typed(world, github):
    incident = proposed(world)
    form = open_form(world, "ben", "retry")
    github.set_role("acme/ledger", "ben", "read")
    slow(github)

    assert world.slack.submit_view("ben", form, {"hint": "keep <os>"}).ok

    text = told(world, "ben").text
    assert "@ben may not retry on acme/ledger" in text
    assert "keep &lt;os&gt;" in text
    assert snapshot(world.db, incident).heal.state is HealState.AWAITING_APPROVAL


def test_a_refusal_that_comes_in_time_stays_in_the_form(world):
    proposed(world)
    form = open_form(world, "ben", "retry")
    world.permissions.of["ben"] = Permission.READ

    receipt = world.slack.submit_view("ben", form, {"hint": "keep os"})

    assert "may not retry" in receipt.body["errors"]["hint"]
    assert world.slack.modal("ben") is not None
    assert not world.slack.ephemerals("ben")


def test_who_has_left_the_channel_meanwhile_is_told_in_a_direct_message(world, github):
    proposed(world)
    form = open_form(world, "ben", "reject")
    slow(github)
    world.slack.workspace.channel("ci").members.remove(world.users["ben"])

    assert world.slack.submit_view("ben", form, {"reason": "wrong_fix"}).ok

    world.until(lambda: bool(direct_messages(world, "is rejected")))


def test_a_form_that_could_not_be_looked_at_stays_open_and_says_why(world, monkeypatch):
    proposed(world)
    form = open_form(world, "ben", "retry")

    def away(**_):
        raise TemporaryError("reading who is linked: the database does not answer.")

    monkeypatch.setattr(world.parts.linking, "user", away)
    receipt = world.slack.submit_view("ben", form, {"hint": "keep os"})

    assert "the database does not answer" in receipt.body["errors"]["hint"]


def test_buttons_and_commands_are_acknowledged_first_however_many_wait(world, github):
    incident = proposed(world)
    github.set_role("acme/ledger", "ben", "read")
    slow(github, times=9)
    message = world.items()["approval"]
    # Presses of their own: the same one again would be answered at once.
    presses = [world.slack.prepare_press("ben", world.channel, message.ts, "approve") for _ in range(8)]

    def send(number):
        if number:
            return world.slack.send(presses[number - 1])
        return world.slack.slash("ben", world.channel, f"/patchpilot approve PP-{incident}")

    with ThreadPoolExecutor(9) as pool:
        receipts = list(pool.map(send, range(9)))

    assert all(receipt.ok for receipt in receipts), receipts
    # Each press is answered in the thread and in the channel, which was shown the message as well.
    world.until(lambda: len(world.slack.ephemerals("ben")) == 1 + 2 * 8)
    assert all("may not approve" in message.text for message in world.slack.ephemerals("ben"))
