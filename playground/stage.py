"""What a scenario needs to act and to look: the town's people, and PatchPilot as its users see it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from patchpilot.errors import PatchPilotError
from patchpilot.heals import ENDED, HealState
from playground.town import Town

WAIT_SECONDS: Final = 180.0
"""How long a scenario waits for a machine. For a person it waits for ever."""
_LOOK_SECONDS: Final = 0.1


class StuckError(PatchPilotError):
    """A scenario did not come to where it must; the message says what was waited for."""


class OverError(StuckError):
    """The scenario was ended from outside while it waited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One line of the narration."""

    scenario: str
    text: str
    seconds: float
    """Since the line before it in this scenario."""


@dataclass
class Stage:
    """One scenario's way to act and to look."""

    town: Town
    scenario: str
    tell: Callable[[Note], None]
    auto: bool
    """Press the buttons ourselves instead of waiting for a person."""
    over: threading.Event = field(default_factory=threading.Event)
    """Once set, whoever waits gets :class:`OverError`: a story may wait for a person for ever."""
    notes: list[Note] = field(default_factory=list)
    _last: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        """Add a line to the narration."""
        now = time.monotonic()
        note = Note(scenario=self.scenario, text=text, seconds=now - self._last)
        self._last = now
        self.notes.append(note)
        self.tell(note)

    def job(self, sha: str) -> dict[str, Any] | None:
        """The heal of the failure at commit ``sha``, as the REST API shows it, once it is not superseded."""
        jobs = self._get("/api/jobs", limit=200)["jobs"]
        mine = [job for job in jobs if job["commit"] == sha and job["state"] != HealState.SUPERSEDED]
        return self.detail(mine[0]["id"]) if mine else None

    def detail(self, job_id: str) -> dict[str, Any]:
        """One heal with its evidence."""
        return self._get(f"/api/jobs/{job_id}")

    def reach(self, sha: str, *wanted: HealState, for_person: bool = False) -> dict[str, Any]:
        """Wait until the heal at ``sha`` is in one of the states; :class:`StuckError` if it ends elsewhere.

        ``for_person`` waits without a limit, because a person has to act first.
        """

        def there() -> dict[str, Any] | None:
            found = self.job(sha)
            if found is None or found["state"] in wanted:
                return found
            if HealState(found["state"]) in ENDED:
                raise StuckError(f"{found['incident']} ended as {found['state']}: {found['reason']}")
            return None

        found: dict[str, Any] = self.wait(
            there, f"a heal of {sha[:7]} that is {' or '.join(wanted)}", for_person=for_person
        )
        return found

    def wait(self, look: Callable[[], Any], what: str, *, for_person: bool = False) -> Any:
        """Ask ``look`` until it gives something; raises :class:`StuckError` after :data:`WAIT_SECONDS`."""
        end = time.monotonic() + WAIT_SECONDS
        while not (found := look()):
            if not (for_person and not self.auto) and time.monotonic() > end:
                raise StuckError(f"waited {WAIT_SECONDS:.0f} s for {what}")
            if self.over.wait(_LOOK_SECONDS):
                raise OverError(f"ended while it waited for {what}")
        return found

    def idle(self) -> bool:
        """Whether PatchPilot has no task left."""
        waiting = self._get("/api/metrics/summary")["tasks_waiting"]
        return not any(waiting.values())

    def cards(self, incident: str) -> list[Any]:
        """The incident's cards in the channel; there must be one."""
        key = f"slack:card:{incident.removeprefix('PP-')}"
        return [m for m in self.town.slack.messages(self.town.channel) if _key(m) == key]

    def approval(self, job: dict[str, Any]) -> Any:
        """The message with the buttons, once it is there."""
        start = f"slack:approval:{job['id']}:"

        def look() -> Any:
            cards = self.cards(job["incident"])
            thread = self.town.slack.thread(self.town.channel, cards[0].ts) if cards else []
            return next((m for m in reversed(thread) if _key(m).startswith(start)), None)

        return self.wait(look, f"the approval card of {job['incident']}")

    def _get(self, path: str, **query: object) -> dict[str, Any]:
        try:
            answer = httpx.get(
                f"{self.town.bot_url}{path}",
                params=query,  # type: ignore[arg-type]
                headers=self.town.bearer,
                timeout=10,
            )
        except httpx.TransportError:
            # The bot is (re)starting; whoever waits asks again.
            return {"jobs": [], "tasks_waiting": {"bot": 1}}
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


def wait_for(ready: Callable[[], bool], *, seconds: float) -> bool:
    """Ask ``ready`` until it says yes; ``False`` after ``seconds``."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def _key(message: Any) -> str:
    metadata = message.metadata or {}
    return str((metadata.get("event_payload") or {}).get("key", ""))
