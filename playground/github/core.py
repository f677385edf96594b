"""The parts of the playground's GitHub, joined, for those that act on them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from playground.github.events import Announcer
from playground.github.faults import Faults
from playground.github.feed import Feed
from playground.github.model import Account, App, now
from playground.github.runs import Runs
from playground.github.shapes import Site
from playground.github.webhooks import Webhooks
from playground.github.world import World

DOWNLOAD_LIFE = timedelta(minutes=1)
"""Such a link "expires after 1 minute":
https://docs.github.com/en/rest/actions/workflow-jobs#download-job-logs-for-a-workflow-run"""

ACTIONS_APP_ID = 15368
"""Id of the App on github.com in whose name Actions reports."""


@dataclass(frozen=True, slots=True)
class Download:
    """Something to fetch at a short-lived address without a token."""

    read: Callable[[], bytes]
    media_type: str
    expires_at: datetime


@dataclass(slots=True, kw_only=True)
class Core:
    """Everything that handlers and people's actions work with."""

    world: World
    site: Site
    hooks: Webhooks
    announcer: Announcer
    feed: Feed
    runs: Runs | None
    """``None`` where Actions is switched off."""
    faults: Faults
    actions_app: App
    downloads: dict[str, Download] = field(default_factory=dict)

    def offer(self, read: Callable[[], bytes], media_type: str) -> str:
        """Make a short-lived address for a download."""
        key = secrets.token_urlsafe(24)
        moment = now()
        for old, download in list(self.downloads.items()):
            if download.expires_at < moment:
                del self.downloads[old]
        self.downloads[key] = Download(read, media_type, moment + DOWNLOAD_LIFE)
        return f"{self.site.base_url}/_downloads/{key}"

    def people(self) -> dict[str, Account]:
        """Accounts by the addresses their commits carry."""
        found = {}
        for account in self.world.accounts.values():
            found[account.email.lower()] = account
            found[f"{account.login.lower()}@example.com"] = account
        return found


def actions_app(bot: Account) -> App:
    """The App in whose name Actions reports its jobs as checks."""
    return App(
        id=ACTIONS_APP_ID,
        slug="github-actions",
        name="GitHub Actions",
        public_key_pem="",
        permissions={},
        events=(),
        webhook_url="",
        webhook_secret="",
        bot=bot,
    )
