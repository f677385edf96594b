"""Answers what people ask on pull requests, and has their comments and check runs brought up to date.

The webhook only records what was asked. This thread brings it through the door, where permissions are asked
live; what is to be written on the code host goes to the effects role as a task, because this process holds
nothing that could write there.

It also follows the event log. An event only says which incident to look at again, and a pull request is shown
at most every few seconds, so a burst of events is one edit and the last state wins.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field, replace
from typing import Final

from bot.door import Door
from bot.following import Follower
from jobs.leading import Duty
from patchpilot.asking import Asked, Place
from patchpilot.commands import Actor, Answer, Medium, Ruling
from patchpilot.errors import TemporaryError
from patchpilot.grammar import Misunderstood, Request, Way, parse
from patchpilot.incidents import IncidentSnapshot
from patchpilot.pull_thread import AskState, PullAsk
from patchpilot.source import Repo
from storage.database import Database
from storage.incidents import incident_of_pull_request, snapshot
from storage.pull_asks import (
    answers_of_late,
    ask_to_show,
    finish_asks,
    incidents_of_pull,
    settle_ask,
    waiting_asks,
)

log = logging.getLogger(__name__)

CONSUMER: Final = "pull requests"
DUTY: Final = Duty(name="pulls", lock="pull requests", every=0.3)
SHOW_SECONDS: Final = 3.0
"""One pull request's comment is edited at most this often; GitHub takes 80 such calls a minute."""
OUTSIDERS_ANSWERS: Final = 3
"""Answers within a day that a person without a role gets on all pull requests of a repository."""
_NOT_TOLD: Final = Answer(ruling=Ruling.DENIED, text="")
_TOLD: Final = frozenset({"help", "status", "explain", "question"})
"""Verbs whose answer people want to read: it gets a comment of its own."""
_GOES_ON: Final = frozenset({"retry", "retest", "fix", "approve", "diagnose"})
"""Verbs whose work only starts with the answer."""

Pull = tuple[Repo, int]


@dataclass
class _Shown:
    """When each pull request may be shown next, and which wait for that."""

    waiting: dict[Pull, str] = field(default_factory=dict)
    """The latest event's place in the log by pull request: it names the task."""
    free_at: dict[Pull, float] = field(default_factory=dict)

    def due(self, now: float) -> list[tuple[Pull, str]]:
        """Take those whose moment has come."""
        ready = [(pull, key) for pull, key in self.waiting.items() if self.free_at.get(pull, 0.0) <= now]
        for pull, _ in ready:
            del self.waiting[pull]
            self.free_at[pull] = now + SHOW_SECONDS
        return ready

    def forget(self, now: float) -> None:
        """Drop what no longer holds anybody back."""
        self.free_at = {pull: at for pull, at in self.free_at.items() if at > now}


class PullFront:
    """One process at a time does this, elected by an advisory lock. ``door`` decides all."""

    def __init__(self, db: Database, door: Door) -> None:
        self._db = db
        self._door = door
        self._events = Follower(db, DUTY, consumer=CONSUMER)
        self._shown = _Shown()

    def run(self, stop: threading.Event) -> None:
        """Answer and follow until ``stop`` is set."""
        self._events.run(self.tick, stop)

    def tick(self) -> None:
        """Answer what was asked, follow what happened, have shown what is due."""
        for one in waiting_asks(self._db):
            self._answer_safely(one)
        news = {event.incident: f"{cursor.transaction}.{cursor.id}" for cursor, event in self._events.news()}
        for incident, key in news.items():
            self._heard(incident, key)
        for (repo, number), key in self._shown.due(time.monotonic()):
            ask_to_show(self._db, repo, number, key=key)
        # Only once nothing waits: after a crash the events of those that wait are read again.
        if not self._shown.waiting and self._events.save():
            self._shown.forget(time.monotonic())

    def _answer_safely(self, one: PullAsk) -> None:
        try:
            self.answer(one)
        except TemporaryError:
            raise
        except Exception:
            # A defect met on one request must not keep the others waiting, nor leave its asker unanswered.
            log.exception("request not answered", extra={"action": "pull_ask_failed", "id": one.id})
            text = f"That did not work, for a defect of mine; the bot's log has it (request {one.id})."
            answer = Answer(ruling=Ruling.UNKNOWN, text=text, incident=one.incident)
            settle_ask(self._db, one, answer, state=AskState.REFUSED, reply=one.comment_id is not None)

    def answer(self, one: PullAsk) -> None:
        """Bring one request through the door and put the answer on record."""
        left = self._answers_left(one)
        if left == 0:
            log.info("answers used up", extra={"action": "pull_ask_not_told", "id": one.id})
            settle_ask(self._db, one, _NOT_TOLD, state=AskState.REFUSED, reply=False)
            return
        asked = Asked(
            request=_request(one),
            actor=Actor(medium=Medium.PULL_REQUEST, name=one.by.login, host_user=one.by),
            way=one.way,
            place=Place(repo=one.repo, pull_request=one.number),
            seen=one.approval_id,
            key=f"pull:{one.key}",
        )
        answer = self._door.handle(asked)
        if answer.ruling is Ruling.REPEATED:
            # Whoever took it may have died; the door lets it be taken again once their time is over.
            return
        if answer.incident is None and one.incident is None:
            found = incident_of_pull_request(self._db, one.repo, one.number)
            answer = replace(answer, incident=found)
        if left == 1:
            answer = replace(answer, text=f"{answer.text}\n{_last_words(one)}")
        state = _state(asked.request, answer)
        told = asked.request.verb in _TOLD and answer.ruling is Ruling.ANSWERED
        # Where no run of its own failed, as on a fix of ours, there is no comment of ours to edit.
        alone = one.comment_id is not None and not incidents_of_pull(self._db, one.repo, one.number, limit=1)
        settle_ask(self._db, one, answer, state=state, reply=told or alone)

    def _answers_left(self, one: PullAsk) -> int | None:
        """How many more answers who asked gets; ``None`` for as many as there are requests."""
        left = OUTSIDERS_ANSWERS - answers_of_late(self._db, one)
        # Nothing hangs on their role before, so the code host is not asked.
        if left > 1 or self._door.has_role(one.by, one.repo):
            return None
        return max(left, 0)

    def _heard(self, incident: int, key: str) -> None:
        found = snapshot(self._db, incident)
        if found is None:
            return
        finish_asks(self._db, found)
        pull = _pull_of(found)
        if pull is not None:
            self._shown.waiting[pull] = key


def _pull_of(incident: IncidentSnapshot) -> Pull | None:
    number = incident.heal.failure.pull_request
    return None if number is None else (incident.repo, number)


def _last_words(one: PullAsk) -> str:
    return (
        f"That was the last of {OUTSIDERS_ANSWERS} answers in 24 hours that people without a role on "
        f"{one.repo} get from me; to more I only react."
    )


def _request(one: PullAsk) -> Request:
    if one.way is Way.CHECK:
        return parse(one.text, way=Way.CHECK, incident=one.incident)
    commands = one.text.split("\n")
    if len(commands) > 1:
        return Misunderstood(
            f"One command per comment, please: I read {len(commands)} in this one, so I did none of them."
        )
    return parse(one.text, way=Way.COMMENT)


def _state(request: Request, answer: Answer) -> AskState:
    match answer.ruling:
        case Ruling.APPLIED:
            return AskState.ACCEPTED if request.verb in _GOES_ON else AskState.DONE
        case Ruling.ANSWERED:
            return AskState.DONE
        case _:
            return AskState.REFUSED
