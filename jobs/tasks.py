"""Tasks of the worker: heal an incident, and learn from how one ended.

This is where ports meet implementations. The worker holds the model key and the sandbox, a token that can
only read, and its own lease; whatever must be written outside is left to :mod:`jobs.effects`.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from agent.claude import Claude
from agent.heal import HealTools, advance
from jobs.leases import kept_alive, owner
from jobs.roles import Role
from patchpilot.errors import ConfigurationError, LeaseLostError, NotFoundError
from patchpilot.fixes import Outcome, PastFix, Patch
from patchpilot.heals import HealId
from patchpilot.incidents import FailureRecord
from patchpilot.ports import CIProvider, CodeHost, Workbenches
from patchpilot.redaction import Redactor
from patchpilot.settings import WorkerSettings
from patchpilot.source import sha
from providers.ci.github_actions import GitHubActions
from providers.hosts.github import GitHubHost
from providers.hosts.github_auth import reader_access
from sandbox import open_workbenches
from storage.budget import BudgetLimits
from storage.embedding import chosen_embedder
from storage.heals import human_fix, take_heal
from storage.memory import PostgresMemory

log = logging.getLogger(__name__)

_LEARNED_AS: Final = {"human": Outcome.HUMAN, "merged": Outcome.MERGED_GREEN}
_MOST_DIFF_BYTES: Final = 200_000
_REMEMBERED_AGAIN: Final = 256
"""Older cases that get a vector of the embedder in use each time something new is learnt."""


def check(role: Role) -> None:
    """Raise :class:`ConfigurationError` unless this process could read from its code host."""
    _host(role)


def heal(role: Role, args: Mapping[str, str]) -> None:
    """Run or resume the graph of one heal until it ends or waits for a person."""
    settings = _worker_settings(role)
    heal_id = HealId(args["heal"])
    journal = take_heal(
        role.db,
        heal_id,
        owner=owner(),
        seconds=settings.lease_seconds,
        budget=_limits(settings),
        approval_hours=settings.approval_hours,
        storms=role.storms,
    )
    if journal is None:
        # The holder may be about to finish (a decision taken the moment the proposal appeared).
        raise LeaseLostError(f"heal {heal_id} is in another worker's hands")
    workdir = Path(tempfile.mkdtemp(prefix=f"patchpilot-{heal_id[:12]}-"))
    model = _model(role)
    try:
        with (
            _memory(role, say=journal.note) as memory,
            kept_alive(
                lambda: journal.renew(settings.lease_seconds),
                every=settings.lease_seconds / 4,
                deadline=settings.task_deadline_seconds,
            ),
        ):
            host = _host(role)
            advance(
                HealTools(
                    journal=journal,
                    ci=_ci(role),
                    host=host,
                    workbenches=_workbenches(role),
                    memory=memory,
                    model=model,
                    redact=Redactor(_secrets(settings)),
                    settings=settings,
                    workdir=workdir,
                ),
                checkpoints=role.db.checkpoint_pool(),
            )
    finally:
        if model is not None:
            model.close()
        shutil.rmtree(workdir, ignore_errors=True)
        journal.release()


def learn(role: Role, args: Mapping[str, str]) -> None:
    """Remember what cured an incident, now that its outcome was seen."""
    case = human_fix(role.db, HealId(args["heal"]))
    if case is None or case.distilled is None:
        return
    outcome = _LEARNED_AS[args["kind"]]
    ours = outcome is Outcome.MERGED_GREEN
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
    with _memory(role) as memory:
        memory.learn(case.failure.run.repo, case.distilled, past=past, outcome=outcome)
        memory.refresh(limit=_REMEMBERED_AGAIN)


def _human_patch(role: Role, failure: FailureRecord, green_sha: str) -> Patch | None:
    """What people changed between the red commit and the green one."""
    try:
        return _host(role).compare(failure.run.repo, failure.head_sha, sha(green_sha))
    except NotFoundError as error:
        log.info("human fix not found", extra={"action": "human_fix_not_found", "cause": str(error)})
        return None


def _worker_settings(role: Role) -> WorkerSettings:
    if not isinstance(role.settings, WorkerSettings):
        raise ConfigurationError(f"the {role.name} role holds no sandbox and no model key, so it can't heal")
    return role.settings


def _limits(settings: WorkerSettings) -> BudgetLimits:
    return BudgetLimits(
        heal_max_dollars=settings.heal_max_dollars,
        heal_max_tokens=settings.heal_max_tokens,
        repo_day_max_dollars=settings.repo_day_max_dollars,
    )


def _secrets(settings: WorkerSettings) -> tuple[str, ...]:
    held = (
        settings.anthropic_api_key,
        settings.github_reader_token,
        settings.database_url,
        settings.memory_embedder_key,
    )
    return tuple(value for secret in held if (value := secret.get_secret_value()))


def _ci(role: Role) -> CIProvider:
    return GitHubActions(reader_access(_worker_settings(role)))


def _host(role: Role) -> CodeHost:
    return GitHubHost(reader_access(_worker_settings(role)))


@contextmanager
def _memory(role: Role, *, say: Callable[[str], None] | None = None) -> Iterator[PostgresMemory]:
    settings = _worker_settings(role)
    embedder = chosen_embedder(settings, redact=Redactor(_secrets(settings)))
    memory = PostgresMemory(role.db, embedder=embedder, sharing=settings.sharing, say=say)
    try:
        yield memory
    finally:
        memory.close()


def _workbenches(role: Role) -> Workbenches:
    return open_workbenches(_worker_settings(role).sandbox)


def _model(role: Role) -> Claude | None:
    settings = _worker_settings(role)
    key = settings.anthropic_api_key.get_secret_value()
    if not key:
        return None
    return Claude(
        api_key=key,
        base_url=settings.anthropic_base_url,
        model=settings.anthropic_model,
        redact=Redactor(_secrets(settings)),
    )
