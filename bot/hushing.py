"""Mute and unmute, pause and resume: silence that names its author and, but for a pull request's, ends."""

from __future__ import annotations

from bot.channels import described_mute, muted_what
from bot.gate import Gate, already_over, answered, applied, unknown
from patchpilot import grammar as ask
from patchpilot.asking import Asked
from patchpilot.commands import Answer
from patchpilot.incidents import incident_name
from patchpilot.source import Repo
from patchpilot.text import sentence
from storage.database import Database
from storage.held_runs import drop_held, held_runs
from storage.incidents import incident_of_pull_request, snapshot
from storage.intake import record_held
from storage.mutes import add_mute, end_mutes, pause_pull, resume_pull, running_mutes


class Hushing:
    """Answers what is asked about silence."""

    def __init__(self, db: Database, gate: Gate) -> None:
        self._db = db
        self._gate = gate

    def mute(self, asked: Asked) -> Answer:
        """Be quiet about an incident, a repository or a test."""
        wish = asked.request
        assert isinstance(wish, ask.Mute)
        about = self._about(asked, wish.target)
        if isinstance(about, Answer):
            return about
        repo, incident = about
        refusal = self._gate.refusal(asked, repo)
        if refusal is not None:
            return refusal
        over = None if incident is None else already_over(snapshot(self._db, incident), "mute")
        if over is not None:
            return over
        assert asked.actor.host_user is not None
        mute = add_mute(
            self._db,
            repo,
            incident=incident,
            test=wish.test,
            why=wish.why[:300],
            author=asked.actor.host_user.login,
            length=wish.length,
        )
        what = incident_name(incident) if incident else f"{repo}{f' test:{wish.test}' if wish.test else ''}"
        return applied(f"Muted: {described_mute(mute)}. `unmute {what}` ends it earlier.", incident=incident)

    def unmute(self, asked: Asked) -> Answer:
        """End a mute before its time."""
        wish = asked.request
        assert isinstance(wish, ask.Unmute)
        about = self._about(asked, wish.target)
        if isinstance(about, Answer):
            return about
        repo, incident = about
        refusal = self._gate.refusal(asked, repo)
        if refusal is not None and not self._may_clear(asked, repo):
            return refusal
        ended = end_mutes(self._db, repo, incident=incident, test=wish.test)
        if not ended:
            what = f"PP-{incident}" if incident else f"{repo}{f' test {wish.test}' if wish.test else ''}"
            return unknown(f"{what} is not muted. `list` says what is.")
        by = dict.fromkeys(
            sentence(f"@{one.author} had muted it{f': {one.why}' if one.why else ''}") for one in ended
        )
        return applied(f"Not muted any more: {muted_what(ended[0])}. {' '.join(by)}", incident=incident)

    def pause(self, asked: Asked) -> Answer:
        """Leave a pull request alone, or take it up again."""
        wish, place = asked.request, asked.place
        if place.repo is None or place.pull_request is None:
            return unknown(f"`{wish.verb}` is for a pull request: write it in a comment there.")
        refusal = self._gate.refusal(asked, place.repo)
        if refusal is not None:
            return refusal
        assert asked.actor.host_user is not None
        name = f"{place.repo}#{place.pull_request}"
        if isinstance(wish, ask.Pause):
            author = asked.actor.host_user.login
            why = wish.text[:300]
            if pause_pull(self._db, place.repo, place.pull_request, author=author, why=why):
                return applied(
                    f"I leave {name} alone until somebody says `resume`; what is red then I take up."
                )
            return answered(f"{name} is paused already.")
        resumed = resume_pull(self._db, place.repo, place.pull_request)
        # Also if it was resumed before: whoever did may have died before the runs were taken up.
        taken = self._take_up(place.repo, place.pull_request)
        if not (resumed or taken):
            return answered(f"{name} was not paused.")
        again = f" It is red: I take up {', '.join(incident_name(one) for one in taken)}." if taken else ""
        return applied(f"I look after {name} again.{again}", incident=taken[0] if taken else None)

    def _take_up(self, repo: Repo, number: int) -> list[int]:
        """Record the red runs of the pull request's head that were held; returns their incidents."""
        held = held_runs(self._db, repo, number)
        if not held:
            return []
        newest = held[0]
        # A fork's branch is not in this repository; there the newest run is what is known of the head.
        head = None if newest.from_fork else self._gate.head(repo, newest.branch)
        taken = []
        for event in held:
            if event.head_sha != (head or newest.head_sha):
                drop_held(self._db, event)
                continue
            recorded = record_held(self._db, event)
            if recorded is not None and recorded.incident is not None:
                taken.append(recorded.incident)
        return list(dict.fromkeys(taken))

    def _about(self, asked: Asked, target: ask.Target) -> tuple[Repo, int | None] | Answer:
        if target.repo is not None:
            return target.repo, None
        number = target.incident
        if number is None and asked.place.repo and asked.place.pull_request:
            number = incident_of_pull_request(self._db, asked.place.repo, asked.place.pull_request)
            if number is None:
                return unknown("I know of no failure of this pull request.")
        found = snapshot(self._db, number) if number is not None else None
        if found is None or (self._gate.hides(asked, found.repo) and not self._may_clear(asked, found.repo)):
            return unknown(f"There is no PP-{number} here. Try `status` for a list.")
        return found.repo, found.id

    def _may_clear(self, asked: Asked, repo: Repo) -> bool:
        """Whether this ends a mute of a repository that is gone: by who muted it, or an admin."""
        wish = asked.request
        if not isinstance(wish, ask.Unmute) or not self._gate.is_gone(asked, repo):
            return False
        same = [mute for mute in running_mutes(self._db, repo=repo) if mute.test == wish.test]
        authors = {mute.author for mute in same if mute.incident == wish.target.incident}
        return self._gate.may_clear(asked, authors)
