"""*Add to Slack*: another workspace adds the app, and its bot token is kept, sealed.

https://docs.slack.dev/authentication/installing-with-oauth
"""

from __future__ import annotations

import logging
from logging import Logger
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from slack_bolt import BoltResponse
from slack_bolt.adapter.starlette.handler import to_bolt_request, to_starlette_response
from slack_bolt.error import BoltError
from slack_bolt.oauth import OAuthFlow
from slack_bolt.oauth.callback_options import CallbackOptions, DefaultCallbackOptions, FailureArgs
from slack_bolt.oauth.oauth_settings import OAuthSettings
from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError
from slack_sdk.oauth import InstallationStore, OAuthStateStore, OAuthStateUtils, RedirectUriPageRenderer
from slack_sdk.oauth.installation_store import Installation

from bot.slack.needs import SCOPES
from bot.slack.workspaces import INSTALL, Workspaces
from bot.web.throttle import throttled
from patchpilot.settings import BotSettings
from storage.database import Database
from storage.workspaces import INSTALL_SECONDS, Workspace, begin_install, finish_install

log = logging.getLogger(__name__)

CALLBACK: Final = "/slack/oauth_redirect"


class NotInstalledError(BoltError):
    """Why a workspace may not add the app, for whoever tried."""


class States(OAuthStateStore):
    """States of installs, in Postgres: each works once and for ten minutes, whichever process is asked."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @property
    def logger(self) -> Logger:
        """As bolt wants it."""
        return log

    def issue(self, *_: object, **__: object) -> str:
        """A new state."""
        return begin_install(self._db)

    def consume(self, state: str) -> bool:
        """Whether the state could be used; it can't be again."""
        return finish_install(self._db, state)


class Installations(InstallationStore):
    """Takes what Slack gives for a workspace that adds the app. Only ``allowed`` may."""

    def __init__(self, workspaces: Workspaces, *, allowed: frozenset[str]) -> None:
        self._workspaces = workspaces
        self._allowed = allowed

    @property
    def logger(self) -> Logger:
        """As bolt wants it."""
        return log

    def save(self, installation: Installation) -> None:
        """Keep the workspace. Raises :class:`NotInstalledError`, which the page shows."""
        team, token = installation.team_id, installation.bot_token
        if installation.is_enterprise_install or not team or not token:
            raise NotInstalledError(
                "this app is added to one workspace at a time, not to a whole organisation"
            )
        if team not in self._allowed:
            raise NotInstalledError(
                f"workspace {team} may not add this app; its operator allows that by SLACK_WORKSPACES"
            )
        if installation.bot_refresh_token:
            raise NotInstalledError(
                "token rotation is turned on for this app, so its tokens would end within hours; its "
                "operator has to make the app anew from deploy/slack-manifest.yaml"
            )
        self._workspaces.keep(
            Workspace(
                team=team,
                name=installation.team_name or "",
                token=token,
                bot_id=installation.bot_id or "",
                bot_user=installation.bot_user_id or "",
                installed_by=installation.user_id or "",
            )
        )


def router(settings: BotSettings, db: Database, client: WebClient, workspaces: Workspaces) -> APIRouter:
    """``GET /slack/install`` and ``GET /slack/oauth_redirect``."""
    flow = _flow(settings, db, client, workspaces)
    routes = APIRouter(tags=["slack"], include_in_schema=False)

    @routes.get(INSTALL)
    async def install(request: Request) -> Response:
        # Each one is a row in the database.
        too_many = await run_in_threadpool(throttled, db, request, "install")
        if too_many is not None:
            return too_many
        answer = await run_in_threadpool(flow.handle_installation, to_bolt_request(request, b""))
        return to_starlette_response(answer)

    @routes.get(CALLBACK)
    async def come_back(request: Request) -> Response:
        try:
            answer = await run_in_threadpool(flow.handle_callback, to_bolt_request(request, b""))
        except (SlackClientError, OSError, TimeoutError) as error:
            log.warning(
                "install not finished", extra={"action": "slack_is_away", "cause": type(error).__name__}
            )
            return Response(
                f"Slack does not answer. Nothing was added; try {INSTALL} again.", status_code=503
            )
        return to_starlette_response(answer)

    return routes


def _flow(settings: BotSettings, db: Database, client: WebClient, workspaces: Workspaces) -> OAuthFlow:
    plain = DefaultCallbackOptions(
        logger=log,
        state_utils=OAuthStateUtils(expiration_seconds=int(INSTALL_SECONDS)),
        redirect_uri_page_renderer=RedirectUriPageRenderer(
            install_path=INSTALL, redirect_uri_path=CALLBACK, success_url=None, failure_url=None
        ),
    )

    def refused(args: FailureArgs) -> BoltResponse:
        # bolt's own page would call every refusal of ours a storage_error.
        args.reason = str(args.error) if isinstance(args.error, NotInstalledError) else args.reason
        if isinstance(args.error, NotInstalledError):
            args.suggested_status_code = 403
        return plain.failure(args)

    return OAuthFlow(
        client=client,
        logger=log,
        settings=OAuthSettings(
            client_id=settings.slack_client_id,
            client_secret=settings.slack_client_secret.get_secret_value(),
            scopes=sorted(SCOPES),
            user_scopes=[],
            redirect_uri=f"{settings.public_url.rstrip('/')}{CALLBACK}",
            install_path=INSTALL,
            redirect_uri_path=CALLBACK,
            # One click less: Slack's own page asks anyway.
            install_page_rendering_enabled=False,
            authorization_url=_authorization_url(settings.slack_api_url),
            callback_options=CallbackOptions(success=plain.success, failure=refused),
            installation_store=Installations(workspaces, allowed=settings.slack_allowed_workspaces),
            state_store=States(db),
            state_expiration_seconds=int(INSTALL_SECONDS),
        ),
    )


def _authorization_url(api_url: str) -> str:
    """Slack's page that asks the person, beside its Web API: ``https://slack.com/oauth/v2/authorize``."""
    return f"{api_url.rstrip('/').removesuffix('/api')}/oauth/v2/authorize"
