"""A check-up of *Add to Slack*: the client, the keys that seal tokens, and each workspace's own token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.slack.needs import SCOPES
from patchpilot.checkup import Finding, failed, note, warning, well
from patchpilot.settings import BotSettings
from storage.database import Database
from storage.sealing import Seal, UnreadableSecretError
from storage.workspaces import Workspace, find_workspace, sealed_by_older_keys, workspace_teams

_SECONDS: Final = 10
_AGAIN: Final = "have it add the app again at PUBLIC_URL/slack/install"


def findings(settings: BotSettings) -> Iterator[Finding]:
    """Look at what other workspaces need. Raises :class:`~patchpilot.errors.PatchPilotError`."""
    if not settings.slack_client_id:
        yield note(
            "Add to Slack",
            "is off: only the workspace of SLACK_BOT_TOKEN is served",
            "set SLACK_CLIENT_ID, SLACK_CLIENT_SECRET, SLACK_TOKEN_KEYS and SLACK_WORKSPACES to serve others",
        )
        return
    yield _credentials(settings)
    allowed = settings.slack_allowed_workspaces
    if not allowed:
        yield warning(
            "Slack workspaces",
            "SLACK_WORKSPACES is empty, so no other workspace may add the app",
            "name the ids (T…) of those that may",
        )
    db = Database(settings.database_url.get_secret_value(), pool_size=1)
    try:
        if db.schema_is_current():
            yield from _workspaces(settings, db, allowed)
    finally:
        db.close()


def _credentials(settings: BotSettings) -> Finding:
    """Ask for the token of a code that Slack never gave: it says which part it does not know."""
    about = "Slack client id and secret"
    client = WebClient(base_url=settings.slack_api_url, timeout=_SECONDS, retry_handlers=[])
    try:
        client.oauth_v2_access(
            client_id=settings.slack_client_id,
            client_secret=settings.slack_client_secret.get_secret_value(),
            code="patchpilot-doctor",
        )
    except SlackApiError as error:
        code = str(error.response.get("error"))
        if code == "invalid_code":
            return well(about, "Slack takes them")
        return failed(
            about,
            f"Slack refuses SLACK_CLIENT_ID with SLACK_CLIENT_SECRET ({code})",
            "copy both from the app's Basic Information page; the signing secret is another one",
        )
    except (SlackClientError, OSError) as error:
        return failed(about, f"no answer ({type(error).__name__})", "let this machine reach SLACK_API_URL")
    return failed(about, "SLACK_API_URL takes any code", "set it to Slack's own, https://slack.com/api/")


def _workspaces(settings: BotSettings, db: Database, allowed: frozenset[str]) -> Iterator[Finding]:
    seal = Seal(settings.token_keys)
    teams = workspace_teams(db)
    yield well("SLACK_TOKEN_KEYS", f"{len(settings.token_keys)} that can be used; {len(teams)} tokens stored")
    older = sealed_by_older_keys(db, seal)
    if older:
        yield note(
            "SLACK_TOKEN_KEYS",
            f"the tokens of {', '.join(older)} are not sealed by the first key yet",
            "keep the older keys until the bot has started once more; it seals them anew then",
        )
    for team in teams:
        try:
            found = find_workspace(db, seal, team)
        except UnreadableSecretError:
            yield failed(
                f"Slack workspace {team}",
                "no key of SLACK_TOKEN_KEYS opens its token",
                f"put the key back that sealed it, or {_AGAIN}",
            )
            continue
        if found is not None:
            yield _token(settings, found)
        if team not in allowed:
            yield note(
                f"Slack workspace {team}",
                "is not named by SLACK_WORKSPACES (any more), and is still served",
                "have it remove the app, or name it",
            )


def _token(settings: BotSettings, workspace: Workspace) -> Finding:
    about = f"Slack workspace {workspace.team}"
    client = WebClient(
        token=workspace.token, base_url=settings.slack_api_url, timeout=_SECONDS, retry_handlers=[]
    )
    try:
        said = client.auth_test()
    except SlackApiError as error:
        return failed(about, f"Slack refuses its token ({error.response.get('error')})", _AGAIN)
    except (SlackClientError, OSError) as error:
        return failed(about, f"no answer ({type(error).__name__})", "let this machine reach SLACK_API_URL")
    granted = {name.strip() for name in str(said.headers.get("x-oauth-scopes") or "").split(",")} - {""}
    missing = [scope for scope in SCOPES if scope not in granted] if granted else []
    if missing:
        return failed(about, f"has not granted {', '.join(missing)}", _AGAIN)
    return well(about, f"{said.get('team')}: the token works")
