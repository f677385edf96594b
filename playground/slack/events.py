"""Which apps hear of which events, and the envelope an event travels in."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping

from playground.slack.deliveries import Deliveries, Delivery
from playground.slack.model import App, Channel
from playground.slack.schema import Json
from playground.slack.workspace import Workspace

SCOPES: Mapping[str, str] = {
    "app_mention": "app_mentions:read",
    "app_home_opened": "",
    "app_uninstalled": "",
    "tokens_revoked": "",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
    "member_joined_channel": "channels:read",
    "channel_archive": "channels:read",
    "channel_unarchive": "channels:read",
    "channel_created": "channels:read",
}
"""Events an app can subscribe to, with the scope each needs."""

_MESSAGES = {"channel": "message.channels", "group": "message.groups", "im": "message.im"}


class Announcer:
    """Sends events to the apps that subscribed to them and may hear them."""

    def __init__(self, workspace: Workspace, deliveries: Deliveries) -> None:
        self._workspace = workspace
        self._deliveries = deliveries

    def __call__(self, event: Json, *, channel: Channel | None = None, only: App | None = None) -> None:
        """Announce ``event``; with ``channel`` only to apps whose bot is in it."""
        for app in self._listeners(event, channel, only):
            self._deliveries.event(
                app, Delivery(app_id=app.id, kind="events_api", payload=self._envelope(app, event))
            )

    def _listeners(self, event: Json, channel: Channel | None, only: App | None) -> Iterator[App]:
        kind = _MESSAGES[channel.kind] if event["type"] == "message" and channel else event["type"]
        scope = SCOPES.get(kind, "")
        for app in list(self._workspace.apps.values()):
            wanted = kind in app.events and (not scope or scope in app.scopes)
            addressed = only is None or only is app
            present = channel is None or app.bot_user in channel.members
            if wanted and addressed and present:
                yield app

    def _envelope(self, app: App, event: Json) -> Json:
        return {
            "token": "playground",
            "team_id": self._workspace.team_id,
            "api_app_id": app.id,
            "event": {"event_ts": self._workspace.next_ts(), **event},
            "type": "event_callback",
            "event_id": f"Ev{secrets.token_hex(5).upper()}",
            "event_time": int(time.time()),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": self._workspace.team_id,
                    "user_id": app.bot_user,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
            "event_context": f"4-{secrets.token_hex(12)}",
        }
