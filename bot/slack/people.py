"""Who somebody in Slack is: linked account, name, time zone, and whether they may act here at all."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

from slack_sdk.errors import SlackApiError, SlackClientError

from bot.linking import Linking
from bot.slack.workspaces import Workspaces
from patchpilot.asking import Place
from patchpilot.commands import Actor, Medium
from patchpilot.errors import PatchPilotError

log = logging.getLogger(__name__)

_CACHE_SECONDS: Final = 60.0
_MOST_KNOWN: Final = 5_000
_UNKNOWN: Final = "somebody I can't look up in this workspace"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    called: str = ""
    address: str = ""
    zone: str = ""
    barred: str = _UNKNOWN
    runs_workspace: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Channel:
    name: str = ""
    private: bool = False
    bot_is_there: bool = True


_UNSEEN: Final = _Channel(bot_is_there=False)
"""A private channel that the bot is not in, or one that is gone. Whether people of other organisations read
there can't be told either, so it counts as public until the bot is invited."""


class SlackPeople:
    """Looks members and channels up, and remembers them for a minute. Whom Slack won't name may not act.

    ``home`` is the operator's channel, in the home workspace. Who runs another workspace runs nothing here.
    """

    def __init__(self, workspaces: Workspaces, linking: Linking, *, home: str) -> None:
        self._workspaces = workspaces
        self._linking = linking
        self._home = home
        self._known: dict[tuple[str, str], tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def actor(self, team: str, user: str) -> Actor:
        """The member as the door wants to know them."""
        found = self._look_up("user", f"{team}:{user}", lambda: self._member(team, user))
        member = found or _Member()
        linked = self._linking.user(team=team, account=user)
        strange = linked is None and not member.barred
        return Actor(
            medium=Medium.SLACK,
            name=user,
            host_user=linked,
            suggested=self._linking.login_of(member.address) if strange else "",
            team=team,
            called=member.called or user,
            zone=member.zone,
            barred=member.barred,
            runs_workspace=member.runs_workspace and self._workspaces.is_home(team),
        )

    def place(self, team: str, channel: str, *, ephemeral: bool, thread: str = "") -> Place:
        """The channel as the door wants to know it. What Slack won't describe counts as public."""
        found: _Channel | None = None
        if channel:
            found = self._look_up("channel", channel, lambda: self._channel(team, channel))
        found = found or _Channel()
        return Place(
            team=team,
            channel=channel,
            private=found.private,
            # Channels of other workspaces may have that name too.
            home=self._home in {channel, f"#{found.name}"} and self._workspaces.is_home(team),
            bot_is_there=found.bot_is_there,
            ephemeral=ephemeral,
            thread=thread,
        )

    def _look_up(self, kind: str, key: str, ask: Any) -> Any:
        now = time.monotonic()
        with self._lock:
            at, value = self._known.get((kind, key), (float("-inf"), None))
        if now - at <= _CACHE_SECONDS:
            return value
        try:
            value = ask()
        except SlackApiError as error:
            if kind == "channel" and error.response.get("error") == "channel_not_found":
                # Not remembered: who reads so invites the bot, and asks again.
                return _UNSEEN
            log.info(
                "not looked up", extra={"action": f"{kind}_unknown", "cause": error.response.get("error")}
            )
            return None
        except (SlackClientError, OSError, TimeoutError) as error:
            log.warning("Slack is away", extra={"action": f"{kind}_unknown", "cause": type(error).__name__})
            return None
        except PatchPilotError as error:
            log.warning("not looked up", extra={"action": f"{kind}_unknown", "cause": str(error)})
            return None
        with self._lock:
            if len(self._known) > _MOST_KNOWN:
                self._known.clear()
            self._known[(kind, key)] = (now, value)
        return value

    def _member(self, team: str, user: str) -> _Member:
        found: dict[str, Any] = self._workspaces.client(team).users_info(user=user)["user"]
        profile = found.get("profile") or {}
        return _Member(
            called=str(profile.get("display_name") or found.get("real_name") or found.get("name") or user),
            address=str(profile.get("email") or ""),
            zone=str(found.get("tz") or ""),
            barred=_barred(found, team),
            runs_workspace=bool(found.get("is_admin") or found.get("is_owner")),
        )

    def _channel(self, team: str, channel: str) -> _Channel:
        found: dict[str, Any] = self._workspaces.client(team).conversations_info(channel=channel)["channel"]
        shared = bool(found.get("is_ext_shared"))
        private = bool(found.get("is_private") or found.get("is_im") or found.get("is_mpim"))
        # People of another organisation read a shared channel, so it is never private to us.
        return _Channel(
            name=str(found.get("name") or ""),
            private=private and not shared,
            bot_is_there=bool(found.get("is_member", True)),
        )


def _barred(member: dict[str, Any], team: str) -> str:
    """Guests and people of other organisations may read what they see, and nothing more.

    https://docs.slack.dev/reference/objects/user-object/
    """
    if member.get("deleted"):
        return "a deactivated member"
    if member.get("is_bot"):
        return "a bot"
    if member.get("is_restricted") or member.get("is_ultra_restricted"):
        return "a guest"
    enterprise = (member.get("enterprise_user") or {}).get("teams") or []
    if member.get("is_stranger") or (
        team and member.get("team_id") not in {team, None} and team not in enterprise
    ):
        return "a member of another organisation"
    return ""
