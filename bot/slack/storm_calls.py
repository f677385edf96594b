"""Whether a question of a storm's incident is shown in the channel too, or stands in its thread only.

Of a storm the channel hears once, not once for each incident; but who joins much later is heard again, since
by then nobody reads the thread any more. A card of its own has another thread than the storm's: what it asked
does not silence the storm's first question, but whatever was asked there silences it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.slack.views import Item
from patchpilot.incidents import IncidentId, StormId
from storage.database import Database
from storage.effects import begin_effect, effect, finish_effect
from storage.storms import CARD

CALL_AGAIN: Final = timedelta(minutes=30)
"""Least time between two calls of one storm for the same kind of question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StormCalls:
    """What a storm has asked the channel where its card stands. ``under_it`` are the questions in the thread
    of that card; the others are in the threads of its incidents' own cards."""

    db: Database
    storm: StormId
    under_it: bool

    def may(self, item: Item) -> bool:
        """Whether the question, which stands nowhere yet, may be shown in the channel."""
        last = effect(self.db, self._key(item))
        if last is None or last.outside is None or last.outside["message"] == item.key:
            return True
        if self.under_it and not last.outside["under_it"]:
            return True
        return datetime.now(UTC) - datetime.fromisoformat(last.outside["at"]) >= CALL_AGAIN

    def note(self, item: Item, incident: IncidentId) -> None:
        """Put on record that it was shown there."""
        row = begin_effect(self.db, self._key(item), kind=CARD, incident=incident)
        under_it = "yes" if self.under_it else ""
        outside = {"message": item.key, "under_it": under_it, "at": datetime.now(UTC).isoformat()}
        finish_effect(self.db, row.key, outside=outside, digest="")

    def _key(self, item: Item) -> str:
        # Approvals and escalations are different news, so each kind is heard.
        return f"slack:storm:{self.storm}:{item.key.partition(':')[0]}"
