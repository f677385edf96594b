"""The playground as a whole: one GitHub and one Slack on this machine, their people, and PatchPilot's Apps.

:class:`Town` also knows the environment that each role of PatchPilot needs to live there, slice by slice, so
the demo and the acceptance tests start the very processes that a real installation runs.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI

from bot.slack.needs import EVENTS, SCOPES
from patchpilot.ports import Workbenches
from patchpilot.source import HostUser
from playground.github.ci import CIRunner
from playground.github.page import GitHubPage
from playground.github.server import GitHub
from playground.github.server import router as github_router
from playground.serving import free_port, served
from playground.slack.pace import Pace
from playground.slack.routes import router as slack_router
from playground.slack.server import Slack
from playground.web.page import router as page_router
from storage.database import Database
from storage.links import link

CHANNEL: Final = "ci"
PEOPLE: Final = {"ana": "Ana Ruiz", "ben": "Ben Okafor", "cleo": "Cleo Lindt"}
"""Login on GitHub and name on Slack; the same person on both, and linked."""
_WRITER_ID: Final = "1001"
_READER_ID: Final = "1002"
_CLIENT_ID: Final = "Iv1.playground"
_WRITES: Final = {
    "actions": "read",
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "metadata": "read",
    "pull_requests": "write",
}
_READS: Final = dict.fromkeys(_WRITES, "read")


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """What an admin would have copied from GitHub's and Slack's pages."""

    writer_key: str
    reader_key: str
    webhook: str
    slack_signing: str
    slack_bot: str
    slack_app: str
    api: str
    sign_in: str
    """The App's client secret."""


@dataclass(frozen=True, kw_only=True)
class Town:
    """A running playground."""

    github: GitHub
    slack: Slack
    url: str
    bot_url: str
    bot_port: int
    secrets: Secrets
    socket_mode: bool
    channel: str
    """Id of the Slack channel in which failures are announced."""
    members: Mapping[str, str]
    """Slack user id by login."""

    @property
    def bearer(self) -> dict[str, str]:
        """The header with which scripts may read and change everything over the REST API."""
        return {"Authorization": f"Bearer {self.secrets.api}"}

    def link_people(self, db: Database) -> None:
        """Say who is who, as an admin does with ``patchpilot link``."""
        for login, member in self.members.items():
            link(
                db,
                medium="slack",
                team=self.slack.team_id,
                account=member,
                user=HostUser(host="github", login=login),
            )

    def environment(self, role: str, *, database_url: str, redis_url: str) -> dict[str, str]:
        """The environment of one role: its own slice of the secrets and nothing else."""
        common = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "PUBLIC_URL": self.bot_url,
            "GITHUB_API_URL": self.github.api_url,
        }
        reader = {"GITHUB_READER_APP_ID": _READER_ID, "GITHUB_READER_PRIVATE_KEY": self.secrets.reader_key}
        match role:
            case "bot":
                return common | reader | self._bot()
            case "worker":
                return common | reader
            case "effects":
                return common | {"GITHUB_APP_ID": _WRITER_ID, "GITHUB_PRIVATE_KEY": self.secrets.writer_key}
        raise ValueError(f"{role!r} is no role; there are bot, worker and effects")

    def _bot(self) -> dict[str, str]:
        slack = {
            "SLACK_BOT_TOKEN": self.secrets.slack_bot,
            "SLACK_API_URL": f"{self.url}/slack/api/",
            "SLACK_CHANNEL": f"#{CHANNEL}",
            # A story of the demo is told on a branch of its own.
            "SLACK_CHANNEL_BRANCHES": "*",
            "GITHUB_WEBHOOK_SECRET": self.secrets.webhook,
            "API_TOKEN": self.secrets.api,
            "GITHUB_APP_CLIENT_ID": _CLIENT_ID,
            "GITHUB_APP_CLIENT_SECRET": self.secrets.sign_in,
        }
        if self.socket_mode:
            return slack | {"SLACK_APP_TOKEN": self.secrets.slack_app}
        return slack | {"SLACK_SIGNING_SECRET": self.secrets.slack_signing}


@contextmanager
def town(
    folder: Path,
    workbenches: Workbenches,
    *,
    port: int = 0,
    bot_port: int = 0,
    socket_mode: bool = False,
    pace: Pace | None = None,
) -> Iterator[Town]:
    """Open the playground on loopback while the block runs. ``folder`` keeps the git repositories."""
    port, bot_port = free_port(port), free_port(bot_port)
    url, bot_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{bot_port}"
    known = _secrets()
    with ExitStack() as stack:
        github = stack.enter_context(GitHub(folder, base_url=url, ci=CIRunner(workbenches)))
        slack = Slack(base_url=url, signing_secret=known.slack_signing, team_name="Acme", pace=pace)
        stack.callback(slack.close)
        members = {
            login: slack.add_user(login, name, email=f"{login}@acme.test") for login, name in PEOPLE.items()
        }
        channel = slack.add_channel(CHANNEL, members=list(members.values()))
        _install_on_github(github, bot_url, known)
        slack.invite(CHANNEL, _install_on_slack(slack, bot_url, known, socket_mode=socket_mode))
        app = FastAPI(title="PatchPilot playground", docs_url=None, redoc_url=None, openapi_url=None)
        for routes in (page_router(slack, GitHubPage(github)), slack_router(slack), github_router(github)):
            app.include_router(routes)
        stack.enter_context(served(app, port=port))
        yield Town(
            github=github,
            slack=slack,
            url=url,
            bot_url=bot_url,
            bot_port=bot_port,
            secrets=known,
            socket_mode=socket_mode,
            channel=channel,
            members=members,
        )


def _secrets() -> Secrets:
    token = secrets.token_hex
    return Secrets(
        writer_key=_private_key(),
        reader_key=_private_key(),
        webhook=token(20),
        slack_signing=token(16),
        slack_bot=f"xoxb-{token(12)}",
        slack_app=f"xapp-1-{token(12)}",
        api=token(16),
        sign_in=token(20),
    )


def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _public_half(private: str) -> str:
    key = serialization.load_pem_private_key(private.encode(), password=None)
    public = key.public_key()
    return public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def _install_on_github(github: GitHub, bot_url: str, known: Secrets) -> None:
    github.install_app(
        _WRITER_ID,
        public_key_pem=_public_half(known.writer_key),
        permissions=_WRITES,
        webhook_url=f"{bot_url}/api/webhooks/github",
        webhook_secret=known.webhook,
        slug="patchpilot",
    )
    github.install_app(
        _READER_ID,
        public_key_pem=_public_half(known.reader_key),
        permissions=_READS,
        slug="patchpilot-reader",
        client_id=_CLIENT_ID,
        client_secret=known.sign_in,
        callback_url=f"{bot_url}/auth/github/callback",
    )


def _install_on_slack(slack: Slack, bot_url: str, known: Secrets, *, socket_mode: bool) -> str:
    endpoint = "" if socket_mode else f"{bot_url}/slack/events"
    return slack.install_app(
        app_id="A0PATCHPILOT",
        bot_token=known.slack_bot,
        app_token=known.slack_app,
        events_url=endpoint,
        interactivity_url=endpoint,
        commands={"/patchpilot": endpoint},
        scopes=tuple(SCOPES),
        events=EVENTS,
        bot_user_name="patchpilot",
        bot_real_name="PatchPilot",
    )
