"""A repository's policy: where it is read, and what it decides without asking anybody."""

from __future__ import annotations

import logging

from patchpilot.commands import Actor, Command, Medium, Ruling, Verb
from patchpilot.failures import Category
from patchpilot.grammar import TwoPersonRule
from patchpilot.heals import HealId, HealState
from patchpilot.incidents import FailureRecord, IncidentSnapshot
from patchpilot.policy import Mode, Policy, why_ask
from patchpilot.settings import WorkerSettings
from patchpilot.text import sentence
from providers.ci.overrides import FILE
from providers.hosts.github import GitHubHost
from providers.hosts.policy_file import read_policy
from storage.database import Database
from storage.decisions import decide
from storage.incidents import snapshot_of_heal
from storage.notes import note
from storage.subscriptions import repo_rules

log = logging.getLogger(__name__)

ACTOR = "the repository's policy"


def policy_for(host: GitHubHost, failure: FailureRecord, settings: WorkerSettings) -> Policy:
    """What holds for the repository of a failure.

    Read from its default branch, never from the change that failed: that may be anybody's.
    """
    branch = failure.default_branch
    text = host.read_file(failure.run.repo, FILE, branch=branch)
    policy = read_policy(text, default=settings.default_policy, branch=branch)
    return policy.within(settings.policy_at_most)


def tell_problem(db: Database, heal_id: HealId, policy: Policy) -> None:
    """Say what is wrong with the repository's file; it counts for nothing until it is mended."""
    if policy.problem:
        text = f"The policy can't be read, so a person is asked: {policy.problem}."
        note(db, heal_id, "policy", text)


def decide_by_policy(db: Database, heal_id: HealId, policy: Policy) -> bool:
    """Let the policy approve a proposal that it is meant for; whether it did. A repeat changes nothing.

    Only a first attempt: what a person or CI has sent back is for people.
    """
    incident = snapshot_of_heal(db, heal_id)
    if incident is None or policy.mode is not Mode.DRAFT:
        return False
    heal = incident.heal
    waits = heal.state is HealState.AWAITING_APPROVAL and heal.fix is not None and heal.attempt == 1
    if not waits or heal.fix is None or heal.failure.from_fork:
        return False
    category = heal.diagnosis.category if heal.diagnosis else Category.UNKNOWN
    reason = why_ask(policy, heal.fix, category) or _why_people(db, incident)
    if reason:
        note(db, heal_id, "policy", f"Asked although the policy allows drafts: {sentence(reason)}")
        return False
    names = ", ".join(sorted(policy.categories))
    text = f"a draft without asking, for {names} from {policy.confidence:.0%} on ({policy.source})"
    command = Command(
        verb=Verb.APPROVE,
        actor=Actor(medium=Medium.POLICY, name=ACTOR),
        approval_id=heal.approval_id,
        text=text,
        key=f"policy:{heal.approval_id}",
    )
    done = decide(db, command).ruling is Ruling.APPLIED
    log.info("decided by policy", extra={"action": "decided_by_policy", "heal": heal_id, "applied": done})
    return done


def _why_people(db: Database, incident: IncidentSnapshot) -> str:
    """What no policy may do in people's place: write to somebody's pull request, or be two people."""
    if incident.heal.failure.on_somebodys_pull_request:
        return f"pull request #{incident.heal.failure.pull_request} is somebody's own"
    if incident.heal.moved_to:
        return f"{incident.branch} has moved to {incident.heal.moved_to[:7]} since it was proved"
    if repo_rules(db, incident.repo).two_person is not TwoPersonRule.OFF:
        return f"{incident.repo} has a two-person rule"
    return ""
