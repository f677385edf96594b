"""Slack's half of the bot, put together."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from slack_bolt import App
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient

from bot.authority import Authority
from bot.parts import BotParts
from bot.slack import http, installing, lifecycle
from bot.slack.app import SlackFront
from bot.slack.calls import CALL_SECONDS
from bot.slack.client import LintedClient, Linter, install
from bot.slack.deliveries import Deliveries
from bot.slack.delivery import Delivery
from bot.slack.digest import register as register_review
from bot.slack.home import Home
from bot.slack.people import SlackPeople
from bot.slack.presses import Presses
from bot.slack.workspaces import Workspaces
from patchpilot.metrics import Metrics
from patchpilot.settings import BotSettings
from storage.database import Database
from storage.sealing import Seal

_LISTENERS: Final = 32


@dataclass(frozen=True, kw_only=True)
class SlackParts:
    """What the bot's process needs of Slack."""

    app: App
    workspaces: Workspaces
    home: Home
    """The Home tabs."""
    people: SlackPeople
    routers: tuple[APIRouter, ...]
    """Endpoints over HTTP; with Socket Mode alone there are none."""

    def close(self) -> None:
        """Let what is being answered end; the database must be open until then."""
        self.app.listener_runner.listener_executor.shutdown()
        self.home.close()


def assemble(settings: BotSettings, db: Database, parts: BotParts, authority: Authority) -> SlackParts:
    """The bolt app with every handler, and the clients of the workspaces."""
    linter = Linter(parts.metrics)

    def client(token: str) -> WebClient:
        return LintedClient(
            token=token,
            base_url=settings.slack_api_url,
            timeout=CALL_SECONDS,
            # We own retries: the SDK's would repeat a post whose answer was lost.
            retry_handlers=[],
            linter=linter,
        )

    home = client(settings.slack_bot_token.get_secret_value())
    keys = settings.token_keys
    workspaces = Workspaces(db, home, make=client, seal=Seal(keys) if keys else None)
    signing = settings.slack_signing_secret.get_secret_value()

    def authorize(team_id: str | None) -> AuthorizeResult:
        # What bolt's types don't say: with None it refuses a workspace that nobody knows.
        return workspaces.authorize(team_id or "")  # type: ignore[return-value]

    app = App(
        client=client("") if workspaces.several else home,
        authorize=authorize if workspaces.several else None,
        signing_secret=signing or None,
        # A Slack that is away must not keep webhooks from being recorded.
        token_verification_enabled=False,
        request_verification_enabled=True,
        listener_executor=listeners(),
    )
    install(app, linter)
    people = SlackPeople(workspaces, parts.linking, home=settings.slack_channel)
    SlackFront(app, db, parts.door, people, group=settings.slack_escalation_group)
    lifecycle.register(app, db, workspaces)
    presses = Presses(parts.door, people)
    register_review(app, db, presses)
    routers = []
    if signing:
        routers.append(http.router(app))
    if workspaces.several:
        routers.append(installing.router(settings, db, client(""), workspaces))
    tabs = Home(app, db, authority, presses, workspaces.client)
    return SlackParts(app=app, home=tabs, people=people, workspaces=workspaces, routers=tuple(routers))


def listeners() -> Executor:
    """The threads in which presses are handled. Each is acknowledged by its thread, which then may wait for a
    slow code host, so bolt's five would keep the sixth person's press waiting for longer than Slack does."""
    return ThreadPoolExecutor(_LISTENERS, thread_name_prefix="slack-listener")


def deliveries(
    db: Database,
    workspaces: Workspaces,
    metrics: Metrics,
    *,
    admin: str = "",
    per_second: float | None = None,
) -> Deliveries:
    """What brings messages to every workspace, for one thread's use."""
    pace = {} if per_second is None else {"per_second": per_second}
    return Deliveries(
        db,
        workspaces,
        lambda client, team, mine: Delivery(
            # Who hears of troubles is somebody of the home workspace.
            db,
            client,
            metrics,
            admin="" if team else admin,
            team=team,
            mine=mine,
            **pace,
        ),
    )
