"""Tasks of the effects role: the one place that writes to a code host."""

from __future__ import annotations

from collections.abc import Mapping

from jobs.proposal import proposal
from jobs.roles import Role
from patchpilot.errors import ConfigurationError
from patchpilot.heals import HealId, HealState
from patchpilot.ports import PullRequests
from patchpilot.settings import EffectsSettings
from providers.hosts.github_auth import writer_access
from providers.hosts.github_pulls import GitHubPullRequests
from storage.effects import begin_effect, finish_effect
from storage.heals import record_pull_request
from storage.incidents import snapshot_of_heal


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


def _pull_requests(role: Role) -> PullRequests:
    if not isinstance(role.settings, EffectsSettings):
        raise ConfigurationError(f"the {role.name} role can't write to a code host")
    if "pulls" not in role.parts:
        role.parts["pulls"] = GitHubPullRequests(writer_access(role.settings))
    pulls: PullRequests = role.parts["pulls"]
    return pulls
