"""Keeps account of places that messages can't reach: tells an admin, keeps away, notices when it is mended.

The rows are in Postgres, so that every process shows them and a restart forgets nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.slack.calls import BrokenPlaceError
from patchpilot.conversation import BrokenPlace
from patchpilot.metrics import Metrics
from storage.database import Database
from storage.troubles import broken_places, clear_broken, mark_broken

log = logging.getLogger(__name__)

FIRST_SECONDS: Final = 15.0
LONGEST_SECONDS: Final = 300.0
_REFRESH_SECONDS: Final = 5.0
WORKSPACE: Final = "workspace "
"""Begins the place that stands for a whole workspace; the home workspace's is empty."""


@dataclass(slots=True)
class _Pause:
    until: float
    seconds: float


class Troubles:
    """``tell`` is how an admin hears of a new trouble and of its end, in words; it must not raise.

    ``workspace`` is the place that stands for all of them, and ``mine`` tells which places are looked after.
    """

    def __init__(
        self,
        db: Database,
        metrics: Metrics,
        *,
        tell: Callable[[BrokenPlace, str], None] | None = None,
        first_seconds: float = FIRST_SECONDS,
        workspace: str = "",
        mine: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._db = db
        self._metrics = metrics
        self._tell = tell
        self._first = first_seconds
        self._workspace = workspace
        self._mine = mine
        self._pauses: dict[str, _Pause] = {}
        self._before: dict[str, datetime] = {}
        self._known: dict[str, BrokenPlace] = {}
        self._told: dict[str, datetime] = {}
        """Places whose trouble was told, and since when it lasts: whoever has put a place on record (Slack's
        event, another delivery, another process) need not be one that tells."""
        self._read_at = float("-inf")

    def refuse(self, channel: str) -> None:
        """Raise :class:`BrokenPlaceError` if ``channel`` or the workspace is known to take nothing now."""
        for place in (self._workspace, channel):
            pause = self._pauses.get(place)
            known = self._known.get(place)
            if pause is not None and known is not None and time.monotonic() < pause.until:
                raise BrokenPlaceError(place, known.code, known.advice)

    def mark(self, error: BrokenPlaceError) -> None:
        """Note a refusal; the next try waits longer each time."""
        place = error.place
        earlier = self._pauses.get(place)
        seconds = min(earlier.seconds * 2, LONGEST_SECONDS) if earlier else self._first
        self._pauses[place] = _Pause(time.monotonic() + seconds, seconds)
        row = mark_broken(
            self._db, place, code=error.code, advice=error.advice, since=self._before.get(place)
        )
        self._known[place] = row
        self._metrics.slack_broken.set(len(self._known))
        if self._told.get(place) == row.since:
            return
        self._told[place] = row.since
        log.error(
            "destination can't be reached",
            extra={"action": "slack_destination_broken", "place": row.named, "cause": str(error)},
        )
        if self._tell is not None:
            self._tell(row, f"can't be reached: {row.code}. {row.advice}".strip())

    def due(self) -> list[BrokenPlace]:
        """Broken places that may be tried again now, also those that another process has found."""
        now = time.monotonic()
        if now - self._read_at >= _REFRESH_SECONDS:
            self._read_at = now
            self._known = {row.place: row for row in broken_places(self._db) if self._mine(row.place)}
            self._metrics.slack_broken.set(len(self._known))
        return [
            row
            for place, row in self._known.items()
            if place not in self._pauses or self._pauses[place].until <= now
        ]

    def mended(self, row: BrokenPlace) -> None:
        """Note that the place answers again. Should it not take messages after all, it counts as broken since
        the beginning, so that nothing is forgotten."""
        self._before[row.place] = row.since
        self._known.pop(row.place, None)
        self._told.pop(row.place, None)
        clear_broken(self._db, row.place)
        self._metrics.slack_broken.set(len(self._known))
        log.info(
            "destination can be reached again",
            extra={"action": "slack_destination_mended", "place": row.named},
        )
        if self._tell is not None:
            self._tell(row, "can be reached again.")

    def took(self, channel: str) -> None:
        """A message went through: what was before is forgotten."""
        for place in (self._workspace, channel):
            self._before.pop(place, None)
            self._pauses.pop(place, None)
