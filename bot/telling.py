"""Help, status, explain and free questions: what changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final, Protocol

from bot.gate import Gate, answered, unknown
from patchpilot import grammar as ask
from patchpilot.answering import answer, explain, is_about_evidence
from patchpilot.asking import Asked
from patchpilot.commands import Answer
from patchpilot.errors import PatchPilotError
from patchpilot.failures import DistilledFailure
from patchpilot.fixes import PastFix
from patchpilot.heals import WORKING
from patchpilot.incidents import IncidentSnapshot, storm_name
from patchpilot.source import Permission, Repo
from patchpilot.states import state_word
from patchpilot.text import one_line
from storage.database import Database
from storage.incidents import incident_of_pull_request, open_incidents, snapshot
from storage.mutes import paused_by
from storage.questions import put_question
from storage.storms import read_storm

log = logging.getLogger(__name__)

_MOST_LISTED: Final = 15
_SIMILAR: Final = 3
_QUESTION_CHARACTERS: Final = 1_000


class Recall(Protocol):
    """The memory, as far as questions need it."""

    def recall(self, repo: Repo, failure: DistilledFailure, *, k: int = 5) -> list[PastFix]: ...


class Telling:
    """Answers from what Postgres knows. ``memory`` finds similar cases, ``None`` for none."""

    def __init__(self, db: Database, gate: Gate, *, memory: Recall | None = None) -> None:
        self._db = db
        self._gate = gate
        self._memory = memory

    def help(self, asked: Asked) -> Answer:
        """The verbs of this way in, or all about one."""
        assert isinstance(asked.request, ask.Help)
        return answered(ask.help_text(asked.way, asked.request.about))

    def status(self, asked: Asked) -> Answer:
        """One incident, a storm's, one repository's or all that are open."""
        assert isinstance(asked.request, ask.Status)
        if asked.request.storm is not None:
            return self._storm(asked, asked.request.storm)
        target = asked.request.target
        if target.incident is None and target.repo is None and asked.place.pull_request:
            return self._status_here(asked)
        if target.incident is not None:
            found = snapshot(self._db, target.incident)
            if found is None or not self._gate.readable(asked, found.repo):
                return _no_incident(target.incident)
            return self._one(found, self._pause(found.repo, found.heal.failure.pull_request))
        return self._listing(asked, target.repo)

    def explain(self, asked: Asked) -> Answer:
        """Why it failed, with the evidence."""
        assert isinstance(asked.request, ask.Explain)
        return self._about(asked, asked.request.incident, "")

    def question(self, asked: Asked) -> Answer:
        """What is known of what was asked."""
        assert isinstance(asked.request, ask.Question)
        if asked.request.incident is None and asked.place.pull_request is None:
            return unknown(
                "I answer questions about one failure: ask in its thread, or write `explain PP-12`. "
                "`status` says what is red here, `help` lists what I know."
            )
        return self._about(asked, asked.request.incident, asked.request.text)

    def _status_here(self, asked: Asked) -> Answer:
        """Of the pull request on which it is asked, and whether that is left alone."""
        place = asked.place
        pause = self._pause(place.repo, place.pull_request, here=True)
        found = self._incident(asked, None)
        if not isinstance(found, Answer):
            return self._one(found, pause)
        return answered(f"{found.text}\n{pause}") if pause else found

    def _one(self, incident: IncidentSnapshot, pause: str) -> Answer:
        text = f"{status_line(incident)}\n{pause}" if pause else status_line(incident)
        return answered(text, incident=incident.id, links=_links(incident))

    def _pause(self, repo: Repo | None, number: int | None, *, here: bool = False) -> str:
        """Who has paused a pull request, and how that ends; empty if nobody has."""
        by = "" if repo is None or number is None else paused_by(self._db, repo, number)
        if not by:
            return ""
        if here:
            return f"⏸️ Paused by @{by}: `@patchpilot resume` lets me work here again."
        return f"⏸️ Paused by @{by}: `@patchpilot resume` on {repo}#{number} lets me work there again."

    def _incident(self, asked: Asked, number: int | None) -> IncidentSnapshot | Answer:
        """The incident of this number, else of the pull request on which it is asked."""
        place = asked.place
        if number is None and place.repo is not None and place.pull_request is not None:
            number = incident_of_pull_request(self._db, place.repo, place.pull_request)
            if number is None:
                return unknown("I know of no failure of this pull request.")
        found = snapshot(self._db, number) if number is not None else None
        if found is None or not self._gate.readable(asked, found.repo):
            return _no_incident(number)
        return found

    def _about(self, asked: Asked, number: int | None, question: str) -> Answer:
        found = self._incident(asked, number)
        if isinstance(found, Answer):
            return found
        similar = self._similar(found)
        told = answer(question, found, similar) if question else explain(found, similar)
        if question and not is_about_evidence(question):
            self._put_to_model(asked, found, question)
        links = _links(found) + tuple(past.pull_request_url for past in similar)
        return answered(told, incident=found.id, links=links)

    def _put_to_model(self, asked: Asked, incident: IncidentSnapshot, question: str) -> None:
        """Have the worker answer too, if it has a model: that costs, so it takes a right and a share."""
        user = asked.actor.host_user
        if user is None or asked.actor.barred or not asked.key or incident.heal.state in WORKING:
            return
        if self._gate.may(user, incident.repo, Permission.TRIAGE) and self._gate.share_of(user):
            heal, key = incident.heal.id, asked.key
            put_question(self._db, heal, question=question[:_QUESTION_CHARACTERS], by=user.login, key=key)

    def _similar(self, incident: IncidentSnapshot) -> Sequence[PastFix]:
        distilled = incident.heal.distilled
        if self._memory is None or distilled is None:
            return ()
        try:
            found = self._memory.recall(incident.repo, distilled, k=_SIMILAR + 1)
        except PatchPilotError as error:
            log.info("nothing recalled", extra={"action": "recall_failed", "cause": str(error)})
            return ()
        return [past for past in found if past.incident != incident.id][:_SIMILAR]

    def _listing(self, asked: Asked, repo: Repo | None) -> Answer:
        found = [
            incident
            for incident in open_incidents(self._db, repo=repo)
            if self._gate.readable(asked, incident.repo)
        ]
        if not found:
            where = f" of {repo}" if repo else ""
            return answered(f"Nothing{where} is red that I know of and may show here.")
        return _listed(found)

    def _storm(self, asked: Asked, number: int) -> Answer:
        storm = read_storm(self._db, number)
        members = () if storm is None else storm.members
        readable = {repo for repo in {one.repo for one in members} if self._gate.readable(asked, repo)}
        snapshots = (snapshot(self._db, one.incident) for one in members if one.repo in readable)
        found = [one for one in snapshots if one is not None]
        if not found:
            return unknown(f"There is no storm {storm_name(number)} here. Try `status` for a list.")
        # What is over stands last, where a long list is cut. Nor is it said how many are hidden.
        return _listed(sorted(found, key=lambda one: not one.open))


def _listed(incidents: Sequence[IncidentSnapshot]) -> Answer:
    more = [f"… and {len(incidents) - _MOST_LISTED} more"] if len(incidents) > _MOST_LISTED else []
    shown = incidents[:_MOST_LISTED]
    links = tuple(url for incident in shown for url in _links(incident))
    return answered("\n".join([*map(status_line, shown), *more]), links=links)


def status_line(incident: IncidentSnapshot) -> str:
    """One incident in one line."""
    heal = incident.heal
    pull = f" · {heal.pull_request_url}" if heal.pull_request_url else ""
    state = state_word(incident)
    where = f"{incident.repo} {incident.branch}"
    return f"{incident.name} {state} · {where} · {one_line(incident.title, 120)}{pull}"


def _links(incident: IncidentSnapshot) -> tuple[str, ...]:
    heal = incident.heal
    return tuple(url for url in (heal.failure.run.url, heal.pull_request_url) if url)


def _no_incident(number: int | None) -> Answer:
    # The same words for what is not there and for what may not be shown here.
    name = f"PP-{number}" if number else "such incident"
    return unknown(f"There is no {name} here. Try `status` for a list.")
