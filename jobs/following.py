"""What the effects role does about a pull request that is open: does its CI start, and is it ready?

Looking costs one look at a time: each look is a task row of its own with the moment from which it is due.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from jobs.ci_start import Started, not_started, waits
from jobs.roles import Role
from patchpilot.commands import Medium, Verb
from patchpilot.errors import ConfigurationError, PermanentError
from patchpilot.heals import HealId, HealState
from patchpilot.incidents import HealSnapshot, IncidentSnapshot
from patchpilot.settings import EffectsSettings
from patchpilot.source import Sha
from patchpilot.text import sentence
from providers.hosts.github_auth import follower_access, writer_access
from providers.hosts.github_pull_ci import GitHubPullCI, SeenRun
from storage.effects import begin_effect, finish_effect
from storage.incidents import snapshot_of_heal
from storage.notes import note
from storage.pulls import CI_NOTE
from storage.tasks import later

log = logging.getLogger(__name__)

_MOST_LOOKS: Final = 9
"""Each look waits twice as long as the one before: with three minutes, the last is after a day."""
_READY_SECONDS: Final = 20.0
_READY_LOOKS: Final = 60
"""As long as some runs are still at work, the pull request stays a draft."""


def watch_ci(role: Role, args: Mapping[str, str]) -> None:
    """Tell people when CI of the fix has not started or waits for an approval, and when that is over."""
    heal_id, sha, look = HealId(args["heal"]), Sha(args["sha"]), int(args["look"])
    incident = _followed(role, heal_id, sha)
    if incident is None or incident.heal.pull_request_number is None:
        return
    seen = _started(role, incident, sha)
    if seen.note:
        note(role.db, heal_id, CI_NOTE, seen.note, url=seen.url or incident.heal.pull_request_url)
    else:
        note(role.db, heal_id, CI_NOTE, "CI on the fix has started.", only_change=True)
    if seen.mark_ready:
        _leave_draft(role, incident, sha)
    if seen.note and look < _MOST_LOOKS:
        seconds = _settings(role).ci_start_minutes * 60 * 2**look
        again = {"heal": heal_id, "sha": sha, "look": str(look + 1)}
        name, key = "jobs.following.watch_ci", f"watch_ci:{heal_id}:{sha}:{look + 1}"
        later(role.db, queue="effects", name=name, args=again, key=key, seconds=seconds)


def mark_ready(role: Role, args: Mapping[str, str]) -> None:
    """Take a pull request out of draft once all of its CI is green; once, however often the task runs."""
    heal_id, sha, look = HealId(args["heal"]), Sha(args["sha"]), int(args.get("look", "1"))
    incident = _followed(role, heal_id, sha)
    if incident is None or incident.heal.pull_request_ci == "red" or _stays_draft(role, incident.heal):
        return
    runs = _runs(role, incident, sha)
    if any(run.red for run in runs):
        return
    if any(not run.over or run.waits for run in runs):
        if look < _READY_LOOKS:
            again = {"heal": heal_id, "sha": sha, "look": str(look + 1)}
            name, key = "jobs.following.mark_ready", f"mark_ready:{heal_id}:{sha}:{look + 1}"
            later(role.db, queue="effects", name=name, args=again, key=key, seconds=_READY_SECONDS)
        return
    _leave_draft(role, incident, sha)


def _started(role: Role, incident: IncidentSnapshot, sha: Sha) -> Started:
    heal, repo = incident.heal, incident.repo
    try:
        runs = _runs(role, incident, sha)
        if runs and (seen := waits(runs)) is not None:
            return seen
        if any(run.conclusion != "skipped" for run in runs):
            return Started()
        reading = _reading(role)
        pull = reading.pull(repo, heal.pull_request_number or 0)
        workflows = reading.workflows(repo, sha)
    except PermanentError as error:
        return Started(note=f"PatchPilot can't see whether CI of the fix has started: {sentence(error)}")
    return not_started(
        pull,
        workflows,
        base=heal.failure.branch,
        branch=heal.pull_request_branch,
        paths=heal.fix.patch.files if heal.fix else (),
        skipped=bool(runs),
        stays_draft=_stays_draft(role, heal),
    )


def _stays_draft(role: Role, heal: HealSnapshot) -> bool:
    """By the setting, or because no person has approved it yet: a policy allows drafts and no more."""
    approvals = [decision for decision in heal.decisions if decision.verb == Verb.APPROVE]
    by_policy = bool(approvals) and approvals[-1].medium == Medium.POLICY
    return _settings(role).pull_request_stays_draft or by_policy


def _runs(role: Role, incident: IncidentSnapshot, sha: Sha) -> tuple[SeenRun, ...]:
    reading = _reading(role)
    return (*reading.runs(incident.repo, sha), *reading.checks(incident.repo, sha))


def _leave_draft(role: Role, incident: IncidentSnapshot, sha: Sha) -> None:
    heal, repo = incident.heal, incident.repo
    number = heal.pull_request_number or 0
    key = f"ready:{repo.host}:{repo}#{number}:{sha}"
    if begin_effect(role.db, key, kind="ready", incident=incident.id).outside is not None:
        return
    try:
        # Looked up before it is done: a call that came through, or a person, may have done it already.
        pull = _reading(role).pull(repo, number)
        if pull.open and pull.draft and pull.head_sha == sha:
            _writing(role).mark_ready(repo, number, pull.node_id)
            log.info("pull request ready", extra={"action": "pr_ready", "repo": str(repo), "pr": number})
    except PermanentError as error:
        note(role.db, heal.id, "ready", f"CI is green, but the pull request stays a draft: {sentence(error)}")
    finish_effect(role.db, key, outside={"number": str(number)}, digest=sha)


def _followed(role: Role, heal_id: HealId, sha: Sha) -> IncidentSnapshot | None:
    """The incident, as long as its pull request is open at this very commit."""
    incident = snapshot_of_heal(role.db, heal_id)
    return incident if incident is not None and _is_open(incident.heal, sha) else None


def _is_open(heal: HealSnapshot, sha: Sha) -> bool:
    return heal.state is HealState.PR_OPEN and heal.pull_request_sha == sha


def _settings(role: Role) -> EffectsSettings:
    if not isinstance(role.settings, EffectsSettings):
        raise ConfigurationError(f"the {role.name} role follows no pull requests")
    return role.settings


def _reading(role: Role) -> GitHubPullCI:
    if "follower" not in role.parts:
        role.parts["follower"] = GitHubPullCI(follower_access(_settings(role)))
    reading: GitHubPullCI = role.parts["follower"]
    return reading


def _writing(role: Role) -> GitHubPullCI:
    if "marker" not in role.parts:
        role.parts["marker"] = GitHubPullCI(writer_access(_settings(role)))
    writing: GitHubPullCI = role.parts["marker"]
    return writing
