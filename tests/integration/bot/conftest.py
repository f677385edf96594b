"""The bot's HTTP application and announcer, on a real Postgres, a real Redis and the playground's Slack."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from slack_bolt import App
from slack_sdk import WebClient

from bot.authority import Authority
from bot.decisions import Decisions
from bot.parts import BotParts
from bot.slack import http as slack_http
from bot.slack.announcer import Announcer
from bot.slack.app import SlackFront
from bot.slack.delivery import Delivery
from bot.web.app import create_app
from jobs.queues import Queues, connect
from patchpilot.failures import Blame, Category, Diagnosis, DistilledFailure, LogLine, RunFinished
from patchpilot.fixes import CommandResult, Ending, Fix, Patch, Proof, ShellCommand
from patchpilot.heals import HealState
from patchpilot.metrics import Metrics
from patchpilot.settings import BotSettings
from patchpilot.source import HostUser, Permission, Repo, RunRef, Sha
from playground.serving import free_port, served
from playground.slack.pace import QUICK
from playground.slack.server import Slack, router
from providers.ci.github_webhooks import GitHubWebhooks
from storage.budget import BudgetLimits
from storage.database import Database
from storage.heals import take_heal
from storage.intake import record_failure, record_success
from storage.links import link

REPO = Repo("github", "acme/ledger")
SECRET = "webhook-secret"
SIGNING = "signing-secret"
TOKEN = "xoxb-playground"
SCOPES = [
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "files:write",
    "groups:history",
    "groups:read",
    "im:write",
    "reactions:write",
    "users:read",
    "users:read.email",
]
DIFF = """\
diff --git a/money.py b/money.py
--- a/money.py
+++ b/money.py
@@ -1,2 +1 @@
-import os
 import decimal
"""


class Permissions:
    """A code host of which only the permissions are asked."""

    def __init__(self) -> None:
        self.of = {"ana": Permission.WRITE, "ben": Permission.TRIAGE, "cleo": Permission.READ}

    def permission(self, repo: Repo, user: HostUser) -> Permission:
        return self.of.get(user.login, Permission.NONE)


@dataclass
class World:
    """Everything a test of the bot talks to."""

    db: Database
    slack: Slack
    channel: str
    users: dict[str, str]
    permissions: Permissions
    parts: BotParts
    app: FastAPI
    url: str
    delivery: Delivery
    announcer: Announcer
    made: int = field(default=0)

    def fail(self, *, branch: str = "main", workflow: str = "CI") -> tuple[int, str]:
        """A red run; returns the incident's number and the heal's id."""
        self.made += 1
        recorded = record_failure(
            self.db,
            RunFinished(
                delivery_id=f"delivery-{self.made}",
                run=RunRef(
                    provider="github_actions",
                    repo=REPO,
                    run_id=str(1000 + self.made),
                    url=f"https://github.test/acme/ledger/actions/runs/{1000 + self.made}",
                ),
                workflow=workflow,
                branch=branch,
                head_sha=Sha(f"{self.made:040x}"),
                succeeded=False,
                author="ana",
                commit_subject="Round at the end",
            ),
        )
        assert recorded.incident is not None
        assert recorded.heal is not None
        return recorded.incident, recorded.heal

    def succeed(self, *, branch: str = "main", workflow: str = "CI") -> None:
        """A green run after all the red ones."""
        self.made += 1
        record_success(
            self.db,
            RunFinished(
                delivery_id=f"delivery-{self.made}",
                run=RunRef(provider="github_actions", repo=REPO, run_id=str(1000 + self.made)),
                workflow=workflow,
                branch=branch,
                head_sha=Sha(f"{self.made:040x}"),
                succeeded=True,
            ),
        )

    def propose(self, heal: str, *, fingerprint: str = "f" * 16, diff: str = DIFF) -> None:
        """What the worker would do: read, diagnose, repair, prove, propose."""
        journal = take_heal(
            self.db,
            heal,
            owner="test",
            seconds=30,
            budget=BudgetLimits(heal_max_dollars=1, heal_max_tokens=1000, repo_day_max_dollars=1),
        )
        assert journal is not None
        if journal.state() is not HealState.REPAIRING:
            journal.move(HealState.INGESTING)
            with journal.step("ingest", "read the log"):
                journal.settle(
                    DistilledFailure(
                        text="F401",
                        category=Category.LINT,
                        cause="F401 unused import",
                        fingerprint=fingerprint,
                    )
                )
            journal.move(HealState.DIAGNOSING)
            journal.diagnosed(
                Diagnosis(
                    category=Category.LINT,
                    blame=Blame.CHANGE,
                    root_cause="An import that nothing uses",
                    evidence=(LogLine(3, "money.py:1:8: F401"),),
                )
            )
            journal.move(HealState.REPAIRING)
        journal.move(HealState.VALIDATING)
        journal.propose(made_fix(diff))
        journal.release()

    def show(self) -> None:
        """Let the announcer bring Slack up to date."""
        self.until(self._settled)

    def _settled(self) -> bool:
        self.announcer.tick()
        return not self.announcer._waiting.due

    def until(self, ready: Callable[[], bool], seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not ready():
            assert time.monotonic() < end, "it never came to that"
            time.sleep(0.05)

    def card(self):
        """The one card in the channel."""
        cards = [m for m in self.slack.messages(self.channel) if not m.is_reply]
        assert len(cards) == 1, [m.text for m in cards]
        return cards[0]

    def items(self):
        """The thread's messages by the first word of their key."""
        return {
            m.metadata["event_payload"]["key"].split(":")[1]: m
            for m in self.slack.thread(self.channel, self.card().ts)
            if m.metadata
        }

    def buttons(self, message) -> list[str]:
        return [e["action_id"] for b in message.blocks if b["type"] == "actions" for e in b["elements"]]


def made_fix(diff: str = DIFF) -> Fix:
    def ran(code: int) -> CommandResult:
        return CommandResult(
            command=ShellCommand(script="ruff check ."),
            ending=Ending.EXITED,
            exit_code=code,
            output="checked",
            seconds=0.1,
            engine="bubblewrap",
        )

    return Fix(
        patch=Patch(diff),
        author="fixer:ruff",
        summary="Remove an unused import",
        proof=Proof(before=ran(1), after=(ran(0), ran(0))),
        confidence=0.9,
    )


@pytest.fixture
def world(database: Database, database_url: str, redis_url: str) -> Iterator[World]:
    slack_port, bot_port = free_port(), free_port()
    slack_url, bot_url = f"http://127.0.0.1:{slack_port}", f"http://127.0.0.1:{bot_port}"
    slack = Slack(base_url=slack_url, signing_secret=SIGNING, pace=QUICK)
    users = {
        name: slack.add_user(name, name.title(), email=f"{name}@acme.test")
        for name in ("ana", "ben", "cleo", "dan")
    }
    channel = slack.add_channel("ci", members=list(users))
    bot_user = slack.install_app(
        app_id="A1",
        bot_token=TOKEN,
        events_url=f"{bot_url}/slack/events",
        interactivity_url=f"{bot_url}/slack/events",
        commands={"/patchpilot": f"{bot_url}/slack/events"},
        scopes=SCOPES,
        events=["app_mention"],
    )
    slack.invite("ci", bot_user)
    for name in ("ana", "ben", "cleo"):
        link(
            database,
            medium="slack",
            team=slack.team_id,
            account=users[name],
            user=HostUser(host="github", login=name),
        )
    settings = BotSettings(
        _env_file=None,
        database_url=SecretStr(database_url),
        redis_url=SecretStr(redis_url),
        github_webhook_secret=SecretStr(SECRET),
        slack_bot_token=SecretStr(TOKEN),
        slack_signing_secret=SecretStr(SIGNING),
        slack_api_url=f"{slack_url}/slack/api/",
        api_token=SecretStr("api-token"),
    )
    metrics = Metrics()
    permissions = Permissions()
    decisions = Decisions(database, Authority(permissions, cache_seconds=0), metrics)
    parts = BotParts(
        settings=settings,
        db=database,
        queues=Queues(connect(redis_url)),
        decisions=decisions,
        metrics=metrics,
        parsers={"github": GitHubWebhooks(SECRET)},
    )
    client = WebClient(token=TOKEN, base_url=settings.slack_api_url, timeout=3, retry_handlers=[])
    bolt = App(client=client, signing_secret=SIGNING, token_verification_enabled=False)
    SlackFront(bolt, database, decisions)
    app = create_app(parts, more=[slack_http.router(bolt)])
    slack_app = FastAPI()
    slack_app.include_router(router(slack))
    delivery = Delivery(database, client, metrics, per_second=1000)
    with ExitStack() as stack:
        stack.enter_context(served(slack_app, port=slack_port))
        stack.enter_context(served(app, port=bot_port))
        stack.callback(slack.close)
        yield World(
            db=database,
            slack=slack,
            channel=channel,
            users=users,
            permissions=permissions,
            parts=parts,
            app=app,
            url=bot_url,
            delivery=delivery,
            announcer=Announcer(database, delivery, channel="#ci"),
        )
