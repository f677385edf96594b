"""Tasks of the effects role: the one place that writes to a code host."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from jobs.proposal import proposal
from jobs.roles import Role
from patchpilot.errors import ConfigurationError, PermanentError
from patchpilot.heals import HealId, HealState
from patchpilot.ports import CIProvider, PullRequests
from patchpilot.settings import EffectsSettings
from patchpilot.source import RunRef
from providers.ci.github_actions import GitHubActions
from providers.hosts.github_auth import rerun_access, writer_access
from providers.hosts.github_pulls import GitHubPullRequests
from storage.effects import begin_effect, finish_effect
from storage.heals import record_pull_request
from storage.incidents import snapshot_of_heal
from storage.remarks import remark

log = logging.getLogger(__name__)


def check(role: Role) -> None:
    """Raise :class:`ConfigurationError` unless this process could write to its code host."""
    _pull_requests(role)


def open_pull_request(role: Role, args: Mapping[str, str]) -> None:
    """Open the pull request of an approved heal; once, however often the task runs."""
    heal_id = HealId(args["heal"])
    incident = snapshot_of_heal(role.db, heal_id)
    if incident is None or incident.heal.state is not HealState.OPENING_PR:
        return
    wanted = proposal(incident.heal, public_url=role.settings.public_url)
    key = f"pull-request:{wanted.repo}:{wanted.branch}"
    # The intent is on record before the call: what follows looks on the code host before it acts.
    begin_effect(role.db, key, kind="pull_request", incident=incident.id)
    pull = _pull_requests(role).open_pull_request(wanted)
    finish_effect(role.db, key, outside={"number": str(pull.number), "url": pull.url}, digest=pull.head_sha)
    record_pull_request(role.db, heal_id, pull)


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
        remark(role.db, heal_id, f"But that did not happen: {error}.")
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


def _pull_requests(role: Role) -> PullRequests:
    if not isinstance(role.settings, EffectsSettings):
        raise ConfigurationError(f"the {role.name} role can't write to a code host")
    if "pulls" not in role.parts:
        role.parts["pulls"] = GitHubPullRequests(writer_access(role.settings))
    pulls: PullRequests = role.parts["pulls"]
    return pulls
