"""Which channels are told of an incident now, which later, and which not at all.

Where an incident goes is :func:`patchpilot.routing.route`'s to say, and whether it goes there now
:func:`patchpilot.noise.hush`'s. A channel that has a card keeps it and sees it edited, whatever was said
since; quiet hours and mutes only keep new messages back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from bot.slack.calls import in_team
from bot.slack.delivery import KIND
from patchpilot.errors import TemporaryError
from patchpilot.heals import HealState
from patchpilot.incidents import IncidentSnapshot
from patchpilot.noise import QuietHours, digest_only, held_by_quiet_hours, hush, mute_of
from patchpilot.routing import Destination, Fallback, Subscription, is_told, route
from storage.database import Database
from storage.effects import Effect, written_to
from storage.incidents import open_incidents, snapshot
from storage.mutes import mutes_ended_since, running_mutes
from storage.subscriptions import (
    held_channels,
    held_news,
    hold_news,
    quiet_hours,
    release_news,
    repo_rules,
    subscriptions_of_repo,
)

CALLS: Final = frozenset({HealState.AWAITING_APPROVAL, HealState.ESCALATED})
"""People are asked for something, so it gets a card also after a summary."""


At = tuple[str, str]
"""Team, empty for the operator's own workspace, and channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A channel that shows an incident."""

    channel: str
    team: str = ""
    """Its workspace; empty for the operator's own."""
    suffix: str = ""
    """Of the keys of its messages in the ledger; empty for the first channel that was told."""
    nothing_new: bool = False
    """No new messages now: what stands there is edited, so that no button outlives what it asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a channel is told when its quiet hours are over."""

    channel: str
    key: str
    team: str = ""
    incidents: tuple[IncidentSnapshot, ...]


class Teams(Protocol):
    """Which workspace is the operator's own (:class:`bot.slack.workspaces.Workspaces`)."""

    def foreign(self, team: str) -> str:
        """Empty for the operator's own workspace."""
        ...

    def wishing(self, foreign: str) -> str:
        """The id by which a workspace's wishes are kept; empty if there is only one."""
        ...


class _OneTeam:
    """There is only the operator's own workspace."""

    def foreign(self, team: str) -> str:
        del team
        return ""

    def wishing(self, foreign: str) -> str:
        return foreign


class Audience:
    """Asks Postgres who wants to be told.

    ``fallback`` is the operator's channel; ``resolve`` gives the id of a channel by its name, since what
    people said about it is kept by its id. ``is_private`` tells of a channel and its workspace whether only
    its members read it now: one that was private when it subscribed may have been opened or shared since.
    Without ``teams`` there is one workspace only.
    """

    def __init__(
        self,
        db: Database,
        fallback: Fallback,
        *,
        resolve: Callable[[str], str],
        is_private: Callable[[str, str], bool] = lambda _channel, _team: True,
        teams: Teams | None = None,
    ) -> None:
        self._db = db
        self._fallback = fallback
        self._resolve = resolve
        self._is_private = is_private
        self._teams = teams or _OneTeam()
        self._looked: datetime | None = None

    def wishing(self, foreign: str) -> str:
        """The id by which the people of a place's workspace are known; empty if there is only one."""
        return self._teams.wishing(foreign)

    def told(
        self, incident: IncidentSnapshot, known: Mapping[str, Effect], *, but_home: bool = False
    ) -> list[Told]:
        """The channels that show ``incident`` now. What is held back for quiet hours is put on record.

        ``but_home`` leaves the operator's channel out, because a storm's card shows it there.
        """
        now = datetime.now(UTC)
        cards = _cards(incident, known)
        found = [
            self._posted(incident, suffix, at, now)
            for suffix, at in cards.items()
            if not self._has_opened(incident, at)
        ]
        there = set(cards.values())
        mutes = running_mutes(self._db, repo=incident.repo)
        home = self._home()
        for place in self._wanted(incident, home):
            at = (place.team, place.channel)
            if at in there or (at == ("", home) and (cards or but_home)):
                continue
            hours = self._quiet_hours(at)
            if not is_told(incident, place.level):
                continue
            if hush(incident, mutes=mutes, hours=hours, now=now) is not None:
                if held_by_quiet_hours(incident, hours, now) and mute_of(incident, mutes, now) is None:
                    hold_news(self._db, team=place.team, channel=place.channel, incident=incident.id)
                continue
            # What breaks the silence, or comes right after it, is told by its card, not in the summary.
            release_news(self._db, team=place.team, channel=place.channel, incidents=[int(incident.id)])
            # Under a storm's card the messages have the keys of a first channel.
            suffix = f"@{in_team(*at)}" if found or cards or but_home else ""
            found.append(Told(team=place.team, channel=place.channel, suffix=suffix))
        return found

    def holds_at_home(self, incident: IncidentSnapshot) -> bool:
        """Whether the operator's channel hears nothing new of ``incident`` now; put on record if quiet."""
        now = datetime.now(UTC)
        if mute_of(incident, running_mutes(self._db, repo=incident.repo), now) is not None:
            return True
        home = self._home()
        held = held_by_quiet_hours(incident, self._quiet_hours(("", home)), now)
        if held:
            hold_news(self._db, channel=home, incident=incident.id)
        return held

    def home_is_quiet(self) -> bool:
        """Whether the operator's channel has its quiet hours."""
        hours = self._quiet_hours(("", self._home()))
        return hours is not None and hours.now_quiet(datetime.now(UTC))

    def at_home(self, incidents: Collection[int]) -> frozenset[int]:
        """Those of ``incidents`` of which the operator's channel hears, where storms are: it was told, or
        would be by now, though its quiet hours may delay that."""
        told = written_to(self._db, incidents, kind=KIND, channel=self._home())
        others = (snapshot(self._db, number) for number in incidents if number not in told)
        return told | {one.id for one in others if one is not None and self._comes_home(one)}

    def _comes_home(self, incident: IncidentSnapshot) -> bool:
        home, now = self._home(), datetime.now(UTC)
        return any(
            (place.team, place.channel) == ("", home) and is_told(incident, place.level)
            for place in self._wanted(incident, home)
        ) and (mute_of(incident, running_mutes(self._db, repo=incident.repo), now) is None)

    def _home(self) -> str:
        return self._resolve(self._fallback.channel)

    def _wanted(self, incident: IncidentSnapshot, home: str) -> tuple[Destination, ...]:
        found = route(
            incident,
            self._subscriptions(incident, home),
            fallback=replace(self._fallback, channel=home),
            rules=repo_rules(self._db, incident.repo),
        )
        return tuple(replace(place, team=self._teams.foreign(place.team)) for place in found)

    def _subscriptions(self, incident: IncidentSnapshot, home: str) -> list[Subscription]:
        """Of its repository, each with what is known of its channel now."""
        return [
            replace(one, private=False)
            if one.private and self._has_opened(incident, (self._teams.foreign(one.team), one.channel), home)
            else one
            for one in subscriptions_of_repo(self._db, incident.repo)
        ]

    def _has_opened(self, incident: IncidentSnapshot, at: At, home: str = "") -> bool:
        """Whether more people read the channel now than may hear of the incident, as its repository is
        private. The operator's channel was chosen by the operator."""
        team, channel = at
        if not incident.heal.failure.private or at == ("", home or self._home()):
            return False
        return not repo_rules(self._db, incident.repo).public and not self._is_private(channel, team)

    def _quiet_hours(self, at: At) -> QuietHours | None:
        team, channel = at
        return quiet_hours(self._db, channel=channel, team=self._teams.wishing(team))

    def _posted(self, incident: IncidentSnapshot, suffix: str, at: At, now: datetime) -> Told:
        team, channel = at
        muted = mute_of(incident, running_mutes(self._db, repo=incident.repo), now) is not None
        held = held_by_quiet_hours(incident, self._quiet_hours(at), now)
        if held and not muted:
            hold_news(self._db, team=team, channel=channel, incident=incident.id)
        return Told(team=team, channel=channel, suffix=suffix, nothing_new=muted or held)

    def summaries(self) -> list[Summary]:
        """What is held for channels whose quiet hours are over."""
        now = datetime.now(UTC)
        found = []
        for team, channel in held_channels(self._db):
            hours = self._quiet_hours((team, channel))
            if hours is not None and hours.now_quiet(now):
                continue
            numbers = held_news(self._db, team=team, channel=channel)
            held = [one for number in numbers if (one := snapshot(self._db, number)) is not None]
            try:
                kept = [one for one in held if self._never_told(one, (team, channel), now)]
            except TemporaryError:
                # It waits until Slack says who reads the channel.
                continue
            if kept:
                release_news(self._db, team=team, channel=channel, incidents=[int(one.id) for one in kept])
            incidents = tuple(one for one in held if one not in kept)
            if incidents:
                key = _summary_key(in_team(team, channel), numbers)
                found.append(Summary(team=team, channel=channel, key=key, incidents=incidents))
        return found

    def _never_told(self, incident: IncidentSnapshot, at: At, now: datetime) -> bool:
        """Whether what was held is not for the channel after all: private, muted, or for the digest only."""
        muted = mute_of(incident, running_mutes(self._db, repo=incident.repo), now) is not None
        return muted or digest_only(incident) or self._has_opened(incident, at)

    def summarised(self, summary: Summary) -> list[int]:
        """The summary is posted; returns the incidents that people are asked about, which get their cards."""
        numbers = [int(one.id) for one in summary.incidents]
        release_news(self._db, team=summary.team, channel=summary.channel, incidents=numbers)
        return [int(one.id) for one in summary.incidents if one.heal.state in CALLS]

    def unmuted(self) -> list[int]:
        """Open incidents whose mute has ended since this was asked last."""
        now = datetime.now(UTC)
        ended = mutes_ended_since(self._db, self._looked)
        # The database's clock may be a little behind ours, and looking at an incident twice costs nothing.
        self._looked = now - timedelta(minutes=1)
        numbers = {mute.incident for mute in ended if mute.incident is not None}
        for repo in {mute.repo for mute in ended if mute.incident is None}:
            numbers |= {int(one.id) for one in open_incidents(self._db, repo=repo)}
        return sorted(numbers)


def _cards(incident: IncidentSnapshot, known: Mapping[str, Effect]) -> dict[str, At]:
    """Suffix and place of each card that is posted, the first one first."""
    start = f"slack:card:{incident.id}"
    cards = {}
    for key, row in known.items():
        suffix = key.removeprefix(start)
        if key.startswith(start) and (not suffix or suffix.startswith("@")) and row.outside is not None:
            cards[suffix] = (row.outside.get("team", ""), row.outside["channel"])
    return dict(sorted(cards.items()))


def _summary_key(channel: str, numbers: Iterable[int]) -> str:
    """The same for the same news, so that a crash after posting posts nothing twice."""
    digest = hashlib.sha256(",".join(map(str, sorted(numbers))).encode()).hexdigest()[:16]
    return f"slack:summary:{channel}:{digest}"
