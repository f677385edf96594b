"""What ``/ready`` knows of Slack before anything is posted."""

from __future__ import annotations

import threading

import pytest
from fastapi.testclient import TestClient

from bot.slack.pulse import Pulse
from bot.web.app import create_app
from patchpilot.errors import PatchPilotError


def asked(world):
    return len(world.slack.calls("auth.test"))


def settled(pulse):
    """The pulse once Slack has answered it, however slow this machine is."""
    while (asking := pulse._asking) is not None:
        asking.join()


def test_many_probes_are_one_question(world):
    pulse = Pulse(lambda: world.client, world.parts.metrics)
    before = asked(world)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bot.slack.pulse._PATIENCE", 60)
        for _ in range(5):
            pulse.check()

    assert asked(world) == before + 1


def ready_of(world, pulse):
    return TestClient(create_app(world.parts, slack=pulse.check)).get("/ready")


def test_a_slack_that_is_away_is_told_and_the_bot_stays_in_service(world, monkeypatch):
    monkeypatch.setattr("bot.slack.pulse._PATIENCE", 60)
    world.slack.inject("auth.test", "500")

    answer = ready_of(world, Pulse(lambda: world.client, world.parts.metrics))

    assert answer.status_code == 200
    assert not answer.json()["ready"]
    assert "Slack does not answer" in answer.json()["checks"]["slack"]["detail"]


def test_a_token_that_slack_refuses_is_told_until_it_is_taken_again(world, monkeypatch):
    monkeypatch.setattr("bot.slack.pulse._PATIENCE", 60)
    monkeypatch.setattr("bot.slack.pulse._BAD_SECONDS", 0)
    pulse = Pulse(lambda: world.client, world.parts.metrics)
    world.slack.workspace.apps["A1"].revoked = True

    answer = ready_of(world, pulse)

    assert answer.status_code == 200
    assert "SLACK_BOT_TOKEN does not work" in answer.json()["checks"]["slack"]["detail"]
    world.slack.workspace.apps["A1"].revoked = False
    assert ready_of(world, pulse).json()["ready"]


def test_a_slack_that_hangs_keeps_no_probe_waiting(world, monkeypatch):
    monkeypatch.setattr("bot.slack.pulse._PATIENCE", 0.01)
    answers = threading.Event()

    def home():
        answers.wait()
        return world.client

    pulse = Pulse(home, world.parts.metrics)
    with pytest.raises(PatchPilotError, match="not answered yet"):
        pulse.check()
    answers.set()
    settled(pulse)

    pulse.check()
