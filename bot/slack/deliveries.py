"""Delivery to several workspaces: each channel's messages go through its own workspace's client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from slack_sdk import WebClient

from bot.slack.blocks import Upload
from bot.slack.delivery import Delivery, Post
from bot.slack.troubles import WORKSPACE
from bot.slack.workspaces import Workspaces
from patchpilot.conversation import BrokenPlace
from patchpilot.errors import PatchPilotError, PermanentError
from storage.database import Database

MakeDelivery = Callable[[WebClient, str, Callable[[str], bool]], Delivery]
"""Of a client, its team (empty for home), and which broken places are that team's."""


class Delivers(Protocol):
    """What brings messages to Slack: one workspace's delivery, or all of them."""

    def put(self, post: Post) -> dict[str, str]:
        """See :meth:`bot.slack.delivery.Delivery.put`."""

    def picture(self, upload: Upload, *, team: str = "") -> str:
        """See :meth:`bot.slack.uploads.Uploads.picture`; ``team`` is the workspace that shows it."""

    def is_private(self, channel: str, *, team: str = "") -> bool:
        """See :meth:`bot.slack.delivery.Delivery.is_private`; ``team`` is the channel's workspace."""

    def mended(self) -> list[BrokenPlace]:
        """See :meth:`bot.slack.delivery.Delivery.mended`."""


class Deliveries:
    """Used by one thread, as a delivery is. ``make`` makes one workspace's; the home workspace is empty."""

    def __init__(self, db: Database, workspaces: Workspaces, make: MakeDelivery) -> None:
        self._db = db
        self._workspaces = workspaces
        self._make = make
        self._made: dict[str, tuple[WebClient, Delivery]] = {}
        self._delivery("")

    def put(self, post: Post) -> dict[str, str]:
        """Through the workspace of the place, or of the message if it was posted before.

        Raises what :meth:`bot.slack.delivery.Delivery.put` does, and
        :class:`~patchpilot.errors.PermanentError` for a workspace that has removed the app.
        """
        posted = post.known.outside if post.known is not None else None
        team = post.place.team if posted is None else posted.get("team", "")
        return self._delivery(self._workspaces.foreign(team)).put(post)

    def picture(self, upload: Upload, *, team: str = "") -> str:
        """In the workspace that shows it; raises what :meth:`put` does."""
        return self._delivery(self._workspaces.foreign(team)).picture(upload)

    def is_private(self, channel: str, *, team: str = "") -> bool:
        """Of a channel of that workspace; one that has removed the app shows nothing to anybody."""
        try:
            return self._delivery(self._workspaces.foreign(team)).is_private(channel)
        except PermanentError:
            return True

    def channel_id(self, channel: str) -> str:
        """Of a channel of the home workspace, by its name."""
        return self._made[""][1].channel_id(channel)

    def mended(self) -> list[BrokenPlace]:
        """Of all workspaces that were written to and have the app."""
        found: list[BrokenPlace] = []
        for team in list(self._made):
            try:
                found += self._delivery(team).mended()
            except PatchPilotError:
                # It has removed the app, or nobody can tell now.
                continue
        return found

    def _delivery(self, team: str) -> Delivery:
        client = self._workspaces.client(team) if team else self._workspaces.home
        known = self._made.get(team)
        if known is None or known[0] is not client:
            # New, or the workspace has added the app again and has another token now.
            known = self._made[team] = (
                client,
                self._make(client, team, lambda place: _owns(team, place)),
            )
        return known[1]


def _owns(team: str, place: str) -> bool:
    """Whether a broken place is this workspace's to look after."""
    owner = place.removeprefix(WORKSPACE) if place.startswith(WORKSPACE) else place.rpartition("/")[0]
    return owner == team
