"""Slack says that something of ours is gone: an admin sees it before the next message fails."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from slack_bolt import App

from bot.slack.calls import advice, in_team
from bot.slack.workspaces import Workspaces
from storage.database import Database
from storage.troubles import clear_broken, mark_broken

log = logging.getLogger(__name__)

Event = Mapping[str, Any]


def register(app: App, db: Database, workspaces: Workspaces | None = None) -> None:
    """Have the app note what makes messages impossible, and what makes them possible again.

    A workspace of ``workspaces`` that takes our access away is forgotten with its token.
    """

    def gone(code: str, team: str) -> None:
        if workspaces is not None and workspaces.several:
            at_home = workspaces.is_home(team)
            workspaces.forget(team)
            if not at_home:
                # Another workspace's affair: the home workspace can be reached as before.
                return
        log.error("Slack took our access away", extra={"action": "slack_access_gone", "code": code})
        mark_broken(db, "", code=code, advice=advice(code, {}))

    @app.event("app_uninstalled")
    def uninstalled(body: Event) -> None:
        gone("account_inactive", str(body.get("team_id", "")))

    @app.event("tokens_revoked")
    def revoked(event: Event, body: Event) -> None:
        # A person's own token says nothing about the bot's.
        if (event.get("tokens") or {}).get("bot"):
            gone("token_revoked", str(body.get("team_id", "")))

    def named(event: Event, body: Event) -> str:
        team = str(body.get("team_id", ""))
        return in_team("" if workspaces is None else workspaces.foreign(team), str(event["channel"]))

    @app.event("channel_archive")
    def archived(event: Event, body: Event) -> None:
        mark_broken(db, named(event, body), code="is_archived", advice=advice("is_archived", {}))

    @app.event("channel_unarchive")
    def unarchived(event: Event, body: Event) -> None:
        clear_broken(db, named(event, body))
