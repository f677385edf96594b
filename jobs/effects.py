"""Tasks of the effects role: the one place that writes to a code host."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from jobs.handing import hand_over
from jobs.proposal import approval_of, proposal
from jobs.roles import Role
from jobs.writing import Writer, attribution
from patchpilot.errors import ConfigurationError, PermanentError
from patchpilot.fixes import SIMILAR_ENOUGH, PastFix
from patchpilot.heals import HealId, HealState
from patchpilot.incidents import IncidentSnapshot
from patchpilot.ports import CIProvider
from patchpilot.settings import EffectsSettings
from patchpilot.source import RunRef
from patchpilot.text import sentence
from providers.ci.github_actions import GitHubActions
from providers.hosts.github_auth import rerun_access, writer_access
from providers.hosts.github_reviewers import Requested
from storage.effects import begin_effect, finish_effect
from storage.heals import record_pull_request
from storage.incidents import snapshot_of_heal
from storage.memory import PostgresMemory
from storage.notes import note
from storage.remarks import remark

log = logging.getLogger(__name__)

_PRECEDENTS: Final = 3
"""Past cases that a pull request names at most."""


def check(role: Role) -> None:
    """Raise :class:`ConfigurationError` unless this process could write to its code host."""
    _writer(role)


def open_pull_request(role: Role, args: Mapping[str, str]) -> None:
    """Open the pull request of an approved heal; once, however often the task runs."""
    heal_id = HealId(args["heal"])
    incident = snapshot_of_heal(role.db, heal_id)
    if incident is None or incident.heal.state is not HealState.OPENING_PR:
        return
    writer = _writer(role)
    wanted = proposal(
        incident.heal,
        public_url=role.settings.public_url,
        attribution=attribution(writer, incident.heal),
        past=_precedents(role, incident),
    )
    key = f"pull-request:{wanted.repo}:{wanted.branch}"
    if wanted.onto is not None:
        key += f":{incident.heal.attempt}"
    # The intent is on record before the call: what follows looks on the code host before it acts.
    begin_effect(role.db, key, kind="pull_request", incident=incident.id)
    made = hand_over(writer, incident.heal, wanted)
    pull = made.pull
    if made.note:
        note(role.db, heal_id, "delivery", made.note)
    outside = {"number": str(pull.number), "url": pull.url, "delivery": made.delivery.value}
    finish_effect(role.db, key, outside=outside, digest=pull.head_sha)
    seconds = _settings(role).ci_start_minutes * 60
    record_pull_request(role.db, heal_id, pull, delivery=made.delivery, ci_seconds=seconds)


def _precedents(role: Role, incident: IncidentSnapshot) -> list[PastFix]:
    """Past cases of this repository that are like this one and turned out well."""
    if incident.heal.distilled is None:
        return []
    found = PostgresMemory(role.db, reads_only=True).recall(
        incident.repo, incident.heal.distilled, k=_PRECEDENTS + 1
    )
    near = (past for past in found if past.incident != incident.id and past.similarity >= SIMILAR_ENOUGH)
    return list(near)[:_PRECEDENTS]


def request_reviewers(role: Role, args: Mapping[str, str]) -> None:
    """Ask the owners of the touched files, and whom the approval names, for a review.

    People are told whom that could not be done for.
    """
    heal_id = HealId(args["heal"])
    incident = snapshot_of_heal(role.db, heal_id)
    heal = incident.heal if incident else None
    if incident is None or heal is None or heal.pull_request_number is None or heal.fix is None:
        return
    repo, number = incident.repo, heal.pull_request_number
    key = f"reviewers:{repo.host}:{repo}#{number}"
    if begin_effect(role.db, key, kind="reviewers", incident=incident.id).outside is not None:
        return
    try:
        # Who was asked before is looked up there, so a call that came through is not repeated.
        done = _writer(role).reviewers.request(
            repo,
            number,
            base=heal.failure.branch,
            paths=heal.fix.patch.files,
            also=approval_of(heal).options.get("reviewers", "").replace(",", " ").split(),
            without=[decision.account.login for decision in heal.decisions if decision.account],
        )
    except PermanentError as error:
        note(role.db, heal_id, "reviewers", f"Nobody was asked for a review: {sentence(error)}")
        done = Requested()
    if done.refused:
        names = ", ".join(done.refused)
        text = f"Named as reviewers, but not to be asked (no access to {repo}?): {names}."
        note(role.db, heal_id, "reviewers", text)
    outside = {"asked": " ".join(done.asked), "refused": " ".join(done.refused)}
    finish_effect(role.db, key, outside=outside, digest="")


def rerun(role: Role, args: Mapping[str, str]) -> None:
    """Have the failed jobs of a heal's run run again; once, however often the task runs.

    Where CI refuses (no permission, a run too old), people are told: the heal's verdict stands without it.
    """
    heal_id = HealId(args["heal"])
    incident = snapshot_of_heal(role.db, heal_id)
    if incident is None:
        return
    run = incident.heal.failure.run
    key = f"rerun:{run.provider}:{run.repo.host}:{run.repo}:{run.run_id}"
    # On record before the call; a call that may have come through already is looked up by the provider.
    if begin_effect(role.db, key, kind="rerun", incident=incident.id).outside is not None:
        return
    try:
        _ci(role, run).rerun(run)
    except PermanentError as error:
        log.warning("rerun refused", extra={"action": "rerun_refused", "cause": str(error)})
        remark(role.db, heal_id, f"But that did not happen: {sentence(error)}")
        finish_effect(role.db, key, outside={"refused": "yes"}, digest="")
        return
    finish_effect(role.db, key, outside={"after_attempt": str(run.attempt)}, digest="")


def _ci(role: Role, run: RunRef) -> CIProvider:
    if not isinstance(role.settings, EffectsSettings):
        raise ConfigurationError(f"the {role.name} role can't write to a CI provider")
    if run.provider != "github_actions":
        raise ConfigurationError(f"a run of {run.provider!r} can't be asked for again yet")
    if "ci" not in role.parts:
        role.parts["ci"] = GitHubActions(rerun_access(role.settings))
    ci: CIProvider = role.parts["ci"]
    return ci


def _settings(role: Role) -> EffectsSettings:
    if not isinstance(role.settings, EffectsSettings):
        raise ConfigurationError(f"the {role.name} role can't write to a code host")
    return role.settings


def _writer(role: Role) -> Writer:
    settings = _settings(role)
    if "writer" not in role.parts:
        role.parts["writer"] = Writer.on(writer_access(settings))
    writer: Writer = role.parts["writer"]
    return writer
