"""The one door: a slash command, a mention, a button, a comment, a check-run action, a REST call and a click
on the dashboard all become an :class:`~patchpilot.asking.Asked` and come through here.

A request that was heard before is not done again. Each is authorised in one place (:mod:`bot.gate`), by the
table of verbs and live permissions; what it changes is one statement in Postgres; the answer names the reason
and who may, and goes back by the way it came.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, Protocol

from bot.authority import Authority
from bot.channels import Channels
from bot.decisions import Decisions
from bot.diagnosing import Diagnosing
from bot.gate import Gate, answered, unknown
from bot.hushing import Hushing
from bot.linking import Linking
from bot.personal import Personal
from bot.taking import Taking
from bot.telling import Recall, Telling
from patchpilot import grammar as ask
from patchpilot.asking import Asked, Place
from patchpilot.commands import Answer, Command, Medium, Ruling, Verb
from patchpilot.errors import PatchPilotError
from patchpilot.grammar import Request, Way, entry_of
from patchpilot.metrics import Metrics
from patchpilot.ports import RunFinder
from patchpilot.source import HostUser, Permission, Repo
from storage.database import Database
from storage.heard import finish_request, give_back_request, take_request
from storage.incidents import incident_of_pull_request

log = logging.getLogger(__name__)

_NOTHING_CAME_OF_IT: Final = frozenset({Ruling.DENIED, Ruling.UNKNOWN})
_WAYS: Final = {
    Medium.SLACK: Way.BUTTON,
    Medium.PULL_REQUEST: Way.COMMENT,
    Medium.API: Way.API,
    Medium.DASHBOARD: Way.DASHBOARD,
    Medium.CLI: Way.API,
}


class Digests(Protocol):
    """The weekly digest, as far as people ask for it."""

    def preview(self, asked: Asked) -> Answer:
        """The digest of the channel as text, with its picture."""
        ...

    def post(self, asked: Asked) -> str:
        """Post it in the channel; says what happened."""
        ...


class Door:
    """Hears, authorises, applies and answers every request.

    ``daily`` is how many requests that make work one person has a day.
    """

    def __init__(
        self,
        db: Database,
        authority: Authority,
        metrics: Metrics,
        *,
        linking: Linking,
        runs: RunFinder,
        memory: Recall | None = None,
        daily: int = 30,
    ) -> None:
        self._db = db
        self._metrics = metrics
        self.digests: Digests | None = None
        """Set by whoever can make digests in this process."""
        self.heard: Callable[[Asked], None] | None = None
        """Set by whoever shows people what they asked for: called after a request was applied."""
        self._gate = Gate(db, authority, offer=linking.offer, daily=daily)
        self._decisions = Decisions(db, self._gate)
        self._channels = Channels(db, self._gate)
        telling, hushing = Telling(db, self._gate, memory=memory), Hushing(db, self._gate)
        taking = Taking(db, self._gate)
        self._handlers: Mapping[type[Request], Callable[[Asked], Answer]] = {
            ask.Help: telling.help,
            ask.Status: telling.status,
            ask.Explain: telling.explain,
            ask.Question: telling.question,
            ask.Misunderstood: _misunderstood,
            ask.Link: linking.link,
            ask.Unlink: linking.unlink,
            ask.WhoAmI: linking.who_am_i,
            ask.Decide: self._decide,
            ask.Fix: self._fix,
            ask.Diagnose: Diagnosing(db, self._gate, runs).diagnose,
            ask.Subscribe: self._channels.subscribe,
            ask.Unsubscribe: self._channels.unsubscribe,
            ask.ListSubscriptions: self._channels.listing,
            ask.Settings: self._channels.settings,
            ask.Take: taking.take,
            ask.Drop: taking.drop,
            ask.Quiet: self._channels.quiet,
            ask.Direct: Personal(db, self._gate).direct,
            ask.Mute: hushing.mute,
            ask.Unmute: hushing.unmute,
            ask.Pause: hushing.pause,
            ask.Resume: hushing.pause,
            ask.Digest: self._digest,
        }

    def handle(self, asked: Asked) -> Answer:
        """Do what is asked if the actor may; says what happened either way. Never raises what is ours."""
        try:
            answer = self._once(asked)
        except PatchPilotError as error:
            answer = self._failed(asked, error)
        self._metrics.commands.labels(asked.request.verb, asked.actor.medium, answer.ruling).inc()
        if self.heard is not None and answer.ruling is Ruling.APPLIED and not answer.repeated:
            self.heard(asked)
        return answer

    def decide(self, command: Command, place: Place | None = None) -> Answer:
        """A decision that is typed already: a button's, a form's, a script's."""
        return self.handle(
            Asked(
                request=ask.Decide(command.verb, command.incident, command.text),
                actor=command.actor,
                way=_WAYS[command.actor.medium],
                place=place or Place(ephemeral=True),
                approval_id=command.approval_id,
                options=command.options,
                key=command.key,
            )
        )

    def may_read(self, user: HostUser, repo: Repo) -> bool:
        """Whether somebody who is named, not who asks, can see the repository."""
        return self._gate.may(user, repo, Permission.READ)

    def has_role(self, user: HostUser, repo: Repo) -> bool:
        """Whether the code host lets somebody do more on ``repo`` than just anybody."""
        # A public repository can be read by everybody, and GitHub says so of strangers too.
        need = Permission.READ if self._gate.is_private(repo) else Permission.TRIAGE
        return self._gate.may(user, repo, need)

    def readable(self, asked: Asked, repo: Repo) -> bool:
        """Whether ``repo`` may be spoken of to who asks, where they ask."""
        return self._gate.readable(asked, repo)

    def _once(self, asked: Asked) -> Answer:
        if not asked.key:
            return self._answer(asked)
        heard = take_request(self._db, asked.key)
        if heard is not None:
            return Answer(ruling=heard.ruling or Ruling.REPEATED, text=heard.text, repeated=True)
        try:
            answer = self._answer(asked)
        except BaseException:
            # Nothing was applied, or what was carries the key itself: the repeat may try again.
            give_back_request(self._db, asked.key)
            raise
        if asked.way is Way.BUTTON and answer.ruling in _NOTHING_CAME_OF_IT:
            # A form that was refused stays open and keeps its key; sent again, it is looked at again.
            give_back_request(self._db, asked.key)
        else:
            finish_request(self._db, asked.key, ruling=answer.ruling, text=answer.text)
        return answer

    def _answer(self, asked: Asked) -> Answer:
        entry = entry_of(asked.request)
        if entry is not None and asked.way not in entry.ways:
            return unknown(f"`{entry.name}` can't be used in a {asked.way}.")
        return self._handlers[type(asked.request)](asked)

    def _failed(self, asked: Asked, error: PatchPilotError) -> Answer:
        reference = secrets.token_hex(4)
        log.warning(
            "request not done",
            extra={
                "action": "command_failed",
                "verb": asked.request.verb,
                "reference": reference,
                "cause": str(error),
            },
        )
        text = f"That did not work: {error} Nothing was changed; please try again (reference {reference})."
        return Answer(ruling=Ruling.UNKNOWN, text=text)

    def _decide(self, asked: Asked) -> Answer:
        assert isinstance(asked.request, ask.Decide)
        if asked.request.incident is None and not asked.approval_id:
            number = self._here(asked)
            if number is None:
                return unknown("I know of no failure of this pull request.")
            asked = replace(asked, request=replace(asked.request, incident=number))
        return self._decisions.handle(asked)

    def _fix(self, asked: Asked) -> Answer:
        """Propose a fix: for a pull request whose heal has ended, that is one more try."""
        assert isinstance(asked.request, ask.Fix)
        request = ask.Decide(Verb.RETRY, asked.request.incident, asked.request.text)
        return self._decide(replace(asked, request=request))

    def _here(self, asked: Asked) -> int | None:
        place = asked.place
        if place.repo is None or place.pull_request is None:
            return None
        return incident_of_pull_request(self._db, place.repo, place.pull_request)

    def _digest(self, asked: Asked) -> Answer:
        assert isinstance(asked.request, ask.Digest)
        if self.digests is None:
            return unknown("This process makes no digests.")
        if not asked.request.now:
            return self.digests.preview(asked)
        refusal = self._channels.may_not_change(asked)
        return refusal if refusal is not None else answered(self.digests.post(asked))


def _misunderstood(asked: Asked) -> Answer:
    assert isinstance(asked.request, ask.Misunderstood)
    return unknown(asked.request.text)
