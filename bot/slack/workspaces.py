"""Which token speaks to which Slack workspace.

The home workspace is that of ``SLACK_BOT_TOKEN``. Others have added the app themselves (*Add to Slack*) and
are known by the sealed token in Postgres. Without these, everything is the home workspace, and Slack is not
asked.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from patchpilot.errors import PermanentError, TemporaryError
from storage.database import Database
from storage.sealing import Seal, UnreadableSecretError
from storage.workspaces import Workspace, find_workspace, forget_workspace, has_workspace, save_workspace

log = logging.getLogger(__name__)

INSTALL: Final = "/slack/install"
"""Where a workspace adds the app."""

MakeClient = Callable[[str], WebClient]
"""A client with this token."""


class Workspaces:
    """Clients by workspace. ``seal`` is ``None`` where only the home workspace is served."""

    def __init__(
        self, db: Database, home: WebClient, *, make: MakeClient | None = None, seal: Seal | None = None
    ) -> None:
        self._db = db
        self._home = home
        self._make = make
        self._seal = seal
        self._home_result: AuthorizeResult | None = None
        self._clients: dict[str, WebClient] = {}
        self._lock = threading.Lock()

    @property
    def home(self) -> WebClient:
        """The client of the home workspace. If it has added the app anew by its page, that token speaks."""
        known = self._who_is_home() if self.several else None
        if known is None or not known.team_id:
            return self._home
        try:
            found = self._find(known.team_id)
        except UnreadableSecretError:
            return self._home
        return self._home if found is None else self._client_of(found)

    @property
    def several(self) -> bool:
        """Whether workspaces may add the app."""
        return self._seal is not None

    def is_home(self, team: str) -> bool:
        """Whether ``team`` is the operator's own workspace. No, where Slack can't say so."""
        if not self.several:
            return True
        known = self._who_is_home()
        return known is not None and known.team_id == team

    def foreign(self, team: str) -> str:
        """``team`` as messages' places name it: empty for the operator's own workspace, else itself.

        Raises :class:`~patchpilot.errors.TemporaryError` while that can't be told.
        """
        if not team or self.is_home(team):
            return ""
        if self._who_is_home() is None and not has_workspace(self._db, team):
            raise _nobody_says()
        return team

    def wishing(self, foreign: str) -> str:
        """The other way round: the id by which people's wishes are kept; empty if there is no need of one."""
        if foreign or not self.several:
            return foreign
        known = self._who_is_home()
        return (known.team_id or "") if known is not None else ""

    def client(self, team: str) -> WebClient:
        """The client of a workspace.

        Raises :class:`~patchpilot.errors.PermanentError` where there is none, as another's token must never
        be used instead, and :class:`~patchpilot.errors.TemporaryError` while that can't be told.
        """
        found = self._find(team)
        if found is None or self._make is None:
            if self.is_home(team):
                return self._home
            if self._who_is_home() is None:
                raise _nobody_says()
            raise PermanentError(
                f"workspace {team} has not added the app, or has removed it; it can at PUBLIC_URL{INSTALL}"
            )
        return self._client_of(found)

    def authorize(self, team: str) -> AuthorizeResult | None:
        """Whose token answers a request of this workspace; ``None`` for one that nobody knows."""
        try:
            found = self._find(team)
        except UnreadableSecretError as error:
            log.error("token unreadable", extra={"action": "slack_token_unreadable", "cause": str(error)})  # noqa: TRY400
            return None
        if found is not None:
            return AuthorizeResult(
                enterprise_id=None,
                team_id=team,
                bot_user_id=found.bot_user,
                bot_id=found.bot_id,
                bot_token=found.token,
            )
        return self._who_is_home() if self.is_home(team) else None

    def keep(self, workspace: Workspace) -> None:
        """A workspace has added the app."""
        assert self._seal is not None
        save_workspace(self._db, self._seal, workspace)
        log.info("workspace added", extra={"action": "slack_workspace_added", "team": workspace.team})

    def forget(self, team: str) -> bool:
        """A workspace has removed the app, or taken its token back; whether it had added it."""
        with self._lock:
            self._clients.pop(team, None)
        gone = forget_workspace(self._db, team)
        if gone:
            log.warning("workspace gone", extra={"action": "slack_workspace_gone", "team": team})
        return gone

    def _client_of(self, found: Workspace) -> WebClient:
        """Made anew when the workspace has another token than before."""
        assert self._make is not None
        with self._lock:
            known = self._clients.get(found.team)
            if known is None or known.token != found.token:
                known = self._clients[found.team] = self._make(found.token)
            return known

    def _find(self, team: str) -> Workspace | None:
        return find_workspace(self._db, self._seal, team) if self._seal is not None and team else None

    def _who_is_home(self) -> AuthorizeResult | None:
        if self._home_result is None:
            try:
                said = self._home.auth_test()
            except SlackApiError as error:
                cause = str(error.response.get("error"))
                log.warning("home workspace unknown", extra={"action": "slack_home_unknown", "cause": cause})
                return None
            except (SlackClientError, OSError, TimeoutError) as error:
                cause = type(error).__name__
                log.warning("home workspace unknown", extra={"action": "slack_home_unknown", "cause": cause})
                return None
            self._home_result = AuthorizeResult(
                enterprise_id=said.get("enterprise_id"),
                team_id=said["team_id"],
                bot_user_id=said["user_id"],
                bot_id=said.get("bot_id"),
                bot_token=self._home.token,
            )
        return self._home_result


def _nobody_says() -> TemporaryError:
    return TemporaryError("asking Slack for the workspace of SLACK_BOT_TOKEN: no answer")
