"""Tasks of the worker: heal an incident, and learn from how one ended.

This is where ports meet implementations. The worker holds the model key and the sandbox, a token that can
only read, and its own lease; whatever must be written outside is left to :mod:`jobs.effects`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from agent.heal import HealTools, advance
from agent.prices import price_of
from jobs.leases import kept_alive, owner
from jobs.parts import memory_of, model_of, secrets_of
from jobs.policies import decide_by_policy, policy_for, tell_problem
from jobs.roles import Role
from patchpilot.errors import ConfigurationError, LeaseLostError, NotFoundError
from patchpilot.fixes import Outcome, PastFix, Patch
from patchpilot.heals import HealId
from patchpilot.incidents import FailureRecord
from patchpilot.ports import CIProvider, Workbenches
from patchpilot.redaction import Redactor
from patchpilot.settings import WorkerSettings
from patchpilot.source import sha
from providers.ci.github_actions import GitHubActions
from providers.hosts.github import GitHubHost
from providers.hosts.github_auth import reader_access
from sandbox import OwnedFolder, open_workbenches, reap
from storage.budget import BudgetLimits
from storage.calibration import calibration
from storage.heals import human_fix, take_heal

log = logging.getLogger(__name__)

_MOST_DIFF_BYTES: Final = 200_000
_GRACE_SECONDS: Final = 60.0
_UNOWNED_SECONDS: Final = 10.0
"""A folder that nobody has locked so long after it was made is nobody's."""
_REMEMBERED_AGAIN: Final = 256
"""Older cases that get a vector of the embedder in use each time something new is learnt."""


def check(role: Role) -> None:
    """Raise :class:`ConfigurationError` unless this process could read from its code host, and count what its
    model costs."""
    host_of(role)
    price_of(worker_settings(role).anthropic_model)


def tidy(role: Role) -> None:
    """Clear away what a killed worker left in the sandbox's engine and folders."""
    sandbox = worker_settings(role).sandbox
    # Nothing that still runs for another worker is as old as this.
    oldest = max(sandbox.timeout_seconds, sandbox.prepare_seconds) + _GRACE_SECONDS
    reap(sandbox, older_than_seconds=oldest, folders_older_than_seconds=_UNOWNED_SECONDS)


def heal(role: Role, args: Mapping[str, str]) -> None:
    """Run or resume the graph of one heal until it ends or waits for a person."""
    settings = worker_settings(role)
    heal_id = HealId(args["heal"])
    journal = take_heal(
        role.db,
        heal_id,
        owner=owner(),
        seconds=settings.lease_seconds,
        budget=budget_limits(settings),
        approval_hours=settings.approval_hours,
        storms=role.storms,
    )
    if journal is None:
        # The holder may be about to finish (a decision taken the moment the proposal appeared).
        raise LeaseLostError(f"heal {heal_id} is in another worker's hands")
    model = model_of(settings)
    try:
        with (
            # A checkout of somebody's private source: whatever kills this process, the reaper finds it.
            OwnedFolder() as folder,
            memory_of(role.db, settings, say=journal.note) as memory,
            kept_alive(
                lambda: journal.renew(settings.lease_seconds),
                every=settings.lease_seconds / 4,
                deadline=settings.task_deadline_seconds,
            ),
        ):
            host = host_of(role)
            policy = policy_for(host, journal.failure(), settings)
            tell_problem(role.db, heal_id, policy)
            advance(
                HealTools(
                    journal=journal,
                    ci=ci_of(role),
                    host=host,
                    workbenches=_workbenches(role),
                    memory=memory,
                    model=model,
                    redact=Redactor(secrets_of(settings)),
                    settings=settings,
                    workdir=folder.path / "work",
                    policy=policy,
                    calibration=calibration(role.db),
                ),
                checkpoints=role.db.checkpoint_pool(),
            )
            decide_by_policy(role.db, heal_id, policy)
    finally:
        if model is not None:
            model.close()
        journal.release()


def learn(role: Role, args: Mapping[str, str]) -> None:
    """Remember what cured an incident, now that its outcome was seen."""
    case = human_fix(role.db, HealId(args["heal"]))
    if case is None or case.distilled is None:
        return
    ours = args["kind"] != "human"
    # What it has come to by now: a fix may be reverted before its lesson is learnt.
    outcome = case.outcome if ours else Outcome.HUMAN
    if outcome is None:
        return
    patch = case.patch if ours else _human_patch(role, case.failure, args["green_sha"])
    if patch is None or patch.is_empty or len(patch.diff) > _MOST_DIFF_BYTES:
        log.info("nothing to learn", extra={"action": "nothing_to_learn", "heal": args["heal"]})
        return
    past = PastFix(
        incident=case.incident,
        fingerprint=case.distilled.fingerprint,
        patch=patch,
        author=case.author if ours else "a human",
        outcome=outcome,
        root_cause=case.root_cause or case.distilled.cause,
        similarity=1.0,
        pull_request_url=case.pull_request_url,
    )
    with memory_of(role.db, worker_settings(role)) as memory:
        memory.learn(case.failure.run.repo, case.distilled, past=past, outcome=outcome)
        memory.refresh(limit=_REMEMBERED_AGAIN)


def _human_patch(role: Role, failure: FailureRecord, green_sha: str) -> Patch | None:
    """What people changed between the red commit and the green one."""
    try:
        return host_of(role).compare(failure.run.repo, failure.head_sha, sha(green_sha))
    except NotFoundError as error:
        log.info("human fix not found", extra={"action": "human_fix_not_found", "cause": str(error)})
        return None


def worker_settings(role: Role) -> WorkerSettings:
    """The worker's slice; raises :class:`ConfigurationError` in another role."""
    if not isinstance(role.settings, WorkerSettings):
        raise ConfigurationError(f"the {role.name} role holds no sandbox and no model key, so it can't heal")
    return role.settings


def budget_limits(settings: WorkerSettings) -> BudgetLimits:
    """What the settings let model calls cost."""
    return BudgetLimits(
        heal_max_dollars=settings.heal_max_dollars,
        heal_max_tokens=settings.heal_max_tokens,
        repo_day_max_dollars=settings.repo_day_max_dollars,
        repo_day_max_tokens=settings.repo_day_max_tokens,
    )


def ci_of(role: Role) -> CIProvider:
    """Where runs are read."""
    settings = worker_settings(role)
    return GitHubActions(reader_access(settings), images=settings.sandbox.image_table)


def host_of(role: Role) -> GitHubHost:
    """Where source is read."""
    return GitHubHost(reader_access(worker_settings(role)))


def _workbenches(role: Role) -> Workbenches:
    return open_workbenches(worker_settings(role).sandbox)
