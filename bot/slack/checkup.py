"""A check-up of the Slack app: token, scopes, channel, signing secret or Socket Mode, public address, and the
places that messages do not get to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import httpx
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.slack.needs import EVENTS, SCOPES
from patchpilot.checkup import Finding, failed, note, warning, well
from patchpilot.settings import BotSettings
from storage.database import Database
from storage.troubles import broken_places

_REINSTALL: Final = (
    "add them under OAuth & Permissions (or update the app from deploy/slack-manifest.yaml), then reinstall "
    "the app"
)
_EVENTS: Final = (
    "compare with the app's Event Subscriptions, or update the app from deploy/slack-manifest.yaml"
)
_GROUP: Final = re.compile(r"S[A-Z0-9]{2,}")
_SECONDS: Final = 10
_SIGNING: Final = re.compile(r"[0-9a-f]{32}")
_UNAUTHORIZED: Final = 401


def findings(settings: BotSettings) -> Iterator[Finding]:
    """Ask Slack about everything that the settings rely on."""
    client = WebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        timeout=_SECONDS,
        retry_handlers=[],
    )
    try:
        who = client.auth_test()
    except SlackApiError as error:
        yield failed(
            "Slack token",
            f"Slack refuses SLACK_BOT_TOKEN ({error.response.get('error')})",
            "copy the Bot User OAuth Token (xoxb-…) from the app's OAuth & Permissions page",
        )
        return
    except (SlackClientError, OSError) as error:
        yield failed(
            "Slack",
            f"Slack can't be reached ({type(error).__name__})",
            "let this machine reach SLACK_API_URL",
        )
        return
    yield well("Slack token", f"@{who.get('user')} in workspace {who.get('team')} ({who.get('team_id')})")
    yield from _scopes(str(who.headers.get("x-oauth-scopes") or who.headers.get("X-OAuth-Scopes") or ""))
    # Which events the app sends can't be asked with a bot's token, so they are at least named.
    yield note("Slack events", f"can't be asked of Slack; the app has to send {', '.join(EVENTS)}", _EVENTS)
    yield from _channel(client, settings.slack_channel)
    yield from _named(client, settings)
    yield from _way_in(settings)


def places(settings: BotSettings) -> Iterator[Finding]:
    """Where messages don't get to now, as the bot has met it: in subscribed channels, too.

    Raises :class:`~patchpilot.errors.PatchPilotError`.
    """
    db = Database(settings.database_url.get_secret_value(), pool_size=1)
    try:
        broken = broken_places(db) if db.schema_is_current() else []
    finally:
        db.close()
    for row in broken:
        yield warning(
            f"Slack messages to {row.named}",
            f"don't get there since {row.since:%Y-%m-%d %H:%M} UTC ({row.code})",
            row.advice or "see that the channel is there and takes messages of the app",
        )


def _scopes(granted: str) -> Iterator[Finding]:
    have = {scope.strip() for scope in granted.split(",") if scope.strip()}
    if not have:
        yield note("Slack scopes", "Slack does not say which scopes the token has")
        return
    missing = [scope for scope in SCOPES if scope not in have]
    if missing:
        told = "; ".join(f"{scope} ({SCOPES[scope]})" for scope in missing)
        yield failed("Slack scopes", f"missing: {told}", _REINSTALL)
    else:
        yield well("Slack scopes", f"all {len(SCOPES)} that are needed")


def _named(client: WebClient, settings: BotSettings) -> Iterator[Finding]:
    """Whom the settings name besides the channel."""
    admin, group = settings.slack_admin, settings.slack_escalation_group
    if admin:
        yield _admin(client, admin)
    if group and not _GROUP.fullmatch(group):
        yield failed(
            "SLACK_ESCALATION_GROUP",
            f"{group} is no id of a user group",
            "copy the group's id (S…) from its page in Slack; a handle does not do",
        )


def _admin(client: WebClient, admin: str) -> Finding:
    about = "SLACK_ADMIN"
    try:
        if admin.startswith(("U", "W")):
            client.users_info(user=admin)
        else:
            client.conversations_info(channel=admin)
    except SlackApiError as error:
        return failed(
            about,
            f"Slack knows no {admin} ({error.response.get('error')})",
            "set it to a member's id (U…) or a channel's (C…) that the app is in",
        )
    return well(about, f"{admin} hears of channels that can't be reached")


def _channel(client: WebClient, wanted: str) -> Iterator[Finding]:
    about, name = "Slack channel", wanted.removeprefix("#")
    try:
        found = next(
            (
                channel
                for page in client.conversations_list(types="public_channel,private_channel", limit=200)
                for channel in page["channels"]
                if name in (channel["name"], channel["id"])
            ),
            None,
        )
    except SlackApiError as error:
        yield failed(about, f"channels can't be listed ({error.response.get('error')})", _REINSTALL)
        return
    if found is None:
        yield failed(
            about,
            f"there is no channel {wanted} that the app can see",
            f"make it, or invite the app: /invite in {wanted}",
        )
    elif found.get("is_archived"):
        yield failed(about, f"#{found['name']} is archived", "set SLACK_CHANNEL to another, or unarchive it")
    elif not found.get("is_member"):
        yield failed(
            about, f"the app is not in #{found['name']}", f"in #{found['name']}: /invite @patchpilot"
        )
    else:
        yield well(about, f"#{found['name']}, the app is in it")


def _way_in(settings: BotSettings) -> Iterator[Finding]:
    if settings.slack_app_token.get_secret_value():
        yield _socket_mode(settings)
    else:
        yield _signing_secret(settings.slack_signing_secret.get_secret_value())
        yield from _public_address(settings.public_url)


def _socket_mode(settings: BotSettings) -> Finding:
    client = WebClient(base_url=settings.slack_api_url, timeout=_SECONDS, retry_handlers=[])
    try:
        client.apps_connections_open(app_token=settings.slack_app_token.get_secret_value())
    except SlackApiError as error:
        return failed(
            "Slack Socket Mode",
            f"Slack refuses SLACK_APP_TOKEN ({error.response.get('error')})",
            "make an app-level token (xapp-…) with connections:write under Basic Information, and turn "
            "Socket Mode on",
        )
    except (SlackClientError, OSError) as error:
        return failed("Slack Socket Mode", f"no answer ({type(error).__name__})", "try again")
    return well("Slack Socket Mode", "Slack opens a connection; no public address is needed for Slack")


def _signing_secret(secret: str) -> Finding:
    if not _SIGNING.fullmatch(secret):
        return warning(
            "Slack signing secret",
            "does not look like one (32 hexadecimal digits)",
            "copy the Signing Secret, not the client secret, from the app's Basic Information page",
        )
    return well(
        "Slack signing secret", "is set; the first request of Slack's will show whether it is the app's"
    )


def _public_address(public_url: str) -> Iterator[Finding]:
    about = "public address"
    host = urlsplit(public_url).hostname or ""
    if host in {"localhost", "127.0.0.1", "::1"}:
        yield warning(
            about,
            f"PUBLIC_URL is {public_url}, which only this machine can open",
            "set PUBLIC_URL to where GitHub and Slack reach the bot, or use Socket Mode for Slack",
        )
    try:
        answer = httpx.post(f"{public_url.rstrip('/')}/slack/events", content=b"{}", timeout=_SECONDS)
    except httpx.HTTPError as error:
        yield failed(
            about,
            f"{public_url} does not answer ({type(error).__name__})",
            "start the bot, and let the reverse proxy pass /slack/events and /api/webhooks/ to it",
        )
        return
    if answer.status_code == _UNAUTHORIZED:
        yield well(about, f"{public_url} answers, and turns an unsigned request away")
    else:
        yield failed(
            about,
            f"{public_url}/slack/events answers an unsigned request with {answer.status_code} instead of 401",
            "something else answers there: let the reverse proxy pass /slack/events to the bot",
        )
