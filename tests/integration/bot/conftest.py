"""The bot's HTTP application and announcer, on a real Postgres, a real Redis and the playground's Slack."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from slack_bolt import App

from bot.authority import Authority
from bot.door import Door
from bot.linking import Linking
from bot.parts import BotParts
from bot.slack import http as slack_http
from bot.slack import lifecycle
from bot.slack.announcer import Announcer
from bot.slack.app import SlackFront
from bot.slack.assembly import listeners
from bot.slack.client import LintedClient, Linter, install
from bot.slack.delivery import Delivery
from bot.slack.digest import register as register_review
from bot.slack.home import Home
from bot.slack.people import SlackPeople
from bot.slack.presses import Presses
from bot.slack.workspaces import Workspaces
from bot.web.app import create_app
from jobs.queues import Queues, connect
from patchpilot.commands import Actor, Command, Medium, Verb
from patchpilot.errors import NotFoundError, PermanentError
from patchpilot.failures import Blame, Category, Diagnosis, DistilledFailure, LogLine, RunFinished
from patchpilot.fixes import (
    CommandResult,
    ConfidenceFact,
    Ending,
    Fix,
    GuardFinding,
    Patch,
    Proof,
    ShellCommand,
)
from patchpilot.heals import HealState
from patchpilot.metrics import Metrics
from patchpilot.ports import SignIn
from patchpilot.settings import BotSettings
from patchpilot.source import HostUser, Permission, Repo, RunAddress, RunRef, Sha
from playground.github.server import GitHub
from playground.github.server import router as github_router
from playground.serving import free_port, served
from playground.slack.pace import QUICK, Pace
from playground.slack.routes import router
from playground.slack.server import Slack
from providers.ci.github_webhooks import GitHubWebhooks
from providers.hosts.github_sign_in import GitHubSignIn
from storage.budget import BudgetLimits
from storage.database import Database
from storage.decisions import decide
from storage.heals import take_heal
from storage.incidents import snapshot
from storage.intake import record_failure, record_success
from storage.journal import HealJournal
from storage.links import link
from storage.memory import PostgresMemory
from tests.app_keys import key_pair

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
        self.private: set[str] = set()
        self.heads = {"release": Sha("e" * 40)}
        self.of = {"ana": Permission.WRITE, "ben": Permission.TRIAGE, "cleo": Permission.READ}

    def permission(self, repo: Repo, user: HostUser) -> Permission:
        return self.of.get(user.login, Permission.NONE)

    def is_private(self, repo: Repo) -> bool:
        return repo.full_name in self.private

    def branch_head(self, repo: Repo, branch: str) -> Sha | None:
        return self.heads.get(branch)


class Runs:
    """A CI provider with one red run."""

    def address(self, url: str) -> RunAddress:
        if not url.startswith("https://github.test/acme/ledger/actions/runs/"):
            raise PermanentError("that address is not on github.test, the code host that I read from")
        return RunAddress(repo=REPO, run_id=int(url.rsplit("/", 1)[1]))

    def fetch(self, address: RunAddress) -> RunFinished:
        if address.run_id != 77:
            raise NotFoundError("there is no such run")
        return RunFinished(
            delivery_id="asked:77",
            run=RunRef(provider="github_actions", repo=REPO, run_id="77"),
            workflow="CI",
            branch="main",
            head_sha=Sha("7" * 40),
            succeeded=False,
        )


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
    home: Home
    client: LintedClient
    front: SlackFront
    people: SlackPeople
    parts_bot: str = ""
    repo: Repo = REPO
    made: int = field(default=0)

    def fail(self, *, branch: str = "main", workflow: str = "CI", private: bool = False) -> tuple[int, str]:
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
                private=private,
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

    def propose_anew(self, incident: int) -> str:
        """What waits is sent back, and something else waits in its place; returns the new approval's id."""
        actor = Actor(medium=Medium.SLACK, name="ben")
        decide(self.db, Command(verb=Verb.RETRY, actor=actor, incident=incident, text="keep the API"))
        self.propose(snapshot(self.db, incident).heal.id)
        return snapshot(self.db, incident).heal.approval_id

    def propose(
        self,
        heal: str,
        *,
        fingerprint: str = "f" * 16,
        diff: str = DIFF,
        findings: tuple[GuardFinding, ...] = (),
        diagnosis: Diagnosis | None = None,
    ) -> None:
        """What the worker would do: read, diagnose, repair, prove, propose."""
        journal = take_heal(
            self.db,
            heal,
            owner="test",
            seconds=30,
            budget=BudgetLimits(
                heal_max_dollars=1, heal_max_tokens=1000, repo_day_max_dollars=1, repo_day_max_tokens=100_000
            ),
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
                diagnosis
                or Diagnosis(
                    category=Category.LINT,
                    blame=Blame.CHANGE,
                    root_cause="An import that nothing uses",
                    evidence=(LogLine(3, "money.py:1:8: F401"),),
                )
            )
            journal.move(HealState.REPAIRING)
        journal.move(HealState.VALIDATING)
        journal.propose(replace(made_fix(diff), findings=findings))
        journal.release()

    def show(self) -> None:
        """Let the announcer bring Slack up to date."""
        self.until(self._settled)

    def _settled(self) -> bool:
        self.announcer.tick()
        return not self.announcer._waiting.due

    def until(self, ready: Callable[[], bool], seconds: float = 90) -> None:
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
        facts=(ConfidenceFact("reproduced in the sandbox", 0.5),),
    )


@pytest.fixture
def sign_in() -> Callable[[str], SignIn | None]:
    """How people link, given the bot's address; a module may override it."""
    return lambda _: None


@pytest.fixture
def pace() -> Pace:
    """How long Slack waits; a module that is about that may override it."""
    return QUICK


@pytest.fixture
def world(
    database: Database,
    database_url: str,
    redis_url: str,
    sign_in: Callable[[str], SignIn | None],
    pace: Pace,
) -> Iterator[World]:
    slack_port, bot_port = free_port(), free_port()
    slack_url, bot_url = f"http://127.0.0.1:{slack_port}", f"http://127.0.0.1:{bot_port}"
    slack = Slack(base_url=slack_url, signing_secret=SIGNING, pace=pace)
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
        events=[
            "app_mention",
            "app_uninstalled",
            "tokens_revoked",
            "channel_archive",
            "channel_unarchive",
            "app_home_opened",
        ],
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
    linking = Linking(database, sign_in(bot_url), public_url=bot_url)
    authority = Authority(permissions, cache_seconds=0)
    door = Door(
        database,
        authority,
        metrics,
        linking=linking,
        runs=Runs(),
        memory=PostgresMemory(database),
    )
    parts = BotParts(
        settings=settings,
        db=database,
        queues=Queues(connect(redis_url)),
        door=door,
        authority=authority,
        linking=linking,
        metrics=metrics,
        parsers={"github": GitHubWebhooks(SECRET)},
    )
    linter = Linter(metrics)
    client = LintedClient(
        token=TOKEN, base_url=settings.slack_api_url, timeout=10, retry_handlers=[], linter=linter
    )
    bolt = App(
        client=client,
        signing_secret=SIGNING,
        token_verification_enabled=False,
        listener_executor=listeners(),
    )
    install(bolt, linter)
    group = slack.add_usergroup("ci-team", "CI team", members=["cleo"])
    workspaces = Workspaces(database, client)
    people = SlackPeople(workspaces, linking, home="#ci")
    front = SlackFront(bolt, database, door, people, group=group)
    lifecycle.register(bolt, database)
    presses = Presses(door, people)
    register_review(bolt, database, presses)
    home = Home(bolt, database, authority, presses, workspaces.client)
    home.watch(door, linking)
    app = create_app(parts, more=[slack_http.router(bolt)])
    slack_app = FastAPI()
    slack_app.include_router(router(slack))
    delivery = Delivery(database, client, metrics, per_second=1000, admin=users["cleo"], probe_seconds=0.2)
    with ExitStack() as stack:
        stack.callback(home.close)
        stack.enter_context(served(slack_app, port=slack_port))
        # What is still being answered uses the database, which is closed after this.
        stack.callback(bolt.listener_runner.listener_executor.shutdown)
        stack.enter_context(served(app, port=bot_port))
        stack.callback(slack.close)
        yield World(
            home=home,
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
            parts_bot=bot_user,
            client=client,
            front=front,
            people=people,
        )


@pytest.fixture
def proposed(database: Database):
    """Makes a proposal that waits, of its own branch, and lets the branch go on, still red, if asked for;
    returns the incident's number and the approval's id."""

    def read(number: int, commit: str) -> tuple[int, HealJournal]:
        recorded = record_failure(
            database,
            RunFinished(
                delivery_id=f"race-{number}-{commit}",
                run=RunRef(provider="github_actions", repo=REPO, run_id=f"{5000 + number}{commit}"),
                workflow="CI",
                branch=f"b{number}",
                head_sha=Sha(f"{number:039x}{commit}"),
                succeeded=False,
                author="zoe",
                default_branch=f"b{number}",
            ),
        )
        journal = take_heal(
            database,
            recorded.heal,
            owner="test",
            seconds=30,
            budget=BudgetLimits(
                heal_max_dollars=1, heal_max_tokens=1000, repo_day_max_dollars=1, repo_day_max_tokens=100_000
            ),
        )
        journal.move(HealState.INGESTING)
        journal.settle(
            DistilledFailure(
                text="F401",
                category=Category.LINT,
                cause="F401 unused import",
                fingerprint=f"f{number}",
                tests=("tests/test_money.py::test_round",),
                evidence=(LogLine(3, "money.py:1:8: F401"),),
            )
        )
        return recorded.incident, journal

    def make(number: int, diff: str = DIFF, *, moved: bool = False) -> tuple[int, str]:
        incident, journal = read(number, "0")
        journal.move(HealState.DIAGNOSING)
        journal.diagnosed(
            Diagnosis(category=Category.LINT, blame=Blame.CHANGE, root_cause="An import that nothing uses")
        )
        journal.move(HealState.REPAIRING)
        journal.move(HealState.VALIDATING)
        approval = journal.propose(made_fix(diff))
        journal.release()
        if moved:
            read(number, "1")[1].release()
        return incident, approval

    return make


@pytest.fixture
def github_to_sign_in_at(tmp_path):
    """The playground's GitHub with an App that lets people sign in."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        github = stack.enter_context(GitHub(tmp_path / "github", base_url=url, ci=None))
        for login in ("ana", "dan", "eva"):
            github.name_person(login, login.title())
        app = FastAPI()
        app.include_router(github_router(github))
        stack.enter_context(served(app, port=port))

        def make(bot_url: str) -> GitHubSignIn:
            callback = f"{bot_url}/auth/github/callback"
            github.install_app(
                "7",
                public_key_pem=key_pair().public,
                permissions={"metadata": "read"},
                client_id="Iv1.test",
                client_secret="secret",
                callback_url=callback,
            )
            return GitHubSignIn(
                client_id="Iv1.test",
                client_secret="secret",
                web_url=url,
                api_url=f"{url}/api/v3",
                callback=callback,
            )

        yield make


@pytest.fixture
def go_through() -> Callable[..., httpx.Response]:
    """A browser: see whose account it is, go on, choose who you are, come back."""

    def go(url: str, login: str) -> httpx.Response:
        with httpx.Client(follow_redirects=True) as browser:
            first = browser.get(url)
            if first.status_code != 200:
                return first
            state = re.search(r'name="state" value="([^"]+)"', first.text)[1]
            page = browser.post(url.partition("?")[0], data={"state": state})
            fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
            return browser.post(str(page.url.copy_with(query=None)), data=fields | {"login": login})

    return go
