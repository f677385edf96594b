"""Diagnose: a red run that nobody has reported comes in by its address, or by the pull request it is of."""

from __future__ import annotations

from bot.gate import Gate, answered, applied, unknown
from patchpilot import grammar as ask
from patchpilot.asking import Asked
from patchpilot.commands import Answer
from patchpilot.errors import NotFoundError, PermanentError
from patchpilot.incidents import incident_name
from patchpilot.ports import RunFinder
from patchpilot.source import RunAddress
from patchpilot.text import sentence
from storage.database import Database
from storage.incidents import incident_of_pull_request
from storage.intake import request_heal


class Diagnosing:
    """Brings runs in. Only what the run is gets read here; its log is the worker's to fetch."""

    def __init__(self, db: Database, gate: Gate, runs: RunFinder) -> None:
        self._db = db
        self._gate = gate
        self._runs = runs

    def diagnose(self, asked: Asked) -> Answer:
        """Make an incident of the run, or say which one it is already."""
        wish = asked.request
        assert isinstance(wish, ask.Diagnose)
        if not wish.url:
            return self._of_pull_request(asked)
        try:
            address = self._runs.address(wish.url)
            return self._gate.refusal(asked, address.repo) or self._bring_in(asked, address)
        except NotFoundError:
            return unknown(
                "I can see no such run: is the address right, and is the GitHub App installed there?"
            )
        except PermanentError as error:
            return unknown(f"I can't diagnose that: {sentence(error)}")

    def _bring_in(self, asked: Asked, address: RunAddress) -> Answer:
        run = self._runs.fetch(address)
        assert asked.actor.host_user is not None
        refusal = self._gate.over_budget(asked, asked.actor.host_user)
        if refusal is not None:
            return refusal
        recorded = request_heal(self._db, run)
        where = f"run {address.run_id} of {address.repo}"
        if recorded.incident is None:
            return unknown(f"That {where} is of a fix of mine; its pull request says more.")
        name = incident_name(recorded.incident)
        if recorded.duplicate:
            text = f"I know {where} already: {name}. `explain {name}` says why."
            return answered(text, incident=recorded.incident)
        return applied(f"I am looking at {where}: {name}.", incident=recorded.incident)

    def _of_pull_request(self, asked: Asked) -> Answer:
        place = asked.place
        if place.repo is None or place.pull_request is None:
            return unknown("Say which run, by its address: `diagnose https://github.com/…/actions/runs/123`.")
        refusal = self._gate.refusal(asked, place.repo)
        if refusal is not None:
            return refusal
        number = incident_of_pull_request(self._db, place.repo, place.pull_request)
        if number is None:
            return unknown("I know of no red run of this pull request. `diagnose <run-url>` brings one in.")
        name = incident_name(number)
        return answered(f"It is {name}. `explain` says why it failed.", incident=number)
