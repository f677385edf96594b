"""Publishes Home tabs: when somebody opens theirs, when they ask for something, and when what it shows has
changed.

Slack takes a view only against the hash of the one that it replaces, so that of two processes that publish at
once the later does not put older news over newer.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final

from slack_bolt import App
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.authority import Authority
from bot.decisions import may_approve
from bot.door import Door
from bot.following import Follower
from bot.gate import suggestion
from bot.linking import Linking
from bot.slack.home_views import home_view
from bot.slack.presses import Body, Presses, press_key, refused_form
from jobs.leading import Duty
from patchpilot import grammar as ask
from patchpilot.asking import Asked
from patchpilot.commands import Medium
from patchpilot.digests import Pending
from patchpilot.errors import PatchPilotError, PermanentError
from patchpilot.events import EventKind
from patchpilot.grammar import Direct, Link, Way
from patchpilot.grammar.values import DirectLevel
from patchpilot.source import HostUser, Permission
from storage.database import Database
from storage.direct import choice_of
from storage.homes import Opened, Wishes, home_of, keep_home, opened_homes, pending_approvals, wishes_of
from storage.incidents import snapshot

log = logging.getLogger(__name__)

CONSUMER: Final = "slack-home"
DUTY: Final = Duty(name="homes", lock="homes", every=5.0)
_KEPT: Final = timedelta(days=7)
"""A tab that nobody has opened for so long is published again only when somebody opens it."""
_NEWS: Final = frozenset({EventKind.FIX_PROPOSED, EventKind.DECIDED, EventKind.STATE_CHANGED})
_WISHES: Final = (ask.Mute, ask.Unmute, ask.Subscribe, ask.Unsubscribe, ask.Quiet, ask.Direct, ask.Unlink)
"""What its owner's tab shows of what they asked for."""


class Home:
    """Registers the handlers on a bolt app, and follows the event log. ``clients`` by team send news."""

    def __init__(
        self,
        app: App,
        db: Database,
        authority: Authority,
        presses: Presses,
        clients: Callable[[str], WebClient],
    ) -> None:
        self._db = db
        self._authority = authority
        self._presses = presses
        self._clients = clients
        self._events = Follower(db, DUTY, consumer=CONSUMER)
        # One thread, so that one person's publications come one after the other.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="slack-home")
        self._stale: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        app.event("app_home_opened")(self._opened)
        app.action("home_link")(self._link)
        app.action("home_dm")(self._choose)

    def run(self, stop: threading.Event) -> None:
        """Keep opened tabs up to date until ``stop`` is set; one process at a time."""
        self._events.run(self.tick, stop)

    def close(self) -> None:
        """Let the publication under way end, and forget those that wait: the next start catches up."""
        self._worker.shutdown(cancel_futures=True)

    def watch(self, door: Door, linking: Linking) -> None:
        """Bring a person's tab up to date whenever this process does what they ask for."""
        door.heard = self._heard
        linking.heard = self.refresh

    def refresh(self, team: str, user: str) -> None:
        """Bring an opened tab up to date soon, once for all that is asked until then."""
        with self._lock:
            if (team, user) in self._stale:
                return
            self._stale.add((team, user))
        self._worker.submit(self._refreshed, team, user)

    def _heard(self, asked: Asked) -> None:
        if asked.actor.medium is Medium.SLACK and isinstance(asked.request, _WISHES):
            self.refresh(asked.actor.team, asked.actor.name)

    def _refreshed(self, team: str, user: str) -> None:
        with self._lock:
            self._stale.discard((team, user))
        try:
            if home_of(self._db, team=team, user=user) is not None:
                self.publish(self._clients(team), team, user, opened=False)
        except PatchPilotError as error:
            log.warning("home not published", extra={"action": "home_not_published", "cause": str(error)})
        except Exception:
            log.exception("home not published", extra={"action": "home_not_published"})

    def tick(self) -> None:
        """Read what is new, and publish the tabs that it changes."""
        if any(event.kind in _NEWS for _, event in self._events.news()):
            for home in opened_homes(self._db, within=_KEPT):
                try:
                    client = self._clients(home.team)
                except PermanentError:
                    # The workspace has removed the app; nobody sees the tab any more.
                    continue
                self.publish(client, home.team, home.user, opened=False)
        self._events.save()

    def publish(self, client: WebClient, team: str, user: str, *, opened: bool, seen: str = "") -> None:
        """Bring one person's tab up to date. ``seen`` is the hash of what they have before them."""
        view = self.view(team, user)
        known = home_of(self._db, team=team, user=user)
        digest = hashlib.sha256(json.dumps(view, sort_keys=True).encode()).hexdigest()
        expected = seen or (known.view_hash if known else "")
        if known is not None and known.digest == digest and known.view_hash == expected:
            if opened:
                keep_home(self._db, known, opened=True)
            return
        options = {"hash": expected} if expected else {}
        try:
            answer = client.views_publish(user_id=user, view=view, **options)
        except SlackApiError as error:
            # Somebody has published a newer one; what they show is not older than this.
            cause = str(error.response.get("error"))
            log.info("home not published", extra={"action": "home_not_published", "cause": cause})
            return
        except (SlackClientError, OSError, TimeoutError) as error:
            log.warning("Slack is away", extra={"action": "home_not_published", "cause": str(error)})
            return
        made = answer.get("view") or {}
        kept = Opened(team=team, user=user, view_hash=str(made.get("hash", "")), digest=digest)
        keep_home(self._db, kept, opened=opened)

    def view(self, team: str, user: str) -> dict[str, Any]:
        """What the tab of this person shows now."""
        actor = self._presses.actor({"user_id": user, "team_id": team})
        account = actor.host_user
        if account is None:
            return home_view(None, (), Wishes(), suggestion=suggestion(actor))
        direct = choice_of(self._db, team=team, account=user)
        wishes = wishes_of(self._db, team=team, login=account.login)
        return home_view(account, self._mine(account), wishes, direct=direct)

    def _mine(self, account: HostUser) -> list[Pending]:
        """Proposals that this person may approve right now."""
        waiting = pending_approvals(self._db)
        may = {
            repo: self._authority.permission(repo, account) >= Permission.WRITE
            for repo in {one.repo for one in waiting}
        }
        return [one for one in waiting if may[one.repo] and self._may_approve(one, account)]

    def _may_approve(self, one: Pending, account: HostUser) -> bool:
        incident = snapshot(self._db, one.incident)
        return incident is not None and may_approve(self._db, self._authority, incident, account)

    def _opened(self, event: Mapping[str, Any], body: Body, client: WebClient) -> None:
        if event.get("tab", "home") != "home":
            return
        seen = str((event.get("view") or {}).get("hash") or "")
        self.publish(client, str(body.get("team_id", "")), str(event["user"]), opened=True, seen=seen)

    def _choose(self, ack: Callable[..., None], body: Body) -> None:
        """The choice of direct messages; the hours without any stay as they were."""
        ack()
        actor = self._presses.actor(body)
        before = choice_of(self._db, team=actor.team, account=actor.name)
        action = body["actions"][0]
        asked = Asked(
            request=Direct(DirectLevel(action["selected_option"]["value"]), before.window, before.zone),
            actor=actor,
            way=Way.SLASH,
            place=self._presses.place(body, ephemeral=True),
            key=press_key(body, action),
        )
        self._presses.door.handle(asked)
        # Also after a refusal, so that the tab shows what holds.
        self.refresh(actor.team, actor.name)

    def _link(self, ack: Callable[..., None], body: Body, client: WebClient) -> None:
        """A fresh way to link: an address that was made when the tab was opened may be too old by now."""
        ack()
        asked = Asked(
            request=Link(),
            actor=self._presses.actor(body),
            way=Way.SLASH,
            place=self._presses.place(body, ephemeral=True),
        )
        answer = self._presses.door.handle(asked)
        if answer.link_url:
            view = refused_form(answer, "")["view"]
        else:
            text = {"type": "plain_text", "text": answer.text[:2_900]}
            view = {
                "type": "modal",
                "title": {"type": "plain_text", "text": "Link my account"},
                "close": {"type": "plain_text", "text": "Close"},
                "blocks": [{"type": "section", "text": text}],
            }
        client.views_open(trigger_id=body["trigger_id"], view=view)
