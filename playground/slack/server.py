"""The playground's Slack: what a test or the demo holds in hands.

``Slack`` keeps the state and lets people act; :func:`playground.slack.routes.router` serves it to clients,
which use ``base_url + "/slack/api/"``.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from playground.slack.answers import Answer, NotPossibleError
from playground.slack.deliveries import Deliveries, DeliveryRecord
from playground.slack.events import SCOPES, Announcer
from playground.slack.faults import DELIVERIES, Fault, Faults
from playground.slack.methods import METHODS
from playground.slack.model import App, CallRecord, Channel, Message, User, View
from playground.slack.pace import Pace
from playground.slack.payloads import Payloads
from playground.slack.people import SLACKBOT, People
from playground.slack.replies import Replies
from playground.slack.sockets import Sockets
from playground.slack.timers import Timers
from playground.slack.web_api import WebApi
from playground.slack.workspace import Workspace


class Slack(People):
    """One workspace with its people, channels and apps; safe to use from any thread."""

    def __init__(
        self,
        *,
        base_url: str,
        signing_secret: str,
        team_id: str = "T0PLAYGROUND",
        team_name: str = "Playground",
        pace: Pace | None = None,
    ) -> None:
        if not signing_secret:
            raise ValueError("the playground's Slack needs a signing secret: apps check its requests with it")
        self.base_url = base_url.rstrip("/")
        self.pace = pace or Pace()
        self.workspace = Workspace(team_id=team_id, name=team_name, files_url=f"{self.base_url}/slack/files")
        self.faults = Faults()
        self.sockets = Sockets()
        self.timers = Timers()
        self.deliveries = Deliveries(
            signing_secret=signing_secret,
            pace=self.pace,
            faults=self.faults,
            sockets=self.sockets,
            timers=self.timers,
        )
        self.announce = Announcer(self.workspace, self.deliveries)
        self._web_api = WebApi(
            workspace=self.workspace,
            announce=self.announce,
            pace=self.pace,
            sockets=self.sockets,
            timers=self.timers,
            base_url=self.base_url,
        )
        self.replies = Replies(self.workspace)
        super().__init__(
            workspace=self.workspace,
            deliveries=self.deliveries,
            announce=self.announce,
            payloads=Payloads(self.workspace, pace=self.pace, base_url=self.base_url),
            replies=self.replies,
            faults=self.faults,
        )
        self.workspace.users[SLACKBOT] = User(
            id=SLACKBOT, team=team_id, name="slackbot", real_name="Slackbot", email="", tz="UTC", bot_id="B01"
        )

    def close(self) -> None:
        """Stop retries and background deliveries."""
        self.timers.close()
        self.deliveries.close()

    # Setting up.

    def add_user(
        self, name: str, real_name: str, *, email: str, tz: str = "UTC", is_guest: bool = False
    ) -> str:
        """Add a person; returns the user id. ``name`` is what ``@name`` in a message means."""
        with self.workspace.lock:
            if any(user.name == name for user in self.workspace.users.values()):
                raise ValueError(f"there is already a user {name!r}")
            user = User(
                id=self.workspace.new_id("U"),
                team=self.workspace.team_id,
                name=name,
                real_name=real_name,
                email=email,
                tz=tz,
                is_guest=is_guest,
            )
            self.workspace.users[user.id] = user
        self.workspace.changed()
        return user.id

    def add_channel(self, name: str, *, members: Collection[str], private: bool = False) -> str:
        """Add a channel with these user ids or names in it; returns the channel id."""
        with self.workspace.lock:
            clean = name.removeprefix("#")
            if any(channel.name == clean for channel in self.workspace.channels.values()):
                raise ValueError(f"there is already a channel #{clean}")
            channel = Channel(
                id=self.workspace.new_id("C"),
                name=clean,
                members=[self._member(member) for member in members],
                created=int(time.time()),
                private=private,
            )
            self.workspace.channels[channel.id] = channel
        self.workspace.changed()
        return channel.id

    def add_usergroup(self, handle: str, name: str, *, members: Collection[str]) -> str:
        """Add a user group; returns its id, for ``<!subteam^S…>``."""
        with self.workspace.lock:
            group_id = self.workspace.new_id("S")
            self.workspace.usergroups[group_id] = (handle, name, [self._member(member) for member in members])
        return group_id

    def invite(self, channel: str, user: str) -> None:
        """Bring a person or a bot into a channel."""
        with self.workspace.lock:
            place, member = self.workspace.channel(channel), self._member(user)
            if member in place.members:
                return
            place.members.append(member)
            event = {
                "type": "member_joined_channel",
                "user": member,
                "channel": place.id,
                "team": self.team_id,
            }
            self.announce(event | {"channel_type": "G" if place.private else "C"}, channel=place)
        self.workspace.changed()

    def archive(self, channel: str) -> None:
        """Archive a channel."""
        with self.workspace.lock:
            place = self.workspace.channel(channel)
            self.announce({"type": "channel_archive", "channel": place.id, "user": SLACKBOT}, channel=place)
            place.archived = True
        self.workspace.changed()

    def install_app(
        self,
        *,
        app_id: str,
        bot_token: str,
        app_token: str = "",
        events_url: str = "",
        interactivity_url: str = "",
        commands: Mapping[str, str] | None = None,
        scopes: Collection[str],
        events: Collection[str] | None = None,
        bot_user_name: str = "patchpilot",
        bot_real_name: str = "",
        client_id: str = "playground-client",
        client_secret: str = "",
        redirect_urls: Collection[str] = (),
    ) -> str:
        """Install an app; returns the id of its bot user, which is in no channel yet.

        ``commands`` maps ``/name`` to the address that answers it. Without any address the app is reached
        over Socket Mode. ``events`` are the subscriptions; by default everything the scopes allow.
        """
        with self.workspace.lock:
            bot_user = User(
                id=self.workspace.new_id("U"),
                team=self.workspace.team_id,
                name=bot_user_name,
                real_name=bot_real_name or bot_user_name,
                email="",
                tz="UTC",
                bot_id=self.workspace.new_id("B"),
                app_id=app_id,
            )
            self.workspace.users[bot_user.id] = bot_user
            self.workspace.apps[app_id] = App(
                id=app_id,
                bot_id=bot_user.bot_id,
                bot_user=bot_user.id,
                bot_token=bot_token,
                app_token=app_token,
                events_url=events_url,
                interactivity_url=interactivity_url,
                commands=dict(commands or {}),
                scopes=frozenset(scopes),
                events=frozenset(SCOPES if events is None else events),
                client_id=client_id,
                client_secret=client_secret,
                redirect_urls=tuple(redirect_urls),
            )
        self.workspace.changed()
        return bot_user.id

    def uninstall_app(self, app_id: str) -> None:
        """Remove an app: it hears of that, and its tokens answer ``account_inactive`` from then on."""
        with self.workspace.lock:
            app = self.workspace.apps[app_id]
            self.announce(
                {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [app.bot_user]}}, only=app
            )
            self.announce({"type": "app_uninstalled"}, only=app)
            app.active = False
        self.workspace.changed()

    def oauth_code(self, app_id: str, *, redirect_uri: str = "") -> str:
        """A one-time code for ``oauth.v2.access``, as the redirect after *Add to Slack* carries it.

        With ``redirect_uri`` it is taken only together with that.
        """
        code = secrets.token_urlsafe(16)
        with self.workspace.lock:
            self.workspace.oauth_codes[code] = (app_id, redirect_uri)
        return code

    def inject(self, method: str, fault: str, *, times: int = 1, retry_after: float = 1) -> None:
        """Plan a fault for the next ``times`` calls of a Web API method, or deliveries to an app.

        ``method`` is a method's name, ``events``, ``interactions`` or ``*``;
        :data:`playground.slack.faults.Kind` lists the faults.

        ``retry_after`` is the header's value for ``ratelimited`` and the wait for ``delay``, in seconds.
        """
        if method not in {*METHODS, *DELIVERIES, "*"}:
            raise ValueError(
                f"unknown method {method!r}: use one of the Web API's, or events or interactions"
            )
        self.faults.plan(method, fault, times=times, retry_after=retry_after)

    # Reading.

    @property
    def team_id(self) -> str:
        """The workspace's id."""
        return self.workspace.team_id

    def messages(self, channel: str) -> list[Message]:
        """What stands in a channel's own line, oldest first, without replies and ephemeral messages."""
        with self.workspace.lock:
            line = self.workspace.messages.get(self.workspace.channel(channel).id, {})
            return [m for m in line.values() if not m.only_for and (not m.is_reply or m.broadcast)]

    def thread(self, channel: str, ts: str) -> list[Message]:
        """The replies of a thread, oldest first."""
        with self.workspace.lock:
            return self.workspace.replies(self.workspace.channel(channel).id, ts)

    def ephemerals(self, user: str) -> list[Message]:
        """What only this person sees, oldest first."""
        with self.workspace.lock:
            person = self._member(user)
            lines = [m for line in self.workspace.messages.values() for m in line.values()]
            return sorted((m for m in lines if m.only_for == person), key=lambda message: message.ts)

    def modal(self, user: str) -> View | None:
        """The modal a person has in front of them."""
        with self.workspace.lock:
            stack = self.workspace.modals.get(self._member(user))
            return stack[-1] if stack else None

    def home(self, user: str, app_id: str = "") -> View | None:
        """A person's App Home."""
        with self.workspace.lock:
            person = self._member(user)
            return next(
                (
                    view
                    for (app, owner), view in self.workspace.homes.items()
                    if owner == person and app_id in {"", app}
                ),
                None,
            )

    def calls(self, method: str = "") -> list[CallRecord]:
        """Web API calls so far, oldest first, of one method or of all."""
        with self.workspace.lock:
            return [call for call in self.workspace.calls if method in {"", call.method}]

    def sent(self) -> list[DeliveryRecord]:
        """Deliveries to apps so far, with what the apps answered."""
        return list(self.deliveries.log)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` (quick, from any thread) after every change; returns how to stop."""
        return self.workspace.subscribe(listener)

    def call(self, method: str, args: Mapping[str, Any], token: str, fault: Fault | None = None) -> Answer:
        """Answer one Web API call, as the route for it does."""
        return self._web_api.call(method, args, token, fault)

    def _member(self, user: str) -> str:
        found = self.workspace.users.get(user) or next(
            (known for known in self.workspace.users.values() if known.name == user), None
        )
        if found is None:
            raise NotPossibleError(f"there is no user {user[:80]!r} in this workspace")
        return found.id
