"""The playground's Slack served on a free port, and real Bolt apps that answer it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import pytest
import uvicorn
from fastapi import FastAPI, Request
from slack_bolt import App
from slack_bolt.adapter.fastapi import SlackRequestHandler
from slack_sdk import WebClient

from playground.slack.pace import QUICK, Pace
from playground.slack.routes import router
from playground.slack.server import Slack

SECRET = "a-signing-secret"
TOKEN = "xoxb-playground"
SCOPES = [
    "chat:write",
    "commands",
    "app_mentions:read",
    "users:read",
    "users:read.email",
    "files:write",
    "files:read",
    "channels:read",
    "groups:read",
    "im:write",
    "im:read",
    "im:history",
    "reactions:write",
    "reactions:read",
    "channels:history",
    "channels:join",
    "usergroups:read",
    "team:read",
]


@contextmanager
def serving(app: FastAPI, port_socket: socket.socket) -> Iterator[None]:
    config = uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [port_socket]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)
        port_socket.close()


def free_socket() -> tuple[socket.socket, str]:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(128)
    return listening, f"http://127.0.0.1:{listening.getsockname()[1]}"


@dataclass
class Stage:
    """A workspace with two people, two channels and one installed app."""

    slack: Slack
    client: WebClient
    ana: str
    ben: str
    bot: str
    ci: str
    dev: str

    def app(self) -> App:
        return App(client=self.client, signing_secret=SECRET)


def _populated(slack: Slack, base_url: str, **app: object) -> Stage:
    ana = slack.add_user("ana", "Ana Diaz", email="ana@acme.example")
    ben = slack.add_user("ben", "Ben Okoro", email="ben@acme.example", tz="Europe/Berlin")
    bot = slack.install_app(
        app_id="A0PATCH",
        bot_token=TOKEN,
        app_token="xapp-playground",
        **{"scopes": SCOPES, "commands": {"/patchpilot": ""}, **app},
    )
    ci = slack.add_channel("ci", members=[ana, ben, bot])
    dev = slack.add_channel("dev", members=[ana])
    client = WebClient(token=TOKEN, base_url=f"{base_url}/slack/api/")
    return Stage(slack, client, ana, ben, bot, ci, dev)


@pytest.fixture
def stage_at() -> Iterator[Callable[..., Stage]]:
    """Build and serve a stage at a given pace; ``scopes`` and so on go to the app."""
    with _Stages() as stages:
        yield stages.build


class _Stages:
    def __init__(self) -> None:
        self._open: list[tuple[Slack, object]] = []

    def build(self, pace: Pace = QUICK, **app: object) -> Stage:
        listening, base_url = free_socket()
        slack = Slack(base_url=base_url, signing_secret=SECRET, pace=pace)
        web = FastAPI()
        web.include_router(router(slack))
        server = serving(web, listening)
        server.__enter__()
        self._open.append((slack, server))
        return _populated(slack, base_url, **app)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for slack, server in self._open:
            slack.close()
            server.__exit__(None, None, None)


@pytest.fixture(scope="module")
def module_stage() -> Iterator[Stage]:
    """A stage that the tests of one module share."""
    with _Stages() as stages:
        yield stages.build()


@pytest.fixture
def stage(stage_at: Callable[..., Stage]) -> Stage:
    """A served workspace without limits and with quick retries."""
    return stage_at()


@dataclass
class BoltStage(Stage):
    """A stage whose app is a real Bolt app behind HTTP."""

    bolt: App


@pytest.fixture
def bolt_stage(stage_at: Callable[..., Stage]) -> Iterator[BoltStage]:
    listening, address = free_socket()
    url = f"{address}/slack/events"
    stage = stage_at(events_url=url, interactivity_url=url, commands={"/patchpilot": url})
    bolt = stage.app()
    handler = SlackRequestHandler(bolt)
    web = FastAPI()

    @web.post("/slack/events")
    async def endpoint(req: Request):
        return await handler.handle(req)

    with serving(web, listening):
        yield BoltStage(**vars(stage), bolt=bolt)


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], object]:
    """Wait until a look gives something true; fails after ten seconds."""

    def wait(look: Callable[[], object]) -> object:
        deadline = time.monotonic() + 60
        while not (seen := look()):
            assert time.monotonic() < deadline, "nothing happened within ten seconds"
            time.sleep(0.01)
        return seen

    return wait
