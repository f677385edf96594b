"""The worker's part when a fix's own CI is red: read that log, and begin one more round with it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from agent.distil import distil
from jobs.parts import secrets_of
from jobs.roles import Role
from jobs.tasks import ci_of, host_of, worker_settings
from patchpilot.errors import NotFoundError
from patchpilot.failures import Category, DistilledFailure
from patchpilot.fixes import Patch
from patchpilot.heals import HealId, HealState
from patchpilot.ports import CIProvider
from patchpilot.redaction import Redactor
from patchpilot.source import CIJob, RunRef, Sha
from patchpilot.text import one_line, shorten
from providers.hosts.github_auth import reader_access
from providers.hosts.github_pull_ci import GitHubPullCI
from providers.hosts.suggestions import applied
from storage.incidents import snapshot_of_heal
from storage.notes import note
from storage.rounds import judge_their_merge as end_merged
from storage.rounds import judge_theirs as end
from storage.rounds import second_round as begin

log = logging.getLogger(__name__)

_LOG_BYTES: Final = 3_000
"""How much of the distilled log goes on as the next round's hint."""


def second_round(role: Role, args: Mapping[str, str]) -> None:
    """Read what is red on the fix and send it back to repair, once per heal; the next red one is people's.

    What no patch can cure (runners, network) is told and starts no round: a person runs the job again.
    """
    heal_id, sha = HealId(args["heal"]), Sha(args["sha"])
    incident = snapshot_of_heal(role.db, heal_id)
    heal = incident.heal if incident else None
    if (
        incident is None
        or heal is None
        or heal.state is not HealState.PR_OPEN
        or heal.pull_request_sha != sha
    ):
        return
    runs = GitHubPullCI(reader_access(worker_settings(role))).runs(incident.repo, sha)
    red = next((run for run in runs if run.red and run.ref is not None), None)
    if red is None or red.ref is None:
        return  # It was run again and is not red any more.
    ci = ci_of(role)
    job = next((job for job in ci.jobs(red.ref) if job.failed), None)
    failure = _read(role, ci, red.ref, job) if job else None
    if failure is not None and failure.category is Category.INFRASTRUCTURE:
        text = f"The fix's CI failed, but not because of the fix: {failure.cause}. Run it again."
        note(role.db, heal_id, "infrastructure", text, url=red.url)
        return
    where = one_line(f"{red.name}, job {job.name}" if job else red.name, 120)
    cause = one_line(f"{where}: {failure.cause}" if failure and failure.cause else where, 300)
    outcome = begin(role.db, heal_id, sha=sha, cause=f"{cause}.", hint=_hint(where, red.url, failure))
    log.info("fix is red on CI", extra={"action": "fix_red", "heal": heal_id, "outcome": outcome.value})


def judge_theirs(role: Role, args: Mapping[str, str]) -> None:
    """Somebody's branch is green or merged: find out whether it has our fix, and end the heal accordingly."""
    heal_id, green = HealId(args["heal"]), Sha(args["green_sha"])
    incident = snapshot_of_heal(role.db, heal_id)
    fix = incident.heal.fix if incident else None
    if incident is None or fix is None:
        return
    try:
        change = host_of(role).compare(incident.repo, incident.heal.base.head_sha, green)
    except NotFoundError:
        # Rewritten since: what cured it can't be told, so it is not put down to us.
        change = Patch("")
    has_it = applied(fix.patch.diff, change.diff)
    merge = args.get("merge_sha", "")
    if merge:
        end_merged(role.db, heal_id, applied=has_it, merge_sha=Sha(merge))
    else:
        end(role.db, heal_id, applied=has_it, green_sha=green)


def _hint(where: str, url: str, failure: DistilledFailure | None) -> str:
    said = f" It says:\n{shorten(failure.text, _LOG_BYTES)}" if failure else " Its log could not be read."
    return f"The pull request with the last patch was red on its own CI ({where}, {url}).{said}"


def _read(role: Role, ci: CIProvider, run: RunRef, job: CIJob) -> DistilledFailure | None:
    step = job.failed_step.name if job.failed_step else ""
    try:
        chunks = _at_most(ci.open_log(run, job), worker_settings(role).log_max_bytes)
        return distil(
            chunks, max_bytes=_LOG_BYTES, step=step, redact=Redactor(secrets_of(worker_settings(role)))
        )
    except NotFoundError:
        return None


def _at_most(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    left = limit
    for chunk in chunks:
        yield chunk[:left]
        left -= len(chunk)
        if left <= 0:
            return
