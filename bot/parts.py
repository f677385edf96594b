"""What the bot's process is made of, built once at start-up and handed to every part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.authority import Authority
from bot.door import Door
from bot.linking import Linking
from jobs.queues import Queues
from patchpilot.metrics import Metrics
from patchpilot.ports import WebhookParser
from patchpilot.settings import BotSettings
from storage.database import Database


@dataclass(frozen=True, kw_only=True)
class BotParts:
    """Dependencies of the HTTP application."""

    settings: BotSettings
    db: Database
    queues: Queues
    door: Door
    authority: Authority
    linking: Linking
    metrics: Metrics
    parsers: Mapping[str, WebhookParser]
    """By the last part of ``/api/webhooks/{provider}``."""
